"""The combinations that a suite means: the product of its axes.

A network that is not trained has neither a weighting nor a length of training: both axes collapse for it. Under
[compute] a training comes with a number of sampling steps, which depends on the sampler.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from harness.errors import HarnessError, SuiteError
from harness.initial_laws import InitialLaw
from harness.networks import Network, OracleNetwork
from harness.noise_schedules import NoiseSchedule
from harness.registry.registry import Registry
from harness.samplers import Sampler
from harness.suites.compute import split
from harness.targets import Target
from harness.time_discretizations import TimeDiscretization
from harness.weightings import GridWeighting, Weighting

if TYPE_CHECKING:
    from harness.suites.model import Suite


@dataclass(frozen=True)
class Combination:
    """One design: what is trained, sampled and ranked, with every seed.

    `weighting` is None and `train_steps` 0 where nothing is trained. `sigma_max` is the first level of the grid.
    """

    target: Target
    weighting: Weighting | None
    noise_schedule: NoiseSchedule
    time_discretization: TimeDiscretization
    network: Network
    sampler: Sampler
    steps: int
    train_steps: int
    initial_law: InitialLaw
    sigma_max: float

    @property
    def grid_follows_network(self) -> bool:
        """Whether the grid is laid out by the network's score error.

        Not so where the network is trained for the grid: one has to come first.
        """
        return self.time_discretization.needs_score_error and not isinstance(self.weighting, GridWeighting)


@dataclass(frozen=True)
class _Effort:
    """How long to train, and in how many steps to sample: given, or by a share of a total of evaluations."""

    train_steps: int = 0
    total: int | None = None
    share: float = 0.0

    def __str__(self) -> str:
        return f"evaluations = {self.total} with share {self.share!r} for training"

    def steps(self, suite: Suite, sampler: Sampler, given: int) -> tuple[int, int]:
        """Return the steps of training and of sampling; `given` is the number of sampling steps without a total.

        Raises:
            SuiteError: the total and the share allow none, or too many.
        """
        if self.total is None:
            return self.train_steps, given
        try:
            return split(self.total, self.share, suite.training.step_points, sampler, suite.sampling.samples)
        except HarnessError as error:
            raise SuiteError(f"{suite.where('compute')}: {error}") from error


@dataclass(frozen=True)
class _Axes:
    suite: Suite
    targets: list[Target]
    trainings: list[tuple[Network, Weighting | None, _Effort]]
    schedules: list[NoiseSchedule]
    discretizations: list[TimeDiscretization]
    samplers: list[Sampler]
    laws: list[InitialLaw]
    sigma_max: tuple[float, ...]
    steps: tuple[int, ...]

    def __len__(self) -> int:
        return math.prod(len(axis) for axis in self._parts())

    def __iter__(self) -> Iterator[Combination]:
        for target, training, schedule, grid, sampler, law, level, given in itertools.product(*self._parts()):
            network, weighting, effort = training
            length, steps = effort.steps(self.suite, sampler, given)
            yield Combination(target, weighting, schedule, grid, network, sampler, steps, length, law, level)

    def _parts(self) -> tuple[Sequence[Any], ...]:
        return (
            *(self.targets, self.trainings, self.schedules, self.discretizations),
            *(self.samplers, self.laws, self.sigma_max, self.steps),
        )


def expand(suite: Suite, registry: Registry, *, yes: bool = False) -> list[Combination]:
    """Return every combination of a suite, in an order that depends on the suite alone.

    Arguments:
        suite: what to compare.
        registry: where its components come from.
        yes: whether more combinations than the suite's limit are wanted.

    Raises:
        SuiteError: a component is unknown or malformed, nothing is left, or the limit is exceeded.
    """
    suite.metric_components(registry)
    suite.components("bound", registry)
    axes = _axes(suite, registry)
    if len(axes) > suite.limits.combinations and not yes:
        raise SuiteError(
            f"{suite.origin}: {len(axes)} combinations are more than limits.combinations = "
            f"{suite.limits.combinations}; pass --yes to take them all"
        )
    if suite.compute is not None:
        _check_distinct(axes)
    return list(axes)


def _check_distinct(axes: _Axes) -> None:
    """Refuse two pairs of a total and a share that come to the same steps: one row would stand for both."""
    seen: dict[object, _Effort] = {}
    for (network, weighting, effort), sampler in itertools.product(axes.trainings, axes.samplers):
        steps = effort.steps(axes.suite, sampler, 0)
        other = seen.setdefault((network, weighting, sampler, steps), effort)
        if other is not effort:
            same = f"{steps[0]} training steps and {steps[1]} of {sampler.name}"
            raise SuiteError(f"{axes.suite.where('compute')}: {other} and {effort} come to the same {same}")


def _efforts(suite: Suite) -> tuple[list[_Effort], list[_Effort]]:
    """Return what a trained network is given, and what an oracle, which spends every total on sampling."""
    if suite.compute is None:
        return [_Effort(length) for length in suite.training.steps], [_Effort()]
    totals, shares = suite.compute.evaluations, suite.compute.training_shares
    trained = [_Effort(total=total, share=share) for total in totals for share in shares]
    return trained, [_Effort(total=total) for total in totals]


def _axes(suite: Suite, registry: Registry) -> _Axes:
    networks = cast(list[Network], suite.components("network", registry))
    weightings = cast(list[Weighting], suite.components("weighting", registry))
    trained, untrained = _efforts(suite)
    trainings: list[tuple[Network, Weighting | None, _Effort]] = []
    for network in networks:
        oracle = isinstance(network, OracleNetwork)
        choices = list(itertools.product([None], untrained) if oracle else itertools.product(weightings, trained))
        if not choices:
            rule = f"{registry.label(network)} is trained and needs at least one"
            raise SuiteError(f"{suite.where('weightings')}: the suite expands to nothing: {rule}")
        trainings += [(network, weighting, effort) for weighting, effort in choices]
    axes = _Axes(
        suite,
        cast(list[Target], suite.components("target", registry)),
        trainings,
        cast(list[NoiseSchedule], suite.components("noise_schedule", registry)),
        cast(list[TimeDiscretization], suite.components("time_discretization", registry)),
        cast(list[Sampler], suite.components("sampler", registry)),
        cast(list[InitialLaw], suite.components("initial_law", registry)),
        suite.sigma_max,
        suite.steps or (0,),
    )
    for axis in ("target", "noise_schedule", "time_discretization", "network", "sampler", "initial_law"):
        if not getattr(suite, f"{axis}s"):
            rule = f"name at least one {axis.replace('_', ' ')}"
            raise SuiteError(f"{suite.where(axis + 's')}: the suite expands to nothing: {rule}")
    return axes
