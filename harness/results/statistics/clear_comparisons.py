"""Clear comparisons: how many rows are significantly better and worse than each of many, without all pairs looked at.

Holm's procedure for a row with m others steps down: K ← #{p ≤ α/(m − K)} from K = 0 until it stays. p is that of
Welch's t, which depends on the distance of two rows' positions and on their variances alone. So rows are put into
classes of nearly equal variance, sorted by position within each; for two classes and a level, p is surely below the
level from some distance on, and surely above it up to another. Counting by bisection brackets K from both sides; only
the pairs between the two distances are left for exact p-values. Pairs of one network have other variances: each of them
is set against the two distances on its own. What comes out is what all pairs give, to the last one: the distances have
a margin for rounding, and rows with missing values and rows that may tie are compared exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

CLASSES = 24
"""Classes of variance."""

LEVELS = 2**15
"""Distances that are known of pairs of classes, at levels of p evenly spaced in ln p: fewer levels for more classes."""

FEWEST, MOST = 64, 4096
"""Levels, at the least and at the most: so many that few pairs lie between two."""

ROUNDS = 8
"""Most narrowings of K; each leaves fewer pairs."""

ROUNDING = 1e-6
"""Relative margin of distances, far above rounding and far below what would leave more pairs."""

PAIRS = 2**18
"""Pairs that are compared exactly at a time, which bounds memory."""

PValues = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Two-sided p-values of pairs of rows, from their indices, both of shape (P,)."""

Open = tuple[int, int, int, np.ndarray, np.ndarray]
"""A row, how many others surely are significantly better and worse, and the further ones with their p-values."""


@dataclass(frozen=True)
class Rows:
    """What comparisons of rows depend on; shapes (n,).

    Attributes:
        mean: what tells which of two rows is better: the one with the lower.
        position: the mean over seeds on the scale of comparison.
        slack: the order of two means is that of positions which are further apart than the slack of both, and these
            do not tie.
        variance: of a row's position.
        freedom: degrees of freedom of each variance, the same for all.
        label: rows of one label have other variances among themselves; -1: of no label.
        inner: these variances of a row's position.
        inner_freedom: their degrees of freedom.
        plain: whether all this holds for a row; others are compared exactly with all.
    """

    mean: np.ndarray
    position: np.ndarray
    slack: np.ndarray
    variance: np.ndarray
    freedom: float
    label: np.ndarray
    inner: np.ndarray
    inner_freedom: np.ndarray
    plain: np.ndarray


def better_and_worse(rows: Rows, p_values: PValues, level: float, many: float) -> tuple[np.ndarray, np.ndarray]:
    """Return how many rows are significantly better, with a lower mean, than each, and how many worse; shape (n,).

    Arguments:
        rows: the rows, at least one of them plain.
        p_values: of pairs, exact.
        level: α of the family of each row's comparisons.
        many: the most degrees of freedom.
    """
    search = _Search(rows, level, many)
    better, worse = np.zeros((2, len(rows.position)), dtype=int)
    for row, below, above, columns, p in search.open_comparisons(p_values):
        means = rows.mean[columns[search.significant(p, below + above)]]
        better[row] = below + int((means < rows.mean[row]).sum())
        worse[row] = above + int((means > rows.mean[row]).sum())
    return better, worse


