"""Plots of points: real ones beside generated ones, on the same scales; of one coordinate two densities."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from harness.results.shown_points import ShownPoints
from harness.views.palette import BLUE, VERMILION
from harness.views.plots import blank, styled
from harness.views.sample_plots import GENERATED, REAL

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE = 2.9
"""Inches of a side of a panel."""

BINS = 30
"""Of the density of one coordinate."""

MARGIN = 0.04
"""Room beside the outermost point, as a part of their range."""


@styled
def points_beside(shown: ShownPoints) -> Figure:
    """Plot real points beside generated ones: a line of two panels for each pair of coordinates."""
    import numpy as np

    real, generated = np.array(shown.real), np.array(shown.generated)
    if len(shown.axes) == 1:
        return _densities(shown.axes[0], real[:, 0], generated[:, 0])
    pairs = list(itertools.combinations(range(len(shown.axes)), 2))
    figure = blank(2 * SIDE, SIDE * len(pairs))
    panels = figure.subplots(len(pairs), 2, squeeze=False)
    for line, pair in zip(panels, pairs, strict=True):
        limits = [_limits(np.concatenate([real[:, i], generated[:, i]])) for i in pair]
        _scatter(line[0], REAL, real[:, pair], BLUE)
        _scatter(line[1], GENERATED, generated[:, pair], VERMILION)
        for axes in line:
            axes.set_xlim(*limits[0])
            axes.set_ylim(*limits[1])
            axes.set_xlabel(shown.axes[pair[0]])
        line[0].set_ylabel(shown.axes[pair[1]])
    return figure


def _scatter(axes: Axes, title: str, points: np.ndarray, colour: str) -> None:
    # As pixels they take a fifth of the bytes that they take one by one.
    axes.scatter(points[:, 0], points[:, 1], s=7, color=colour, alpha=0.6, linewidths=0, rasterized=True)
    axes.set_title(title)


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = MARGIN * (high - low) or 1.0
    return low - room, high + room


def _densities(axis: str, real: np.ndarray, generated: np.ndarray) -> Figure:
    import numpy as np

    figure = blank(2 * SIDE, SIDE)
    axes = figure.add_subplot()
    ends = np.linspace(*_limits(np.concatenate([real, generated])), BINS + 1)
    for name, points, colour in ((REAL, real, BLUE), (GENERATED, generated, VERMILION)):
        axes.stairs(np.histogram(points, ends, density=True)[0], ends, color=colour, label=name, linewidth=1.5)
    axes.set_xlabel(axis)
    axes.set_ylabel("density")
    axes.legend()
    return figure
