"""Effect sizes: what a choice does to a metric, and whether the effects of two factors add up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import fdtrc

from harness.results.statistics.intervals import EXACT, Interval, t_interval

if TYPE_CHECKING:
    from harness.quantities import Comparison


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
