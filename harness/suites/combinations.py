"""The combinations that a suite means: the product of its axes, or what of it lies near the first of each.

A network that is not trained has neither a weighting nor a length of training: both axes collapse for it. Under
[compute] a training comes with a number of sampling steps, which depends on the sampler.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any, cast

from harness.axes import AXES, crossed, taken_by
from harness.components import Component
from harness.errors import HarnessError, NotApplicable
from harness.initial_laws import InitialLaw
from harness.networks import Network, OracleNetwork, TrainableNetwork
from harness.noise_schedules import NoiseSchedule
from harness.registry.registry import Registry
from harness.samplers import GaussianKernelSampler, Sampler
from harness.suites.compute import MOST_STEPS, split
from harness.suites.model import SuiteError
from harness.targets import Target
from harness.time_discretizations import TimeDiscretization
from harness.weightings import GridWeighting, Weighting

if TYPE_CHECKING:
    from harness.axes import Phase
    from harness.suites.model import Suite


@dataclass(frozen=True)
class Combination:
    """One design: what is trained, sampled and ranked, with every seed.

    Attributes:
        components: the component of each axis, in their order. Where nothing is trained, it is None on the axes that
            training takes, but for the network.
        steps: steps of the grid.
        train_steps: optimisation steps of the network; 0 where nothing is trained.
        sigma_max: first level of the grid.
        ema_decay: of the moving average that is kept of the training; None where nothing is trained, or averaged.
    """

    components: Mapping[str, Component | None]
    steps: int
    train_steps: int
    sigma_max: float
    ema_decay: float | None = None

    def __hash__(self) -> int:
        return hash((*self.components.values(), self.steps, self.train_steps, self.sigma_max, self.ema_decay))

    def component(self, axis: str) -> Component | None:
        """Return the component of an axis, by its name."""
        return self.components[axis]

    def taken_by(self, phase: Phase) -> dict[str, Component]:
        """Return the components that a phase of the work takes, by axis: all but those that a combination lacks."""
        found = ((axis, self.components[axis]) for axis in taken_by(phase))
        return {axis: component for axis, component in found if component is not None}

    # Those that the engine builds on, with their types.

    @property
    def target(self) -> Target:
        """What is learned."""
        return cast(Target, self.components["target"])

    @property
    def weighting(self) -> Weighting | None:
        """How the network is trained; None where nothing is trained."""
        return cast("Weighting | None", self.components["weighting"])

    @property
    def noise_schedule(self) -> NoiseSchedule:
        """The noise level as a function of time."""
        return cast(NoiseSchedule, self.components["noise_schedule"])

    @property
    def time_discretization(self) -> TimeDiscretization:
        """The levels that are visited."""
        return cast(TimeDiscretization, self.components["time_discretization"])

    @property
    def network(self) -> Network:
        """The denoiser."""
        return cast(Network, self.components["network"])

    @property
    def sampler(self) -> Sampler:
        """How a step is taken."""
        return cast(Sampler, self.components["sampler"])

    @property
    def initial_law(self) -> InitialLaw:
        """The law of the points at the first level."""
        return cast(InitialLaw, self.components["initial_law"])

    @property
    def labelled(self) -> bool:
        """Whether the network is given the labels of points; not of one that cannot say: its training fails by that."""
        try:
            return isinstance(self.network, TrainableNetwork) and bool(self.network.conditional)
        except Exception:
            return False

    @property
    def grid_follows_network(self) -> bool:
        """Whether the grid is laid out by the network's score error, or by its held-out losses.

        Not so where the network is trained for the grid: one has to come first.
        """
        rule = self.time_discretization
        return (rule.needs_score_error or rule.needs_population) and not isinstance(self.weighting, GridWeighting)

    @property
    def sampler_reads_population(self) -> bool:
        """Whether the variances of the sampler's steps are made from held-out losses of the network."""
        return isinstance(self.sampler, GaussianKernelSampler) and self.sampler.needs_population

    @property
    def grid_reads_population(self) -> bool:
        """Whether the grid is laid out by held-out losses of the network: its own choice, or that of its sampler."""
        rule = self.time_discretization
        of_sampler = rule.needs_sampler and rule.needs_score_error and self.sampler_reads_population
        return rule.needs_population or of_sampler

    @property
    def reads_population(self) -> bool:
        """Whether anything of the design is made from held-out losses of the network."""
        return self.sampler_reads_population or self.grid_reads_population


