"""The combinations that a suite means: the product of its axes.

A network that is not trained has neither a weighting nor a length of training: both axes collapse for it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from harness.errors import SuiteError
from harness.networks import Network, OracleNetwork
from harness.noise_schedules import NoiseSchedule
from harness.registry import Registry
from harness.samplers import Sampler
from harness.targets import Target
from harness.time_discretizations import TimeDiscretization
from harness.weightings import GridWeighting, Weighting

if TYPE_CHECKING:
    from harness.suite import Suite


@dataclass(frozen=True)
class Combination:
    """One design: what is trained, sampled and ranked, with every seed.

    `weighting` is None and `train_steps` 0 where nothing is trained.
    """

    target: Target
    weighting: Weighting | None
    noise_schedule: NoiseSchedule
    time_discretization: TimeDiscretization
    network: Network
    sampler: Sampler
    steps: int
    train_steps: int

    @property
    def grid_follows_network(self) -> bool:
        """Whether the grid is laid out by the network's score error.

        Not so where the network is trained for the grid: one has to come first.
        """
        return self.time_discretization.needs_score_error and not isinstance(self.weighting, GridWeighting)


@dataclass(frozen=True)
class _Axes:
    targets: list[Target]
    trainings: list[tuple[Network, Weighting | None, int]]
    schedules: list[NoiseSchedule]
    discretizations: list[TimeDiscretization]
    samplers: list[Sampler]
    steps: tuple[int, ...]

    def __len__(self) -> int:
        axes = (self.targets, self.trainings, self.schedules, self.discretizations, self.samplers, self.steps)
        return math.prod(len(axis) for axis in axes)

    def __iter__(self) -> Iterator[Combination]:
        for target, (network, weighting, length), schedule, grid, sampler, steps in itertools.product(
            self.targets, self.trainings, self.schedules, self.discretizations, self.samplers, self.steps
        ):
            yield Combination(target, weighting, schedule, grid, network, sampler, steps, length)


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
    return list(axes)


def _axes(suite: Suite, registry: Registry) -> _Axes:
    networks = cast(list[Network], suite.components("network", registry))
    weightings = cast(list[Weighting], suite.components("weighting", registry))
    trained: list[tuple[Weighting | None, int]] = list(itertools.product(weightings, suite.training.steps))
    trainings = []
    for network in networks:
        untrained: list[tuple[Weighting | None, int]] = [(None, 0)]
        choices = untrained if isinstance(network, OracleNetwork) else trained
        if not choices:
            rule = f"{registry.label(network)} is trained and needs at least one"
            raise SuiteError(f"{suite.where('weightings')}: the suite expands to nothing: {rule}")
        trainings += [(network, weighting, length) for weighting, length in choices]
    axes = _Axes(
        cast(list[Target], suite.components("target", registry)),
        trainings,
        cast(list[NoiseSchedule], suite.components("noise_schedule", registry)),
        cast(list[TimeDiscretization], suite.components("time_discretization", registry)),
        cast(list[Sampler], suite.components("sampler", registry)),
        suite.steps,
    )
    for axis in ("target", "noise_schedule", "time_discretization", "network", "sampler"):
        if not getattr(suite, f"{axis}s"):
            rule = f"name at least one {axis.replace('_', ' ')}"
            raise SuiteError(f"{suite.where(axis + 's')}: the suite expands to nothing: {rule}")
    return axes
