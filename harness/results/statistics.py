"""Intervals and confidence sets: what may be said from a few seeds.

- A mean over seeds gets Student's t interval.
- A rank gets the set [1 + #{rows significantly better}, n − #{rows significantly worse}], from paired
  differences over seeds (Mogstad, Romano, Shaikh, Wilhelm, Inference for ranks, Review of Economic Studies
  91, 2024). With three seeds a plain paired t test among 100 rows has no power and a bootstrap under-covers,
  so the variance of each row is moderated by those of all rows: with s_i² on k_i degrees of freedom and
  1/σ_i² ~ χ²_{k_0}/(k_0 s_0²),

      ŝ_i² = (k_0 s_0² + k_i s_i²)/(k_0 + k_i)   on k_0 + k_i degrees of freedom

  (Smyth, Statistical Applications in Genetics and Molecular Biology 3, 2004). `benchmarks/rank_coverage.py`
  measures the coverage and width of the alternatives. Points that all rows share add their own error to that of each
  difference, of two-way random effects, points and seeds (docs/theory.md §7).
- Kendall's τ_b gets the score interval of a moderated variance: `kendall`. `benchmarks/interval_coverage.py`
  measures the coverage of this interval, and of the others.

Imported late: numpy and scipy.special only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import digamma, fdtrc, polygamma, stdtr, stdtrit

from harness.results.clear_comparisons import Rows, better_and_worse

if TYPE_CHECKING:
    from harness.metrics import Measurement
    from harness.quantities import Comparison

CONFIDENCE = 0.95
"""Confidence level of every interval and set."""

EXACT = 1e-9
"""Relative spread over seeds below which values count as equal: rounding, not randomness."""

FEW = 8
"""Numbers from which on numpy does not add one after the other."""

MANY = 1e6
"""Degrees of freedom that stand for infinitely many."""

MANY_ROWS = 300
"""Rows from which on not all pairs are looked at."""

MOST_PLAIN = 0.75
"""Share of rows that must be comparable by position and variance for that to pay."""

Index = int | slice | np.ndarray
"""Which rows: one, all (`EVERY`), or the indices of some."""

EVERY = slice(None)


@dataclass(frozen=True)
class Interval:
    """A value with its confidence limits; a limit is None where nothing is known of it."""

    value: float
    low: float | None
    high: float | None
    n: int


def t_interval(values: Sequence[float]) -> Interval:
    """Return the mean of n ≥ 1 independent values with Student's t interval; no limits where n = 1."""
    n, mean = len(values), _mean(values)
    if n == 1:
        return Interval(mean, None, None, 1)
    half = _quantile(n - 1) * _deviation(values) / n**0.5
    return Interval(mean, float(mean - half), float(mean + half), n)


@lru_cache
def _quantile(freedom: float) -> float:
    """Student's t that 95 % of the absolute values are below."""
    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))


def mean_interval(
    measurements: Sequence[Measurement], least: float = -math.inf, overlap: float = 0.0
) -> tuple[float, float, float]:
    """Return the mean over n ≥ 1 seeds with its limits: value, low, high.

    Student's t over the seeds. One seed, or seeds that all give the same value (work that they share), say
    nothing of the error within a run: then the interval is that of the standard errors. An error that all seeds
    share is added to their spread in quadrature: where they draw n of the same N points without replacement, that
    is the share n/N of each one's squared error, and 1 − n/N of it shows in the spread; where they have splits of
    their own, see `harness.results.own_points`. The interval is widened on both sides by the mean absolute bias that
    is thought to remain. It ends at the least possible value, or at the estimate where that is below.

    Arguments:
        measurements: one for each seed.
        least: what no value can be below.
        overlap: the share of the points of two seeds that both have, in the mean over pairs: n/N, from 0 (every seed
            has points of its own) to 1 (all have the same).
    """
    sample = [m.value for m in measurements]
    interval = t_interval(sample)
    within = _half_width(measurements)
    if interval.high is None or max(sample) - min(sample) <= EXACT * max(map(abs, sample)):
        half = within
    else:
        shared = within * (1.0 if any(m.shared for m in measurements) else math.sqrt(overlap))
        half = float(np.hypot(interval.high - interval.value, shared))
    half += _remaining_bias(measurements)
    low = min(interval.value, max(interval.value - half, least))
    return interval.value, low, interval.value + half


