"""The reader of records: all that a result directory holds of a combination, a target, a network, as typed values.

Each entry is a value, or says once why there is none: its unit of work failed, or is not done yet. What follows from
that (a failed row, no evidence for a verdict) is for whoever reads it to say.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from harness import trajectories
from harness.engine.curves import MeasuredScoreError, score_error_from_json
from harness.engine.payloads import grid
from harness.engine.payloads.fit import FitPayload
from harness.engine.payloads.measured import bound_from_json, measurement_from_json
from harness.engine.payloads.sampling import SamplingPayload
from harness.engine.payloads.target import (
    TargetNumbers,
    curve_from_json,
    least_loss_from_json,
    numbers_from_json,
)
from harness.engine.payloads.training import TrainingPayload
from harness.metrics import Measurement
from harness.planning.keys import measured
from harness.results.leaderboard import Terms
from harness.results.pictures import SamplePictures
from harness.store import Store, StoreError
from harness.weighting_tables import WeightingTable, table_from_json

if TYPE_CHECKING:
    import numpy as np

    from harness.information import Information
    from harness.planning.manifest import Manifest, PlannedRow
    from harness.records import Record
    from harness.targets import Target
    from harness.trajectories import Trajectory

T = TypeVar("T", covariant=True)


@dataclass(frozen=True)
class SampledPayload:
    """One seed's sampling.

    Attributes:
        nfe: evaluations of the network a sample.
        budget: the exact path divergence in nats; None where the path has none.
        spread: root mean square distance of the samples from the mean of p_δ, over that of p_δ itself; None where it
            was not measured.
        pictures: a few samples; None where they are no images.
        labelled: whether the network is given labels; of records that do not tell, false.
    """

    nfe: int
    budget: Terms | None
    spread: float | None = None
    pictures: SamplePictures | None = None
    labelled: bool = False


@dataclass(frozen=True)
class Stored(Generic[T]):
    """What one record says.

    Attributes:
        key: of the record.
        seed: of the unit of work; None where it has none, or whoever reads it does not tell.
        record: None where the unit is not done yet.
        parse: makes the value of the record's payload.
    """

    key: str
    seed: int | None
    record: Record | None
    parse: Callable[[Mapping[str, Any]], T]

    @property
    def missing(self) -> bool:
        """Whether the unit of work is not done yet."""
        return self.record is None

    @property
    def reason(self) -> str | None:
        """Why the unit of work failed or does not apply, in one line; None where it did neither, or is not done yet."""
        return self.record.reason if self.record is not None else None

    @property
    def applicable(self) -> bool:
        """Whether no component said that it does not apply."""
        return self.record is None or self.record.applicable

    @property
    def why_none(self) -> str | None:
        """Why a metric or a bound that was computed has no value: it does not apply; None where it has one."""
        said = self.record.payload.get("not_applicable") if self.record is not None and self.record.ok else None
        return None if said is None else str(said)

    @property
    def seconds(self) -> float:
        """What the value took, on one core; 0 where there is none."""
        return self.record.seconds if self.record is not None and self.record.ok else 0.0

    @property
    def took(self) -> float:
        """What the unit took, on one core, whether it failed or not; 0 where it is not done yet."""
        return self.record.seconds if self.record is not None else 0.0

    @cached_property
    def value(self) -> T | None:
        """The value; None where the unit failed or is not done yet. Raises like `require`."""
        return self.require() if self.record is not None and self.record.ok else None

    def require(self) -> T:
        """Return the value of a unit that was done and did what it should.

        Raises:
            StoreError: another version of this program made the record.
            ValueError: there is no value.
        """
        if self.record is None or not self.record.ok:
            raise ValueError(f"record {self.key} has no value")
        try:
            return self.parse(self.record.payload)
        except KeyError as error:
            # Every record passed its checksum: what lacks a field was made by another program.
            rule = "was made by another version of diffusion-harness; run the same command again"
            raise StoreError(f"record {self.key} {rule}") from error


@dataclass(frozen=True)
class Results:
    """All that is stored of one combination, an entry a seed.

    Attributes:
        networks: trained networks; empty for an oracle.
        samplings: empty where none can be, or a grid is not laid out yet.
        metrics: by label; the value of an entry is None also where the metric does not apply.
        bounds: by label, in the bound's unit, with the error of the curves behind it; likewise.
    """

    networks: tuple[Stored[TrainingPayload], ...]
    samplings: tuple[Stored[SampledPayload], ...]
    metrics: Mapping[str, tuple[Stored[Measurement | None], ...]]
    bounds: Mapping[str, tuple[Stored[Measurement | None], ...]]
    _row: PlannedRow
    _read: _Read

    @cached_property
    def grids(self) -> tuple[Stored[list[float]], ...]:
        """The noise levels of each grid, N+1 numbers, decreasing; read when they are asked for."""
        return self._read.each_seed(self._row.grids, grid.from_json)

    @cached_property
    def score_errors(self) -> tuple[Stored[MeasuredScoreError], ...]:
        """The score error e(σ) of each trained network; read when it is asked for."""
        return self._read.each_seed(self._row.errors, score_error_from_json)

    def measurements(self) -> Iterator[Stored[object]]:
        """Yield the entries of all metrics, then of all bounds."""
        for entries in (*self.metrics.values(), *self.bounds.values()):
            yield from entries

    @property
    def labelled(self) -> bool:
        """Whether it has a path divergence, of a network that is given labels."""
        known = [entry.value for entry in self.samplings if entry.value is not None]
        return any(value.labelled and value.budget is not None for value in known)

    def budgets(self) -> list[Terms]:
        """Return the budget of each seed that was sampled, in nats; empty where one has none."""
        found = [entry.value.budget for entry in self.samplings if entry.value is not None]
        budgets = [terms for terms in found if terms is not None]
        return budgets if len(budgets) == len(found) else []


@dataclass(frozen=True)
class _Read:
    """Makes entries of the records under keys, one a seed."""

    seeds: Sequence[int]
    store: Store

    def each_seed(
        self, keys: Sequence[str], parse: Callable[[Mapping[str, Any]], T], known: Mapping[str, Record] | None = None
    ) -> tuple[Stored[T], ...]:
        records = self.store.get(dict.fromkeys(keys)) if known is None else known
        # Fewer keys than seeds: those of the others are not known yet.
        return tuple(Stored(key, seed, records.get(key), parse) for key, seed in zip(keys, self.seeds, strict=False))


def read_results(manifest: Manifest, row: PlannedRow, store: Store) -> Results:
    """Return what a store holds of one combination.

    Arguments:
        manifest: of the suite that the combination is of.
        row: the combination.
        store: the records.

    Raises:
        StoreError: the store cannot be read.
    """
    keys = _RowKeys.of(manifest, row)
    return keys.results(row, _Read(manifest.seeds, store), store.get(dict.fromkeys(keys)))


TOGETHER = 100
"""Combinations that are read at once."""


def read_rows(manifest: Manifest, store: Store) -> Iterator[Results]:
    """Yield what a store holds of each combination of a suite, as `read_results` does, with few questions to it.

    Raises:
        StoreError: the store cannot be read.
    """
    read = _Read(manifest.seeds, store)
    for start in range(0, len(manifest.rows), TOGETHER):
        rows = manifest.rows[start : start + TOGETHER]
        keys = [_RowKeys.of(manifest, row) for row in rows]
        known = store.get(dict.fromkeys(itertools.chain.from_iterable(keys)))
        yield from (own.results(row, read, known) for row, own in zip(rows, keys, strict=True))


@dataclass(frozen=True)
class _RowKeys:
    """The keys of the records of one combination, one a seed."""

    networks: Sequence[str]
    samples: Sequence[str]
    metrics: Mapping[str, Sequence[str]]
    bounds: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, manifest: Manifest, row: PlannedRow) -> _RowKeys:
        metrics, bounds = (
            {label: [measured(key, digest) for key in row.samples] for label, digest in labels.items()}
            for labels in (manifest.metrics, manifest.bounds)
        )
        return cls(row.networks, row.samples, metrics, bounds)

    def __iter__(self) -> Iterator[str]:
        return itertools.chain(self.networks, self.samples, *self.metrics.values(), *self.bounds.values())

    def results(self, row: PlannedRow, read: _Read, known: Mapping[str, Record]) -> Results:
        """Return the results of a combination from records that were read."""
        return Results(
            networks=read.each_seed(self.networks, TrainingPayload.from_json, known),
            samplings=read.each_seed(self.samples, _sampling, known),
            metrics={label: read.each_seed(keys, measurement_from_json, known) for label, keys in self.metrics.items()},
            bounds={label: read.each_seed(keys, bound_from_json, known) for label, keys in self.bounds.items()},
            _row=row,
            _read=read,
        )


def _sampling(payload: Mapping[str, Any]) -> SampledPayload:
    found = SamplingPayload.from_json(payload)
    terms = None if found.budget is None else Terms.model_validate(found.budget)
    pictures = None if found.pictures is None else SamplePictures(**found.pictures.to_json())
    return SampledPayload(found.nfe, terms, found.spread, pictures, found.labelled)


# Records of a kind, by their keys. All raise a StoreError where the store cannot be read.


def read_target(key: str, store: Store) -> Stored[TargetNumbers]:
    """Return a target in numbers, from the key of its record."""
    return _read([key], store, numbers_from_json)[key]


def read_information(key: str, target: Target, store: Store) -> Stored[Information]:
    """Return J(u) of a target, from the key of its record; a closed form comes from the target."""
    return _read([key], store, lambda payload: curve_from_json(payload, target.distribution()))[key]


def read_least_losses(keys: Iterable[str], store: Store) -> dict[str, Stored[Callable[[np.ndarray], np.ndarray]]]:
    """Return c(σ) of targets (`harness.engine.payloads.target`), by the keys of their records."""
    return _read(keys, store, least_loss_from_json)


def read_grids(keys: Iterable[str], store: Store) -> dict[str, Stored[list[float]]]:
    """Return the noise levels of grids, each N+1 numbers, decreasing, by the keys of their records."""
    return _read(keys, store, grid.from_json)


def read_tables(keys: Iterable[str], store: Store) -> dict[str, Stored[WeightingTable]]:
    """Return the tables of weightings, by the keys of their records."""
    return _read(keys, store, table_from_json)


def read_networks(keys: Iterable[str], store: Store) -> dict[str, Stored[TrainingPayload]]:
    """Return what is stored of trained networks, by the keys of their records."""
    return _read(keys, store, TrainingPayload.from_json)


def read_score_errors(keys: Iterable[str], store: Store) -> dict[str, Stored[MeasuredScoreError]]:
    """Return e(σ) of trained networks, by the keys of their records (not of the networks)."""
    return _read(keys, store, score_error_from_json)


def read_trajectories(keys: Iterable[str], store: Store) -> dict[str, Stored[Trajectory]]:
    """Return what was recorded of trainings, by the keys of their records."""
    return _read(keys, store, trajectories.from_json)


def read_fits(keys: Iterable[str], store: Store) -> dict[str, Stored[FitPayload]]:
    """Return what is stored of the fits of metrics, by the keys of their records."""
    return _read(keys, store, FitPayload.from_json)


def read_calibration(keys: Iterable[str], store: Store) -> dict[str, Stored[Measurement | None]]:
    """Return what metrics say of held-out samples, by the keys of their records; None where one does not apply."""
    return _read(keys, store, measurement_from_json)


def _read(keys: Iterable[str], store: Store, parse: Callable[[Mapping[str, Any]], T]) -> dict[str, Stored[T]]:
    wanted = dict.fromkeys(keys)
    records = store.get(wanted)
    return {key: Stored(key, None, records.get(key), parse) for key in wanted}
