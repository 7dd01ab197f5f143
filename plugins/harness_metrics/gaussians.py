"""Gaussians: mean lengths, mean kernels and median distances, which distances of samples tend to."""

from __future__ import annotations

import math
from collections.abc import Sequence


def mean_length(distance: float, deviation: float, dim: int) -> float:
    """Return E‖X‖ of X ~ N(m, s²I), ‖m‖ = distance: s√2 Γ((d+1)/2)/Γ(d/2) ₁F₁(−½; d/2; −‖m‖²/2s²)."""
    from scipy.special import gammaln, hyp1f1

    factor = math.sqrt(2) * math.exp(gammaln((dim + 1) / 2) - gammaln(dim / 2))
    return deviation * factor * float(hyp1f1(-0.5, dim / 2, -0.5 * (distance / deviation) ** 2))


def median_distance(deviation: float, dim: int) -> float:
    """Return the median distance of two points of N(0, s²I)."""
    from scipy.stats import chi

    return math.sqrt(2) * deviation * float(chi.median(dim))


def mean_kernel(squared: float, variance: float, widths: Sequence[float], dim: int) -> float:
    """Return E exp(−‖X‖²/2w²) of X ~ N(m, vI), ‖m‖² = squared, averaged over the widths w."""
    spreads = [(w * w, w * w + variance) for w in widths]
    means: list[float] = [(own / total) ** (dim / 2) * math.exp(-0.5 * squared / total) for own, total in spreads]
    return sum(means) / len(means)
