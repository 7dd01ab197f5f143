"""Where an average misleads: two axes interact, and it hides the best pair or the order of two choices.

The average of a choice over the settings of another axis tells of each setting only as far as the choices keep their
order there. Of each pair of axes that interacts by the test of `Interaction` two things are looked at: whether the best
pair is that of the best averages, and which choices change their order from one setting to another by intervals that
do not overlap. Two 95 % intervals that do not overlap are a stricter sign than a test of their difference at 5 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from harness.results.leaderboard import Cell, Coordinate, Interaction, Leaderboard


@dataclass(frozen=True)
class Reversal:
    """Two choices of an axis whose order with one choice of another axis is not that with a second.

    Attributes:
        axis: whose choices change their order.
        first: one of them.
        second: the other.
        ahead: the cells of both where the first is ahead by most; their intervals do not overlap.
        behind: the cells of both where it is behind by most; these neither.
        ahead_with: the choice on the other axis where it is ahead.
        behind_with: the choice there where it is behind.
    """

    axis: Coordinate
    first: str
    second: str
    ahead: tuple[Cell, Cell]
    behind: tuple[Cell, Cell]
    ahead_with: str
    behind_with: str

    @property
    def choices(self) -> tuple[str, str]:
        """The two choices."""
        return self.first, self.second

    @property
    def margin(self) -> float:
        """The smaller of the two gaps between intervals (`gap`)."""
        return min(gap(*self.ahead), gap(*self.behind[::-1]))


@dataclass(frozen=True)
class Misleading:
    """Two axes that interact, and what averages over one of them do not tell.

    Attributes:
        interaction: the test, and the cells.
        best_pair: whether the best pair is not that of the best averages.
        reversals: the choices that change their order, those by the widest margin first.
    """

    interaction: Interaction
    best_pair: bool
    reversals: tuple[Reversal, ...]

    def of(self, axis: Coordinate) -> bool:
        """Return whether averages over an axis' choices mislead."""
        return self.best_pair or any(reversal.axis == axis for reversal in self.reversals)


def misleading(board: Leaderboard) -> list[Misleading]:
    """Return the interactions of a board by which an average misleads, in its order."""
    sizes = {(e.target, e.among, e.axis, e.choice): e.size for e in board.effects}
    found = [Misleading(each, _hides_best(each, sizes), _reversals(each)) for each in board.interactions]
    return [each for each in found if each.best_pair or each.reversals]


def reordered(found: Sequence[Misleading]) -> set[tuple[str, str | None, Coordinate, str]]:
    """Return what changes its order with another choice somewhere: (target, among, axis, choice), as of `Effect`."""
    return {
        (each.interaction.target, each.interaction.among, reversal.axis, choice)
        for each in found
        for reversal in each.reversals
        for choice in reversal.choices
    }


def _hides_best(entry: Interaction, sizes: Mapping[tuple[str, str | None, Coordinate, str], float]) -> bool:
    """Return whether the best pair is not that of the best averages."""

    def best(axis: Coordinate, found: set[str]) -> str | None:
        known = {c: sizes[key] for c in found if (key := (entry.target, entry.among, axis, c)) in sizes}
        return min(sorted(known), key=lambda choice: known[choice], default=None)

    first = best(entry.axis, {cell.choice for cell in entry.cells})
    second = best(entry.other, {cell.other_choice for cell in entry.cells})
    return (entry.best.choice, entry.best.other_choice) != (first, second)


def _reversals(entry: Interaction) -> tuple[Reversal, ...]:
    """Return the choices of either axis that change their order, those by the widest margin first."""
    axes = ((entry.axis, False), (entry.other, True))
    found = [each for axis, swapped in axes for each in _along(axis, _by_choice(entry.cells, swapped))]
    return tuple(sorted(found, key=lambda reversal: -reversal.margin))


def _by_choice(cells: Sequence[Cell], swapped: bool) -> dict[str, dict[str, Cell]]:
    """Return the cells by the choice of one axis, then by that of the other."""
    found: dict[str, dict[str, Cell]] = {}
    for cell in cells:
        choice, level = (cell.other_choice, cell.choice) if swapped else (cell.choice, cell.other_choice)
        found.setdefault(choice, {})[level] = cell
    return found


def _along(axis: Coordinate, cells: Mapping[str, Mapping[str, Cell]]) -> Iterator[Reversal]:
    """Yield the pairs of choices of an axis that change their order, each where either is ahead by most."""
    for first, second in combinations(cells, 2):
        pairs = {level: (cell, cells[second][level]) for level, cell in cells[first].items() if level in cells[second]}
        if not pairs:
            continue
        ahead = max(pairs, key=lambda level: gap(*pairs[level]))
        behind = max(pairs, key=lambda level: gap(*pairs[level][::-1]))
        if gap(*pairs[ahead]) > 0 and gap(*pairs[behind][::-1]) > 0:
            yield Reversal(axis, first, second, pairs[ahead], pairs[behind], ahead, behind)


def gap(low: Cell, high: Cell) -> float:
    """Return how far the interval of one cell is below that of another; where it is not above 0 they overlap.

    In ln where cells are factors. Without intervals nothing is told apart: −∞.
    """
    if low.high is None or high.low is None:
        return -math.inf
    if low.factor is None:
        return high.low - low.high
    return math.log(high.low / low.high) if high.low > 0 else -math.inf