class _Search:
    """The classes, and what is known of each plain row without an exact p-value."""

    def __init__(self, rows: Rows, level: float, many: float) -> None:
        self._rows, self._others, self._many = rows, len(rows.position) - 1, many
        # Exactly the levels of `holm`: the k-th smallest p against level/(m − k + 1).
        self._steps = level / np.arange(self._others, 0, -1)
        self._class, self._members = _classes(rows)
        self._levels = min(max(max(LEVELS, 6 * len(rows.position)) // len(self._members) ** 2, FEWEST), MOST)
        self._grid = np.geomspace(self._steps[0], level, self._levels)
        self._sizes = np.array([len(members) for members in self._members])
        self._rounding = 1e-12 * float(np.abs(rows.position[rows.plain]).max())
        self._sure, self._possible = self._distances()
        self._bracket()

    def _distances(self) -> tuple[np.ndarray, np.ndarray]:
        """From where p is surely at most a level, and below where surely above; (classes, classes, levels)."""
        rows = self._rows
        low, high = np.array([(rows.variance[m].min(), rows.variance[m].max()) for m in self._members]).T
        slack = np.array([rows.slack[m].max() for m in self._members])
        ends = [_shared_freedom(a[:, None] / b) for a, b in ((low, high), (high, low))]
        meet = (low[:, None] <= high) & (high[:, None] >= low)
        least, most = np.minimum(*ends), np.where(meet, 2.0, np.maximum(*ends))
        tail = self._grid / 2
        far = -stdtrit(np.minimum(rows.freedom * least, self._many)[:, :, None], tail)
        near = -stdtrit(np.minimum(rows.freedom * most, self._many)[:, :, None], tail)
        rounding = self._rounding
        sure = far * np.sqrt(high[:, None] + high)[:, :, None] * (1 + ROUNDING) + rounding
        possible = near * np.sqrt(low[:, None] + low)[:, :, None] * (1 - ROUNDING) - rounding
        # Beyond this distance the order of means is that of positions.
        return np.maximum(sure, (slack[:, None] + slack)[:, :, None] + rounding), possible

    def _bracket(self) -> None:
        """Narrow the number of significant comparisons of each plain row from both sides."""
        rows, m = self._rows, self._others
        sizes = np.bincount(rows.label + 1)
        sizes[0] = 0
        strange = int((~rows.plain).sum())
        loose = sizes[rows.label + 1] + strange
        least, most = np.zeros(len(rows.position), dtype=int), np.full(len(rows.position), m)
        for _ in range(ROUNDS):
            self._look(least, most)
            sure = (self._ends[:, :, 0] + self._sizes - self._ends[:, :, 3]).sum(1)
            possible = (self._ends[:, :, 1] + self._sizes - self._ends[:, :, 2]).sum(1)
            before = least, most
            least = np.maximum(least, sure - loose)
            most = np.minimum(most, np.maximum(possible + loose, 0))
            if all(map(np.array_equal, before, (least, most))):
                break
        if not sizes.any():
            return
        for block, alike in self._blocks():
            below, above = self._sure_counts(block, alike)
            inside, under, over = self._inside(block, alike)
            surely = below + above + under + over
            open_outside = self._open_outside(block, alike)
            least[block] = np.maximum(least[block], surely)
            most[block] = np.minimum(most[block], surely + open_outside + inside.sum(1) + strange)
        self._look(least, most)

    def _look(self, least: np.ndarray, most: np.ndarray) -> None:
        """Take the levels of p that so many significant comparisons, at the least and at the most, lead to."""
        self._low = np.searchsorted(self._grid, self._steps[np.minimum(least, self._others - 1)], "right") - 1
        self._low = np.maximum(self._low, 0)
        self._high = np.searchsorted(self._grid, self._steps[np.maximum(most, 1) - 1] * (1 - 1e-12))
        self._high = np.minimum(self._high, self._levels - 1)
        self._ends = self._bisected()

    def _bisected(self) -> np.ndarray:
        """Return where in each class, sorted by position, rows are surely or possibly significantly below and above.

        Shape (n, classes, 4): up to the first surely, up to the second possibly below, from the third possibly, from
        the fourth surely above; 0 for rows that are not plain.
        """
        rows = self._rows
        ends = np.zeros((len(rows.position), len(self._members), 4), dtype=np.int32)
        for a, own in enumerate(self._members):
            x, low, high = rows.position[own], self._low[own], self._high[own]
            for b, members in enumerate(self._members):
                at = rows.position[members]
                sure, possible = self._sure[a, b][low], np.maximum(self._possible[a, b][high], 0.0)
                # What is possible never ends before what is sure.
                possible = np.minimum(possible, sure)
                ends[own, b, 0] = np.searchsorted(at, x - sure, "left")
                ends[own, b, 1] = np.searchsorted(at, x - possible, "right")
                ends[own, b, 2] = np.searchsorted(at, x + possible, "left")
                ends[own, b, 3] = np.searchsorted(at, x + sure, "right")
        return ends

    def open_comparisons(self, p_values: PValues) -> Iterator[Open]:
        """Yield what bisection leaves open, row by row."""
        strange = np.flatnonzero(~self._rows.plain)
        for row in strange.tolist():
            columns = np.delete(np.arange(self._others + 1), row)
            yield row, 0, 0, columns, p_values(np.full(len(columns), row), columns)
        for block, alike in self._blocks():
            yield from self._of_block(block, alike, strange, p_values)

    def _blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the plain rows, some of one label at a time, with all of that label; these are none of no label."""
        rows = self._rows
        order = np.argsort(rows.label, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(rows.label[order])) + 1):
            plain = members[rows.plain[members]]
            alike = plain if len(plain) and rows.label[plain[0]] >= 0 else plain[:0]
            size = max(1, PAIRS // max(len(alike), 1))
            for start in range(0, len(plain), size):
                yield plain[start : start + size], alike

    def _of_block(self, block: np.ndarray, alike: np.ndarray, strange: np.ndarray, p_values: PValues) -> Iterator[Open]:
        """Yield what is open of a block of plain rows of one label; `strange` rows are open to each."""
        below, above = self._sure_counts(block, alike)
        inside, under_inside, over_inside = self._inside(block, alike)
        below, above = below + under_inside, above + over_inside
        waiting: list[tuple[int, int, int, np.ndarray]] = []
        pairs = 0
        for k, (row, under, over) in enumerate(zip(block.tolist(), below.tolist(), above.tolist(), strict=True)):
            near = self._near(row)
            if len(alike):
                near = near[self._rows.label[near] != self._rows.label[row]]
            columns = np.concatenate([near, alike[inside[k]], strange])
            waiting.append((row, under, over, columns[columns != row]))
            pairs += len(columns)
            if pairs > PAIRS:
                yield from _compared(waiting, p_values)
                waiting, pairs = [], 0
        yield from _compared(waiting, p_values)

    def _sure_counts(self, block: np.ndarray, alike: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how many rows surely are significantly below, and above, each of a block, but those of its label."""
        ends, sure, _ = self._ends[block], *self._distances_to(block, alike)
        x, at = self._rows.position[block][:, None], self._rows.position[alike]
        below = ends[:, :, 0].sum(1) - (at < x - sure).sum(1)
        above = (self._sizes - ends[:, :, 3]).sum(1) - (at > x + sure).sum(1)
        return below, above

    def _open_outside(self, block: np.ndarray, alike: np.ndarray) -> np.ndarray:
        """Return of how many rows bisection does not tell, for each of a block, but those of its label."""
        ends, sure, possible = self._ends[block], *self._distances_to(block, alike)
        x, at = self._rows.position[block][:, None], self._rows.position[alike]
        possibly = ends[:, :, 1] + self._sizes - ends[:, :, 2] - (ends[:, :, 0] + self._sizes - ends[:, :, 3])
        inside = (at >= x - sure) & (at <= x - possible), (at >= x + possible) & (at <= x + sure)
        return np.asarray(possibly.sum(1) - inside[0].sum(1) - inside[1].sum(1))

    def _distances_to(self, block: np.ndarray, alike: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the distances that bisection went by: from the first on surely, below the second surely not."""
        pairs = self._class[block][:, None], self._class[alike]
        sure = self._sure[*pairs, self._low[block][:, None]]
        return sure, np.minimum(np.maximum(self._possible[*pairs, self._high[block][:, None]], 0.0), sure)

    def _inside(self, block: np.ndarray, alike: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what of the comparisons of a block with the rows of its label is open, and how many surely are below
        and above each; shapes (B, A), (B,), (B,).
        """
        rows, tail = self._rows, self._grid / 2
        if not len(alike):
            return np.zeros((len(block), 0), dtype=bool), *np.zeros((2, len(block)), dtype=int)
        apart = rows.position[alike] - rows.position[block][:, None]
        size, error = np.abs(apart), np.sqrt(rows.inner[alike] + rows.inner[block][:, None])
        # Welch's degrees of freedom lie between the fewer of two and the sum of both.
        freedom = rows.inner_freedom[alike]
        far = -stdtrit(min(float(freedom.min()), self._many), tail)[self._low[block]][:, None]
        near = -stdtrit(min(2 * float(freedom.max()), self._many), tail)[self._high[block]][:, None]
        slack = rows.slack[alike] + rows.slack[block][:, None]
        known = error > 0
        sure = known & (size >= np.maximum(far * error * (1 + ROUNDING), slack) + self._rounding)
        possible = ~(known & (size < near * error * (1 - ROUNDING) - self._rounding))
        return possible & ~sure, (sure & (apart < 0)).sum(1), (sure & (apart > 0)).sum(1)

    def _near(self, row: int) -> np.ndarray:
        """Return the plain rows whose comparison with a row is neither surely significant nor surely not."""
        parts = []
        for members, (a, b, c, d) in zip(self._members, self._ends[row].tolist(), strict=True):
            parts += [members[a:b], members[max(b, c) : d]]
        return np.concatenate(parts)

    def significant(self, p: np.ndarray, sure: int) -> np.ndarray:
        """Return which of the open comparisons are significant, indices, where so many others surely are."""
        order = np.argsort(p, kind="stable")
        passed = p[order] <= self._steps[sure : sure + len(order)]
        return order[: len(order) if passed.all() else int(passed.argmin())]


def _compared(waiting: Sequence[tuple[int, int, int, np.ndarray]], p_values: PValues) -> Iterator[Open]:
    """Yield rows with the p-values of their columns, all computed together."""
    if not waiting:
        return
    sizes = [len(columns) for *_, columns in waiting]
    rows = np.repeat([row for row, *_ in waiting], sizes)
    p = p_values(rows, np.concatenate([columns for *_, columns in waiting]))
    for each, part in zip(waiting, np.split(p, np.cumsum(sizes)[:-1]), strict=True):
        yield (*each, part)


def _classes(rows: Rows) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the class of each plain row, and the rows of each class, sorted by position."""
    plain = np.flatnonzero(rows.plain)
    logs = np.log(rows.variance[plain])
    span = max(float(np.ptp(logs)), 1e-9)
    numbers = np.minimum(((logs - logs.min()) / span * CLASSES).astype(int), CLASSES - 1)
    _, numbers = np.unique(numbers, return_inverse=True)
    of_row = np.zeros(len(rows.position), dtype=int)
    of_row[plain] = numbers
    by_position = plain[np.argsort(rows.position[plain], kind="stable")]
    return of_row, [by_position[of_row[by_position] == k] for k in range(int(numbers.max()) + 1)]


def _shared_freedom(ratio: np.ndarray) -> np.ndarray:
    """Welch's degrees of freedom for two variances of a ratio, in units of those of each: from 1 to 2."""
    return np.asarray((1 + ratio) ** 2 / (1 + ratio**2))
