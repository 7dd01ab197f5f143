"""Drawn points: held-out rows of the data and samples of the recommended design, for a reader to compare by eye.

Of up to three coordinates they are those of the data. Of more there is a plane: the first two principal components of
the rows shown, as the network sees them, so that a column of large numbers does not decide it alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.engine.laws import distribution
from harness.engine.random_streams import seed_from
from harness.results.shown_points import MOST_AXES, ShownPoints

if TYPE_CHECKING:
    from harness.results.stored_designs import StoredDesign

MOST = 250
"""Points of each kind that are shown."""

DIGITS = 4
"""Significant digits of a coordinate: more than a plot resolves."""


def drawn_points(design: StoredDesign) -> ShownPoints:
    """Return held-out rows of the design's first split and as many of its samples.

    Raises:
        HarnessError: as `StoredDesign.draw`.
    """
    import torch

    from harness.engine.drawing import draw

    law, units = distribution(design.target()), design.units()
    real = law.held_out(MOST, torch.Generator().manual_seed(seed_from("points")))
    generated = draw(replace(design.job(), count=len(real))).points
    inside = [units.restore(points).reshape(len(points), -1).numpy() for points in (real, generated)]
    dim = inside[0].shape[1]
    if dim <= MOST_AXES:
        return _shown([*units.columns] or [f"x{i + 1}" for i in range(dim)], *inside, components=False)
    plane, shares = principal_plane(real.numpy())
    axes = [f"component {i + 1} ({100 * share:.0f} % of the variance)" for i, share in enumerate(shares)]
    return _shown(axes, real.numpy() @ plane, generated.numpy() @ plane, components=True)


def principal_plane(rows: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Return the first two principal directions of rows, and the share of the variance that each has.

    The largest coordinate of each direction is positive, so that it does not depend on who computes it.

    Arguments:
        rows: shape (n, d), n ≥ 2, d ≥ 2.

    Returns:
        Directions, shape (d, 2), orthonormal; and two shares, from 0 to 1.
    """
    _, lengths, directions = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    first = directions[:2]
    first = first * np.sign(first[np.arange(len(first)), np.abs(first).argmax(1)])[:, None]
    total = float((lengths**2).sum())
    return first.T, [float(length**2 / total) if total > 0 else 0.0 for length in lengths[:2]]


def _shown(axes: list[str], real: np.ndarray, generated: np.ndarray, *, components: bool) -> ShownPoints:
    return ShownPoints(axes=axes, components=components, real=_rounded(real), generated=_rounded(generated))


def _rounded(points: np.ndarray) -> list[list[float]]:
    return [[float(f"{value:.{DIGITS}g}") for value in point] for point in points.tolist()]
