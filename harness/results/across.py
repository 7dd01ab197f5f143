"""Across targets: how designs do on several targets at once, of one board or of several, by rank sets and values.

A *contest* is the ranked designs of one target on one board: trained ones or oracles, which train nothing; the two are
never set against each other. In a contest of n designs whose rank sets are [low, high],

    a is told better than b where a.high < b.low; where neither is told better they tie
    first(a) = #{b told better than a}/(n − 1),   last(a) = 1 − #{b told worse than a}/(n − 1)
    place(a) = #{b with a smaller rank}/(n − 1), between first(a) and last(a): 0 is before all others, 1 behind them
    improvability(a) = 1 − best/value(a), where the metric is compared by ratios: the part of its error by which the
        best of the contest is better (Erickson et al., TabArena, arXiv:2506.16791)

The *win rate* of a is the mean, over all others that it shares a target with, of its mean score against each on the
targets that both have: 1 where it is told better, 0 where told worse, 1/2 where they tie. Over complete contests its
mean over designs is 1/2. (Liang et al., HELM, arXiv:2211.09110, count wins of plain values instead.)

Where a design has no ranked result, nothing of these numbers is for it or against it. A target counts once however many
boards have it, for boards may share their runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean

import numpy as np

from harness.axes import NUMBERS, design
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
    def of(cls, components: Mapping[str, Reference], row: Row) -> SharedDesign:
        """Return the design of some components, one for each axis of the design space, with the numbers of a row."""
        plain = {axis: each.model_copy(update={"version": "", "digest": ""}) for axis, each in components.items()}
        numbers = {number: getattr(row, number) for number in NUMBERS}
        parts = [[axis, each.distribution, each.name, each.params] for axis, each in plain.items()]
        return cls(json.dumps([parts, numbers], sort_keys=True), plain, numbers)


@dataclass(frozen=True)
class AllowedRange:
    """A number with the ends that rank sets, or intervals, allow for it; None where these are not known."""

    value: float
    low: float | None
    high: float | None


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
    """

    board: str
    target: str
    key: str
    metric: str
    by_ratio: bool
    rows: Mapping[SharedDesign, Row]

    def __post_init__(self) -> None:
        if len(self._rows) < 2:
            raise ValueError(f"a contest of {len(self._rows)} designs compares nothing; it takes two")

    def score(self, a: SharedDesign, b: SharedDesign) -> float:
        """Return 1 where a is told better than b, 0 where it is told worse, 1/2 where they tie."""
        first, second = self.rows[a], self.rows[b]
        return 0.5 * (1 + (first.rank_high < second.rank_low) - (second.rank_high < first.rank_low))

    def place(self, name: SharedDesign) -> AllowedRange:
        """Return the place of a design between 0, before all others, and 1."""
        own, others = self.rows[name], len(self._rows) - 1
        first = sum(each.rank_high < own.rank_low for each in self._rows)
        last = others - sum(each.rank_low > own.rank_high for each in self._rows)
        before = sum(each.rank < own.rank for each in self._rows)
        return AllowedRange(before / others, first / others, last / others)

    def improvability(self, name: SharedDesign) -> AllowedRange | None:
        """Return by which part of a design's value the best is smaller, and what the intervals of all allow."""
        own = self._value(self.rows[name])
        if not self.by_ratio or own.value <= 0:
            return None
        told = 1 - min(each.value for each in self._values) / own.value
        lows, highs = ([e for each in self._values if (e := getattr(each, end)) is not None] for end in ("low", "high"))
        if len(lows) < len(self._values) or own.low is None or own.high is None or own.low <= 0:
            return AllowedRange(told, None, None)
        return AllowedRange(told, max(0.0, 1 - min(highs) / own.low), min(1.0, 1 - min(lows) / own.high))

    @cached_property
    def _rows(self) -> list[Row]:
        return list({id(row): row for row in self.rows.values()}.values())

    @cached_property
    def _values(self) -> list[Estimate]:
        return [self._value(row) for row in self._rows]

    def _value(self, row: Row) -> Estimate:
        return row.metrics[self.metric]


@dataclass(frozen=True)
class DesignStanding:
    """A design on the targets where it is ranked.

    Attributes:
        names: all names that lead to the same rows.
        rows: its row in each contest; None where it is not ranked.
        targets: on how many targets it is ranked.
        may_be_best: on how many of them none is told better than it, on any board.
        place: the mean over targets, between 0 and 1.
        win_rate: as the module says; None where it shares no target with another.
        improvability: the mean over targets; None where none is compared by ratios.
        worst: its largest improvability on a target.
    """

    names: tuple[SharedDesign, ...]
    rows: tuple[Row | None, ...]
    targets: int
    may_be_best: int
    place: AllowedRange
    win_rate: float | None
    improvability: AllowedRange | None
    worst: float | None