def error_within(measurements: Sequence[Measurement]) -> float:
    """Return how far a mean over n ≥ 1 seeds may be off by an error that all seeds share, and by what bias remains."""
    return _half_width(measurements) + _remaining_bias(measurements)


def _half_width(measurements: Sequence[Measurement]) -> float:
    """Return the half-width of the interval of the standard errors, taken as one error that all seeds share."""
    freedom = min(min(m.freedom for m in measurements), MANY)
    return _quantile(freedom) * _average([m.standard_error for m in measurements])


def _remaining_bias(measurements: Sequence[Measurement]) -> float:
    return _average([abs(m.bias) for m in measurements])


def _mean(sample: Sequence[float]) -> float:
    """Mean, exact for equal values: three times 0.1 averages to 0.1, so that shared work stays a tie."""
    first = sample[0]
    return float(first + _average([value - first for value in sample]))


def _average(sample: Sequence[float]) -> float:
    """Mean, summed from the left where there are few: numpy gives the same bits, and takes ten times as long."""
    # Not sum(), whose bits depend on the version of Python.
    return float(reduce(add, sample) / len(sample)) if len(sample) < FEW else float(np.mean(sample))


def _deviation(sample: Sequence[float]) -> float:
    """Standard deviation, by n − 1."""
    if len(sample) >= FEW:
        return float(np.std(sample, ddof=1))
    mean = _average(sample)
    return math.sqrt(reduce(add, [(value - mean) * (value - mean) for value in sample]) / (len(sample) - 1))


# Ranks


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
        stable: the values on the scale of comparison, shape (n, S).
        slopes: of that scale at each value, shape (n, S).
        compared_by: `ratio` or `difference`.
    """

    values: np.ndarray
    errors: np.ndarray
    stable: np.ndarray
    slopes: np.ndarray
    compared_by: Comparison
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
        stable, slopes = on_scale(values, compared_by)
        points = None if groups is None else _Points.of(groups, slopes)
        spread = _Spread.of(stable, networks if networks is not None else [0] * len(values), points)
        return cls(values, standard_errors, stable, slopes, compared_by, spread, points)

    @property
    def means(self) -> np.ndarray:
        """The mean of each row over its seeds, shape (n,)."""
        return np.array([_mean([value for value in row if math.isfinite(value)]) for row in self.values.tolist()])

    @cached_property
    def order(self) -> np.ndarray:
        """What puts the rows in order, the smaller the better, shape (n,): their means.

        Where rows lack seeds that others have, as those that a race dropped, their means are over other seeds. Then it
        is the mean on the scale of comparison, less what its seeds are known to do to all rows that have them.
        """
        means = self.means
        if np.isfinite(self.values).all():
            return means
        return np.asarray(_means_on_scale(self.values, means, self.compared_by) - _effect_of_own_seeds(self.stable))

    @property
    def variances(self) -> np.ndarray:
        """The moderated variance over seeds of each row on the scale of comparison, shape (n,); NaN where unknown."""
        return self._spread.overall.variance

    def ranks(self, level: float = 1 - CONFIDENCE) -> RankSets:
        """Return the ranks with confidence sets, as `rank_sets`."""
        order = self.order
        plain = self._plain(order) if len(order) >= MANY_ROWS and self._points is None else None
        if plain is not None:
            better, worse = better_and_worse(plain, self.p_values, level, MANY)
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

    def _plain(self, order: np.ndarray) -> Rows | None:
        """Return the rows as their distances and variances tell them apart; None where that says too little."""
        complete = np.isfinite(self.values).all(1)
        if self.values.shape[1] == 1:
            plain = complete & (self.errors[:, 0] > 0)
            position, variance, freedom = self.values[:, 0], self.errors[:, 0] ** 2, MANY
            slack, label = 2 * EXACT * np.abs(position), np.full(len(order), -1)
        else:
            overall, seeds = self._spread.overall, self.values.shape[1]
            plain = complete & (overall.variance > 0) & ~_may_be_silent(self.values)
            position, variance = self.stable.mean(1), overall.variance / seeds
            freedom = float(np.median(overall.freedom[plain])) if plain.any() else 0.0
            plain &= overall.freedom == freedom
            slack = np.abs(_means_on_scale(self.values, self.means, self.compared_by) - position)
            networks = self._spread.networks
            label = networks if networks.any() else np.full(len(order), -1)
        return Rows(order, position, slack, variance, freedom, label, plain) if plain.mean() > MOST_PLAIN else None


@dataclass(frozen=True)
class Differences:
    """Differences of rows to one of them, with simultaneous limits, on the scale of comparison; shapes (n,).

    That scale is ln x for ratios (`stabilised`), and the metric itself for differences. A limit is infinite where
    nothing is known of it.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def differences(
    values: np.ndarray,
    standard_errors: np.ndarray,
    i: int,
    networks: Sequence[object] | None = None,
    *,
    compared_by: Comparison = "ratio",
    groups: np.ndarray | None = None,
    level: float = 1 - CONFIDENCE,
) -> Differences:
    """Return the difference of each row to row i, with limits that hold for each with a probability of 1 − `level`.

    The errors are those of `rank_sets`, whose arguments the others are.
    """
    stable, slopes = on_scale(values, compared_by)
    points = None if groups is None else _Points.of(groups, slopes)
    labels = networks if networks is not None else [0] * len(values)
    mean, error, freedom = _Spread.of(stable, labels, points).differences(i)
    half = stdtrit(np.maximum(freedom, 1e-3), 1 - level / 2) * np.sqrt(error)
    silent, _ = _silent(values, i)
    half = np.where(silent, _half_within(values, standard_errors * slopes, i, level), half)
    if points is not None:
        shared = stdtrit(points.freedom, 1 - level / 2) * np.sqrt(points.error(i))
        half = np.where(silent & np.isfinite(shared), shared, half)
    half = np.where(np.isfinite(half), half, np.inf)
    half[i] = 0.0
    unit = 1.0 if compared_by == "ratio" else 1 / float(np.nanmax(slopes))
    return Differences(unit * mean, unit * (mean - half), unit * (mean + half))


