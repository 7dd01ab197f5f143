"""Across targets: how designs do on several targets at once, of one board or of several, by rank sets and values.

A *contest* is the ranked designs of one target on one board: trained ones or oracles, which train nothing; the two are
never set against each other. A rank set [low, high] counts among all ranked rows of the target, by the tests of its own
row against each other one: low − 1 of these are told better than it, and all beyond high are told worse. Of single
pairs a document tells less. Where one set lies *wholly before* another, the two designs stand in this order as far as
the sets hold; where two overlap, their designs may be told apart or not. In a contest of n designs

    first(a) = (low − 1)/(n − 1),   last(a) = (high − 1)/(n − 1),   where it is of all ranked rows of its target
    place(a) = #{b with a smaller rank}/(n − 1), between first(a) and last(a): 0 is before all others, 1 behind them
    improvability(a) = 1 − min over the others/value(a), at least 0, where the metric is compared by ratios: the part of
        its error by which the best of the contest is better (Erickson et al., TabArena, arXiv:2506.16791)

Where other rows are ranked beside the contest (oracles, or designs that the other boards lack), which of the rows told
better are of the contest is not known, and the ends are bounds on the place that hold wherever the rank sets do:

    (n − 1) first(a) = max(#{b wholly before a}, low − 1 − #{rows beside that are not wholly behind a})
    (n − 1) last(a) = min(n − 1 − #{b wholly behind a}, high − 1 − #{rows beside that are wholly before a})

A design *may be best* in a contest where first(a) = 0: of all rows of a target, where none is told better than it.
Its *win rate* is 1 − (first + last)/2, the mean over targets: among all rows of a target the mean over all others of 1
where one is told worse than it, 0 where told better, 1/2 where neither. (Liang et al., HELM, arXiv:2211.09110, count
wins of plain values instead.)

Where a design has no ranked result, nothing of these numbers is for it or against it. A target counts once however many
boards have it, for boards may share their runs.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import fmean
from typing import TypeVar

from harness.axes import design
from harness.registry.references import Reference
from harness.results.leaderboard import Estimate, Leaderboard, Row
from harness.results.sections import sections


@dataclass(frozen=True)
class SharedDesign:
    """A design as it is the same on every board, whatever versions of packages made it.

    Attributes:
        key: text that is equal exactly for equal designs.
        components: by axis of the design space, without version and digest.
        numbers: by field of a row.
    """

    key: str
    components: Mapping[str, Reference] = field(compare=False)
    numbers: Mapping[str, float | None] = field(compare=False)

    @classmethod
    def of(cls, components: Mapping[str, Reference], row: Row, told: Sequence[str]) -> SharedDesign:
        """Return the design of some components, one for each axis of the design space, with the numbers of a row.

        Arguments:
            components: by axis.
            row: of these components.
            told: the numbers that tell rows of its board apart.
        """
        plain = {axis: each.model_copy(update={"version": "", "digest": ""}) for axis, each in components.items()}
        numbers = {number: getattr(row, number) for number in told}
        parts = [[axis, each.distribution, each.name, each.params] for axis, each in plain.items()]
        return cls(json.dumps([parts, numbers], sort_keys=True), plain, numbers)


@dataclass(frozen=True)
class AllowedRange:
    """A number with the ends that rank sets, or intervals, allow for it; None where these are not known."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class PlaceRange(AllowedRange):
    """Where a design stands among others, from 0, before all, to 1, behind all; rank sets allow from low to high."""

    low: float
    high: float

    @property
    def win_rate(self) -> float:
        """The win rate, as the module says."""
        return 1 - (self.low + self.high) / 2

    def overlaps(self, other: PlaceRange) -> bool:
        """Tell whether rank sets let either of two designs be before the other."""
        return self.low <= other.high and other.low <= self.high


Ranged = TypeVar("Ranged", bound=AllowedRange)