@dataclass(frozen=True)
class _Effort:
    """How long to train, and in how many steps to sample: given, or by a share of a total of evaluations.

    And which moving average of the training is kept.
    """

    train_steps: int = 0
    total: int | None = None
    share: float = 0.0
    ema_decay: float | None = None

    def __str__(self) -> str:
        return f"evaluations = {self.total} with share {self.share!r} for training"

    def apart(self, other: _Effort) -> int:
        """Return on how many of its numbers it differs from another."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return sum(own != others for own, others in pairs)

    def steps(self, suite: Suite, sampler: Sampler, given: int) -> tuple[int, int]:
        """Return the steps of training and of sampling; `given` is the number of sampling steps without a total.

        Raises:
            SuiteError: the total and the share allow none, or too many; or the sampler cannot say its evaluations, or
                does not apply: without them a total is no number of steps.
        """
        if self.total is None:
            return self.train_steps, given
        try:
            return split(self.total, self.share, suite.trainer.step_points, sampler, suite.sampling.samples)
        except HarnessError as error:
            raise SuiteError(f"{suite.where('compute')}: {error}") from error
        except NotApplicable as error:
            rule = f"its evaluations are asked for up to {MOST_STEPS} steps"
            raise SuiteError(f"{suite.where('compute')}: sampler {sampler.label()}: {error}; {rule}") from error


@dataclass(frozen=True)
class _Axes:
    """What is crossed: the targets, the trainings (of which each has a network), and every other axis by itself.

    A training is a component, or none, for each axis that training takes, and how long it is; it stands beside the
    number of axes on which it differs from the first of each.
    """

    suite: Suite
    targets: list[Component]
    trainings: list[tuple[int, _Training]]
    others: dict[str, list[Component]]
    sigma_max: tuple[float, ...]
    steps: tuple[int, ...]

    @property
    def samplers(self) -> list[Sampler]:
        return cast(list[Sampler], self.others["sampler"])

    def __len__(self) -> int:
        return near_count((Counter(apart for apart, _ in part) for part in self._parts()), self.suite.most_apart)

    def __iter__(self) -> Iterator[Combination]:
        for target, training, *chosen, level, given in _near(self._parts(), self.suite.most_apart):
            trained, effort = training
            found = {**dict(zip(self.others, chosen, strict=True)), "target": target, **trained}
            length, steps = effort.steps(self.suite, found["sampler"], given)
            yield Combination({axis: found[axis] for axis in crossed()}, steps, length, level, effort.ema_decay)

    def _parts(self) -> list[_Part]:
        others = (*self.others.values(), self.sigma_max, self.steps)
        # Each target has all that the first one has.
        return [[(0, target) for target in self.targets], self.trainings, *map(_from_first, others)]


_Training = tuple[Mapping[str, Component | None], _Effort]

_Part = Sequence[tuple[int, Any]]
"""What is crossed with the other parts: each with the number of axes on which it differs from the first of each."""


def _from_first(values: Sequence[Any]) -> _Part:
    return [(int(place > 0), value) for place, value in enumerate(values)]


def _near(parts: Sequence[_Part], most_apart: float) -> Iterator[tuple[Any, ...]]:
    """Yield one of each part, in the order of their product, that differ from the first on so many axes at most."""
    if not parts:
        yield ()
        return
    for apart, value in parts[0]:
        if apart <= most_apart:
            for others in _near(parts[1:], most_apart - apart):
                yield (value, *others)


def near_count(parts: Iterable[Mapping[int, int]], most_apart: float) -> int:
    """Return how many combinations differ from the first on so many axes at most; they may be too many to go through.

    Arguments:
        parts: what is crossed: how many of each part differ from the first on none, one, … axes.
        most_apart: on how many axes a combination may differ.
    """
    found = Counter({0: 1})
    for of_part in parts:
        summed: Counter[int] = Counter()
        for (one, ways), (other, more) in itertools.product(found.items(), of_part.items()):
            summed[one + other] += ways * more
        found = summed
    return sum(ways for apart, ways in found.items() if apart <= most_apart)


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
    for (_, (trained, effort)), sampler in itertools.product(axes.trainings, axes.samplers):
        steps = effort.steps(axes.suite, sampler, 0)
        other = seen.setdefault((*trained.values(), sampler, steps, effort.ema_decay), effort)
        if other is not effort:
            same = f"{steps[0]} training steps and {steps[1]} of {sampler.name}"
            raise SuiteError(f"{axes.suite.where('compute')}: {other} and {effort} come to the same {same}")


def _efforts(suite: Suite) -> tuple[list[_Effort], list[_Effort]]:
    """Return what a trained network is given, and what an oracle, which spends every total on sampling."""
    decays = suite.trainer.ema_decays or (None,)
    if suite.compute is None:
        lengths = suite.training.steps
        return [_Effort(length, ema_decay=decay) for length in lengths for decay in decays], [_Effort()]
    totals, shares = suite.compute.evaluations, suite.compute.training_shares
    pairs = [(total, share) for total in totals for share in shares]
    trained = [_Effort(total=total, share=share, ema_decay=decay) for total, share in pairs for decay in decays]
    return trained, [_Effort(total=total) for total in totals]


def _axes(suite: Suite, registry: Registry) -> _Axes:
    found = {axis: suite.components(axis, registry) for axis in crossed()}
    training = {axis: found.pop(axis) for axis in taken_by("training")}
    axes = _Axes(
        suite,
        found.pop("target"),
        _trainings(suite, registry, training),
        found,
        suite.sigma_max,
        suite.steps or (0,),
    )
    for axis in crossed().values():
        if axis.default != () and not getattr(suite, axis.plural):
            rule = f"name at least one {axis.words}"
            raise SuiteError(f"{suite.where(axis.plural)}: the suite expands to nothing: {rule}")
    return axes


def _trainings(suite: Suite, registry: Registry, axes: Mapping[str, list[Component]]) -> list[tuple[int, _Training]]:
    """Return every network with what trains it and for how long; an oracle with nothing."""
    trained, untrained = _efforts(suite)
    trainings: list[_Training] = []
    for network in axes["network"]:
        if isinstance(network, OracleNetwork):
            trainings += [({**dict.fromkeys(axes), "network": network}, effort) for effort in untrained]
            continue
        missing = next((axis for axis, components in axes.items() if not components), None)
        if missing is not None:
            rule = f"{registry.label(network)} is trained and needs at least one"
            raise SuiteError(f"{suite.where(AXES[missing].plural)}: the suite expands to nothing: {rule}")
        chosen = itertools.product(*{**axes, "network": [network]}.values())
        pairs = itertools.product(chosen, trained)
        trainings += [(dict(zip(axes, components, strict=True)), effort) for components, effort in pairs]
    first = {effort: efforts[0] for efforts in (trained, untrained) for effort in efforts}
    return [(_apart(chosen, axes) + effort.apart(first[effort]), (chosen, effort)) for chosen, effort in trainings]


def _apart(chosen: Mapping[str, Component | None], axes: Mapping[str, list[Component]]) -> int:
    """Return on how many axes components are others than the first listed; one that is lacking is no other."""
    return sum(component not in (None, *axes[axis][:1]) for axis, component in chosen.items())
