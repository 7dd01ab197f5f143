"""The plot of one claim: its panels, drawn from a document alone.

Every plot is as wide as one of `PANELS` panels, so that letters have one size on a page whatever the number of panels;
room that is left takes the legend. Files are bounded: a line of more than `LINE` points keeps the least and the
greatest y of each stretch, and more than `CLOUD` single points become a picture inside the SVG.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.views.palette import COLOURS, INK
from harness.views.plots import MARKERS, PANELS, blank, finished, round_ticks, styled
from harness_claims.document import ClaimEntry, PanelEntry, SeriesEntry

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

MANY = 24
"""A line of more points has no markers."""

LINE = 2000
"""Most points of a line that are drawn."""

CLOUD = 400
"""Most single points of a series that are drawn as shapes."""

NARROW = 2.5
"""A logarithmic axis of a smaller ratio has ticks at even steps."""

WIDE = 1e4
"""A logarithmic axis of a larger ratio has ticks at powers of ten."""

DPI = 200
"""Resolution of points that are drawn as a picture."""

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

Style = dict[str, Any]
Point = tuple[float, float, float, float]

GAP: Point = (math.nan, math.nan, math.nan, math.nan)
"""Where a line breaks."""


@styled
def claim_figure(entry: ClaimEntry) -> Figure | None:
    """Plot a claim's panels side by side; None where it has none with a point."""
    panels = [panel for panel in entry.panels if any(_shown(_points(panel, series)) for series in panel.series)]
    if not panels:
        return None
    lines = math.ceil(len(panels) / PANELS)
    made = blank(1.0 + 3.6 * PANELS, 0.9 + 3.0 * lines)
    made.set_dpi(DPI)
    grid = list(made.subplots(lines, PANELS, squeeze=False).ravel())
    names = list(dict.fromkeys(s.label for panel in panels for s in panel.series if s.kind != "guide"))
    styles = {
        name: {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]} for i, name in enumerate(names)
    }
    for panel, axes in zip(panels, grid, strict=False):
        _draw(axes, panel, styles)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    beside = len(panels) < len(grid)
    if beside:
        _legend(grid[len(panels)], grid[: len(panels)])
    return finished(made, legend=not beside and any(s.label for panel in panels for s in panel.series))


def _legend(free: Axes, drawn: Sequence[Axes]) -> None:
    """Put the legend of all panels where a panel would have room."""
    entries: dict[str, Any] = {}
    for axes in drawn:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(name, handle)
    if entries:
        free.legend(list(entries.values()), list(entries), loc="upper left", borderaxespad=0)


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
    if panel.log_x:
        _ticks(axes.xaxis, *axes.get_xlim())
    if panel.log_y:
        _ticks(axes.yaxis, *axes.get_ylim())
    axes.autoscale(False)


def _ticks(axis: Axis, low: float, high: float) -> None:
    """Put at least two labelled ticks on a logarithmic axis."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    if high / low < NARROW:
        axis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10], min_n_ticks=3))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.12g}"))
    elif high / low < WIDE:
        round_ticks(axis, low, high)
    else:
        axis.set_major_locator(LogLocator(numticks=6))
        axis.set_major_formatter(FuncFormatter(lambda value, _: _power(value)))
    axis.set_minor_locator(NullLocator())


def _power(value: float) -> str:
    """Return a power of ten as text; matplotlib's own needs the mathematics that texts of plots do not have."""
    return "10" + str(round(math.log10(value))).translate(_RAISED)


def _draw_series(axes: Axes, panel: PanelEntry, series: SeriesEntry, styles: dict[str, Style]) -> None:
    points = _points(panel, series)
    if series.kind != "points":
        points = _thinned(points)
    if not _shown(points):
        return
    x, y, low, high = map(list, zip(*points, strict=True))
    label = series.label or "_"
    if series.kind == "guide":
        axes.plot(x, y, color=INK, lw=1, ls="--", label=label)
        return
    style = styles[series.label]
    if series.kind == "line":
        axes.fill_between(x, low, high, color=style["color"], alpha=0.18, lw=0, label="_")
        marked = _alone(points) if len(points) > MANY else None
        axes.plot(x, y, **style, markevery=marked, ms=4.5, lw=1.5, label=label)
    else:
        cloud = len(points) > CLOUD
        if low != y or high != y:
            axes.vlines(x, low, high, color=style["color"], lw=1.4, label="_", rasterized=cloud)
        axes.plot(x, y, ls="", ms=4.5, alpha=0.8, label=label, rasterized=cloud, **style)


def _points(panel: PanelEntry, series: SeriesEntry) -> list[Point]:
    """Return x, y and y's limits, or a gap where they cannot be shown: unknown, or not positive on a log axis."""
    found = []
    for i, (x, y) in enumerate(zip(series.x, series.y, strict=True)):
        if x is not None and y is not None and (x > 0 or not panel.log_x) and (y > 0 or not panel.log_y):
            ends = [_end(None if limits is None else limits[i], y, panel.log_y) for limits in (series.low, series.high)]
            found.append((x, y, ends[0], ends[1]))
        else:
            found.append(GAP)
    return found


def _shown(points: Sequence[Point]) -> bool:
    return any(not math.isnan(y) for _, y, _, _ in points)


def _alone(points: Sequence[Point]) -> list[int]:
    """Return the places of points between gaps, which a line without markers would not show."""
    gaps = [True, *(math.isnan(y) for _, y, _, _ in points), True]
    return [i for i in range(len(points)) if gaps[i] and gaps[i + 2] and not gaps[i + 1]]


def _thinned(points: Sequence[Point]) -> list[Point]:
    """Return at most `LINE` points of a line: the ends of each stretch in y, and a gap where it has one."""
    if len(points) <= LINE:
        return list(points)
    size = math.ceil(3 * len(points) / LINE)
    kept: list[Point] = []
    for start in range(0, len(points), size):
        stretch = points[start : start + size]
        known = [i for i, point in enumerate(stretch) if not math.isnan(point[1])]
        gap = [i for i, point in enumerate(stretch) if math.isnan(point[1])][:1]
        ends = {min(known, key=lambda i: stretch[i][1]), max(known, key=lambda i: stretch[i][1])} if known else set()
        kept += [stretch[i] for i in sorted({*ends, *gap})]
    return kept


def _end(limit: float | None, value: float, logarithmic: bool) -> float:
    """Return an end of an interval; the value itself where it is unknown or cannot be shown."""
    return value if limit is None or (logarithmic and limit <= 0) else limit
