"""The units of work that a suite takes, from its combinations.

Rounds, until nothing is missing. The groundwork measures the targets, tabulates the weightings and lays out the
grids. What follows from it trains each distinct network once (networks of one shape stacked), measures its score error
once, lays out the grids that ask for it, and samples each distinct pair of network, sampler and grid once: a sampling
goes by the levels of its grid, so that it is planned when they are known. A unit is needed where a record that it makes
is not in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.bounds import Bound
from harness.descents import Descent
from harness.engine.jobs import (
    CalibrateJob,
    ErrorJob,
    EvaluateJob,
    GridJob,
    InformationJob,
    Job,
    TableJob,
    TrainedNetwork,
    Training,
    TrainJob,
    TrainMember,
)
from harness.errors import HarnessError, NotPossible, SuiteError, one_line
from harness.metrics import SampleMetric
from harness.networks import Network, OracleNetwork, TrainableNetwork
from harness.planning.keys import Keys, measured
from harness.planning.manifest import manifest
from harness.planning.units import Find, Unit, even_parts, require, require_record, trainable, unique
from harness.weightings import AdaptiveWeighting, GridWeighting, Weighting

if TYPE_CHECKING:
    from harness.records import Record
    from harness.registry.registry import Registry
    from harness.suites.combinations import Combination
    from harness.suites.model import Suite
    from harness.targets import Target

STACK = 16
"""Most networks in one stack: more gain nothing, and memory stays flat."""

DESCENT_COST = 1e-5
"""Estimated seconds of one step of gradient descent, for each point at each level (measured, `relu`)."""

Kind = tuple["Target", Network, Weighting, str | None]
"""What is trained: target, network, weighting, and the key of the grid that the weighting is made for."""


class Plan:
    """The units of one suite, and the rows that their records will fill."""

    def __init__(self, suite: Suite, registry: Registry, combinations: list[Combination], folder: Path) -> None:
        """Take a suite, its combinations, and the folder where checkpoints lie."""
        self.suite = suite
        self.combinations = combinations
        self._folder = folder
        self.keys = Keys(suite, registry)
        self.metrics, ranking = suite.metric_components(registry)
        self.rank_by = registry.label(ranking)
        self.bounds = [b for b in suite.components("bound", registry) if isinstance(b, Bound)]
        noise = suite.noise
        self._range = {"sigma_min": noise.sigma_min, "sigma_max": noise.sigma_max}
        self._readers = []
        for target in unique(c.target for c in combinations):
            # Reads a user's file: one that cannot be used is told before anything is opened or made.
            try:
                self.keys.of(target)
                self._readers += [target] if target.content_digest() else []
            except HarnessError:
                raise
            except Exception as error:
                raise SuiteError(f"target {target.label()} cannot be read: {one_line(error)}") from error

    def check_sources(self) -> None:
        """See that the files that targets read are still the ones that the keys were made for.

        Raises:
            SuiteError: one has changed, so that what was computed may belong to another key.
        """
        for target in self._readers:
            if self.keys.outdated(target):
                raise SuiteError(f"target {target.label()} changed while it was read; run the same command again")

    @property
    def limit(self) -> float:
        """Seconds that one unit may take for each network in it."""
        return self.suite.limits.seconds

    def contents(self, find: Find, command: str) -> dict[str, Any]:
        """Return the rows that the records fill, as JSON values, once the groundwork is done."""
        rows: dict[str, Any] = manifest(self, find, command).model_dump()
        return rows

    def groundwork(self, missing: Callable[[str], bool]) -> list[Unit]:
        """Return the units of the first round that are missing."""
        units: dict[str, Unit] = {}
        for c in self.combinations:
            early = () if self._waits_for_network(c) else (self._grid(c, self.suite.seeds[0]),)
            for unit in (self._information(c), *early, *self._tables(c)):
                if missing(unit.keys[0]):
                    units.setdefault(unit.keys[0], unit)
        return list(units.values())

    def _waits_for_network(self, c: Combination) -> bool:
        """Whether a combination has a grid for each seed, laid out by the score error of a trained network."""
        return c.grid_follows_network and c.weighting is not None

    def _information(self, c: Combination) -> Unit:
        key = self.keys.information(c.target)
        job = InformationJob(key, c.target, **self._range)
        return Unit(0, (key,), lambda find: job, 5.0)

    def _tables(self, c: Combination) -> Iterable[Unit]:
        if c.weighting is None:
            return
        key, weighting = self.keys.table(c), c.weighting
        grid = self.keys.grid(c, 0) if isinstance(weighting, GridWeighting) else None

        def job(find: Find) -> Job:
            sigmas = None if grid is None else tuple(require(find, grid, "time discretization")["sigmas"])
            return TableJob(key, weighting, c.target, sigmas=sigmas, **self._range)

        yield Unit(0, (key,), job, 0.1, frozenset([grid] if grid else []))

    def _grid(self, c: Combination, seed: int) -> Unit:
        key, rule = self.keys.grid(c, seed), c.time_discretization
        information = self.keys.information(c.target) if rule.needs_information else None
        trained = self._waits_for_network(c)
        error = self.keys.error(self.keys.network(c, seed)) if trained else None
        oracle = c.network if c.grid_follows_network and isinstance(c.network, OracleNetwork) else None

        def job(find: Find) -> Job:
            return GridJob(
                key,
                rule,
                c.noise_schedule,
                c.steps,
                target=c.target if information or error or oracle else None,
                information=require(find, information, "target") if information else None,
                sampler=c.sampler if rule.needs_sampler else None,
                network=oracle,
                score_error=require(find, error, "score error") if error else None,
                sigma_min=self.suite.noise.sigma_min,
                sigma_max=c.sigma_max,
            )

        return Unit(2 if trained else 0, (key,), job, 0.1, frozenset(filter(None, (information, error))))

    def work(self, find: Find, missing: Callable[[str], bool]) -> list[Unit]:
        """Return the missing units of the second round; combinations without a grid have none (yet)."""
        return [*self.fixed_work(missing), *self._sampling(find, missing)]

    def fixed_work(self, missing: Callable[[str], bool]) -> list[Unit]:
        """Return what of the second round does not wait for the grids."""
        training = self._training(missing)
        trained = {key for unit in training for key in unit.keys}
        return [*self._calibration(missing), *training, *self._errors(missing, trained), *self._late_grids(missing)]

    def _late_grids(self, missing: Callable[[str], bool]) -> Iterable[Unit]:
        units: dict[str, Unit] = {}
        for c in filter(self._waits_for_network, self.combinations):
            for unit in (self._grid(c, seed) for seed in self.suite.seeds):
                if missing(unit.keys[0]):
                    units.setdefault(unit.keys[0], unit)
        return units.values()

    def sampling_cost(self, c: Combination) -> float:
        """Return the estimated seconds of one sampling with its metrics."""
        return 0.1 + c.steps * self.suite.sampling.samples * 5e-6

    def _calibration(self, missing: Callable[[str], bool]) -> Iterable[Unit]:
        for target in unique(c.target for c in self.combinations):
            for seed in self.suite.seeds:
                pairs = [
                    (self.keys.calibration(target, seed, self.keys.of(metric)), metric)
                    for metric in self.metrics
                    if isinstance(metric, SampleMetric)
                ]
                wanted = [pair for pair in pairs if missing(pair[0])]
                if wanted:
                    yield self._held_out(target, seed, wanted)

    def _held_out(self, target: Target, seed: int, wanted: list[tuple[str, SampleMetric]]) -> Unit:
        job = CalibrateJob(target, wanted, seed, self.suite.sampling.samples, self.suite.noise.sigma_min)
        return Unit(3, tuple(key for key, _ in wanted), lambda find: job, 0.3)

    def networks(self) -> dict[Kind, dict[int, list[Combination]]]:
        """Return the distinct networks: what is trained → seed → a combination per training level."""
        found: dict[Kind, dict[int, list[Combination]]] = {}
        for c in self.combinations:
            if c.weighting is None:
                continue
            grid = self.keys.grid(c, 0) if isinstance(c.weighting, GridWeighting) else None
            seeds = found.setdefault((c.target, c.network, c.weighting, grid), {s: [] for s in self.suite.seeds})
            for levels in seeds.values():
                if all(c.train_steps != other.train_steps for other in levels):
                    levels.append(c)
        for seeds in found.values():
            for levels in seeds.values():
                levels.sort(key=lambda c: c.train_steps)
        return found

    def trained_keys(self) -> list[str]:
        """Return the keys of all trained networks."""
        found = self.networks().values()
        return [self.keys.network(c, seed) for seeds in found for seed, levels in seeds.items() for c in levels]

    def obstacle(self, c: Combination, find: Find) -> str | None:
        """Return why a combination cannot be sampled, as far as what it builds on shows."""
        parts = [("target", self.keys.information(c.target))]
        parts += [("time discretization", key) for key in self._laid_out(c, find)]
        if c.weighting is not None:
            parts.append(("weighting", self.keys.table(c)))
        for what, key in parts:
            try:
                require(find, key, what)
            except NotPossible as error:
                return str(error)
        return None

    def _laid_out(self, c: Combination, find: Find) -> list[str]:
        """Return the keys of a combination's grids: not of those that wait for a network, or for one that failed."""
        if not self._waits_for_network(c):
            return [self.keys.grid(c, self.suite.seeds[0])]
        trained = [s for s in self.suite.seeds if (n := find(self.keys.network(c, s))) is not None and n.ok]
        return [key for key in (self.keys.grid(c, seed) for seed in trained) if find(key) is not None]

    def _training(self, missing: Callable[[str], bool]) -> list[Unit]:
        """Stack what is missing, by target and network; an adaptive weighting, which runs inside, stands alone."""
        stacks: dict[object, list[tuple[Combination, int, tuple[str, ...]]]] = {}
        for (target, network, weighting, _), seeds in self.networks().items():
            for seed, levels in seeds.items():
                keys = tuple(self.keys.network(c, seed) for c in levels)
                if any(map(missing, keys)):
                    alone = weighting if isinstance(weighting, AdaptiveWeighting) else None
                    steps = tuple(c.train_steps for c in levels)
                    stacks.setdefault((target, network, alone, steps), []).append((levels[0], seed, keys))
        units = []
        for (_, _, _, steps), members in stacks.items():  # type: ignore[misc]
            most = 1 if self.suite.training.method == "gradient-descent" else STACK
            units += [self._stack(part, steps) for part in even_parts(members, most)]
        return units

    def _stack(self, members: list[tuple[Combination, int, tuple[str, ...]]], steps: tuple[int, ...]) -> Unit:
        first = members[0][0]
        settings = self.suite.training
        tables = [self.keys.table(c) for c, _, _ in members]

        def job(find: Find) -> Job:
            # A weighting that could not be tabulated is left out: its rows say so already.
            found = [(member, find(table)) for member, table in zip(members, tables, strict=True)]
            parts = tuple(
                TrainMember(keys, c.weighting, table.payload, seed)
                for (c, seed, keys), table in found
                if c.weighting is not None and table is not None and table.ok
            )
            if not parts:
                raise NotPossible("weighting: none of these could be tabulated")
            training = self._how(steps)
            return TrainJob(trainable(first.network), first.target, parts, training, self._folder)

        cost = steps[-1] * len(members) * settings.batch_size / 256 * 1.2e-3
        if settings.method == "gradient-descent":
            cost = steps[-1] * len(members) * settings.step_points * DESCENT_COST
        keys = tuple(key for _, _, keys in members for key in keys)
        return Unit(1, keys, job, cost, networks=len(members))

    def _how(self, steps: tuple[int, ...]) -> Training:
        """Return how networks are trained, for these lengths."""
        t = self.suite.training
        low, high = self._range["sigma_min"], self._range["sigma_max"]
        if t.method == "gradient-descent":
            descent = Descent(t.points, t.levels, steps[-1], t.rate, low, high, record=None)
            return Training(steps, 0, 0.0, 0.0, low, high, descent)
        return Training(steps, t.batch_size, t.learning_rate, t.ema_decay, low, high)

    def _errors(self, missing: Callable[[str], bool], trained: set[str]) -> Iterable[Unit]:
        for (target, network, _, _), seeds in self.networks().items():
            pairs = [
                (self.keys.error(key), key)
                for seed, levels in seeds.items()
                for key in (self.keys.network(c, seed) for c in levels)
                if missing(self.keys.error(key)) or key in trained
            ]
            for part in even_parts(pairs, STACK):
                yield self._score_error(target, trainable(network), part)

    def _score_error(self, target: Target, network: TrainableNetwork, pairs: list[tuple[str, str]]) -> Unit:
        def job(find: Find) -> Job:
            # A network that failed to train is left out: its rows say so already.
            records = [(key, find(network_key)) for key, network_key in pairs]
            trained = tuple((key, self._trained(network, r)) for key, r in records if r is not None and r.ok)
            if not trained:
                raise NotPossible("training: none of these networks finished")
            return ErrorJob(target, trained, **self._range)

        keys, after = tuple(key for key, _ in pairs), frozenset(key for _, key in pairs)
        return Unit(2, keys, job, 1.0 + 0.5 * len(pairs), after, len(pairs))

    def _trained(self, network: TrainableNetwork, record: Record) -> TrainedNetwork:
        return TrainedNetwork(network, self._folder / f"{record.key}.safetensors", record.payload["sha256"])

    def _sampling(self, find: Find, missing: Callable[[str], bool]) -> Iterable[Unit]:
        units: dict[str, Unit] = {}
        for c in self.combinations:
            for seed in self.suite.seeds:
                grid = find(self.keys.grid(c, seed))
                if grid is None or not grid.ok:
                    continue
                key = self.keys.sample(c, grid.payload["sigmas"], seed)
                if key not in units and (unit := self._evaluate(c, seed, key, grid, missing)) is not None:
                    units[key] = unit
        return units.values()

    def _evaluate(
        self, c: Combination, seed: int, key: str, grid: Record, missing: Callable[[str], bool]
    ) -> Unit | None:
        metrics = {measured(key, self.keys.of(m)): m for m in self.metrics}
        bounds = {measured(key, self.keys.of(b)): b for b in self.bounds}
        keys = tuple(k for k in (key, *metrics, *bounds) if missing(k))
        if not keys:
            return None
        network, information = self.keys.network(c, seed), self.keys.information(c.target)
        error = self.keys.error(network)
        table = None if c.weighting is None else self.keys.table(c)

        def job(find: Find) -> Job:
            oracle = c.network if isinstance(c.network, OracleNetwork) else None
            return EvaluateJob(
                key=key,
                target=c.target,
                network=oracle or self._trained(trainable(c.network), require_record(find, network, "training")),
                sampler=c.sampler,
                initial_law=c.initial_law,
                sigmas=tuple(grid.payload["sigmas"]),
                seed=seed,
                count=self.suite.sampling.samples,
                information=require(find, information, "target"),
                score_error=None if oracle else require(find, error, "score error"),
                weighting=None if table is None else require(find, table, "weighting"),
                metrics={k: m for k, m in metrics.items() if k in keys},
                bounds={k: b for k, b in bounds.items() if k in keys},
                training=None if oracle else require(find, network, "training").get("trajectory"),
            )

        after = frozenset([error]) if c.weighting is not None else frozenset()
        return Unit(3, keys, job, self.sampling_cost(c), after)
