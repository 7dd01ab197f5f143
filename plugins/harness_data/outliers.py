"""Outliers: single rows that make most of the variance of a column, and so the unit that its noise is in.

Without row i the sum of squared deviations of a column x of n rows, about the mean of those that are left, is

    Σ_{k≠i} (x_k − m_{−i})² = S − n/(n − 1) · (x_i − m)²,    S = Σ_k (x_k − m)²

so that the share n/(n − 1) · (x_i − m)²/S is what the row alone makes: the statistic of Grubbs' test for one outlier
(Technometrics 11, 1969) as a number between 0 and 1. Of one row of a normal column it has the law Beta(1/2, (n − 2)/2).
A row is an outlier where its share is above one half and, which of fewer than 30 rows asks for more, so large that a
normal column has such a row once in 1,000 times at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness_data.standardization import CONSTANT

MOST = 0.5
"""Share of a column's sum of squared deviations above which one row makes most of it."""

BY_CHANCE = 0.001
"""How often a normal column may have an outlier."""

ROWS = 10
"""Fewest rows of which it is told."""

CHUNK = 2**22
"""Values that are looked at together."""


@dataclass(frozen=True)
class Outlier:
    """A row that makes most of the variance of a column.

    Attributes:
        row: its place, from 0.
        column: the column's, from 0.
        value: what stands there.
        share: of the column's sum of squared deviations that goes with the row, above `MOST`.
        of_all: the same of the sum over all columns.
        low: the least value of the column in other rows.
        high: the largest.
    """

    row: int
    column: int
    value: float
    share: float
    of_all: float
    low: float
    high: float


def outliers(points: np.ndarray, *, own_units: bool) -> list[Outlier]:
    """Return the outlier of each column that has one, the largest shares first.

    Where all columns share one unit, those that vary less than a column does on average are passed over: a pixel at the
    edge that one image has ink on changes nothing there.

    Arguments:
        points: all rows, shape (n, d), finite.
        own_units: whether each column is brought to a deviation of its own.
    """
    n = len(points)
    if n < ROWS:
        return []
    mean, squares = points.mean(0, dtype=np.float64), np.zeros(points.shape[1])
    for chunk in np.array_split(points, max(1, min(n, points.size // CHUNK))):
        apart = chunk - mean
        squares += np.einsum("ij,ij->j", apart, apart)
    farthest = np.maximum(points.max(0) - mean, mean - points.min(0))
    made = farthest**2 * (n / (n - 1))
    told = (made > least_share(n) * squares) & (farthest > CONSTANT * np.abs(mean))
    whole = float(squares.sum())
    if not own_units:
        told &= squares * len(squares) >= (1 - 1e-9) * whole
    found = [
        _outlier(points[:, j], int(j), mean[j], made[j] / squares[j], made[j] / whole) for j in np.flatnonzero(told)
    ]
    return sorted(found, key=lambda each: -each.share)


def least_share(n: int) -> float:
    """Return the share of a column's sum of squared deviations above which a row, of n, is an outlier."""
    from scipy.special import betainccinv

    # Any of n rows may be the one; no two have so much, so that their chances add up.
    return max(MOST, float(betainccinv(0.5, (n - 2) / 2, BY_CHANCE / n)))


def _outlier(values: np.ndarray, column: int, mean: float, share: float, of_all: float) -> Outlier:
    row = int(np.abs(values - mean).argmax())
    others = np.delete(values, row)
    low, high = float(others.min()), float(others.max())
    return Outlier(row, column, float(values[row]), min(1.0, float(share)), min(1.0, float(of_all)), low, high)