@dataclass(frozen=True)
class Contest:
    """The ranked designs of one target on one board, all trained or all oracles.

    Attributes:
        board: its name.
        target: the label of the target there.
        key: what the target is the same by on every board.
        metric: the one that ranks.
        by_ratio: whether values are compared by ratios, so that a part of an error means something.
        rows: by every name that a design has, its own first.
        beside: the other rows that are ranked on the target.
    """

    board: str
    target: str
    key: str
    metric: str
    by_ratio: bool
    rows: Mapping[SharedDesign, Row]
    beside: Sequence[Row] = ()

    def __post_init__(self) -> None:
        if len(self._rows) < 2:
            raise ValueError(f"a contest of {len(self._rows)} designs compares nothing; it takes two")

    def place(self, name: SharedDesign) -> PlaceRange:
        """Return the place of a design."""
        own, others = self.rows[name], len(self._rows) - 1
        near = len(self.beside) - self._sets_beside.behind(own)
        first = max(self._sets.before(own), own.rank_low - 1 - near)
        last = min(others - self._sets.behind(own), own.rank_high - 1 - self._sets_beside.before(own))
        return PlaceRange(self._sets.smaller(own) / others, first / others, last / others)

    def improvability(self, name: SharedDesign) -> AllowedRange | None:
        """Return by which part of a design's value the best is smaller, and what the intervals of all allow."""
        row = self.rows[name]
        own, others = self._value(row), [self._value(each) for each in self._rows if each is not row]
        if not self.by_ratio or own.value <= 0:
            return None
        told = max(0.0, 1 - min(each.value for each in others) / own.value)
        lows, highs = ([e for each in others if (e := getattr(each, end)) is not None] for end in ("low", "high"))
        if len(lows) < len(others) or own.low is None or own.high is None or own.low <= 0:
            return AllowedRange(told, None, None)
        low, high = max(0.0, 1 - min(highs) / own.low), max(0.0, 1 - min(lows) / own.high)
        return AllowedRange(told, low, min(1.0, high))

    @cached_property
    def _rows(self) -> list[Row]:
        return list({id(row): row for row in self.rows.values()}.values())

    @cached_property
    def _sets(self) -> _RankEnds:
        return _RankEnds.of(self._rows)

    @cached_property
    def _sets_beside(self) -> _RankEnds:
        return _RankEnds.of(self.beside)

    def _value(self, row: Row) -> Estimate:
        return row.metrics[self.metric]


@dataclass(frozen=True)
class _RankEnds:
    """The ranks of some rows and the ends of their sets, each in order."""

    ranks: Sequence[int]
    lows: Sequence[int]
    highs: Sequence[int]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> _RankEnds:
        return cls(*(sorted(getattr(row, end) for row in rows) for end in ("rank", "rank_low", "rank_high")))

    def smaller(self, row: Row) -> int:
        """Return how many have a smaller rank than a row."""
        return bisect_left(self.ranks, row.rank)

    def before(self, row: Row) -> int:
        """Return how many sets lie wholly before that of a row."""
        return bisect_left(self.highs, row.rank_low)

    def behind(self, row: Row) -> int:
        """Return how many sets lie wholly behind that of a row."""
        return len(self.lows) - bisect_right(self.lows, row.rank_high)


@dataclass(frozen=True)
class DesignStanding:
    """A design on the targets where it is ranked.

    Attributes:
        names: all names that lead to the same rows.
        rows: its row in each contest; None where it is not ranked.
        targets: on how many targets it is ranked.
        may_be_best: on how many of them it may be best, on all boards that have them.
        place: the mean over targets.
        improvability: the mean over targets; None where none is compared by ratios.
        worst: its largest improvability on a target.
    """

    names: tuple[SharedDesign, ...]
    rows: tuple[Row | None, ...]
    targets: int
    may_be_best: int
    place: PlaceRange
    improvability: AllowedRange | None
    worst: float | None


@dataclass(frozen=True)
class AcrossTargets:
    """Designs on several targets.

    Attributes:
        contests: in the order of boards and targets.
        standings: those ranked on most targets first, of these the largest win rate, of equal ones the smallest place.
        trained: whether the designs are trained networks; False: oracles.
    """

    contests: tuple[Contest, ...]
    standings: tuple[DesignStanding, ...]
    trained: bool

    @property
    def targets(self) -> list[str]:
        """The targets, each once, by the label that the first board has for it."""
        found: dict[str, str] = {}
        for each in self.contests:
            found.setdefault(each.key, each.target)
        return list(found.values())

    @property
    def alone(self) -> bool:
        """Whether each contest is of all ranked rows of its target, so that rank sets count among its designs."""
        return not any(each.beside for each in self.contests)

    @property
    def boards(self) -> list[str]:
        """The boards, each once."""
        return list(dict.fromkeys(each.board for each in self.contests))


def across_targets(name: str, board: Leaderboard, *, trained: bool) -> AcrossTargets | None:
    """Return how the trained designs of a board, or its oracles, do on its targets; None where fewer than two have two.

    Arguments:
        name: of the board.
        board: with any number of targets.
        trained: which group.
    """
    found = _contests(name, board, trained)
    return combined(found, trained=trained) if len({each.key for each in found}) > 1 else None