@dataclass(frozen=True)
class AcrossTargets:
    """Designs on several targets.

    Attributes:
        contests: in the order of boards and targets.
        standings: the largest win rate first; of equal ones the smallest place.
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
        if len(rows) < 2:
            continue
        target = rows[0].target
        named: dict[SharedDesign, Row] = {}
        for row in rows:
            named |= {SharedDesign.of(each, row): row for each in row.combinations(design())}
        key = json.dumps([target.distribution, target.name, target.params], sort_keys=True)
        by_ratio = board.declared.compared_by(section.metric) == "ratio"
        found.append(Contest(name, section.target, key, section.metric, by_ratio, named))
    return found


def _several(contest: Contest, names: set[SharedDesign]) -> bool:
    """Tell whether at least two designs of a contest have one of some names."""
    return len({id(row) for name, row in contest.rows.items() if name in names}) > 1


def _among(contest: Contest, names: set[SharedDesign]) -> Contest:
    """Return a contest among some of its designs."""
    kept = {name: row for name, row in contest.rows.items() if name in names}
    return Contest(contest.board, contest.target, contest.key, contest.metric, contest.by_ratio, kept)


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
    names = [tuple(found) for found in designs.values()]
    rates = _win_rates(contests, [found[0] for found in names])
    standings = [_standing(contests, found, rate) for found, rate in zip(names, rates, strict=True)]
    # Rates that differ by the rounding of a sum are equal.
    ordered = sorted(standings, key=lambda each: (-round(each.win_rate or 0.0, 9), each.place.value))
    return AcrossTargets(tuple(contests), tuple(ordered), trained)


def _standing(contests: Sequence[Contest], names: tuple[SharedDesign, ...], win_rate: float | None) -> DesignStanding:
    own = [each for each in contests if names[0] in each.rows]
    places = _by_target((each.key, each.place(names[0])) for each in own)
    parts = _by_target((each.key, part) for each in own if (part := each.improvability(names[0])) is not None)
    return DesignStanding(
        names,
        tuple(each.rows.get(names[0]) for each in contests),
        len(places),
        sum(all(each.low == 0 for each in found) for found in places.values()),
        _mean([_mean(found) for found in places.values()]),
        win_rate,
        _mean([_mean(found) for found in parts.values()]) if parts else None,
        max((_mean(found).value for found in parts.values()), default=None),
    )


def _win_rates(contests: Sequence[Contest], names: Sequence[SharedDesign]) -> list[float | None]:
    """Return the win rate of each design, by the first of its names."""
    shape = (len(names), len(names))
    total, targets = np.zeros(shape), np.zeros(shape)
    for key in dict.fromkeys(each.key for each in contests):
        found = [_scores(each, names) for each in contests if each.key == key]
        known = np.isfinite(found).sum(0)
        total += np.divide(np.nansum(found, 0), known, out=np.zeros(shape), where=known > 0)
        targets += known > 0
    against = np.divide(total, targets, out=np.zeros(shape), where=targets > 0).sum(1)
    others = (targets > 0).sum(1)
    return [float(won / n) if n else None for won, n in zip(against, others, strict=True)]


def _scores(contest: Contest, names: Sequence[SharedDesign]) -> np.ndarray:
    """Return `Contest.score` of each pair of designs; NaN where one has no row, and of a design with itself."""
    rows = [contest.rows.get(name) for name in names]
    low, high = (
        np.array([np.nan if r is None else getattr(r, end) for r in rows]) for end in ("rank_low", "rank_high")
    )
    scores = 0.5 * (1 + (high[:, None] < low).astype(float) - (low[:, None] > high))
    scores[np.isnan(low), :] = scores[:, np.isnan(low)] = np.nan
    np.fill_diagonal(scores, np.nan)
    return scores


def _by_target(pairs: Iterable[tuple[str, AllowedRange]]) -> dict[str, list[AllowedRange]]:
    found: dict[str, list[AllowedRange]] = {}
    for key, each in pairs:
        found.setdefault(key, []).append(each)
    return found


def _mean(ranges: Sequence[AllowedRange]) -> AllowedRange:
    """Return the mean of numbers, and of their ends where all are known."""
    lows, highs = ([e for each in ranges if (e := getattr(each, end)) is not None] for end in ("low", "high"))
    known = len(lows) == len(ranges) == len(highs)
    return AllowedRange(fmean(each.value for each in ranges), *((fmean(lows), fmean(highs)) if known else (None, None)))
