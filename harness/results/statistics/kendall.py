"""Kendall's τ_b with the score interval of a moderated variance.

`benchmarks/interval_coverage.py` measures the coverage of the interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import stdtrit

from harness.results.statistics.intervals import CONFIDENCE, Interval
from harness.results.statistics.variances import codes

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
    labels = np.arange(n) if groups is None else codes(groups)
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
