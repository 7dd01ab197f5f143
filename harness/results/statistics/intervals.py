"""Intervals of means over seeds: Student's t, with the error within runs where seeds do not show it.

`benchmarks/interval_coverage.py` measures their coverage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

if TYPE_CHECKING:
    from harness.metrics import Measurement

CONFIDENCE = 0.95
"""Confidence level of every interval and set."""

EXACT = 1e-9
"""Relative spread over seeds below which values count as equal: rounding, not randomness."""

FEW = 8
"""Numbers from which on numpy does not add one after the other."""

MANY = 1e6
"""Degrees of freedom that stand for infinitely many."""


@dataclass(frozen=True)
class Interval:
    """A value with its confidence limits; a limit is None where nothing is known of it."""

    value: float
    low: float | None
    high: float | None
    n: int


def t_interval(values: Sequence[float]) -> Interval:
    """Return the mean of n ≥ 1 independent values with Student's t interval; no limits where n = 1."""
    n, mean = len(values), seed_mean(values)
    if n == 1:
        return Interval(mean, None, None, 1)
    half = quantile(n - 1) * _deviation(values) / n**0.5
    return Interval(mean, float(mean - half), float(mean + half), n)


@lru_cache
def quantile(freedom: float, comparisons: int = 1) -> float:
    """Student's t that 95 % of the absolute values are below; all of several at once, by Bonferroni."""
    return float(stdtrit(freedom, 1 - (1 - CONFIDENCE) / 2 / comparisons))


def mean_interval(
    measurements: Sequence[Measurement], least: float = -math.inf, overlap: float = 0.0
) -> tuple[float, float, float]:
    """Return the mean over n ≥ 1 seeds with its limits: value, low, high.

    Student's t over the seeds. One seed, or seeds that all give the same value (work that they share), say
    nothing of the error within a run: then the interval is that of the standard errors. An error that all seeds
    share is added to their spread in quadrature: where they draw n of the same N points without replacement, that
    is the share n/N of each one's squared error, and 1 − n/N of it shows in the spread; where they have splits of
    their own, see `harness.results.own_points`. The interval is widened on both sides by the mean absolute bias that
    is thought to remain. It ends at the least possible value, or at the estimate where that is below; and where all of
    it were below, it reaches up to the least possible value, the only one that is left.

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
    return interval.value, low, max(interval.value + half, least)


def error_within(measurements: Sequence[Measurement]) -> float:
    """Return how far a mean over n ≥ 1 seeds may be off by an error that all seeds share, and by what bias remains."""
    return _half_width(measurements) + _remaining_bias(measurements)


def _half_width(measurements: Sequence[Measurement]) -> float:
    """Return the half-width of the interval of the standard errors, taken as one error that all seeds share."""
    freedom = min(min(m.freedom for m in measurements), MANY)
    return quantile(freedom) * _average([m.standard_error for m in measurements])


def _remaining_bias(measurements: Sequence[Measurement]) -> float:
    return _average([abs(m.bias) for m in measurements])


def seed_mean(sample: Sequence[float]) -> float:
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