def across_boards(boards: Mapping[str, Leaderboard], *, trained: bool) -> list[AcrossTargets]:
    """Return how designs do that stand on two boards or more, among themselves.

    Boards are together that are linked by two designs or more which both have, each in one group.

    Arguments:
        boards: by their names.
        trained: which group.
    """
    contests = [each for name, board in boards.items() for each in _contests(name, board, trained)]
    found: dict[SharedDesign, set[str]] = {}
    for contest in contests:
        for each in contest.rows:
            found.setdefault(each, set()).add(contest.board)
    shared = {each for each, where in found.items() if len(where) > 1}
    kept = [_among(each, shared & each.rows.keys()) for each in contests if _several(each, shared)]
    groups = [combined(linked, trained=trained) for linked in _linked(kept)]
    return [each for each in groups if len(each.boards) > 1]


def _contests(name: str, board: Leaderboard, trained: bool) -> list[Contest]:
    """Return the contests of a board that compare at least two designs."""
    found = []
    for section in sections(board):
        rows = [row for row in section.ranked if (row.train_steps > 0) == trained]
        beside = [row for row in section.ranked if (row.train_steps > 0) != trained]
        if len(rows) < 2:
            continue
        target = rows[0].target
        named: dict[SharedDesign, Row] = {}
        for row in rows:
            named |= {SharedDesign.of(each, row, board.told_numbers): row for each in row.combinations(design())}
        key = json.dumps([target.distribution, target.name, target.params], sort_keys=True)
        by_ratio = board.declared.compared_by(section.metric) == "ratio"
        found.append(Contest(name, section.target, key, section.metric, by_ratio, named, beside))
    return found


def _several(contest: Contest, names: set[SharedDesign]) -> bool:
    """Tell whether at least two designs of a contest have one of some names."""
    return len({id(row) for name, row in contest.rows.items() if name in names}) > 1


def _among(contest: Contest, names: set[SharedDesign]) -> Contest:
    """Return a contest among some of its designs."""
    kept = {name: row for name, row in contest.rows.items() if name in names}
    own = {id(row) for row in kept.values()}
    left = {id(row): row for row in contest.rows.values() if id(row) not in own}
    return replace(contest, rows=kept, beside=[*contest.beside, *left.values()])


def _linked(contests: Sequence[Contest]) -> list[list[Contest]]:
    """Return groups of contests that have designs in common with others of their group alone."""
    groups: list[list[Contest]] = []
    for contest in contests:
        near = [group for group in groups if any(_several(contest, set(each.rows)) for each in group)]
        groups = [group for group in groups if group not in near]
        groups.append([*(each for group in near for each in group), contest])
    order = {id(contest): place for place, contest in enumerate(contests)}
    return [sorted(group, key=lambda each: order[id(each)]) for group in groups]


def combined(contests: Sequence[Contest], *, trained: bool) -> AcrossTargets:
    """Return how the designs of some contests do on all of them.

    Arguments:
        contests: at least one.
        trained: whether their designs are trained networks.
    """
    designs: dict[tuple[int, ...], list[SharedDesign]] = {}
    for name in dict.fromkeys(name for each in contests for name in each.rows):
        designs.setdefault(tuple(id(each.rows.get(name)) for each in contests), []).append(name)
    standings = [_standing(contests, tuple(names)) for names in designs.values()]
    # Rates that differ by the rounding of a sum are equal.
    ordered = sorted(standings, key=lambda each: (-each.targets, -round(each.place.win_rate, 9), each.place.value))
    return AcrossTargets(tuple(contests), tuple(ordered), trained)


def _standing(contests: Sequence[Contest], names: tuple[SharedDesign, ...]) -> DesignStanding:
    own = [each for each in contests if names[0] in each.rows]
    places = _by_target((each.key, each.place(names[0])) for each in own)
    parts = _by_target((each.key, part) for each in own if (part := each.improvability(names[0])) is not None)
    return DesignStanding(
        names,
        tuple(each.rows.get(names[0]) for each in contests),
        len(places),
        sum(all(each.low == 0 for each in found) for found in places.values()),
        _mean_place([_mean_place(found) for found in places.values()]),
        _mean([_mean(found) for found in parts.values()]) if parts else None,
        max((_mean(found).value for found in parts.values()), default=None),
    )


def _by_target(pairs: Iterable[tuple[str, Ranged]]) -> dict[str, list[Ranged]]:
    found: dict[str, list[Ranged]] = {}
    for key, each in pairs:
        found.setdefault(key, []).append(each)
    return found


def _mean_place(places: Sequence[PlaceRange]) -> PlaceRange:
    return PlaceRange(*(fmean(getattr(each, part) for each in places) for part in ("value", "low", "high")))


def _mean(ranges: Sequence[AllowedRange]) -> AllowedRange:
    """Return the mean of numbers, and of their ends where all are known."""
    lows, highs = ([e for each in ranges if (e := getattr(each, end)) is not None] for end in ("low", "high"))
    known = len(lows) == len(ranges) == len(highs)
    return AllowedRange(fmean(each.value for each in ranges), *((fmean(lows), fmean(highs)) if known else (None, None)))
