"""Differences: what changed from one leaderboard to another, and which of it is beyond the intervals."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

from harness.axes import NUMBERS, crossed
from harness.registry.references import Reference
from harness.results.document import Count, Document, Name, Part
from harness.results.labels import Labels
from harness.results.leaderboard import Estimate, Leaderboard, Row

Difference = Literal["beyond", "within", "unknown"]


class Change(Part):
    """A metric of a design that both leaderboards have, where it is not the same.

    Attributes:
        design: what the design is of each axis on which designs of either leaderboard differ.
        before: its value in the first.
        after: in the second.
        difference: `beyond` where the values differ by more than the 95 % limits of the difference of two independent
            measurements, `within` where not; `unknown` where one has no interval.
    """

    target: Name
    design: dict[str, str]
    metric: Name
    before: float
    after: float
    difference: Difference

    @property
    def size(self) -> float:
        """What the second is of the first; infinite where that is 0."""
        return self.after / self.before if self.before else math.inf


class Moved(Part):
    """A design whose status or rank set changed: of another rank only where the two sets of ranks do not meet."""

    target: Name
    design: dict[str, str]
    before: str
    after: str


class BoardDiff(Document):
    """What changed from one leaderboard to another.

    Attributes:
        settings: what was fixed for all rows and differs, by name: the first's and the second's.
        both: designs that both have, on the same target.
        gone: designs that only the first has.
        new: designs that only the second has.
        same: metrics of designs of both that are the same to the last bit.
        changes: the others, those beyond their intervals first, the largest first.
        moved: designs of another status or, where both have the same designs, of ranks that do not meet.
    """

    noun: ClassVar[str] = "a comparison of leaderboards"

    schema_version: Literal[1]
    settings: dict[str, list[str]]
    both: Count
    gone: Count
    new: Count
    same: Count
    changes: list[Change]
    moved: list[Moved]


Identity = tuple[object, ...]


def differences(before: Leaderboard, after: Leaderboard) -> BoardDiff:
    """Return what changed.

    Designs are the same by names, numbers, and the parameters that both leaderboards tell of a component, whatever its
    code is: one that is younger than a leaderboard has its default there.
    """
    identities = _Identities(before, after)
    known = {name: row for row in after.rows for name in identities(row)}
    found = ((row, next((known[name] for name in identities(row) if name in known), None)) for row in before.rows)
    pairs = [(row, other) for row, other in found if other is not None]
    told = _Words(before, after)
    metrics = [(a, b, name) for a, b in pairs for name in sorted(a.metrics.keys() & b.metrics.keys())]
    changed = [(a, b, name) for a, b, name in metrics if a.metrics[name] != b.metrics[name]]
    # Ranks are among the rows that are there: only where these are the same do they say something.
    all_there = len(pairs) == len(before.rows) == len(after.rows)
    moves = [(a, b) for a, b in pairs if a.status != b.status or (all_there and _apart(a, b))]
    return BoardDiff(
        schema_version=1,
        settings=dict(_settings(before, after)),
        both=len(pairs),
        gone=len(before.rows) - len(pairs),
        new=len(after.rows) - len({id(found) for _, found in pairs}),
        same=len(metrics) - len(changed),
        changes=sorted(
            (_change(told.target(a), told.design(a), name, a.metrics[name], b.metrics[name]) for a, b, name in changed),
            key=_order,
        ),
        moved=[
            Moved(target=told.target(a), design=told.design(a), before=_place(a), after=_place(b)) for a, b in moves
        ],
    )


class _Identities:
    """What designs of two leaderboards are the same by."""

    def __init__(self, *boards: Leaderboard) -> None:
        self._numbers = _told_numbers(boards)
        told = [_parameters(board) for board in boards]
        self._shared = {
            name: set.intersection(*(each[name] for each in told if name in each)) for name in set().union(*told)
        }

    def __call__(self, row: Row) -> list[Identity]:
        """Return it for each combination that a row stands for."""
        numbers, names = [getattr(row, number) for number in self._numbers], row.combinations(crossed())
        return [(*(self._plain(axis, each) for axis, each in name.items()), *numbers) for name in names]

    def _plain(self, axis: str, reference: Reference) -> str:
        """Return what tells a component whatever its code is: a copy of it would keep what it knows of its digest."""
        shared = self._shared[axis, reference.distribution, reference.name]
        params = {name: value for name, value in reference.params.items() if name in shared}
        return json.dumps([reference.distribution, reference.name, params], sort_keys=True)


def _told_numbers(boards: Sequence[Leaderboard]) -> list[str]:
    """Return the numbers that tell rows of one of some leaderboards apart."""
    return [number for number in NUMBERS if any(number in board.told_numbers for board in boards)]


def _parameters(board: Leaderboard) -> dict[tuple[str, str, str], set[str]]:
    """Return which parameters a leaderboard tells of each component, by its axis, distribution and name."""
    found: dict[tuple[str, str, str], set[str]] = {}
    for row in board.rows:
        for axis in crossed():
            for each in row.names(axis):
                found.setdefault((axis, each.distribution, each.name), set()).update(each.params)
    return found


def _apart(a: Row, b: Row) -> bool:
    """Tell whether the ranks of a design do not meet those that it had."""
    return a.ok and (a.rank_low > b.rank_high or b.rank_low > a.rank_high)


def _place(row: Row) -> str:
    return f"ranks {row.rank_low}–{row.rank_high}" if row.ok else row.status


class _Words:
    """How designs of two leaderboards are called: by what tells them apart."""

    def __init__(self, *boards: Leaderboard) -> None:
        rows = [row for board in boards for row in board.rows]
        self._label = Labels((axis, row.component(axis)) for row in rows for axis in crossed())
        self._numbers = _told_numbers(boards)
        values = [self._values(row) for row in rows]
        self._varied = [name for name in values[0] if len({each[name] for each in values}) > 1] if values else []

    def target(self, row: Row) -> str:
        return self._label("target", row.target)

    def design(self, row: Row) -> dict[str, str]:
        own = self._values(row)
        return {name: own[name] for name in self._varied}

    def _values(self, row: Row) -> dict[str, str]:
        axes = {axis: self._label(axis, row.component(axis)) for axis in crossed() if axis != "target"}
        numbers = {number: getattr(row, number) for number in self._numbers}
        return axes | {name: "" if value is None else f"{value:g}" for name, value in numbers.items()}


def _change(target: str, design: dict[str, str], metric: str, a: Estimate, b: Estimate) -> Change:
    halves = [_half(a, b.value), _half(b, a.value)]
    known = [half for half in halves if half is not None]
    difference: Difference = "unknown"
    if len(known) == len(halves):
        difference = "beyond" if abs(a.value - b.value) > math.hypot(*known) else "within"
    return Change(target=target, design=design, metric=metric, before=a.value, after=b.value, difference=difference)


def _half(estimate: Estimate, towards: float) -> float | None:
    """Return how far an interval reaches from its value in the direction of another value."""
    end = estimate.high if towards > estimate.value else estimate.low
    return None if end is None else abs(end - estimate.value)


def _order(change: Change) -> tuple[bool, float]:
    ratio = change.size
    return change.difference != "beyond", -abs(math.log(ratio)) if 0 < ratio < math.inf else -math.inf


def _settings(before: Leaderboard, after: Leaderboard) -> Iterator[tuple[str, list[str]]]:
    """Yield what differs of the settings and the environment of two leaderboards."""
    first, second = _flat(before), _flat(after)
    for name in dict.fromkeys([*first, *second]):
        told = [each.get(name, "not told") for each in (first, second)]
        if told[0] != told[1]:
            yield name, told


def _flat(board: Leaderboard) -> Mapping[str, str]:
    found: dict[str, str] = {"suite": board.suite, "rank_by": ", ".join(board.rank_by)}
    if board.setup is not None:
        found |= {
            "seeds": ", ".join(map(str, board.setup.seeds)),
            "sigma_min": f"{board.setup.sigma_min:g}",
            "sigma_max": f"{board.setup.sigma_max:g}",
            "samples": str(board.setup.samples),
            "metrics": ", ".join(entry.metric for entry in board.setup.metrics),
        }
        if board.setup.training is not None:
            found |= {"training": board.setup.training.method}
            found |= {name: str(value) for name, value in board.setup.training.params.items()}
    return found | {name: str(value) for name, value in board.environment.items()}
