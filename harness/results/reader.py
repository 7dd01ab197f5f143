"""Reading stored records: all that a result directory holds of one combination, seed by seed, as one typed value.

Each entry is a value, or says once why there is none: its unit of work failed, or is not done yet. What follows from
that (a failed row, no evidence for a claim) is the reader's to say.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from harness.engine.curves import MeasuredScoreError, score_error_from_json
from harness.metrics import Measurement
from harness.planning.keys import measured
from harness.results.leaderboard import Terms

if TYPE_CHECKING:
    from harness.planning.manifest import Manifest, Row
    from harness.records import Record
    from harness.store import Store

T = TypeVar("T", covariant=True)


@dataclass(frozen=True)
class Sampling:
    """One seed's sampling.

    Attributes:
        nfe: evaluations of the network a sample.
        budget: the exact path divergence in nats; None where the path has none.
    """

    nfe: int
    budget: Terms | None


@dataclass(frozen=True)
class Entry(Generic[T]):
    """What one record says.

    Attributes:
        key: of the record.
        seed: of the unit of work; None where it has none.
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
        """Why the unit of work failed, in one line; None where it did not, or is not done yet."""
        return self.record.reason if self.record is not None else None

    @property
    def seconds(self) -> float:
        """What the value took, on one core; 0 where there is none."""
        return self.record.seconds if self.record is not None and self.record.ok else 0.0

    @cached_property
    def value(self) -> T | None:
        """The value; None where the unit failed or is not done yet."""
        return self.parse(self.record.payload) if self.record is not None and self.record.ok else None


@dataclass(frozen=True)
class TargetNumbers:
    """A target in numbers, in units of the data (`harness.targets.Distribution`)."""

    dim: int
    sigma_data: float
    second_moment: float
    finite: bool


@dataclass(frozen=True)
class Results:
    """All that is stored of one combination, an entry a seed.

    Attributes:
        networks: trained networks, of which there is nothing to read here; empty for an oracle.
        samplings: empty where none can be, or a grid is not laid out yet.
        metrics: by label; the value of an entry is None also where the metric does not apply.
        bounds: by label, in the bound's unit; likewise.
    """

    networks: tuple[Entry[None], ...]
    samplings: tuple[Entry[Sampling], ...]
    metrics: Mapping[str, tuple[Entry[Measurement | None], ...]]
    bounds: Mapping[str, tuple[Entry[float | None], ...]]
    _row: Row
    _read: _Read

    @cached_property
    def grids(self) -> tuple[Entry[list[float]], ...]:
        """The noise levels of each grid, N+1 numbers, decreasing; read when they are asked for."""
        return self._read.entries(self._row.grids, lambda payload: list(payload["sigmas"]))

    @cached_property
    def errors(self) -> tuple[Entry[MeasuredScoreError], ...]:
        """The score error e(σ) of each trained network; read when it is asked for."""
        return self._read.entries(self._row.errors, score_error_from_json)

    def measurements(self) -> Iterator[Entry[object]]:
        """Yield the entries of all metrics, then of all bounds."""
        for entries in (*self.metrics.values(), *self.bounds.values()):
            yield from entries

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

    def entries(
        self, keys: Sequence[str], parse: Callable[[Mapping[str, Any]], T], known: Mapping[str, Record] | None = None
    ) -> tuple[Entry[T], ...]:
        records = self.store.get(dict.fromkeys(keys)) if known is None else known
        # Fewer keys than seeds: those of the others are not known yet.
        return tuple(Entry(key, seed, records.get(key), parse) for key, seed in zip(keys, self.seeds, strict=False))


def read_results(rows: Manifest, row: Row, store: Store) -> Results:
    """Return what a store holds of one combination.

    Arguments:
        rows: what the directory compares.
        row: the combination.
        store: the records.

    Raises:
        StoreError: the store cannot be read. Reading the value of an entry raises a KeyError where another version of
            this program made the record.
    """
    read = _Read(rows.seeds, store)
    metrics = {label: [measured(key, digest) for key in row.samples] for label, digest in rows.metrics.items()}
    bounds = {label: [measured(key, digest) for key in row.samples] for label, digest in rows.bounds.items()}
    keys = itertools.chain(row.networks, row.samples, *metrics.values(), *bounds.values())
    known = store.get(dict.fromkeys(keys))
    return Results(
        networks=read.entries(row.networks, lambda payload: None, known),
        samplings=read.entries(row.samples, _sampling, known),
        metrics={label: read.entries(keys, measurement, known) for label, keys in metrics.items()},
        bounds={
            label: read.entries(keys, lambda payload: payload.get("value"), known) for label, keys in bounds.items()
        },
        _row=row,
        _read=read,
    )


def read_target(key: str, store: Store) -> Entry[TargetNumbers]:
    """Return what a store holds of a target, from the key of its record.

    Raises:
        StoreError: the store cannot be read.
    """
    return Entry(key, None, store.get([key]).get(key), _numbers)


def measurement(payload: Mapping[str, Any]) -> Measurement | None:
    """Return what a metric's record says; None where it does not apply."""
    if "value" not in payload:
        return None
    freedom = math.inf if payload["freedom"] is None else payload["freedom"]
    return Measurement(payload["value"], payload["standard_error"], payload["bias"], freedom, payload["shared"])


def _sampling(payload: Mapping[str, Any]) -> Sampling:
    terms = payload["budget"]
    return Sampling(payload["nfe"], None if terms is None else Terms.model_validate(terms))


def _numbers(payload: Mapping[str, Any]) -> TargetNumbers:
    return TargetNumbers(payload["dim"], payload["sigma_data"], payload["second_moment"], payload["finite"])
