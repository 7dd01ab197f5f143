"""Kendall's τ_b with the score interval of a moderated variance.

All n(n − 1) pairs count, and none is looked at: sums over the pairs of a row are counts of rows that lie below it in
one order, the other, or both, which take n log n steps.

`benchmarks/interval_coverage.py` measures the coverage of the interval.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from scipy.special import stdtrit

from harness.results.statistics.intervals import CONFIDENCE, Interval
from harness.results.statistics.variances import codes

PRIOR_ROWS = 10
"""Rows' worth of weight that the variance of Kendall's τ on a normal law has against that of the data."""


FEWEST = 4
"""Groups, or rows, below which there are no limits."""


def kendall(
    x: np.ndarray,
    y: np.ndarray,
    groups: Sequence[object] | None = None,
    crossing: Sequence[object] | None = None,
) -> Interval | None:
    """Return Kendall's τ_b of n pairs with its 95 % interval; None where undefined (n < 2, or one is
    constant).

    With h_ij = s_ij/√(ā b̄) − ½τ(a_ij/ā + b_ij/b̄), s the product of the signs of x_i − x_j and y_i − y_j, a and b
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

    Where rows share something else across these groups, with the variances V_1 and V_2 of both groupings and V_12 of
    the groups of rows that share both, it is max(V_1, V_2, V_1 + V_2 − V_12), and G is that of the grouping which has
    fewer (Cameron, Gelbach, Miller, J. Business & Economic Statistics 29(2), 2011).

    Arguments:
        x: the one quantity, shape (n,).
        y: the other, shape (n,).
        groups: for each row a label of what it shares with others; None: each row is alone.
        crossing: the same of something else; None: there is none.
    """
    n = len(x)
    if n < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    pairs = _pairs(x, y)
    agreement, untied_x, untied_y, untied = pairs.sum(1) / (n * (n - 1))
    scale = float(np.sqrt(untied_x * untied_y))
    tau = float(np.clip(agreement / scale, -1, 1))
    groupings = [codes(labels) for labels in (groups, crossing) if labels is not None]
    count = min([n, *map(_count, groupings)])
    if count < FEWEST:
        return Interval(tau, None, None, n)
    weights = np.array([1 / scale, -tau / (2 * untied_x), -tau / (2 * untied_y)])
    sums = weights @ pairs[:3]
    # The products of s, a and b, in pairs: s² = ab, sa = sb = s, and a² = a.
    products = np.array([[untied, agreement, agreement], [agreement, untied_x, untied], [agreement, untied, untied_y]])
    own = 2 * n * (n - 1) * float(weights @ products @ weights)
    variance = max(4 * (sums**2).sum() - own, 0.0) / (n * (n - 1) * (n - 2) * (n - 3))
    variances = [_between(labels, sums, variance) for labels in groupings]
    if len(groupings) == 2:
        first, second = variances
        both = _between(codes(list(zip(*groupings, strict=True))), sums, variance)
        variances.append(first + second - both)
    return Interval(tau, *_tau_limits(tau, max([variance, *variances]), n, count), n)


def several(labels: Sequence[Hashable]) -> Sequence[Hashable] | None:
    """Return the labels of rows, as `kendall` takes them; None where all share one: τ is said of that one alone."""
    return labels if len(set(labels)) > 1 else None


def _count(labels: np.ndarray) -> int:
    return int(labels.max()) + 1


def _between(labels: np.ndarray, sums: np.ndarray, variance: float) -> float:
    """Return the variance of τ̂ of rows in groups, at least that of rows alone, from the sums over each row's pairs."""
    n, count = len(sums), _count(labels)
    if count == n:
        return variance
    shared = 4 * (np.bincount(labels, sums) ** 2).sum() * count / (count - 1)
    return max(variance, float(shared) / (n * (n - 1)) ** 2)


def _pairs(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the sums over j, for each row i, of s_ij, a_ij, b_ij and a_ij b_ij; shape (4, n)."""
    n = len(x)
    (below_x, alike_x), (below_y, alike_y) = (_below_and_alike(values) for values in (x, y))
    _, same, sizes = np.unique(below_x * n + below_y, return_inverse=True, return_counts=True)
    alike = sizes[same]
    by_x, (lower, level) = np.argsort(x, kind="stable"), (below_y, below_y + alike_y)
    # Rows with a smaller x, and with an x that is no larger; of these, those with a smaller y, and no larger.
    left, up_to = (_smaller(below_y[by_x], ends, lower) for ends in (below_x, below_x + alike_x))
    left_level = _smaller(below_y[by_x], below_x, level)
    above_left, below_right = below_x - left_level, below_y - up_to
    right = n - below_x - alike_x
    above_right = right - below_right - (alike_y - alike - (left_level - left))
    signs = left + above_right - above_left - below_right
    return np.stack([signs, n - alike_x, n - alike_y, n - alike_x - alike_y + alike]).astype(float)


def _below_and_alike(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many values are smaller than each, and how many equal to it, itself among them."""
    ordered = np.sort(values)
    below = np.searchsorted(ordered, values, "left")
    return below, np.searchsorted(ordered, values, "right") - below


def _smaller(values: np.ndarray, ends: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Return how many of the first values, up to each end, are smaller than each limit; none below 0.

    Digit by digit, from the first binary one: of the values that agree so far with a limit whose digit is 1, those
    with 0 are smaller. Values are kept in the order of the digits that were seen, where those that agree lie together
    (a wavelet matrix: Claude, Navarro, SPIRE 2012).
    """
    count, starts = np.zeros(len(ends), dtype=int), np.zeros(len(ends), dtype=int)
    for digit in reversed(range(int(max(values.max(), limits.max())).bit_length())):
        ones, high = (values >> digit) & 1 == 1, (limits >> digit) & 1 == 1
        zeros = np.concatenate([[0], np.cumsum(~ones)])
        before, within = zeros[starts], zeros[ends]
        count += np.where(high, within - before, 0)
        starts = np.where(high, zeros[-1] + starts - before, before)
        ends = np.where(high, zeros[-1] + ends - within, within)
        values = np.concatenate([values[~ones], values[ones]])
    return count


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
