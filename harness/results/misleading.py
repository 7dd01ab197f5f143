"""Where an average misleads: two axes interact, and averages hide the best pair, an order, or the size of an effect.

Of each pair of axes that interacts by the test of `Interaction` three things are looked at: whether another pair is
better than that of the best averages; which choices change their order from one setting of the other axis to another;
and which choices have an effect that varies over these settings by more than the averages on that axis lie apart.

Each is said only of cells that are told apart as if all cells of the pair were compared at once. A cell has its own
interval, or the one of Bonferroni over the pair's cells by the error pooled over them, whichever is wider: few seeds
tell each cell's error badly, and many cells make many chances. An error over points that all designs share is counted
like one over seeds there, which is too little where it is most of an interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from harness.results.leaderboard import Cell, Coordinate, Interaction, Leaderboard
from harness.results.statistics.intervals import quantile


@dataclass(frozen=True)
class Reversal:
    """Two choices of an axis whose order with one choice of another axis is not that with a second.

    Attributes:
        axis: whose choices change their order.
        first: one of them.
        second: the other.
        ahead: the cells of both where the first is ahead by most.
        behind: the cells of both where it is behind by most.
        ahead_with: the choice on the other axis where it is ahead.
        behind_with: the choice there where it is behind.
        margin: the smaller of the two gaps between intervals, above 0; in ln where cells are factors.
    """

    axis: Coordinate
    first: str
    second: str
    ahead: tuple[Cell, Cell]
    behind: tuple[Cell, Cell]
    ahead_with: str
    behind_with: str
    margin: float

    @property
    def choices(self) -> tuple[str, str]:
        """The two choices."""
        return self.first, self.second


@dataclass(frozen=True)
class Swing:
    """A choice whose effect differs between settings by more than the averages of its axis lie apart.

    Attributes:
        axis: of the choice.
        choice: it.
        best: its effect where it does best against the mean over the choices there: a factor, or a difference.
        worst: its effect where it does worst.
        best_with: the choice on the other axis where it does best.
        worst_with: the choice there where it does worst.
        margin: by how much more, above 0; in ln where effects are factors.
    """

    axis: Coordinate
    choice: str
    best: float
    worst: float
    best_with: str
    worst_with: str
    margin: float


@dataclass(frozen=True)
class Misleading:
    """Two axes that interact, and what averages over one of them do not tell.

    Attributes:
        interaction: the test, and the cells.
        best_pair: whether another pair than that of the best averages is better.
        reversals: the choices that change their order, those by the widest margin first.
        swings: the choices whose effect varies most, likewise.
    """

    interaction: Interaction
    best_pair: bool
    reversals: tuple[Reversal, ...]
    swings: tuple[Swing, ...]

    def of(self, axis: Coordinate) -> bool:
        """Return whether averages over an axis' choices mislead."""
        return self.best_pair or axis in {entry.axis for found in (self.reversals, self.swings) for entry in found}


def misleading(board: Leaderboard) -> list[Misleading]:
    """Return the interactions of a board by which an average misleads, in its order."""
    seeds = {target: _seeds(board, target) for target in {each.target for each in board.interactions}}
    found = [found_in(each, seeds[each.target]) for each in board.interactions]
    return [each for each in found if each.best_pair or each.reversals or each.swings]


def misled_choices(found: Sequence[Misleading]) -> set[tuple[str, str | None, Coordinate, str]]:
    """Return whose average hides an order or a size: (target, among, axis, choice), as of `Effect`."""
    return {
        (each.interaction.target, each.interaction.among, axis, choice)
        for each in found
        for axis, choice in (
            *((reversal.axis, choice) for reversal in each.reversals for choice in reversal.choices),
            *((swing.axis, swing.choice) for swing in each.swings),
        )
    }


@dataclass(frozen=True)
class _Placed:
    """A cell where effects add up: ln of a factor, or a difference; its interval is `half` to either side."""

    cell: Cell
    value: float
    half: float

    @property
    def size(self) -> float:
        """The value as a factor, or as the difference that it is."""
        return self.value if self.cell.factor is None else math.exp(self.value)


_Table = Mapping[str, Mapping[str, _Placed]]
"""Cells by the choice on one axis, then by the choice on the other."""


def _seeds(board: Leaderboard, target: str) -> int:
    """Return over how many seeds the effects on a target are: those of the row that has most of them."""
    of = board.named(target)[0]
    metric = board.ranking(of).effects_by
    return max(row.metrics[metric].n_seeds for row in board.rows if row.target == of and metric in row.metrics)