def _half_within(values: np.ndarray, errors: np.ndarray, i: int, level: float) -> np.ndarray:
    """Return the half width by the errors within the runs alone; 0 for ties, which are exact. Shape (n,)."""
    common = np.isfinite(values - values[i])
    both = np.where(common, np.hypot(errors, errors[i]), 0.0).sum(1) / np.maximum(common.sum(1), 1)
    tied = _silent(values, i)[1] == 0
    return np.where(tied, 0.0, stdtrit(MANY, 1 - level / 2) * both)


def _by_all_pairs(rows: Compared, order: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return how many rows are significantly better, and worse, than each of n, shape (n,)."""
    better, worse = np.zeros((2, len(order)), dtype=int)
    for i in range(len(order)):
        significant = holm(rows.p_values(i), i, level)
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


def _means_on_scale(values: np.ndarray, means: np.ndarray, compared_by: Comparison) -> np.ndarray:
    """Return means of rows on the scale where the values are compared (`on_scale`)."""
    if compared_by == "difference":
        return means / _unit(values)
    scale = _noise_around_zero(values)
    return np.asarray(np.arcsinh(means / (2 * scale)) if scale else np.log(means))


def _may_be_silent(values: np.ndarray) -> np.ndarray:
    """Return which complete rows may differ by the same in every seed from another, but for rounding; shape (n,)."""
    change = values[:, 1] - values[:, 0]
    order = np.argsort(change)
    known = order[np.isfinite(change[order])]
    at = change[known]
    reach = 2.1 * EXACT * np.abs(values[known]).max(1, initial=0.0, where=np.isfinite(values[known]))
    first, last = np.searchsorted(at, at - reach, "left"), np.searchsorted(at, at + reach, "right")
    # A row reaches those whose values are no larger than its own; of each pair one reaches the other.
    steps = np.zeros(len(known) + 1, dtype=int)
    several = last - first > 1
    np.add.at(steps, first[several], 1)
    np.add.at(steps, last[several], -1)
    found = np.zeros(len(values), dtype=bool)
    found[known[steps[:-1].cumsum() > 0]] = True
    return found


@dataclass(frozen=True)
class _Moderated:
    """Moderated variances of rows and their degrees of freedom, shape (n,); and the freedom of all together."""

    variance: np.ndarray
    freedom: np.ndarray
    pooled: int


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
    overall: _Moderated
    within: _Moderated
    points: _Points | None = None

    @classmethod
    def of(cls, stable: np.ndarray, networks: Sequence[object], points: _Points | None = None) -> _Spread:
        """Estimate it; values on their scale, networks as in `rank_sets`."""
        codes = {label: k for k, label in enumerate(dict.fromkeys(networks))}
        labels = np.array([codes[label] for label in networks])
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


def on_scale(values: np.ndarray, compared_by: Comparison) -> tuple[np.ndarray, np.ndarray]:
    """Return the values on the scale where they are compared, and its slope at each, both of the values' shape.

    Ratios: `stabilised`. Differences: in units of the median size, which changes no comparison and tells rounding.
    """
    if compared_by == "ratio":
        return stabilised(values), 1 / np.hypot(values, 2 * _noise_around_zero(values))
    unit = _unit(values)
    return values / unit, np.full_like(values, 1 / unit)


def _unit(values: np.ndarray) -> float:
    return float(np.median(np.abs(values[np.isfinite(values)]))) or 1.0


def stabilised(values: np.ndarray) -> np.ndarray:
    """Return the values on a scale where errors are of like size: ln x, or asinh(x/2c) ~ ln(x/c) if some are
    ≤ 0.

    c is the spread over seeds of the rows that reach zero or below, the size of the noise around zero.
    """
    scale = _noise_around_zero(values)
    return np.asarray(np.arcsinh(values / (2 * scale)) if scale else np.log(values))


def _noise_around_zero(values: np.ndarray) -> float:
    """Return c of `stabilised`; 0 where all values are above 0."""
    if (values[np.isfinite(values)] > 0).all():
        return 0.0
    rows = values[(values <= 0).any(1)]
    noise = [np.var(row[np.isfinite(row)], ddof=1) for row in rows if np.isfinite(row).sum() > 1]
    scale = float(np.sqrt(np.mean(noise))) if noise else 0.0
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    if scale <= 0:
        scale = float(sizes.min()) if sizes.size else 1.0
    return scale


def residual_variances(values: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the variance over seeds of each row, after the seed effect of its group is taken out.

    The seed effect is the median over the group's rows of their deviations from their own means. A row alone
    in its group has no residual and no degree of freedom.

    Arguments:
        values: shape (n, S), NaN where missing.
        labels: the group of each row, shape (n,).

    Returns:
        Variances (0 where there is rounding only) and their degrees of freedom, each of shape (n,); and the
        degrees of freedom of all together.
    """
    variances, freedom, pooled = np.zeros(len(values)), np.zeros(len(values)), 0
    for label in np.unique(labels):
        rows = labels == label
        members = int(rows.sum())
        if members == 1:
            continue
        mask = np.isfinite(values[rows])
        residual = _without_seed_effect(values[rows], mask)
        freedom[rows] = mask.sum(1) - 1
        variances[rows] = (residual**2).sum(1) / (np.maximum(freedom[rows], 1) * (1 - 1 / members))
        pooled += (members - 1) * int(freedom[rows].max())
    return np.where(variances > EXACT**2, variances, 0.0), freedom, pooled


def _without_seed_effect(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Residuals of rows after their own means and the median of each column; 0 where missing."""
    centred = np.where(mask, values - (np.nansum(values, 1) / mask.sum(1))[:, None], 0.0)
    effect = np.array([np.median(c[m]) if m.any() else 0.0 for c, m in zip(centred.T, mask.T, strict=True)])
    residual = np.where(mask, centred - effect, 0.0)
    return np.asarray(np.where(mask, residual - (residual.sum(1) / mask.sum(1))[:, None], 0.0))


def moderated(variances: np.ndarray, freedom: np.ndarray, pooled: int) -> _Moderated:
    """Shrink variances towards their common scale by as much as their scatter allows.

    Arguments:
        variances: s_i², shape (n,).
        freedom: their degrees of freedom k_i, 0 where there is none.
        pooled: the degrees of freedom of all together, the most that shrinking can give to one.
    """
    usable = (freedom > 0) & (variances > 0)
    if not usable.any():
        return _Moderated(np.where(freedom > 0, variances, np.nan), np.maximum(freedom, 1.0), max(pooled, 1))
    scale, prior = prior_variance(variances[usable], freedom[usable])
    weight = min(prior, MANY)
    moderate = (weight * scale + freedom * variances) / (weight + freedom)
    return _Moderated(moderate, np.minimum(weight + freedom, pooled), pooled)


def prior_variance(variances: np.ndarray, freedom: np.ndarray) -> tuple[float, float]:
    """Return s_0² and k_0 of the prior that s_i² > 0 on k_i > 0 degrees of freedom suggest (Smyth 2004,
    §6.2).

    By moments of ln s², whose sampling variance is ψ'(k/2). k_0 = ∞ where they scatter no more than that.
    """
    centred = np.log(variances) - digamma(freedom / 2) + np.log(freedom / 2)
    excess = -1.0
    if variances.size > 1:
        excess = float(centred.var(ddof=1) - polygamma(1, freedom / 2).mean())
    if excess <= 0:
        return float(np.exp(centred.mean())), np.inf
    half = _inverse_trigamma(excess)
    return float(np.exp(centred.mean() + digamma(half) - np.log(half))), 2 * half


def _inverse_trigamma(x: float) -> float:
    """Return y > 0 with ψ'(y) = x, by Newton's method on 1/ψ', which is nearly linear."""
    y = 0.5 + 1 / x
    for _ in range(50):
        value = float(polygamma(1, y))
        step = value * (1 - value / x) / float(polygamma(2, y))
        y += step
        if abs(step) < 1e-10 * y:
            break
    return y


def _exact_differences(values: np.ndarray, errors: np.ndarray, i: Index, p: np.ndarray, j: Index = EVERY) -> np.ndarray:
    """Replace the p-values of rows i against rows j where seeds cannot tell: the same difference in every seed, or
    one seed in all.

    Then the errors within the runs decide; a difference without any is exact, and zero is a tie.
    """
    silent, middle = _silent(values, i, j)
    common = np.isfinite(values[j] - values[i])
    mean_error = np.where(common, np.hypot(errors[j], errors[i]), 0.0).sum(1) / np.maximum(common.sum(1), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        normal = 2 * stdtr(MANY, -middle / mean_error)
    normal = np.where(middle == 0, 1.0, np.where(mean_error > 0, normal, 0.0))
    return np.where(silent, normal, p)


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


# Agreement


PAIRS = 2**16
"""Pairs of rows looked at together, which bounds memory."""

PRIOR_ROWS = 10
"""Rows' worth of weight that the variance of Kendall's τ on a normal law has against that of the data."""


def kendall(x: np.ndarray, y: np.ndarray, groups: Sequence[object] | None = None) -> Interval | None:
    """Return Kendall's τ_b of n pairs with its 95 % interval; None where undefined (n < 2, or one is
    constant).

    With h_ij = [s_ij − ½τ(a_ij/ā + b_ij/b̄)]/√(ā b̄), s the product of the signs of x_i − x_j and y_i − y_j, a and b
    their squares, ā and b̄ the means of these (both 1 without ties), τ_b is to first order a mean over pairs, with

        V = [4 Σ_i (Σ_j h_ij)² − 2 Σ_ij h_ij²]/(n(n−1)(n−2)(n−3))

    the unbiased estimate of its variance. The jackknife's is too large by a term in 1/n² that weighs most where τ is
    near 1. V scatters, and is 0 where the orders agree, so it is moderated by the variance on a normal law,

        W(τ) = 2/(n(n−1)) [1 − τ² + 2(n−2)(1/9 − 4/π² arcsin²(½ sin ½πτ))]

    (Esscher, Skand. Aktuarietidskr. 7, 1924): with r = (k + n V/W(τ̂))/(k + n), k = `PRIOR_ROWS`, the interval is all τ
    with (τ̂ − τ)² ≤ t² r W(τ), t Student's quantile on n − 1 degrees of freedom; it ends at ±1 only where the orders
    agree, for W(±1) = 0. At τ̂ = ±1, r = 1. Below n = 4 there are no limits.

    Where rows share something beyond the seed they are no n independent pairs. With G groups of rows that do, the sum
    over rows i in V is one over groups, of the sums over their rows, its square on G − 1 degrees of freedom, with the
    correction G/(G − 1) of few groups; where that is less than V, V stands. n − 1 and n become G − 1 and G in the
    quantile and in r, whose prior is the variance of G rows on a normal law, with the weight of kG/n groups. Below
    G = 4 there are no limits.

    Arguments:
        x: the one quantity, shape (n,).
        y: the other, shape (n,).
        groups: for each row a label of what it shares with others; None: each row is alone.
    """
    n = len(x)
    if n < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    totals = sum((signs.sum((1, 2)) for signs in _signs(x, y)), np.zeros(3))
    agreement, untied_x, untied_y = totals / (n * (n - 1))
    scale = float(np.sqrt(untied_x * untied_y))
    tau = float(np.clip(agreement / scale, -1, 1))
    labels = np.arange(n) if groups is None else _codes(groups)
    count = int(labels.max()) + 1
    if count < 4:
        return Interval(tau, None, None, n)
    weights = np.array([1 / scale, -tau / (2 * untied_x), -tau / (2 * untied_y)])
    blocks = [(terms.sum(1), (terms**2).sum()) for terms in (np.tensordot(weights, s, 1) for s in _signs(x, y))]
    sums, own = np.concatenate([rows for rows, _ in blocks]), 2 * sum(squares for _, squares in blocks)
    variance = max(4 * (sums**2).sum() - own, 0.0) / (n * (n - 1) * (n - 2) * (n - 3))
    if count < n:
        shared = 4 * (np.bincount(labels, sums) ** 2).sum() * count / (count - 1)
        variance = max(variance, shared / (n * (n - 1)) ** 2)
    return Interval(tau, *_tau_limits(tau, variance, n, count), n)


def _codes(labels: Sequence[object]) -> np.ndarray:
    """Return the number of each label, in the order of their first occurrence, shape (n,)."""
    codes = {label: k for k, label in enumerate(dict.fromkeys(labels))}
    return np.array([codes[label] for label in labels])


def _signs(x: np.ndarray, y: np.ndarray) -> Iterator[np.ndarray]:
    """Yield by blocks of rows i the signs of (x_i − x_j)(y_i − y_j), and squares of those of either; (3, rows, n)."""
    rows = max(PAIRS // len(x), 1)
    for start in range(0, len(x), rows):
        block = slice(start, start + rows)
        sign_x, sign_y = np.sign(x[block, None] - x), np.sign(y[block, None] - y)
        yield np.stack([sign_x * sign_y, sign_x**2, sign_y**2])


def _tau_limits(tau: float, variance: float, n: int, count: int) -> tuple[float, float]:
    """Return the limits of τ̂ of n rows in so many groups, from the estimate of its variance."""
    agree = abs(tau) > 1 - 1e-12
    ratio = n / count
    if not agree:
        normal = _normal_tau_variance(tau, n)
        weight = PRIOR_ROWS * (count / n)
        ratio = (weight * (_normal_tau_variance(tau, count) / normal) + count * variance / normal) / (weight + count)
    factor = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2)) * ratio**0.5

    def limit(end: float) -> float:
        """Where the distance from τ̂ is as large as its error there allows; the end itself where it never is."""
        inner, outer = tau, end
        for _ in range(60):
            middle = (inner + outer) / 2
            if abs(tau - middle) <= factor * _normal_tau_variance(middle, n) ** 0.5:
                inner = middle
            else:
                outer = middle
        return outer

    low = -1.0 if agree and tau < 0 else limit(-1.0)
    high = 1.0 if agree and tau > 0 else limit(1.0)
    return low, high


def _normal_tau_variance(tau: float, n: int) -> float:
    """Variance of Kendall's τ̂ of n pairs of a bivariate normal law with this τ."""
    half = math.asin(0.5 * math.sin(0.5 * math.pi * tau))
    slope = max(1 / 9 - 4 / math.pi**2 * half**2, 0.0)
    return 2 / (n * (n - 1)) * (1 - tau**2 + 2 * (n - 2) * slope)


# Effects


def _widened(over_seeds: Interval, over_points: Interval) -> Interval:
    """Return an interval over seeds with that over points added in quadrature."""
    if over_seeds.high is None or over_points.high is None:
        return over_seeds
    half = math.hypot(over_seeds.high - over_seeds.value, over_points.high - over_points.value)
    return Interval(over_seeds.value, over_seeds.value - half, over_seeds.value + half, over_seeds.n)


def choice_effects(
    values: np.ndarray, compared_by: Comparison = "ratio", groups: np.ndarray | None = None
) -> list[Interval]:
    """Effect of each choice on a metric against the mean over the choices: a factor, or a difference.

    Arguments:
        values: ln metric where it is compared by ratios, else the metric, shape (contexts, choices, seeds), every
            entry finite.
        compared_by: `ratio` or `difference`.
        groups: means over G groups of points that all share, on the scale of `values`, shape (contexts, choices,
            seeds, G); None where there are none.

    Returns:
        For each choice the mean over contexts of its deviation from the mean over choices, exp of it for ratios, with
        Student's t interval over the seeds, and that over the groups in quadrature.
    """
    deviation = (values - values.mean(1, keepdims=True)).mean(0)
    over_points = None if groups is None else (groups - groups.mean(1, keepdims=True)).mean((0, 2))
    effects = []
    for k, choice in enumerate(deviation):
        interval = t_interval(choice)
        if over_points is not None:
            interval = _widened(interval, t_interval(over_points[k]))
        if compared_by == "difference":
            effects.append(interval)
            continue
        low = None if interval.low is None else float(np.exp(interval.low))
        high = None if interval.high is None else float(np.exp(interval.high))
        effects.append(Interval(float(np.exp(interval.value)), low, high, interval.n))
    return effects


def interaction(values: np.ndarray, groups: np.ndarray | None = None) -> float:
    """Return the p-value of the hypothesis that the effects of two factors add up, over seeds as blocks.

    With y_abs less its means over a and over b in each seed, F compares the mean over seeds with the scatter around it,
    on f = (A−1)(B−1) and f(S−1) degrees of freedom. A difference without any scatter is exact.

    Points that all share add S times the squared error over them, Σ_p, to that scatter. Their errors are alike in many
    cells: the numerator has (tr Σ)²/tr Σ² degrees of freedom (Box, Annals of Mathematical Statistics 25, 1954), Σ the
    sum of both. The p-value is the mean of those on the degrees of freedom of the one and of the other, f(S−1) and
    G − 1, weighted by their shares of the scatter, as Cochran and Cox weigh critical values of Student's t: few degrees
    of freedom do not make that too sharp, as they do Satterthwaite's.

    Arguments:
        values: on the scale where effects add up, shape (A, B, S), S ≥ 2.
        groups: means over G groups of shared points on that scale, shape (A, B, S, G); None where there are none.
    """
    rows, columns, seeds = values.shape
    alone = _without_main_effects(values)
    mean = alone.mean(2)
    freedom = (rows - 1) * (columns - 1)
    between = seeds * float((mean**2).sum()) / freedom
    within = float(((alone - mean[:, :, None]) ** 2).sum()) / (freedom * (seeds - 1))
    if between <= EXACT**2:
        return 1.0
    if groups is None:
        return _tail(between, within, freedom, freedom * (seeds - 1))
    total, square, count = _over_shared_points(groups)
    points = seeds * total / freedom
    error = within + points
    if error == 0.0:
        return 0.0
    both = freedom * within**2 + 2 * within * seeds * total + (seeds * square) ** 2
    above = float((freedom * error) ** 2 / both)
    of_seeds, of_points = (_tail(between, error, above, f) for f in (freedom * (seeds - 1), count - 1))
    return float((within * of_seeds + points * of_points) / error)


def _tail(between: float, error: float, above: float, below: float) -> float:
    """Return the p-value of F = between/error on its degrees of freedom; 0 without any error."""
    return float(fdtrc(above, below, between / error)) if error > 0 else 0.0


def _without_main_effects(values: np.ndarray) -> np.ndarray:
    """Return what two factors, the first two axes, do beyond the sum of their effects."""
    return np.asarray(values - values.mean(0) - values.mean(1, keepdims=True) + values.mean((0, 1)))


def _over_shared_points(groups: np.ndarray) -> tuple[float, float, int]:
    """Return trace and Frobenius norm of the covariance over points of the mean interaction, and the groups' number."""
    apart = _without_main_effects(groups.mean(2))
    count = apart.shape[2]
    deviations = (apart - apart.mean(2, keepdims=True)).reshape(-1, count)
    covariance = deviations @ deviations.T / (count * (count - 1))
    return float(covariance.trace()), float(np.linalg.norm(covariance)), count
