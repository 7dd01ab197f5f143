"""Power: how many seeds it would take to tell the best row of a target from those that it ties with.

A difference d of two rows is told from 0 where t = d/√(V/S) is large enough for Holm's rule, V the sum of their
moderated variances over S seeds. So many seeds are named that it is at the differences that are to be expected, where
more seeds would tell it in about half of all repetitions. Observed differences are too large on average, for they hold
noise and the best is chosen by it: of k rows whose means scatter by s² and are known to v each, the part 1 − v/s² of a
difference is to be expected (James, Stein, Proc. 4th Berkeley Symposium 1, 1961; Efron, Morris, JASA 68, 1973).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

from harness.results.statistics.comparisons import Compared, holm
from harness.results.statistics.intervals import CONFIDENCE

DOUBT = 0.1
"""Level at which rows must differ for any number of seeds to be named."""

MOST = 1000
"""Seeds above which no number is named."""


@dataclass(frozen=True)
class SeedsNeeded:
    """What it takes to tell the best row from its ties.

    Attributes:
        ties: rows that are not told apart from it.
        seeds_for_half: the seeds with which it would be told from half of them, in about half of all repetitions or
            more; None where that are more than `MOST`, or the rows differ by no more than seeds do.
        seeds_for_all: the same of all of them.
        within: the part of the variance over seeds that the error within a run may explain, at most 1; None where a
            variance is not known, or is 0.
    """

    ties: int
    seeds_for_half: int | None
    seeds_for_all: int | None
    within: float | None


def settling(compared: Compared, level: float = 1 - CONFIDENCE) -> SeedsNeeded | None:
    """Return what it takes to tell the best of n ≥ 1 rows from its ties; None below two seeds, which show no spread.

    Arguments:
        compared: the rows.
        level: that of their rank sets.
    """
    best = int(np.argmin(compared.order))
    seeds = int(np.isfinite(compared.values).sum(1).max())
    if seeds < 2:
        return None
    ties = ~holm(compared.p_values(best), best, level)
    ties[best] = False
    count = int(ties.sum())
    rows = ties | (np.arange(len(ties)) == best)
    share = _share(compared, rows)

    def needed(wanted: int) -> int | None:
        def told(number: int) -> bool:
            return int(holm(compared.p_values(best, seeds=number, share=share), best, level)[ties].sum()) >= wanted

        return _least(told, seeds + 1) if count else None

    return SeedsNeeded(count, needed((count + 1) // 2), needed(count), _within(compared, rows))


def _share(compared: Compared, rows: np.ndarray) -> float:
    """Return the part of the differences among some rows that is to be expected again, from 0 to 1.

    It is 0 where their scatter may well be that of seeds alone, by an F test at `DOUBT`.
    """
    values = compared.stable[rows]
    scatter = float(np.nanmean(values, 1).var(ddof=1)) if len(values) > 1 else 0.0
    noise = _mean(compared.variances[rows] / np.isfinite(values).sum(1))
    if scatter == 0 or not np.isfinite(noise):
        return 0.0
    freedom = len(values) - 1
    seeds = max(int(np.isfinite(values).sum(1).max()) - 1, 1)
    alone = noise > 0 and fdtrc(freedom, freedom * seeds, scatter / noise) > DOUBT
    return 0.0 if alone else 1 - noise / scatter


def _within(compared: Compared, rows: np.ndarray) -> float | None:
    errors = _mean(compared.errors_on_scale[rows] ** 2)
    variance = _mean(compared.variances[rows])
    return min(1.0, errors / variance) if variance > 0 and np.isfinite(errors) else None


def _mean(values: np.ndarray) -> float:
    """Return the mean of the numbers that are known; NaN where none is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else np.nan


def _least(reached: Callable[[int], bool], start: int) -> int | None:
    """Return the least number from a start on at which a rule holds that then holds for all larger; None above MOST."""
    low, high = start - 1, start
    while not reached(high):
        if high >= MOST:
            return None
        low, high = high, min(2 * high, MOST)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high
