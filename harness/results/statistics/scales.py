"""Scales: where the values of a metric are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from harness.quantities import Comparison


def on_scale(values: np.ndarray, compared_by: Comparison) -> tuple[np.ndarray, np.ndarray]:
    """Return the values on the scale where they are compared, and its slope at each, both of the values' shape.

    Ratios: `stabilised`. Differences: in units of the median size, which changes no comparison and tells rounding.
    """
    if compared_by == "ratio":
        return stabilised(values), 1 / np.hypot(values, 2 * _noise_around_zero(values))
    unit = _unit(values)
    return values / unit, np.full_like(values, 1 / unit)


def _unit(values: np.ndarray) -> float:
    return float(np.median(np.abs(values[np.isfinite(values)]))) or 1.0


def stabilised(values: np.ndarray) -> np.ndarray:
    """Return the values on a scale where errors are of like size: ln x, or asinh(x/2c) ~ ln(x/c) if some are
    ≤ 0.

    c is the spread over seeds of the rows that reach zero or below, the size of the noise around zero.
    """
    scale = _noise_around_zero(values)
    return np.asarray(np.arcsinh(values / (2 * scale)) if scale else np.log(values))


def _noise_around_zero(values: np.ndarray) -> float:
    """Return c of `stabilised`; 0 where all values are above 0."""
    if (values[np.isfinite(values)] > 0).all():
        return 0.0
    rows = values[(values <= 0).any(1)]
    noise = [np.var(row[np.isfinite(row)], ddof=1) for row in rows if np.isfinite(row).sum() > 1]
    scale = float(np.sqrt(np.mean(noise))) if noise else 0.0
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    if scale <= 0:
        scale = float(sizes.min()) if sizes.size else 1.0
    return scale


def means_on_scale(values: np.ndarray, means: np.ndarray, compared_by: Comparison) -> np.ndarray:
    """Return means of rows on the scale where the values are compared (`on_scale`)."""
    if compared_by == "difference":
        return means / _unit(values)
    scale = _noise_around_zero(values)
    return np.asarray(np.arcsinh(means / (2 * scale)) if scale else np.log(means))
