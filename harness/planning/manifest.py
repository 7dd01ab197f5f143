"""The rows of a leaderboard before they are filled: what was compared, and under which keys its results lie.

It is kept beside the results, so that ranking needs neither the plugins that made them nor any arithmetic of theirs.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from harness import DISTRIBUTION, __version__
from harness.arithmetic import LIBRARIES
from harness.axes import AXES, Axis, crossed
from harness.components import digest
from harness.errors import ContractError, NotApplicable
from harness.metrics import FittedMetric, SampleMetric
from harness.planning.designs import Designs
from harness.planning.keys import measured
from harness.planning.splits import Splits, splits
from harness.planning.units import unique
from harness.quantities import Declarations
from harness.registry.references import Reference
from harness.samplers import GaussianKernelSampler
from harness.suites.compute import Spent, spent

if TYPE_CHECKING:
    from harness.bounds import Bound
    from harness.components import Component
    from harness.metrics import Metric
    from harness.planning.demand import Demand
    from harness.planning.keys import Keys
    from harness.planning.units import Lookup, NotPossible
    from harness.suites.combinations import Combination
    from harness.suites.model import Suite
    from harness.trainers import Trainer


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlannedRow(_Part):
    """One combination.

    Attributes:
        components: digest of the component on each axis.
        compute: evaluations of the network in training and sampling; None where nothing is trained.
        training_share: the share of them that training took.
        ema_decay: of the moving average that its networks are; None where nothing is trained, or averaged, and in
            directories made when a suite had one.
        networks: key of the trained network of each seed; empty for an oracle.
        errors: key of the score error of each of these; empty where nothing asks for it.
        losses: key of the held-out losses of each of these; likewise.
        tables: key of the weighting's table of each seed; empty for an oracle.
        information: key of the target's record of each seed.
        grids: key of the grid of each seed.
        samples: key of the sampling of each seed; empty where there is none, or none yet.
        reason: why there is none.
        applicable: false where that is because a component said that it does not apply.
        design: what its stages really receive, the same for two rows of a manifest exactly where they are one design
            under two names; None where that is not known (yet).
    """

    components: dict[str, str]
    steps: int
    train_steps: int
    sigma_max: float
    compute: int | None
    training_share: float | None
    networks: list[str]
    errors: list[str]
    tables: list[str]
    information: list[str]
    grids: list[str]
    samples: list[str]
    reason: str | None
    applicable: bool = True
    design: str | None = None
    ema_decay: float | None = None
    losses: list[str] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _of_each_seed(cls, value: object) -> object:
        """Read what earlier versions kept once, when all seeds had one target."""
        if not isinstance(value, dict) or not isinstance(value.get("information"), str):
            return value
        seeds, table = len(value.get("grids", ())), value.get("table")
        known = {key: part for key, part in value.items() if key != "table"}
        return known | {
            "information": [value["information"]] * seeds,
            "tables": [] if table is None else [table] * seeds,
        }

    @property
    def own_grids(self) -> bool:
        """Whether each seed has a grid of its own, and with it perhaps other levels."""
        return len(set(self.grids)) > 1

    def record_keys(self) -> set[str]:
        """Return the keys of the records that it is made of, without what is measured on its samples."""
        return self.groundwork_keys().union(self.networks, self.samples)

    def groundwork_keys(self) -> set[str]:
        """Return the keys of the records that stand beside its networks and its samples."""
        return set().union(self.information, self.tables, self.errors, self.losses, self.grids)


class TrainingMethod(_Part):
    """How every network is trained: the method, and its settings under the names that they have in a suite."""

    method: str
    params: dict[str, JsonValue]

    @model_validator(mode="before")
    @classmethod
    def _pair(cls, value: object) -> object:
        """Read the pair that earlier versions kept."""
        return dict(zip(("method", "params"), value, strict=False)) if isinstance(value, (list, tuple)) else value


class PlannedSetup(_Part):
    """What a suite fixes for all of its rows.

    Attributes:
        training: None where nothing is trained.
        samples: points that each combination and seed generates.
        units: of each metric, by its label.
        changed: the parameters that differ from their defaults, by the digest of the component; empty in directories
            made before it was told.
    """

    sigma_min: float
    sigma_max: float
    samples: int
    training: TrainingMethod | None
    units: dict[str, str]
    changed: dict[str, list[str]] = Field(default_factory=dict)


def _listed(value: object) -> object:
    """Read the one metric, or the key of the one fit to a target, that earlier versions kept."""
    return [value] if isinstance(value, str) else value


Listed = Annotated[list[str], BeforeValidator(_listed)]


class Manifest(_Part):
    """All rows of a suite.

    Attributes:
        title: what the suite asks; empty where it does not say, and in older directories.
        definition: the suite as a file has it, but for its name and title; None of a race, and in older directories.
        command: what was typed to make the results.
        metrics: what keys hold of each metric (`harness.planning.keys.Keys.measuring`), by its label; so `bounds`.
        components: what each digest stands for.
        calibration: for each target's digest and each sample metric's label, the key of each seed.
        setup: None in directories of versions before there was one.
        declared: what the metrics and bounds measure and limit; None in directories made before they said so.
        fits: for each target's digest and each fitted metric's label, the key of the fit to each distinct target that
            the seeds have, in their order.
        splits: by the digest of each target that gives seeds splits of their own, what these have in common.
        looks: how often its evidence may be looked at before it is decided which rows get further seeds; at each look,
            and so at the end, the level of what is concluded is divided by it.
        rank_by: the labels of the metrics that rank, in order of preference; one alone in older directories.
        laws: by the digest of each component that reads the target's law or the network's score error, of which law
            that is; empty in directories made before it was told.
    """

    suite: str
    command: str
    rank_by: Listed
    seeds: list[int]
    metrics: dict[str, str]
    bounds: dict[str, str]
    components: dict[str, Reference]
    calibration: dict[str, dict[str, list[str]]]
    rows: list[PlannedRow]
    environment: dict[str, str]
    setup: PlannedSetup | None = None
    declared: Declarations | None = None
    fits: dict[str, dict[str, Listed]] = Field(default_factory=dict)
    splits: dict[str, Splits] = Field(default_factory=dict)
    looks: int = Field(1, ge=1)
    title: str = ""
    definition: dict[str, JsonValue] | None = None
    laws: dict[str, Literal["training", "population"]] = Field(default_factory=dict)

    def seeds_of(self, row: PlannedRow) -> list[int]:
        """Return the seeds that a row was given: all, or in a race perhaps the first of them."""
        return self.seeds[: len(row.grids)]

    @model_validator(mode="after")
    def _averaged(self) -> Manifest:
        """Give the rows of directories made when a suite had one moving average that one."""
        training = self.setup and self.setup.training
        decay = training.params.get("ema_decay") if training else None
        if isinstance(decay, float):
            plain = (row for row in self.rows if row.ema_decay is None and row.networks)
            known = {id(row): row.model_copy(update={"ema_decay": decay}) for row in plain}
            self.rows[:] = [known.get(id(row), row) for row in self.rows]
        return self

    def row_of(self, components: Mapping[str, str], numbers: Mapping[str, float | None]) -> PlannedRow | None:
        """Return the row of a combination; None where there is none.

        Arguments:
            components: the digest of its component on each axis.
            numbers: its numbers, by their names (`harness.axes.NUMBERS`).
        """
        same = (row for row in self.rows if row.components == components)
        return next((row for row in same if all(getattr(row, name) == n for name, n in numbers.items())), None)

    def record_keys(self) -> set[str]:
        """Return the keys of all records that its rows are made of, or stand beside them."""
        found = {key for row in self.rows for key in row.record_keys()}
        labels = (*self.metrics.values(), *self.bounds.values())
        found |= {measured(key, label) for row in self.rows for key in row.samples for label in labels}
        return found | self.target_keys()

    def target_keys(self) -> set[str]:
        """Return the keys of what metrics say of the targets alone: fitted to them, or scored on held-out points."""
        beside = (*self.calibration.values(), *self.fits.values())
        return {key for metrics in beside for keys in metrics.values() for key in keys}


class Planned(Protocol):
    """What rows are made of: a suite's combinations, what is measured on each, and their keys.

    Attributes:
        seeds: those that any combination has.
        raced: whether combinations have seeds of their own.
        score_errors: of which networks the score error is asked for.
    """

    suite: Suite
    combinations: list[Combination]
    keys: Keys
    metrics: list[Metric]
    bounds: list[Bound]
    rank_by: list[str]
    seeds: tuple[int, ...]
    raced: bool
    score_errors: Demand

    def seeds_of(self, c: Combination) -> tuple[int, ...]:
        """Return the seeds that a combination has: the first of them, or all."""

    def obstacle(self, c: Combination, find: Lookup) -> NotPossible | None:
        """Return why a combination cannot be sampled, as far as what it builds on shows."""


def manifest(plan: Planned, find: Lookup, command: str = "", looks: int = 1) -> Manifest:
    """Return the rows of a plan whose groundwork is done; `looks` as of `Manifest`."""
    keys = plan.keys
    components: dict[str, Reference] = {}

    def note(axis: Axis, component: Component | None) -> str:
        reference = absent(axis) if component is None else keys.reference(component)
        components[reference.digest] = reference
        return reference.digest

    rows, designs = [], Designs(keys, len(plan.suite.trainer.ema_decays))
    for c in plan.combinations:
        obstacle = plan.obstacle(c, find)
        effort = _effort(plan.suite, c)
        seeds = plan.seeds_of(c)
        laid_out = [keys.grid(c, seed) for seed in seeds]
        grids = [find(key) for key in laid_out]
        known = [grid.payload["sigmas"] for grid in grids if grid is not None and grid.ok]
        complete = obstacle is None and len(known) == len(grids)
        pairs = zip(known, seeds, strict=True) if complete else ()
        samples = [keys.sample(c, sigmas, seed) for sigmas, seed in pairs]
        networks = [] if c.weighting is None else [keys.network(c, s) for s in seeds]
        rows.append(
            PlannedRow(
                components={name: note(axis, c.component(name)) for name, axis in crossed().items()},
                steps=c.steps,
                train_steps=c.train_steps,
                sigma_max=c.sigma_max,
                ema_decay=c.ema_decay,
                compute=effort and effort.total,
                training_share=effort and effort.share,
                networks=networks,
                errors=[keys.score_error(network) for network in networks if plan.score_errors.of(c)],
                losses=[keys.losses(network) for network in networks if c.reads_population],
                tables=[] if c.weighting is None else [keys.table(c, seed) for seed in seeds],
                information=[keys.information(target) for target in keys.targets(c.target, seeds)],
                grids=laid_out,
                samples=samples,
                reason=None if obstacle is None else str(obstacle),
                applicable=obstacle is None or obstacle.applicable,
                design=designs.of(c, known, seeds, find) if complete else None,
            )
        )
    return Manifest(
        suite=plan.suite.name,
        title=plan.suite.title,
        definition=None if plan.raced else keys.definition(),
        command=command or f"harness run {plan.suite.name}",
        rank_by=plan.rank_by,
        seeds=list(plan.seeds),
        metrics={keys.label(m): keys.measuring(m) for m in plan.metrics},
        bounds={keys.label(b): keys.measuring(b) for b in plan.bounds},
        components=components,
        calibration=_calibration(plan),
        rows=rows,
        environment=environment(plan.suite.place() | {"training_precision": plan.suite.trainer.precision}),
        setup=_setup(plan),
        declared=Declarations(
            metrics={keys.label(m): m.measured() for m in plan.metrics},
            bounds={keys.label(b): b.limited() for b in plan.bounds},
        ),
        fits=_fits(plan),
        splits=_splits(plan),
        looks=looks,
        laws=_laws(plan),
    )


def _setup(plan: Planned) -> PlannedSetup:
    suite = plan.suite
    return PlannedSetup(
        sigma_min=suite.noise.sigma_min,
        sigma_max=suite.noise.sigma_max,
        samples=suite.sampling.samples,
        training=_training(suite.trainer) if any(c.weighting is not None for c in plan.combinations) else None,
        units={plan.keys.label(m): str(m.unit) for m in plan.metrics},
        changed=_changed(plan),
    )


def _changed(plan: Planned) -> dict[str, list[str]]:
    """Return the parameters that differ from their defaults, of each component that has any, by digest."""
    named = unique(c.component(axis) for c in plan.combinations for axis in crossed())
    return {plan.keys.reference(each).digest: own for each in named if each is not None and (own := each.changed())}


def _laws(plan: Planned) -> dict[str, Literal["training", "population"]]:
    found: dict[str, Literal["training", "population"]] = {}
    grids = {id(c.time_discretization): c.time_discretization for c in plan.combinations}.values()
    for rule in grids:
        if rule.needs_population or rule.needs_information or rule.needs_score_error or rule.needs_law:
            found[plan.keys.reference(rule).digest] = "population" if rule.needs_population else "training"
    samplers = {id(c.sampler): c.sampler for c in plan.combinations}.values()
    for sampler in samplers:
        if isinstance(sampler, GaussianKernelSampler) and sampler.needs_information:
            found[plan.keys.reference(sampler).digest] = "population" if sampler.needs_population else "training"
    return found


def _training(trainer: Trainer) -> TrainingMethod:
    return TrainingMethod(method=trainer.method, params=trainer.chosen())


def _effort(suite: Suite, c: Combination) -> Spent | None:
    """Return what training and sampling a combination take; None where nothing is trained, or a sampler cannot say."""
    if c.weighting is None:
        return None
    try:
        return spent(c.train_steps, suite.trainer.step_points, c.sampler, c.steps, suite.sampling.samples)
    except (ContractError, NotApplicable):
        # Its rows fail by the same mistake, or do not apply, when the evaluations of their samples are counted.
        return None


def _calibration(plan: Planned) -> dict[str, dict[str, list[str]]]:
    keys, sample_metrics = plan.keys, [m for m in plan.metrics if isinstance(m, (SampleMetric, FittedMetric))]
    return {
        keys.reference(target).digest: {
            keys.label(m): [keys.calibration(target, seed, keys.measuring(m)) for seed in plan.seeds]
            for m in sample_metrics
        }
        for target in unique(c.target for c in plan.combinations)
    }


def _fits(plan: Planned) -> dict[str, dict[str, list[str]]]:
    keys, fitted = plan.keys, [m for m in plan.metrics if isinstance(m, FittedMetric)]
    return {
        keys.reference(target).digest: {
            keys.label(m): [keys.fit(m, own) for own in unique(keys.targets(target, plan.seeds))] for m in fitted
        }
        for target in unique(c.target for c in plan.combinations)
        if fitted
    }


def _splits(plan: Planned) -> dict[str, Splits]:
    keys, found = plan.keys, {}
    for target in unique(c.target for c in plan.combinations):
        if (own := splits(keys.targets(target, plan.seeds))) is not None:
            found[keys.reference(target).digest] = own
    return found


def absent(axis: Axis) -> Reference:
    """Return the reference that stands where a combination has no component of an axis.

    So the weighting of a network that is not trained.
    """
    return Reference(
        name=axis.absent,
        params={},
        distribution=DISTRIBUTION,
        version=__version__,
        digest=digest(axis.name, axis.absent),
    )


def is_absent(axis: str, reference: Reference) -> bool:
    """Tell whether a reference is what stands where a combination has no component of an axis."""
    return bool(AXES[axis].absent) and reference.digest == absent(AXES[axis]).digest


def environment(place: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what besides the components could change a number.

    Arguments:
        place: where and in which precision networks were trained and evaluated, by name; None: on the CPU.
    """
    return {
        "harness": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        **(place or {"device": "cpu"}),
        **{name: metadata.version(name) for name in LIBRARIES},
    }
