"""What each unit of work depends on, as the key of its record.

A key digests the components that take part (with the source of their plugins), those of each axis in the unit that
takes them (`harness.axes.Axis.phase`), the numbers that they are given, the code of the harness that the unit and the
components run (`harness.planning.code`) and the versions of the numerical libraries. It holds nothing else, so that
suites share whatever they have in common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

from harness.arithmetic import LIBRARIES
from harness.components import Component, digest
from harness.metrics import FittedMetric
from harness.planning.code import installed
from harness.planning.splits import SeedTargets
from harness.weightings import GridWeighting

if TYPE_CHECKING:
    from harness.axes import Phase
    from harness.registry.references import Reference
    from harness.registry.registry import Registry
    from harness.suites.combinations import Combination
    from harness.suites.model import Suite
    from harness.targets import Target
    from harness.trainers import Recording, Trainer


@cache
def unit(name: str) -> str:
    """Return what each record of a kind of unit depends on: the code that it runs, and the libraries it computes with.

    Arguments:
        name: a module of `harness.engine.units`.

    Raises:
        LookupError: there is none of that name.
    """
    code = installed().digest(f"harness.engine.units.{name}")
    return digest("unit", code, [metadata.version(library) for library in LIBRARIES])


def part(component: Component, known: str) -> str:
    """Return what a result depends on of a component whose digest is known."""
    return digest(known, *(installed().of_class(type(each)) for each in (component, *component.inner_components())))


class Keys:
    """The keys of one suite's units."""

    def __init__(self, suite: Suite, registry: Registry) -> None:
        self._suite = suite
        self._registry = registry
        self._range = (suite.noise.sigma_min, suite.noise.sigma_max)
        self._trainer = suite.trainer
        self._targets = SeedTargets()
        self._references: dict[Component, Reference] = {}
        self._parts: dict[int, tuple[Component, str]] = {}

    def reference(self, component: Component) -> Reference:
        """Return what identifies a component in a result."""
        if component not in self._references:
            self._references[component] = self._registry.reference(component)
        return self._references[component]

    def label(self, component: Component) -> str:
        """Return the component's short form, qualified where its bare name is ambiguous."""
        return self._registry.label(component)

    def definition(self) -> dict[str, Any]:
        """Return the suite as its file has it; raises SuiteError where a component cannot be made any more."""
        return self._suite.written(self._registry)

    def of(self, component: Component) -> str:
        """Return what a result depends on of a component: its digest, and the code of the harness that it runs."""
        # By identity: to hash a component is to write it as JSON, and a suite has few that are shared by many rows.
        if id(component) not in self._parts:
            self._parts[id(component)] = component, part(component, self.reference(component).digest)
        return self._parts[id(component)][1]

    def outdated(self, target: Component) -> bool:
        """Whether what a target reads, a user's file, is no longer what its digest was made of."""
        return self._registry.reference(target).digest != self.reference(target).digest

    def target(self, target: Target, seed: int) -> Target:
        """Return what a seed has in the place of a target of the suite; raises like `SeedTargets.of`."""
        return self._targets.of(target, seed)

    def targets(self, target: Target, seeds: Sequence[int]) -> list[Target]:
        """Return what each of these seeds has in the place of a target; raises like `SeedTargets.of`."""
        return [self.target(target, seed) for seed in seeds]

    def original(self, target: Target) -> Target:
        """Return the target of the suite of which this one is a seed's."""
        return self._targets.original(target)

    def own(self, c: Combination, seed: int) -> str:
        """Return what a result depends on of the target that a seed of a combination has."""
        return self.of(self.target(c.target, seed))

    def information(self, target: Component) -> str:
        """Key of the target's numbers and its J(u)."""
        return digest(unit("measure_target"), "information", self.of(target), self._range)

    def table(self, c: Combination, seed: int) -> str:
        """Key of a combination's weighting tabulated for a seed's target, and its grid where it is made for one."""
        if c.weighting is None:
            raise ValueError("a combination without training has no weighting to tabulate")
        return table(self.of(c.weighting), self.own(c, seed), self._range, self.weighted_grid(c, seed))

    def weighted_grid(self, c: Combination, seed: int) -> str | None:
        """Key of the grid that a combination's weighting is made for; None where it is made for none."""
        return self.grid(c, seed) if isinstance(c.weighting, GridWeighting) else None

    def grid(self, c: Combination, seed: int) -> str:
        """Key of a combination's grid; what the grid does not ask for takes no part."""
        rule = c.time_discretization
        parts = (self.taken(c, "grid"), c.steps, (self._range[0], c.sigma_max))
        # Of points given their labels J is another curve of the same record.
        target = None
        if rule.needs_information:
            target = (self.information(self.target(c.target, seed)), *(["labelled"] if c.labelled else []))
        sampler = self.of(c.sampler) if rule.needs_sampler else None
        followed = self.evaluated(c, seed) if c.grid_follows_network else None
        law = (self.own(c, seed),) if rule.needs_law else ()
        losses = (self.losses(self.network(c, seed)),) if followed and c.grid_reads_population else ()
        return digest(unit("lay_out_grid"), "grid", *parts, target, sampler, followed, *law, *losses)

    def network(self, c: Combination, seed: int) -> str:
        """Key of the trained network of a combination and a seed, or of its oracle."""
        if c.weighting is None:
            return digest("oracle", self.of(c.network), self.own(c, seed))
        table, taken = self.table(c, seed), self.taken(c, "training")
        trainer = self._trainer.averaging(c.ema_decay)
        return trained(table, self.own(c, seed), taken, seed, c.train_steps, trainer)

    def taken(self, c: Combination, phase: Phase) -> dict[str, str]:
        """Return what a result depends on of a combination's components that a phase of the work takes, by axis."""
        return {axis: self.of(component) for axis, component in c.taken_by(phase).items()}

    def trajectory(self, c: Combination, seed: int) -> str | None:
        """Key of what is recorded of a combination's training; None where nothing is trained, or recorded."""
        trainer = self._trainer
        if c.weighting is None or trainer.recording is None:
            return None
        return trajectory(self.network(c, seed), trainer, trainer.recording, c.train_steps)

    def score_error(self, network: str) -> str:
        """Key of a trained network's score error, measured on the device and in the precision of the run.

        These need not be those that it was trained in: gradient descent trains in float64 by default.
        """
        return digest(unit("measure_score_errors"), "error", network, self._suite.place())

    def losses(self, network: str) -> str:
        """Key of a trained network's held-out losses, measured like its score error."""
        return digest(unit("measure_losses"), "losses", network, self._suite.place())

    def evaluated(self, c: Combination, seed: int) -> str:
        """Key of what the use of a network depends on: of a trained one its score error, which has its own and place.

        An oracle's is that of the oracle.
        """
        network = self.network(c, seed)
        return network if c.weighting is None else self.score_error(network)

    def sample(self, c: Combination, sigmas: list[float], seed: int) -> str:
        """Key of a sampling: by the grid's levels, not by the rule that made them."""
        count = self._suite.sampling.samples
        information = self.information(self.target(c.target, seed))
        parts = (self.evaluated(c, seed), self.taken(c, "sampling"), information)
        losses = (self.losses(self.network(c, seed)),) if c.sampler_reads_population else ()
        return digest(unit("evaluate_samples"), "sample", *parts, sigmas, seed, count, *losses)

    def fit(self, metric: FittedMetric, target: Component) -> str:
        """Key of what a metric is fitted to a target."""
        return digest(unit("fit_metric"), "fit", self.of(metric), self.of(target))

    def measuring(self, metric: Component) -> str:
        """Return what a value of a metric, or of a bound, depends on besides what is measured.

        A fit depends on the metric, on the target, which what is measured depends on anyway, and on the code of its
        unit.
        """
        own = self.of(metric)
        return digest(own, unit("fit_metric")) if isinstance(metric, FittedMetric) else own

    def calibration(self, target: Target, seed: int, metric: str) -> str:
        """Key of a metric's score on a seed's held-out sample; `metric` is what `measuring` says of it."""
        count, sigma_min, own = self._suite.sampling.samples, self._range[0], self.of(self.target(target, seed))
        return digest(unit("calibrate_metrics"), "calibrate", own, seed, count, sigma_min, metric)


