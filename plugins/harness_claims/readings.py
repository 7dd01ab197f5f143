"""Readings: numbers that a claim reads off a curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from harness.results.statistics.intervals import Interval


def steps_to_reach(steps: Sequence[float] | np.ndarray, errors: np.ndarray, threshold: float) -> tuple[float, bool]:
    """Return after how many steps an error first reaches a threshold, and whether it was seen to.

    Between two records the error is a power of the steps. It may reach the threshold before the first record (then
    the answer is the first one) or never (then the last one): neither is seen, and both understate a difference.

    Arguments:
        steps: the records' numbers of steps, increasing, shape (K,).
        errors: the error at each, positive, shape (K,).
        threshold: the error that is to be reached, positive.
    """
    import numpy as np

    at, values = np.log(np.asarray(steps, dtype=float)), np.log(np.asarray(errors, dtype=float))
    reached = np.flatnonzero(values <= math.log(threshold))
    if reached.size == 0 or reached[0] == 0:
        return float(steps[-1] if reached.size == 0 else steps[0]), False
    k = int(reached[0])
    share = (values[k - 1] - math.log(threshold)) / (values[k - 1] - values[k])
    return float(np.exp(at[k - 1] + share * (at[k] - at[k - 1]))), True


def crossing(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> float:
    """Return where a curve first goes from below zero to zero or above, by linear interpolation; NaN if nowhere.

    Arguments:
        x: increasing, shape (K,).
        y: the curve, shape (K,).
    """
    import numpy as np

    at, values = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    change = np.flatnonzero((values[:-1] < 0) & (values[1:] >= 0))
    if change.size == 0:
        return math.nan
    k = int(change[0])
    return float(at[k] - values[k] * (at[k + 1] - at[k]) / (values[k + 1] - values[k]))


def minimum(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> float:
    """Return where a curve is least: the vertex of the parabola through the least point and its neighbours.

    At an end it is that end.

    Arguments:
        x: increasing, shape (K,).
        y: the curve, shape (K,).
    """
    import numpy as np

    at, values = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    k = int(values.argmin())
    if k in (0, len(values) - 1):
        return float(at[k])
    left, right = at[k] - at[k - 1], at[k + 1] - at[k]
    fall, rise = (values[k] - values[k - 1]) / left, (values[k + 1] - values[k]) / right
    bend = (rise - fall) / (left + right)
    slope = (fall * right + rise * left) / (left + right)
    return float(at[k] - slope / (2 * bend)) if bend > 0 else float(at[k])


def agreement(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return Kendall's τ_b between two orders of n designs in each seed.

    Arguments:
        x: shape (n, S); `y` likewise.

    Returns:
        Shape (S,); NaN where one of the two is constant.
    """
    import numpy as np

    from harness.results.statistics.kendall import kendall

    pairs = [kendall(x[:, s], y[:, s]) for s in range(x.shape[1])]
    return np.array([math.nan if tau is None else tau.value for tau in pairs])


def mean_over_seeds(values: Sequence[float]) -> Interval:
    """Return the mean of one number a seed, with its 95 % limits by Student's t."""
    from harness.results.statistics.intervals import t_interval

    return t_interval(values)