def found_in(entry: Interaction, seeds: int) -> Misleading:
    """Return what averages over two axes do not tell; what it finds is empty where nothing is told apart.

    Arguments:
        entry: the pair of axes with its cells.
        seeds: how many the interval of each cell is over.
    """
    rows = _by_choice(_placed(entry.cells, seeds))
    columns = _by_choice([(other, choice, each) for choice, row in rows.items() for other, each in row.items()])
    axes = ((entry.axis, rows), (entry.other, columns))
    reversals = [each for axis, table in axes for each in _reversals(axis, table)]
    swings = [each for axis, table in axes for each in _swings(axis, table)]
    return Misleading(
        entry,
        _hides_best(rows, columns),
        tuple(sorted(reversals, key=lambda each: -each.margin)),
        tuple(sorted(swings, key=lambda each: -each.margin)),
    )


def _placed(cells: Sequence[Cell], seeds: int) -> list[tuple[str, str, _Placed]]:
    """Return the choices of each cell with its place; with fewer than two seeds no cell is told from another."""
    values = [cell.size if cell.factor is None else math.log(cell.size) for cell in cells]
    halves = [_half(cell) if seeds > 1 else math.inf for cell in cells]
    error = math.sqrt(math.fsum(half**2 for half in halves) / len(cells)) / quantile(max(1, seeds - 1))
    least = error * quantile(max(1, (len(cells) - 1) * (seeds - 1)), len(cells))
    return [
        (cell.choice, cell.other_choice, _Placed(cell, value, max(half, least)))
        for cell, value, half in zip(cells, values, halves, strict=True)
    ]


def _half(cell: Cell) -> float:
    if cell.high is None or cell.low is None:
        return math.inf
    if cell.factor is None:
        return (cell.high - cell.low) / 2
    return math.log(cell.high / cell.low) / 2 if cell.low > 0 else math.inf


def _by_choice(cells: Sequence[tuple[str, str, _Placed]]) -> dict[str, dict[str, _Placed]]:
    found: dict[str, dict[str, _Placed]] = {}
    for choice, level, each in cells:
        found.setdefault(choice, {})[level] = each
    return found


def _means(table: _Table) -> dict[str, float]:
    """Return the average of each choice."""
    return {choice: math.fsum(each.value for each in row.values()) / len(row) for choice, row in table.items()}


def _hides_best(rows: _Table, columns: _Table) -> bool:
    """Return whether another pair is told to be better than that of the best averages."""
    first, second = (min(means, key=means.__getitem__) for means in (_means(rows), _means(columns)))
    expected = rows[first][second]
    return any(_gap(each, expected) > 0 for row in rows.values() for each in row.values())


def _reversals(axis: Coordinate, table: _Table) -> Iterator[Reversal]:
    """Yield the pairs of choices of an axis that change their order, each where either is ahead by most."""
    for first, second in combinations(table, 2):
        pairs = {level: (each, table[second][level]) for level, each in table[first].items()}
        ahead = max(pairs, key=lambda level: _gap(*pairs[level]))
        behind = max(pairs, key=lambda level: _gap(*pairs[level][::-1]))
        margin = min(_gap(*pairs[ahead]), _gap(*pairs[behind][::-1]))
        if margin > 0:
            (a, b), (c, d) = pairs[ahead], pairs[behind]
            yield Reversal(axis, first, second, (a.cell, b.cell), (c.cell, d.cell), ahead, behind, margin)


def _swings(axis: Coordinate, table: _Table) -> Iterator[Swing]:
    """Yield the choices whose effect varies by more than the averages of all choices lie apart.

    An effect with one setting is the cell less the mean over the choices there; its error is less than the cell's.
    """
    averages = _means(table).values()
    apart = max(averages) - min(averages)
    names = list(next(iter(table.values())))
    levels = {level: math.fsum(row[level].value for row in table.values()) / len(table) for level in names}
    for choice, row in table.items():
        effects = {level: replace(each, value=each.value - levels[level]) for level, each in row.items()}
        best, worst = (side(effects, key=lambda level: effects[level].value) for side in (min, max))
        margin = _gap(effects[best], effects[worst]) - apart
        if margin > 0:
            yield Swing(axis, choice, effects[best].size, effects[worst].size, best, worst, margin)


def _gap(low: _Placed, high: _Placed) -> float:
    """Return how far the interval of one cell is below that of another; where it is not above 0 they overlap."""
    return (high.value - high.half) - (low.value + low.half)
