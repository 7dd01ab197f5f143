"""Comparisons of rows over seeds they share, and the confidence sets of their ranks.

A rank gets the set [1 + #{rows significantly better}, n − #{rows significantly worse}], from paired differences over
seeds (Mogstad, Romano, Shaikh, Wilhelm, Inference for ranks, Review of Economic Studies 91, 2024). With three seeds a
plain paired t test among 100 rows has no power and a bootstrap under-covers, so the variance of each row is moderated
by those of all rows (`harness.results.statistics.variances`). `benchmarks/rank_coverage.py` measures the coverage and
width of the alternatives. Points that all rows share add their own error to that of each difference, of two-way random
effects, points and seeds (docs/theory.md §7).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtr, stdtrit

from harness.results.statistics.clear_comparisons import Rows, better_and_worse
from harness.results.statistics.intervals import CONFIDENCE, EXACT, MANY, seed_mean
from harness.results.statistics.scales import Scale
from harness.results.statistics.variances import Moderated, codes, moderated, residual_variances

if TYPE_CHECKING:
    from harness.quantities import Comparison

MANY_ROWS = 300
"""Rows from which on not all pairs are looked at."""

MOST_PLAIN = 0.75
"""Share of rows that must be comparable by position and variance for that to pay."""

PAIRS = 4096
"""Pairs of rows that are compared at once: more cost memory and no less time."""

Index = int | slice | np.ndarray
"""Which rows: one, all (`EVERY`), or the indices of some."""

EVERY = slice(None)


@dataclass(frozen=True)
class RankSets:
    """Ranks of n rows by their means, 1 the smallest, with the 95 % confidence set of each; shapes (n,)."""

    rank: np.ndarray
    low: np.ndarray
    high: np.ndarray


def rank_sets(
    values: np.ndarray,
    standard_errors: np.ndarray,
    networks: Sequence[object] | None = None,
    *,
    compared_by: Comparison = "ratio",
    groups: np.ndarray | None = None,
    level: float = 1 - CONFIDENCE,
) -> RankSets:
    """Return the ranks of n rows with confidence sets.

    A row is significantly better than another where the test of their difference, corrected for its n − 1
    comparisons (Holm), says so and the means agree. Rows equal in all seeds are ties.

    Arguments:
        values: one row a combination, one column a seed (common random numbers), shape (n, S); NaN where
            missing, at least one number a row. Smaller is better.
        standard_errors: the error of each value within its run, shape (n, S); it decides where seeds cannot.
        networks: for each row a label of what it shares with others beyond the seed (its trained network): rows
            of one label are compared by what varies within it.
        compared_by: `ratio` or `difference`: which of the two errors are of like size.
        groups: means of each value over groups of points that all rows share, shape (n, S, G), NaN where there
            are none: then the error of a difference over the points is added to that over the seeds.
        level: how often a set may miss its rank: less where evidence is looked at again and again.
    """
    return Compared.of(values, standard_errors, networks, compared_by=compared_by, groups=groups).ranks(level)


@dataclass(frozen=True)
class Compared:
    """Rows as they are compared with one another over seeds.

    Attributes:
        values: shape (n, S), NaN where missing.
        errors: of each value within its run, shape (n, S).
        scale: of comparison.
        stable: the values on it, shape (n, S).
    """

    values: np.ndarray
    errors: np.ndarray
    scale: Scale
    stable: np.ndarray
    _spread: _Spread
    _points: _Points | None

    @classmethod
    def of(
        cls,
        values: np.ndarray,
        standard_errors: np.ndarray,
        networks: Sequence[object] | None = None,
        *,
        compared_by: Comparison = "ratio",
        groups: np.ndarray | None = None,
    ) -> Compared:
        """Estimate how rows vary; arguments as `rank_sets`."""
        scale = Scale.of(values, compared_by)
        stable = scale(values)
        points = None if groups is None else _Points.of(groups, scale.slopes(values))
        spread = _Spread.of(stable, networks if networks is not None else [0] * len(values), points)
        return cls(values, standard_errors, scale, stable, spread, points)

    @property
    def means(self) -> np.ndarray:
        """The mean of each row over its seeds, shape (n,)."""
        return np.array([seed_mean([value for value in row if math.isfinite(value)]) for row in self.values.tolist()])

    @cached_property
    def order(self) -> np.ndarray:
        """What puts the rows in order, the smaller the better, shape (n,): their means.

        Where rows lack seeds that others have, as those that a race dropped, their means are over other seeds. Then it
        is the mean on the scale of comparison, less what its seeds are known to do to all rows that have them.
        """
        means = self.means
        if np.isfinite(self.values).all():
            return means
        return np.asarray(self.scale(means) - _effect_of_own_seeds(self.stable))

    @property
    def errors_on_scale(self) -> np.ndarray:
        """The error of each value within its run on the scale of comparison, shape (n, S)."""
        return np.asarray(self.errors * self.scale.slopes(self.values))

    @property
    def variances(self) -> np.ndarray:
        """The moderated variance over seeds of each row on the scale of comparison, shape (n,); NaN where unknown."""
        return self._spread.overall.variance

    def ranks(self, level: float = 1 - CONFIDENCE) -> RankSets:
        """Return the ranks with confidence sets, as `rank_sets`."""
        order = self.order
        plain = self._plain(order) if len(order) >= MANY_ROWS and self._points is None else None
        if plain is not None:
            better, worse = better_and_worse(plain, partial(self._p_values_of, plain.plain), level, MANY)
        else:
            better, worse = _by_all_pairs(self, order, level)
        rank = 1 + np.searchsorted(np.sort(order), order)
        return RankSets(rank, 1 + better, len(order) - worse)

    def p_values(self, i: Index, j: Index = EVERY, *, seeds: int | None = None, share: float = 1.0) -> np.ndarray:
        """Return the two-sided p-values of rows i against rows j; i a number, or both of shape (P,).

        Arguments:
            i: the row, or rows.
            j: against which.
            seeds: the p-values that so many seeds would give at the differences and variances of these; None: of these.
            share: the part of each difference that is taken to be there.
        """
        known = self._spread.p_values(i, j, seeds=seeds, share=share)
        p = _exact_differences(self.values, self.errors, i, known, j)
        # A row is always silent against itself.
        if self._points is not None and (silent := _silent(self.values, i, j)[0]).sum() > 1:
            p = np.where(silent, self._points.p_values(self.stable, i, j, p), p)
        return p

    def _p_values_of(self, plain: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Return what `p_values` does, in less time: plain rows do not tie, nor differ by the same in every seed."""
        if self.values.shape[1] == 1:
            return self.p_values(i, j)
        p = self._spread.p_values(i, j)
        strange = ~(plain[i] & plain[j])
        if strange.any():
            p[strange] = self.p_values(i[strange], j[strange])
        return p

    def differences(self, i: int, level: float = 1 - CONFIDENCE) -> Differences:
        """Return the difference of each row to row i, with limits that hold for each with a probability of 1 − `level`.

        The errors are those of `ranks`.
        """
        mean, error, freedom = self._spread.differences(i)
        half = stdtrit(np.maximum(freedom, 1e-3), 1 - level / 2) * np.sqrt(error)
        silent, middle = _silent(self.values, i)
        # Errors within the runs alone; ties are exact.
        within = stdtrit(MANY, 1 - level / 2) * _error_within(self.values, self.errors_on_scale, i)
        half = np.where(silent, np.where(middle == 0, 0.0, within), half)
        if self._points is not None:
            shared = stdtrit(self._points.freedom, 1 - level / 2) * np.sqrt(self._points.error(i))
            half = np.where(silent & np.isfinite(shared), shared, half)
        half = np.where(np.isfinite(half), half, np.inf)
        half[i] = 0.0
        unit = self.scale.size if self.scale.compared_by == "difference" else 1.0
        return Differences(unit * mean, unit * (mean - half), unit * (mean + half))

    def _plain(self, order: np.ndarray) -> Rows | None:
        """Return the rows as their distances and variances tell them apart; None where that says too little."""
        complete = np.isfinite(self.values).all(1)
        if self.values.shape[1] == 1:
            plain = complete & (self.errors[:, 0] > 0)
            position, variance, freedom = self.values[:, 0], self.errors[:, 0] ** 2, MANY
            slack, label = 2 * EXACT * np.abs(position), np.full(len(order), -1)
            inner, inner_freedom = variance, np.full(len(order), freedom)
        else:
            overall, seeds = self._spread.overall, self.values.shape[1]
            plain = complete & (overall.variance > 0) & ~_may_be_silent(self.values)
            position, variance = self.stable.mean(1), overall.variance / seeds
            freedom = float(np.median(overall.freedom[plain])) if plain.any() else 0.0
            plain &= overall.freedom == freedom
            slack = np.abs(self.scale(self.means) - position)
            networks = self._spread.networks
            label = networks if networks.any() else np.full(len(order), -1)
            inner, inner_freedom = self._spread.within.variance / seeds, self._spread.within.freedom
        rows = Rows(order, position, slack, variance, freedom, label, inner, inner_freedom, plain)
        return rows if plain.mean() > MOST_PLAIN else None


