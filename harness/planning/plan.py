"""The units of work that a suite takes, from its combinations.

Rounds, until nothing is missing. The groundwork measures the targets, tabulates the weightings and lays out the
grids. What follows from it trains each distinct network once (networks of one shape stacked), measures its score error
once where that is asked for, lays out the grids that ask for it, and samples each distinct pair of network, sampler and
grid once: a sampling goes by the levels of its grid, so that it is planned when they are known. A unit is needed where
a record that it makes is not in the store.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.blobs import Blob, BlobFolder
from harness.bounds import Bound
from harness.engine.courses import Course, Learner
from harness.engine.jobs import (
    CalibrateMetricsJob,
    EvaluateSamplesJob,
    Job,
    LayOutGridJob,
    MeasureLossesJob,
    MeasureScoreErrorsJob,
    MeasureTargetJob,
    TrainedNetwork,
)
from harness.errors import HarnessError, one_line
from harness.metrics import FittedMetric, Metric, SampleMetric
from harness.networks import OracleNetwork
from harness.planning.costs import Costs
from harness.planning.demand import Demand
from harness.planning.fits import Fits
from harness.planning.keys import Keys, measured
from harness.planning.manifest import Manifest, manifest
from harness.planning.trainings import table_unit, training_unit, unfinished_states
from harness.planning.units import (
    ONE_CORE,
    Lookup,
    NotPossible,
    Resources,
    Stage,
    Unit,
    even_parts,
    require,
    require_record,
    trainable,
    unique,
)
from harness.registry.provenance import strangers
from harness.suites.model import SuiteError
from harness.weightings import LearnedWeighting, Weighting

if TYPE_CHECKING:
    from harness.components import Component
    from harness.engine.trials import Trial
    from harness.records import Record
    from harness.registry.registry import Registry
    from harness.suites.combinations import Combination
    from harness.suites.model import Suite
    from harness.targets import Target

STACK = 16
"""Most networks in one unit: more gain nothing. Where a step takes much memory, fewer of them train at once
(`harness.trainers.Trainer.together`)."""

_Beside = Mapping[str, Metric | Bound]
"""What is measured beside a sampling, by the key of its record."""

_OfNetworks = type[MeasureScoreErrorsJob] | type[MeasureLossesJob]
"""A job that measures something of trained networks."""

Kind = tuple[str | None, ...]
"""What is trained, as keys hold it: the target, what the training takes, the grid that the weighting is made for."""


class Plan:
    """The units of one suite, and the rows that their records will fill.

    Attributes:
        seeds: those that any combination has.
        raced: whether combinations have seeds of their own, as a race gives them.
        score_errors: of which networks the score error is asked for.
    """

    def __init__(
        self,
        suite: Suite,
        registry: Registry,
        combinations: list[Combination],
        folder: Path,
        allotted: Sequence[int] | None = None,
        looks: int = 1,
        *,
        score_errors: bool = False,
    ) -> None:
        """Take a suite, its combinations, and the folder where checkpoints lie.

        Arguments:
            suite: what they are of.
            registry: where its components come from.
            combinations: the rows.
            folder: of the checkpoints.
            allotted: of each row how many of the suite's seeds it has, the first; None: all.
            looks: as of its manifest.
            score_errors: whether whoever reads the results asks for the score error of every network.
        """
        self._looks, self.raced = looks, allotted is not None
        self.suite = suite
        self.combinations = combinations
        counts = [len(suite.seeds)] * len(combinations) if allotted is None else allotted
        # By identity: to hash a combination is to write its components as JSON.
        self._seeds = {id(c): suite.seeds[:count] for c, count in zip(combinations, counts, strict=True)}
        self.seeds = suite.seeds[: max(counts, default=0)]
        self._blobs = BlobFolder(folder)
        self._unfinished = unfinished_states(folder.parent, suite.limits.keep_every)
        self.keys = Keys(suite, registry)
        self.metrics, ranking = suite.metric_components(registry)
        self.rank_by = [registry.label(metric) for metric in ranking]
        self.bounds = [b for b in suite.components("bound", registry) if isinstance(b, Bound)]
        self.costs = Costs(suite, self.keys, self.metrics, self.bounds)
        self.score_errors = Demand(self.keys, combinations, everything=score_errors or bool(self.bounds))
        noise = suite.noise
        self._range = {"sigma_min": noise.sigma_min, "sigma_max": noise.sigma_max}
        # Trained networks are trained and evaluated on the device of the run, and nothing else is.
        self._placed = ONE_CORE if suite.trainer.device == "cpu" else Resources(devices=1.0)
        self._readers = []
        for target in unique(c.target for c in combinations):
            # Reads a user's file: one that cannot be used is told before anything is opened or made.
            try:
                self.keys.of(target)
                self._readers += [target] if target.content_digest() else []
                self.keys.targets(target, self.seeds)
            except HarnessError:
                raise
            except Exception as error:
                raise SuiteError(f"target {target.label()} cannot be read: {one_line(error)}") from error
        self._fits = Fits(self.keys, self.metrics, self.seed_targets(), self._blobs)

    def seed_targets(self) -> list[Target]:
        """Return the distinct targets, as the seeds have them."""
        return unique(
            own
            for target in unique(c.target for c in self.combinations)
            for own in self.keys.targets(target, self.seeds)
        )

    def _splits(self, c: Combination) -> list[int]:
        """Return a seed for each distinct target that the seeds of a combination have: the first that has it."""
        first: dict[int, int] = {}
        for seed in self.seeds_of(c):
            first.setdefault(id(self.keys.target(c.target, seed)), seed)
        return list(first.values())

    def check_sources(self) -> None:
        """See that the files that targets read are still the ones that the keys were made for.

        Raises:
            SuiteError: one has changed, so that what was computed may belong to another key.
        """
        for target in self._readers:
            if self.keys.outdated(target):
                raise SuiteError(f"target {target.label()} changed while it was read; run the same command again")

    def seeds_of(self, c: Combination) -> tuple[int, ...]:
        """Return the seeds that a combination has, those of the suite or the first of them."""
        return self._seeds[id(c)]

    @property
    def limit(self) -> float:
        """Seconds that one unit may take for each network in it."""
        return self.suite.limits.seconds

    @property
    def length(self) -> int:
        """Steps of the longest training; 0 where nothing is trained."""
        return max((c.train_steps for c in self.combinations), default=0)

    def contents(self, find: Lookup, command: str) -> Manifest:
        """Return the rows that the records fill, once the groundwork is done."""
        return manifest(self, find, command, self._looks)

    def groundwork(self, missing: Callable[[str], bool]) -> list[Unit]:
        """Return the units of the first round that are missing."""
        units: dict[str, Unit] = {}
        for c in self.combinations:
            for seed in self._splits(c):
                early = () if self._waits_for_network(c) else (self._grid(c, seed),)
                for unit in (self._information(c, seed), *early, *self._tables(c, seed)):
                    if missing(unit.keys[0]):
                        units.setdefault(unit.keys[0], unit)
        return list(units.values())

    def _waits_for_network(self, c: Combination) -> bool:
        """Whether a combination has a grid for each seed, laid out by the score error of a trained network."""
        return c.grid_follows_network and c.weighting is not None

    def _information(self, c: Combination, seed: int) -> Unit:
        target = self.keys.target(c.target, seed)
        key = self.keys.information(target)
        job = MeasureTargetJob(key, target, **self._range)
        return Unit(Stage.GROUNDWORK, (key,), lambda find: job, self.costs.target(c.target))

    def _tables(self, c: Combination, seed: int) -> Iterable[Unit]:
        if c.weighting is None:
            return
        target, grid = self.keys.target(c.target, seed), self.keys.weighted_grid(c, seed)
        yield table_unit(self.keys.table(c, seed), c.weighting, target, self.suite.trainer, grid)

    def _grid(self, c: Combination, seed: int) -> Unit:
        key, rule = self.keys.grid(c, seed), c.time_discretization
        target = self.keys.target(c.target, seed)
        information = self.keys.information(target) if rule.needs_information else None
        trained = self._waits_for_network(c)
        error = self.keys.score_error(self.keys.network(c, seed)) if trained else None
        oracle = c.network if c.grid_follows_network and isinstance(c.network, OracleNetwork) else None
        losses = self.keys.losses(self.keys.network(c, seed)) if trained and c.grid_reads_population else None

        def job(find: Lookup) -> Job:
            if c.grid_reads_population and not trained:
                raise NotPossible(_why_no_losses(c), applicable=False)
            return LayOutGridJob(
                key,
                rule,
                c.noise_schedule,
                c.steps,
                target=target if information or error or oracle or rule.needs_law else None,
                information=require(find, information, "target") if information else None,
                labelled=bool(information) and c.labelled,
                sampler=c.sampler if rule.needs_sampler else None,
                network=oracle,
                score_error=require(find, error, "score error") if error else None,
                losses=require(find, losses, "held-out losses") if losses else None,
                sigma_min=self.suite.noise.sigma_min,
                sigma_max=c.sigma_max,
                components=c.taken_by("grid"),
            )

        stage = Stage.SCORE_ERROR if trained else Stage.GROUNDWORK
        return Unit(stage, (key,), job, 0.1, frozenset(filter(None, (information, error, losses))))

    def work(self, find: Lookup, missing: Callable[[str], bool]) -> list[Unit]:
        """Return the missing units of the second round; combinations without a grid have none (yet)."""
        return [*self.fixed_work(missing), *self._sampling(find, missing)]

    def fixed_work(self, missing: Callable[[str], bool]) -> list[Unit]:
        """Return what of the second round does not wait for the grids."""
        training = self._training(missing)
        trained = {key for unit in training for key in unit.keys}
        measured = [*self._fits.units(missing), *self._calibration(missing)]
        return [*measured, *training, *self._errors(missing, trained), *self._late_grids(missing)]

    def _late_grids(self, missing: Callable[[str], bool]) -> Iterable[Unit]:
        units: dict[str, Unit] = {}
        for c in filter(self._waits_for_network, self.combinations):
            for unit in (self._grid(c, seed) for seed in self.seeds_of(c)):
                if missing(unit.keys[0]):
                    units.setdefault(unit.keys[0], unit)
        return units.values()

    def _calibration(self, missing: Callable[[str], bool]) -> Iterable[Unit]:
        for target in unique(c.target for c in self.combinations):
            for seed in self.seeds:
                pairs = [
                    (self.keys.calibration(target, seed, self.keys.measuring(metric)), metric)
                    for metric in self.metrics
                    if isinstance(metric, (SampleMetric, FittedMetric))
                ]
                wanted = {key: metric for key, metric in pairs if missing(key)}
                for keys in _apart(wanted).values():
                    yield self._held_out(target, seed, [(key, wanted[key]) for key in keys])

    def _held_out(self, original: Target, seed: int, wanted: list[tuple[str, SampleMetric | FittedMetric]]) -> Unit:
        target = self.keys.target(original, seed)

        def job(find: Lookup) -> Job:
            sample = seed, self.suite.sampling.samples, self.suite.noise.sigma_min
            return CalibrateMetricsJob(target, wanted, *sample, self._fits.of(dict(wanted), target, find))

        after = self._fits.keys_of((metric for _, metric in wanted), target)
        keys = tuple(key for key, _ in wanted)
        return Unit(Stage.SAMPLING, keys, job, self.costs.held_out(original), after)

    def networks(self) -> dict[Kind, dict[int, list[Combination]]]:
        """Return the distinct networks: what is trained → seed → a combination for each length and moving average."""
        found: dict[Kind, dict[int, list[Combination]]] = {}
        for c in self.combinations:
            if c.weighting is None:
                continue
            grid = self.keys.weighted_grid(c, self.suite.seeds[0])
            kind = (self.keys.of(c.target), *self.keys.taken(c, "training").values(), grid)
            seeds = found.setdefault(kind, {})
            for lengths in (seeds.setdefault(seed, []) for seed in self.seeds_of(c)):
                if all((c.train_steps, c.ema_decay) != (each.train_steps, each.ema_decay) for each in lengths):
                    lengths.append(c)
        for seeds in found.values():
            for lengths in seeds.values():
                lengths.sort(key=lambda c: c.train_steps)  # stable: averages stay in the suite's order
        return found

    def trained_keys(self) -> list[str]:
        """Return the keys of all trained networks."""
        found = self.networks().values()
        return [self.keys.network(c, seed) for seeds in found for seed, lengths in seeds.items() for c in lengths]

    def blob_keys(self) -> list[str]:
        """Return the keys of all records that hold the digest of a blob: trained networks, and what metrics fitted."""
        return [*self.trained_keys(), *self._fits.keys()]

    def obstacle(self, c: Combination, find: Lookup) -> NotPossible | None:
        """Return why a combination cannot be sampled, as far as what it builds on shows."""
        seeds = self._splits(c)
        parts = [("target", self.keys.information(self.keys.target(c.target, seed))) for seed in seeds]
        parts += [("time discretization", key) for key in self._laid_out(c, seeds, find)]
        if c.weighting is not None:
            parts += [("weighting", self.keys.table(c, seed)) for seed in seeds]
        for what, key in parts:
            try:
                require(find, key, what)
            except NotPossible as error:
                return error
        return None

    def _laid_out(self, c: Combination, seeds: list[int], find: Lookup) -> list[str]:
        """Return the keys of a combination's grids: not of those that wait for a network, or for one that failed.

        `seeds` has one for each distinct target that the combination's seeds have.
        """
        if not self._waits_for_network(c):
            return [self.keys.grid(c, seed) for seed in seeds]
        trained = [s for s in self.seeds_of(c) if (n := find(self.keys.network(c, s))) is not None and n.ok]
        return [key for key in (self.keys.grid(c, seed) for seed in trained) if find(key) is not None]

    def trials(self) -> dict[str, Trial]:
        """Return the trials of its work that were never made here, by their keys (`Costs.missing`)."""
        return self.costs.missing(self.combinations, self.stacks(lambda key: True), self.score_errors)

    def _training(self, missing: Callable[[str], bool]) -> list[Unit]:
        trainer = self.suite.trainer
        return [
            replace(
                training_unit(part, course, trainer, self._blobs, self._unfinished),
                cost=self.costs.training(part, course),
                resources=self._placed,
            )
            for part, course in self.stacks(missing)
        ]

    def stacks(self, missing: Callable[[str], bool]) -> list[tuple[list[Learner[str]], Course]]:
        """Stack what is missing, by target, all that the training takes but the weighting, and whose that is.

        A learned weighting, which runs inside, stands alone.
        """
        trainer = self.suite.trainer
        stacks: dict[tuple[Course, tuple[Component, ...], frozenset[str]], list[Learner[str]]] = {}
        for seeds in self.networks().values():
            for seed, lengths in seeds.items():
                learner, first = self._learner(lengths, seed), lengths[0]
                if any(missing(key) for key in (*learner.keys, *learner.trajectories) if key is not None):
                    steps = tuple(dict.fromkeys(c.train_steps for c in lengths))
                    target = self.keys.target(first.target, seed)
                    course = Course(target, trainable(first.network), steps, trainer.recording)
                    learned = isinstance(learner.weighting, LearnedWeighting)
                    taken = tuple(x for x in learner.components.values() if learned or x is not learner.weighting)
                    stacks.setdefault((course, taken, strangers([learner.weighting])), []).append(learner)
        most = STACK if trainer.stacked else 1
        return [(part, course) for (course, *_), learners in stacks.items() for part in even_parts(learners, most)]

    def _learner(self, lengths: list[Combination], seed: int) -> Learner[str]:
        """Return one network, from a combination for each length of its training and each moving average."""
        first, found = lengths[0], {(c.train_steps, c.ema_decay): self.keys.network(c, seed) for c in lengths}
        steps = {c.train_steps: c for c in lengths}
        kept = itertools.product(steps, self.suite.trainer.ema_decays or (None,))
        keys = tuple(found.get(each) for each in kept)
        trajectories = tuple(key for c in steps.values() if (key := self.keys.trajectory(c, seed)) is not None)
        weighting, components = cast(Weighting, first.weighting), first.taken_by("training")
        return Learner(weighting, self.keys.table(first, seed), seed, keys, trajectories, components)

    def _errors(self, missing: Callable[[str], bool], trained: set[str]) -> Iterable[Unit]:
        kinds: list[tuple[_OfNetworks, Callable[[str], str], Callable[[Combination, str], bool]]] = [
            (MeasureScoreErrorsJob, self.keys.score_error, lambda c, _: self.score_errors.of(c)),
            (MeasureLossesJob, self.keys.losses, lambda _, network: network in self._population),
        ]
        for seeds, (kind, key_of, asked) in itertools.product(self.networks().values(), kinds):
            wanted: dict[Target, list[tuple[str, str, Combination]]] = {}
            for seed, lengths in seeds.items():
                for c, key in ((each, self.keys.network(each, seed)) for each in lengths):
                    if asked(c, key) and (missing(key_of(key)) or key in trained):
                        wanted.setdefault(self.keys.target(c.target, seed), []).append((key_of(key), key, c))
            for target, found in wanted.items():
                for part in even_parts(found, STACK):
                    yield self._measured(kind, target, part)

    @cached_property
    def _population(self) -> frozenset[str]:
        """The keys of the trained networks whose held-out losses anything asks for."""
        asking = (c for c in self.combinations if c.reads_population and c.weighting is not None)
        return frozenset(self.keys.network(c, seed) for c in asking for seed in self.seeds_of(c))

    def _measured(self, kind: _OfNetworks, target: Target, wanted: list[tuple[str, str, Combination]]) -> Unit:
        """Return the unit that measures something of networks on a target, from the keys of both."""

        def job(find: Lookup) -> Job:
            # A network that failed to train is left out: its rows say so already.
            records = [(key, c, find(network)) for key, network, c in wanted]
            trained = tuple((key, self._trained(c, r)) for key, c, r in records if r is not None and r.ok)
            if not trained:
                inapplicable = [r.reason for *_, r in records if r is not None and not r.applicable and r.reason]
                reason = (*inapplicable, "training: none of these networks finished")[0]
                raise NotPossible(reason, applicable=not inapplicable)
            return kind(target, trained, **self._range)

        keys, after = tuple(key for key, _, _ in wanted), frozenset(network for _, network, _ in wanted)
        cost = self.costs.score_errors(wanted[0][2], len(wanted))
        return Unit(Stage.SCORE_ERROR, keys, job, cost, after, len(wanted), self._placed)

    def _trained(self, c: Combination, record: Record) -> TrainedNetwork:
        blob = Blob(record.payload["sha256"], self._blobs)
        device, precision = self.suite.trainer.device, self.suite.precision
        return TrainedNetwork(trainable(c.network), blob, c.taken_by("training"), device, precision)

    def _sampling(self, find: Lookup, missing: Callable[[str], bool]) -> Iterable[Unit]:
        units: dict[str, list[Unit]] = {}
        for c in self.combinations:
            for seed in self.seeds_of(c):
                grid = find(self.keys.grid(c, seed))
                if grid is None or not grid.ok:
                    continue
                key = self.keys.sample(c, grid.payload["sigmas"], seed)
                if key not in units:
                    units[key] = self._evaluations(c, seed, key, grid, missing)
        return [unit for each in units.values() for unit in each]

    def _evaluations(
        self, c: Combination, seed: int, key: str, grid: Record, missing: Callable[[str], bool]
    ) -> list[Unit]:
        """Return the unit that samples and measures; metrics and bounds of strangers are measured in their own."""
        listed: list[Metric | Bound] = [*self.metrics, *self.bounds]
        beside = {measured(key, self.keys.measuring(each)): each for each in listed}
        taken = strangers([c.target, *c.taken_by("training").values(), *c.taken_by("sampling").values()])
        groups = _apart({k: each for k, each in beside.items() if missing(k)}, taken)
        if missing(key):
            groups[frozenset()] = [key, *groups.get(frozenset(), [])]
        found = [(keys, {k: beside[k] for k in keys if k != key}) for keys in groups.values()]
        return [self._evaluate(c, seed, key, grid, tuple(keys), measure) for keys, measure in found]

    def _evaluate(
        self, c: Combination, seed: int, key: str, grid: Record, keys: tuple[str, ...], measure: _Beside
    ) -> Unit:
        """Return the unit that makes the records of `keys`: of what it measures, and perhaps the sampling's `key`."""
        target, network = self.keys.target(c.target, seed), self.keys.network(c, seed)
        information = self.keys.information(target)
        error = self.keys.score_error(network) if self.score_errors.of(c) else None
        trajectory = self.keys.trajectory(c, seed)
        table = None if c.weighting is None else self.keys.table(c, seed)
        losses = self.keys.losses(network) if c.sampler_reads_population and c.weighting is not None else None

        def job(find: Lookup) -> Job:
            oracle = c.network if isinstance(c.network, OracleNetwork) else None
            if oracle and c.sampler_reads_population:
                raise NotPossible(_why_no_losses(c), applicable=False)
            return EvaluateSamplesJob(
                key=key,
                target=target,
                network=oracle or self._trained(c, require_record(find, network, "training")),
                sampler=c.sampler,
                initial_law=c.initial_law,
                sigmas=tuple(grid.payload["sigmas"]),
                seed=seed,
                count=self.suite.sampling.samples,
                information=require(find, information, "target"),
                score_error=None if error is None else require(find, error, "score error"),
                weighting=None if table is None else require(find, table, "weighting"),
                metrics={k: each for k, each in measure.items() if isinstance(each, Metric)},
                bounds={k: each for k, each in measure.items() if isinstance(each, Bound)},
                training=None if trajectory is None else require(find, trajectory, "training"),
                components=c.taken_by("sampling"),
                fits=self._fits.of(measure, target, find),
                losses=None if losses is None else require(find, losses, "held-out losses"),
            )

        trained = frozenset([error or network]) if c.weighting is not None else frozenset()
        after = trained | frozenset(filter(None, [losses])) | self._fits.keys_of(measure.values(), target)
        taken = ONE_CORE if c.weighting is None else self._placed
        return Unit(Stage.SAMPLING, keys, job, self.costs.sampling(c), after, resources=taken)


def _why_no_losses(c: Combination) -> str:
    """Return why a component of a combination that reads held-out losses of a trained network does not apply."""
    if c.weighting is None:
        return f"law=population reads held-out losses of a trained network; {c.network.label()} is not trained"
    return f"law=population reads held-out losses; {c.weighting.label()} trains the network after its grid is laid out"


def _apart(components: Mapping[str, Component], known: frozenset[str] = frozenset()) -> dict[frozenset[str], list[str]]:
    """Return the keys of components by whose code they are made of, besides the harness's own and what is known."""
    found: dict[frozenset[str], list[str]] = {}
    for key, component in components.items():
        found.setdefault(strangers([component]) - known, []).append(key)
    return found