def table(weighting: str, target: str, sigma: Sequence[float], grid: str | None = None) -> str:
    """Key of a weighting tabulated for a target.

    Arguments:
        weighting: what `part` says of it; `target` likewise.
        sigma: the range of noise levels, two numbers.
        grid: key of the grid that a `GridWeighting` is made for.
    """
    return digest(unit("tabulate_weighting"), "table", weighting, target, list(sigma), *([grid] if grid else []))


def trained(table: str, target: str, components: Mapping[str, str], seed: int, steps: int, trainer: Trainer) -> str:
    """Key of a trained network: whoever asks for it, and whether it was recorded or not.

    Arguments:
        table: key of the table of its weighting, which names the weighting and the grid that it is made for.
        target: what `part` says of it.
        components: what `part` says of each component that a training takes, by axis.
        seed: of initialisation, points and noise.
        steps: the length of its training.
        trainer: how it is trained; with one moving average, whichever others its training keeps.
    """
    return digest(unit("train_networks"), "train", table, target, dict(components), seed, steps, _settings(trainer))


@cache
def _settings(trainer: Trainer) -> dict[str, Any]:
    return trainer.settings()


def trajectory(network: str, trainer: Trainer, recording: Recording, steps: int) -> str:
    """Key of what is recorded of the training of a network, from its key: alike where the same steps are recorded."""
    return digest("trajectory", network, trainer.recorded(recording, steps))


def measured(sample: str, component: str) -> str:
    """Key of a metric's or a bound's record, from the sampling's key and what `Keys.measuring` says of it."""
    return digest("measured", sample, component)
