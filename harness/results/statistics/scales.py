"""Scales: where the values of a metric are compared, so that errors are of like size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from harness.quantities import Comparison


@dataclass(frozen=True)
class Scale:
    """The scale of some values.

    Ratios: ln x, or asinh(x/2c) ~ ln(x/c) if some are ≤ 0, where c is the size of the noise around zero: the spread
    over seeds of the rows that reach it. Differences: x in units of the median size, which changes no comparison and
    tells rounding.

    Attributes:
        compared_by: `ratio` or `difference`.
        size: c, 0 where all values are above 0; of differences the unit.
    """

    compared_by: Comparison
    size: float

    @classmethod
    def of(cls, values: np.ndarray, compared_by: Comparison) -> Scale:
        """Return the scale of values of shape (n, S), NaN where missing."""
        if compared_by == "ratio":
            return cls(compared_by, _noise_around_zero(values))
        return cls(compared_by, float(np.median(np.abs(values[np.isfinite(values)]))) or 1.0)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return numbers of the metric on the scale, of their shape."""
        if self.compared_by == "difference":
            return x / self.size
        return np.asarray(np.arcsinh(x / (2 * self.size)) if self.size else np.log(x))

    def inverse(self, y: np.ndarray) -> np.ndarray:
        """Return what has such numbers on the scale, of their shape."""
        if self.compared_by == "difference":
            return y * self.size
        return np.asarray(2 * self.size * np.sinh(y) if self.size else np.exp(y))

    def slopes(self, x: np.ndarray) -> np.ndarray:
        """Return the slope of the scale at numbers of the metric, of their shape."""
        if self.compared_by == "difference":
            return np.full_like(x, 1 / self.size)
        return np.asarray(1 / np.hypot(x, 2 * self.size))


def _noise_around_zero(values: np.ndarray) -> float:
    """Return c of `Scale`; 0 where all values are above 0."""
    if (values[np.isfinite(values)] > 0).all():
        return 0.0
    rows = values[(values <= 0).any(1)]
    noise = [np.var(row[np.isfinite(row)], ddof=1) for row in rows if np.isfinite(row).sum() > 1]
    scale = float(np.sqrt(np.mean(noise))) if noise else 0.0
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    if scale <= 0:
        scale = float(sizes.min()) if sizes.size else 1.0
    return scale
