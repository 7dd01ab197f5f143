"""The plot of one claim: its panels, drawn from a document alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness.claims_board import ClaimEntry, PanelEntry, SeriesEntry
from harness.palette import COLOURS, INK
from harness.plots import MARKERS, PANELS, blank, finished, round_ticks, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MANY = 24
"""A line of more points has no markers."""

Style = dict[str, Any]


@styled
def claim_figure(entry: ClaimEntry) -> Figure | None:
    """Plot a claim's panels side by side; None where it has none with a point."""
    panels = [panel for panel in entry.panels if any(_points(panel, series) for series in panel.series)]
    if not panels:
        return None
    columns = min(PANELS, len(panels))
    lines = math.ceil(len(panels) / columns)
    made = blank(1.0 + 3.6 * columns, 0.9 + 3.0 * lines)
    grid = made.subplots(lines, columns, squeeze=False).ravel()
    names = list(dict.fromkeys(s.label for panel in panels for s in panel.series if s.kind != "guide"))
    styles = {
        name: {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]} for i, name in enumerate(names)
    }
    for panel, axes in zip(panels, grid, strict=False):
        _draw(axes, panel, styles)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    return finished(made, legend=any(s.label for panel in panels for s in panel.series))


def _draw(axes: Axes, panel: PanelEntry, styles: dict[str, Style]) -> None:
    if panel.log_x:
        axes.set_xscale("log")
    if panel.log_y:
        axes.set_yscale("log")
    for series in panel.series:
        _draw_series(axes, panel, series, styles)
    axes.set_title(panel.title)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    axes.grid(True, which="major")
    axes.tick_params(labelsize=8)
    for logarithmic, axis, limits in (
        (panel.log_x, axes.xaxis, axes.get_xlim),
        (panel.log_y, axes.yaxis, axes.get_ylim),
    ):
        low, high = limits()
        if logarithmic and high / low < 1e4:
            round_ticks(axis, low, high)
    axes.autoscale(False)


def _draw_series(axes: Axes, panel: PanelEntry, series: SeriesEntry, styles: dict[str, Style]) -> None:
    points = _points(panel, series)
    x, y = [p[0] for p in points], [p[1] for p in points]
    label = series.label or "_"
    if not points:
        return
    if series.kind == "guide":
        axes.plot(x, y, color=INK, lw=1, ls="--", label=label)
        return
    style = styles[series.label]
    low, high = [p[2] for p in points], [p[3] for p in points]
    if series.kind == "line":
        axes.fill_between(x, low, high, color=style["color"], alpha=0.18, lw=0, label="_")
        marker = "" if len(points) > MANY else style["marker"]
        axes.plot(x, y, color=style["color"], marker=marker, ms=4.5, lw=1.5, label=label)
    else:
        axes.vlines(x, low, high, color=style["color"], lw=1.4, label="_")
        axes.plot(x, y, ls="", ms=4.5, alpha=0.8, label=label, **style)


def _points(panel: PanelEntry, series: SeriesEntry) -> list[tuple[float, float, float, float]]:
    """Return x, y and y's limits where they can be shown: known, and positive on a logarithmic axis."""
    found = []
    for i, (x, y) in enumerate(zip(series.x, series.y, strict=True)):
        if x is not None and y is not None and (x > 0 or not panel.log_x) and (y > 0 or not panel.log_y):
            ends = [_end(None if limits is None else limits[i], y, panel.log_y) for limits in (series.low, series.high)]
            found.append((x, y, ends[0], ends[1]))
    return found


def _end(limit: float | None, value: float, logarithmic: bool) -> float:
    """Return an end of an interval; the value itself where it is unknown or cannot be shown."""
    return value if limit is None or (logarithmic and limit <= 0) else limit