@dataclass(frozen=True)
class Differences:
    """Differences of rows to one of them, with simultaneous limits, on the scale of comparison; shapes (n,).

    That scale is ln x for ratios (`Scale`), and the metric itself for differences. A limit is infinite where
    nothing is known of it.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def _by_all_pairs(rows: Compared, order: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return how many rows are significantly better, and worse, than each of n, shape (n,)."""
    better, worse = np.zeros((2, len(order)), dtype=int)
    every = np.arange(len(order))
    for block in np.array_split(every, math.ceil(len(order) ** 2 / PAIRS)):
        p = rows.p_values(np.repeat(block, len(order)), np.tile(every, len(block)))
        for i, against in zip(block, p.reshape(len(block), len(order)), strict=True):
            significant = holm(against, i, level)
            better[i] = (significant & (order < order[i])).sum()
            worse[i] = (significant & (order > order[i])).sum()
    return better, worse


def _effect_of_own_seeds(stable: np.ndarray) -> np.ndarray:
    """Return the mean effect of each row's seeds beyond that of all seeds, (n,), by least squares of rows and seeds."""
    known = np.isfinite(stable)
    share = known / known.sum(1, keepdims=True)
    filled = np.where(known, stable, 0.0)
    residual = np.where(known, filled - (filled.sum(1) / known.sum(1))[:, None], 0.0)
    effect = np.linalg.lstsq(np.diag(known.sum(0).astype(float)) - known.T @ share, residual.sum(0))[0]
    return np.asarray(np.where(known.all(1), 0.0, share @ effect - effect.mean()))


