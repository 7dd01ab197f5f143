"""Variances over seeds, each moderated by those of all rows.

With s_i² on k_i degrees of freedom and 1/σ_i² ~ χ²_{k_0}/(k_0 s_0²),

    ŝ_i² = (k_0 s_0² + k_i s_i²)/(k_0 + k_i)   on k_0 + k_i degrees of freedom

(Smyth, Statistical Applications in Genetics and Molecular Biology 3, 2004).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, polygamma

from harness.results.statistics.intervals import EXACT, MANY


@dataclass(frozen=True)
class Moderated:
    """Moderated variances of rows and their degrees of freedom, shape (n,); and the freedom of all together."""

    variance: np.ndarray
    freedom: np.ndarray
    pooled: int


def codes(labels: Sequence[object]) -> np.ndarray:
    """Return the number of each label, in the order of their first occurrence, shape (n,)."""
    numbers = {label: k for k, label in enumerate(dict.fromkeys(labels))}
    return np.array([numbers[label] for label in labels])


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
    order = np.argsort(labels, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        members = len(rows)
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
    effect = np.median(centred, axis=0) if mask.all() else _medians(centred, mask)
    residual = np.where(mask, centred - effect, 0.0)
    return np.asarray(np.where(mask, residual - (residual.sum(1) / mask.sum(1))[:, None], 0.0))


def _medians(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Median of each column over what is there; 0 where nothing is."""
    return np.array([np.median(c[m]) if m.any() else 0.0 for c, m in zip(values.T, mask.T, strict=True)])


def moderated(variances: np.ndarray, freedom: np.ndarray, pooled: int) -> Moderated:
    """Shrink variances towards their common scale by as much as their scatter allows.

    Arguments:
        variances: s_i², shape (n,).
        freedom: their degrees of freedom k_i, 0 where there is none.
        pooled: the degrees of freedom of all together, the most that shrinking can give to one.
    """
    usable = (freedom > 0) & (variances > 0)
    if not usable.any():
        return Moderated(np.where(freedom > 0, variances, np.nan), np.maximum(freedom, 1.0), max(pooled, 1))
    scale, prior = prior_variance(variances[usable], freedom[usable])
    weight = min(prior, MANY)
    moderate = (weight * scale + freedom * variances) / (weight + freedom)
    return Moderated(moderate, np.minimum(weight + freedom, pooled), pooled)


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
