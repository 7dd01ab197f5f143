"""Stored designs: a row of a leaderboard, with all that its samples are drawn from, in a result directory."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.axes import crossed, numbers_of, taken_by
from harness.blobs import Blob
from harness.components import ComponentError
from harness.engine.jobs import EvaluateSamplesJob, TrainedNetwork
from harness.engine.payloads import grid
from harness.engine.payloads.training import TrainingPayload
from harness.engine.random_streams import NoiseStream
from harness.errors import HarnessError, did_you_mean
from harness.networks import OracleNetwork
from harness.planning.manifest import Manifest, PlannedRow, is_absent
from harness.planning.units import trainable
from harness.results.directory import read_manifest
from harness.results.document import DocumentError
from harness.results.kept_data import WHERE, keep_data, kept_target, picture_range
from harness.results.leaderboard import Leaderboard, Row
from harness.results.published import is_published
from harness.results.references import find
from harness.results.sections import TargetSection, sections
from harness.store import Store, StoreError

if TYPE_CHECKING:
    import numpy as np

    from harness.components import Component
    from harness.data_units import DataUnits
    from harness.initial_laws import InitialLaw
    from harness.records import Record
    from harness.registry.references import Reference
    from harness.registry.registry import Registry
    from harness.samplers import Sampler
    from harness.targets import Target
    from harness.trainers import Device, Precision

MOST = NoiseStream.BLOCK * 2**16
"""Samples of one seed that have noise of their own."""


@dataclass(frozen=True, eq=False)
class DrawnSamples:
    """Samples in the units of the data.

    Attributes:
        points: shape (n, *shape), float64.
        labels: what the network was told each to be, shape (n,), int64; None where it is told nothing.
        columns: names of the coordinates; empty where the data have none.
        low: the least value of some points of the data themselves, for pictures: black.
        high: the largest: white.
    """

    points: np.ndarray
    labels: np.ndarray | None
    columns: tuple[str, ...]
    low: float
    high: float


def chosen_section(board: Leaderboard, target: str | None = None) -> TargetSection:
    """Return the rows of a target.

    Arguments:
        board: the leaderboard.
        target: its label, or as much of it as fits one alone; None where the leaderboard has one target.

    Raises:
        DocumentError: there is no such target, or several.
    """
    known = {section.target: section for section in sections(board)}
    if target in known:
        return known[target]
    fitting = [label for label, section in known.items() if target is None or find(target, [section.rows[0].target])]
    if len(fitting) == 1:
        return known[fitting[0]]
    if not fitting:
        raise DocumentError(f"target {target!r} has no rows here; {did_you_mean(str(target), known)}")
    raise DocumentError(f"the leaderboard has {len(fitting)} such targets; say which: {', '.join(fitting)}")


def chosen_row(board: Leaderboard, rank: int = 1, target: str | None = None) -> Row:
    """Return the finished row of a rank: of several that share it the first.

    Arguments:
        board: the leaderboard.
        rank: the place among the rows of the target, from 1.
        target: as of `chosen_section`.

    Raises:
        DocumentError: no such target or rank, or the row did not finish.
    """
    section = chosen_section(board, target)
    rows = sorted(section.rows, key=lambda row: row.rank)
    if not 1 <= rank <= len(rows):
        raise DocumentError(f"rank {rank} does not exist: {section.target} has ranks 1 to {len(rows)}")
    row = next((row for row in rows if row.rank == rank), rows[rank - 1])
    if not row.ok:
        raise DocumentError(f"rank {rank} of {section.target} has no samples, {row.status}: {row.reason}")
    return row


@dataclass(frozen=True)
class StoredDesign:
    """A finished row, and where what it was made of lies.

    Attributes:
        directory: the result directory.
        row: of its leaderboard.
        planned: the keys of its records.
        manifest: of its suite.
        registry: where its components come from.
        data: where the data lie now; None: where the run read them, or what is kept of them.
    """

    directory: Path
    row: Row
    planned: PlannedRow
    manifest: Manifest
    registry: Registry
    data: Path | None = None

    @cached_property
    def components(self) -> Mapping[str, Component | None]:
        """Its component of each axis but the target; None where it has none, as what trains an oracle.

        Raises:
            ComponentError: one is not installed, or is no longer what it was.
        """
        found = {axis: self.row.component(axis) for axis in crossed() if axis != "target"}
        return {
            axis: None if is_absent(axis, reference) else self.registry.remake(axis, reference)
            for axis, reference in found.items()
        }

    def target(self, network_seed: int | None = None) -> Target:
        """Return what the network of a seed was trained on, or what is kept of it where that has changed or is gone.

        Raises:
            ComponentError: it has changed, or its data are gone, and nothing is kept.
        """
        seed, reference = self.seed_or_first(network_seed), self.row.target
        try:
            return cast("Target", self.registry.remake("target", reference, self.data)).for_seed(seed)
        except HarnessError as error:
            if self.data is not None:
                raise
            kept = kept_target(self.directory, reference.digest, seed)
            if kept is None:
                raise ComponentError(_gone(reference, error)) from error
            return kept

    def units(self, network_seed: int | None = None) -> DataUnits:
        """Return how the points of its target relate to the data; raises as `job`, and ContractError."""
        from harness.engine.drawing import units_of

        return units_of(self.target(network_seed))

    def seed_or_first(self, seed: int | None) -> int:
        """Return the seed of one of its networks: the first where none is given.

        Raises:
            HarnessError: the run had no such seed.
        """
        seeds = self.manifest.seeds_of(self.planned)
        if seed is not None and seed not in seeds:
            raise HarnessError(f"no network has seed {seed}; those of the run: {', '.join(map(str, seeds))}")
        return seeds[0] if seed is None else seed

    def job(self, network_seed: int | None = None, device: Device = "cpu") -> EvaluateSamplesJob:
        """Return the sampling of the network of a seed, as the run had it, but that it measures nothing.

        Arguments:
            network_seed: of one of its networks; None: the first.
            device: where a trained network is evaluated.

        Raises:
            ComponentError: as `components`.
            StoreError: something of it is missing or damaged.
        """
        seed = self.seed_or_first(network_seed)
        place = self.manifest.seeds_of(self.planned).index(seed)
        planned, parts = self.planned, self.components
        with closing(Store.read(self.directory)) as store:
            records = store.get(planned.record_keys())
            network = self._network(records, place, device, store)
        return EvaluateSamplesJob(
            key=planned.samples[place],
            target=self.target(seed),
            network=network,
            sampler=cast("Sampler", parts["sampler"]),
            initial_law=cast("InitialLaw", parts["initial_law"]),
            sigmas=tuple(grid.from_json(self._needed(records, planned.grids[place]).payload)),
            seed=seed,
            count=0,
            information=self._needed(records, planned.information[place]).payload,
            score_error=self._needed(records, planned.errors[place]).payload if planned.errors else None,
            weighting=self._needed(records, planned.tables[place]).payload if planned.tables else None,
            metrics={},
            bounds={},
            losses=self._needed(records, planned.losses[place]).payload if planned.losses else None,
            components={axis: part for axis in taken_by("sampling") if (part := parts[axis]) is not None},
        )

    def draw(
        self, count: int, seed: int | None = None, *, network_seed: int | None = None, device: Device = "cpu"
    ) -> DrawnSamples:
        """Draw samples, in the units of the data.

        Arguments:
            count: how many.
            seed: of the noise; None: that of the network's seed, whose first samples are those that the run measured.
            network_seed: which of the trained networks; None: the first.
            device: where a trained network is evaluated.

        Raises:
            HarnessError: no count, or a seed that is none.
            ComponentError: as `job`, and StoreError.
            BlobError: the checkpoint of the network is gone or damaged.
        """
        from harness.engine.drawing import draw, units_of

        if not 1 <= count <= MOST:
            raise HarnessError(f"{count} samples cannot be drawn; give at least 1 and at most {MOST}")
        if seed is not None and seed < 0:
            raise HarnessError(f"seed {seed} is negative; give a whole number from 0")
        job = self.job(network_seed, device)
        drawn = draw(replace(job, count=count, seed=job.seed if seed is None else seed))
        units, (low, high) = units_of(job.target), picture_range(job.target)
        return DrawnSamples(
            points=units.restore(drawn.points).numpy(),
            labels=None if drawn.labels is None else drawn.labels.numpy(),
            columns=units.columns,
            low=low,
            high=high,
        )

    def keep_data(self) -> None:
        """Keep beside the results what samples need of the data: of a target that reads none, nothing.

        Raises:
            HarnessError: as `harness.results.kept_data.keep_data`; so OSError.
        """
        seeds: dict[Target, list[int]] = {}
        for seed in self.manifest.seeds_of(self.planned):
            seeds.setdefault(self.target(seed), []).append(seed)
        if any(target.content_digest() for target in seeds):
            start = cast("InitialLaw", self.components["initial_law"]), self.planned.sigma_max
            keep_data(self.directory, self.row.target.digest, list(seeds.items()), start)

    def _network(
        self, records: Mapping[str, Record], place: int, device: Device, store: Store
    ) -> OracleNetwork | TrainedNetwork:
        network = self.components["network"]
        if isinstance(network, OracleNetwork):
            return network
        assert network is not None
        payload = TrainingPayload.from_json(self._needed(records, self.planned.networks[place]).payload)
        parts = {axis: part for axis in taken_by("training") if (part := self.components[axis]) is not None}
        precision = cast("Precision", self.manifest.environment.get("precision", "float32"))
        return TrainedNetwork(trainable(network), Blob(payload.sha256, store.blobs), parts, device, precision)

    def _needed(self, records: Mapping[str, Record], key: str) -> Record:
        record = records.get(key)
        if record is None or not record.ok:
            raise StoreError(f"{self.directory}: record {key} of this row is missing or damaged; run the suite again")
        return record


def _gone(target: Reference, error: HarnessError) -> str:
    """Return why a target cannot be made again, and what to do where its data lie elsewhere now."""
    path = target.params.get("path")
    if isinstance(path, str) and not Path(path).exists():
        return f"{Path(path).absolute()}, the data of this design, is not there; {WHERE}"
    return f"{error}; or {WHERE}"


def stored_design(directory: Path, row: Row, registry: Registry, suite: str | None = None) -> StoredDesign:
    """Return a row of the leaderboard of a result directory as a design that samples can be drawn from.

    Arguments:
        directory: the result directory.
        row: a finished row of its leaderboard.
        registry: where components come from.
        suite: the name of the suite; None where the directory holds one alone.

    Raises:
        StoreError: the directory is no result directory, or no longer holds the row.
    """
    check_results(directory)
    with closing(Store.read(directory)) as store:
        manifest = read_manifest(store, suite)
    wanted = {axis: row.component(axis).digest for axis in crossed()}
    planned = manifest.row_of(wanted, numbers_of(row))
    if planned is None:
        raise StoreError(f"{directory} no longer holds this row; read its leaderboard again")
    return StoredDesign(directory, row, planned, manifest, registry)


def check_results(directory: Path) -> None:
    """Refuse the page of a published leaderboard, where no network is.

    Raises:
        StoreError: it is one.
    """
    if is_published(directory):
        rule = "networks lie in the result directory of the run alone (harness run --out DIR); name that"
        raise StoreError(f"{directory} is a published page, which has no networks: {rule}")