def _may_be_silent(values: np.ndarray) -> np.ndarray:
    """Return which complete rows may differ by the same in every seed from another, but for rounding; shape (n,)."""
    known = np.flatnonzero(np.isfinite(values).all(1))
    for seed in range(1, values.shape[1]):
        known = known[_has_neighbour(values[known, seed] - values[known, 0], np.abs(values[known]).max(1, initial=0.0))]
    found = np.zeros(len(values), dtype=bool)
    found[known] = True
    return found


def _has_neighbour(change: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return which numbers are equal to another, but for rounding of sizes; shapes (n,)."""
    order = np.argsort(change)
    at, reach = change[order], 2.1 * EXACT * size[order]
    first, last = np.searchsorted(at, at - reach, "left"), np.searchsorted(at, at + reach, "right")
    # A number reaches those of a size no larger than its own; of each pair one reaches the other.
    steps = np.zeros(len(at) + 1, dtype=int)
    several = last - first > 1
    np.add.at(steps, first[several], 1)
    np.add.at(steps, last[several], -1)
    found = np.zeros(len(at), dtype=bool)
    found[order[steps[:-1].cumsum() > 0]] = True
    return found


@dataclass(frozen=True)
class _Points:
    """What the rows share of the points that they are means over: deviations of G groups from the mean, (n, G)."""

    deviations: np.ndarray

    @classmethod
    def of(cls, groups: np.ndarray, slopes: np.ndarray) -> _Points:
        """Take the deviations to a scale by its slopes there, (n, S), and average them over a row's seeds."""
        deviations = slopes[:, :, None] * (groups - groups.mean(2, keepdims=True))
        known = np.isfinite(deviations).all(2)
        total = np.where(known[:, :, None], deviations, 0.0).sum(1)
        return cls(np.where(known.any(1)[:, None], total / np.maximum(known.sum(1), 1)[:, None], np.nan))

    @property
    def freedom(self) -> int:
        """Degrees of freedom of each error."""
        return int(self.deviations.shape[1]) - 1

    def error(self, i: Index, j: Index = EVERY) -> np.ndarray:
        """Squared error over points of the difference of rows i to rows j; NaN without groups."""
        apart = self.deviations[j] - self.deviations[i]
        return np.asarray((apart**2).sum(1) / (self.freedom * (self.freedom + 1)))

    def p_values(self, stable: np.ndarray, i: Index, j: Index, p: np.ndarray) -> np.ndarray:
        """Replace p-values of rows i, but for ties and rows without groups, by those of t over the groups alone."""
        difference = stable[j] - stable[i]
        common = np.isfinite(difference)
        middle = np.where(common, difference, 0.0).sum(1) / np.maximum(common.sum(1), 1)
        error = self.error(i, j)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = 2 * stdtr(self.freedom, -np.abs(middle) / np.sqrt(error))
        return np.where(np.isfinite(error) & (p < 1), t, p)


@dataclass(frozen=True)
class _Spread:
    """How the rows vary on the scale of comparison: over seeds, all together and within their networks; over points."""

    values: np.ndarray
    networks: np.ndarray
    overall: Moderated
    within: Moderated
    points: _Points | None = None

    @classmethod
    def of(cls, stable: np.ndarray, networks: Sequence[object], points: _Points | None = None) -> _Spread:
        """Estimate it; values on their scale, networks as in `rank_sets`."""
        labels = codes(networks)
        overall = moderated(*residual_variances(stable, np.zeros(len(labels), dtype=int)))
        return cls(stable, labels, overall, moderated(*residual_variances(stable, labels)), points)

    def p_values(self, i: Index, j: Index = EVERY, *, seeds: int | None = None, share: float = 1.0) -> np.ndarray:
        """Two-sided p-values of rows i against rows j, by Welch's t over common seeds; arguments as `differences`."""
        mean, error, freedom = self.differences(i, j, seeds=seeds, share=share)
        with np.errstate(divide="ignore", invalid="ignore"):
            p = 2 * stdtr(freedom, -np.abs(mean) / np.sqrt(error))
        # Without any scatter around a common seed effect every difference is exact.
        common = np.isfinite(self.values[j] - self.values[i]).any(1)
        p = np.where((error == 0) & common, np.where(np.abs(mean) > EXACT, 0.0, 1.0), p)
        return np.where(np.isfinite(p), p, 1.0)

    def differences(
        self, i: Index, j: Index = EVERY, *, seeds: int | None = None, share: float = 1.0
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the mean difference of rows j to rows i over common seeds, its squared error, and its freedom.

        Where rows have groups, the error over points is added to that over seeds, with Satterthwaite's freedom.
        `seeds` and `share` as `Compared.p_values`: each further seed adds a degree of freedom to each variance.
        """
        same = self.networks[j] == self.networks[i]
        variance = np.where(same, self.within.variance[j], self.overall.variance[j])
        freedom = np.where(same, self.within.freedom[j], self.overall.freedom[j])
        own = np.where(same, self.within.variance[i], self.overall.variance[i])
        own_freedom = np.where(same, self.within.freedom[i], self.overall.freedom[i])
        difference = self.values[j] - self.values[i]
        common = np.isfinite(difference).sum(1)
        mean = share * np.where(common > 0, np.nansum(difference, 1), 0.0) / np.maximum(common, 1)
        total = variance + own
        more = np.zeros(len(common)) if seeds is None else np.where(common > 0, seeds - common, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            welch = np.minimum(total**2 / (variance**2 / freedom + own**2 / own_freedom), MANY)
            welch = np.minimum(welch + 2 * more, MANY)
            error = total / (common + more)
            if self.points is not None:
                # Two variances that were shrunk to one scale have the freedom of that scale, not twice as much.
                pooled = np.where(same, self.within.pooled, self.overall.pooled)
                welch = np.minimum(welch, pooled * (1 + more / np.maximum(common - 1, 1)))
                error, welch = _with(error, welch, self.points.error(i, j), self.points.freedom)
        return mean, error, welch


def _with(
    seeds: np.ndarray, seeds_freedom: np.ndarray, points: np.ndarray, points_freedom: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of two squared errors and its degrees of freedom; the first alone where there is no second."""
    total = seeds + points
    share = np.where(total > 0, seeds / np.where(total > 0, total, 1.0), 0.0)
    freedom = 1 / (np.where(share > 0, share**2 / seeds_freedom, 0.0) + (1 - share) ** 2 / points_freedom)
    some = points > 0
    return np.where(some, total, seeds), np.where(some, np.minimum(freedom, MANY), seeds_freedom)


def _exact_differences(values: np.ndarray, errors: np.ndarray, i: Index, p: np.ndarray, j: Index = EVERY) -> np.ndarray:
    """Replace the p-values of rows i against rows j where seeds cannot tell: the same difference in every seed, or
    one seed in all.

    Then the errors within the runs decide; a difference without any is exact, and zero is a tie.
    """
    silent, middle = _silent(values, i, j)
    mean_error = _error_within(values, errors, i, j)
    with np.errstate(divide="ignore", invalid="ignore"):
        normal = 2 * stdtr(MANY, -middle / mean_error)
    normal = np.where(middle == 0, 1.0, np.where(mean_error > 0, normal, 0.0))
    return np.where(silent, normal, p)


def _error_within(values: np.ndarray, errors: np.ndarray, i: Index, j: Index = EVERY) -> np.ndarray:
    """Return the error within the runs of the difference of rows i and j, the mean over common seeds; shape (n,)."""
    common = np.isfinite(values[j] - values[i])
    return np.asarray(np.where(common, np.hypot(errors[j], errors[i]), 0.0).sum(1) / np.maximum(common.sum(1), 1))


def _silent(values: np.ndarray, i: Index, j: Index = EVERY) -> tuple[np.ndarray, np.ndarray]:
    """Return whether rows i and j differ by the same in every common seed, and the size of that, 0 for rounding."""
    difference = values[j] - values[i]
    common = np.isfinite(difference)
    size = np.abs(np.where(common, values[j], 0.0)).max(1) + np.abs(np.where(common, values[i], 0.0)).max(1)
    first = np.where(common, difference, np.inf).min(1)
    last = np.where(common, difference, -np.inf).max(1)
    enough = min(2, int(np.isfinite(values).sum(1).max()))
    silent = (common.sum(1) >= enough) & (last - first <= EXACT * size)
    middle = np.abs(np.where(silent, first, 0.0))
    return silent, np.where(middle <= EXACT * size, 0.0, middle)


def holm(p: np.ndarray, i: int, level: float = 1 - CONFIDENCE) -> np.ndarray:
    """Which comparisons of row i are significant with a familywise error of `level`; shape (n,)."""
    others = np.delete(np.arange(len(p)), i)
    order = others[np.argsort(p[others], kind="stable")]
    passed = p[order] <= level / np.arange(len(order), 0, -1)
    significant = np.zeros(len(p), dtype=bool)
    significant[order[np.logical_and.accumulate(passed)]] = True
    return significant
