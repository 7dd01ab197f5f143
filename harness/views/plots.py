"""Plots of a leaderboard: error against bound and against compute, budgets of the best, effects of each axis.

Every colour (`harness.views.palette`) has a marker of its own besides. Figures are made without pyplot, so they share
no state; matplotlib (extra `publish`) is imported when the first is drawn.
"""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from harness.results.document import DocumentError
from harness.results.leaderboard import Effect, Leaderboard, Row
from harness.results.sections import HEADERS, TargetSection, choices, sections, target_label
from harness.views.budget_plots import draw_split, draw_terms, legend
from harness.views.compact_svg import compact
from harness.views.digits import counted
from harness.views.palette import BLUE, COLOURS, INK, MID, PALE, VERMILION
from harness.views.pareto import Spending, best, front, spendings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

    from harness.results.bounds import BoundOnTarget, BoundsBoard

P = ParamSpec("P")
T = TypeVar("T")

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h")
_DECADES = 7
"""Powers of ten, the ends' own among them, of which each has a tick; of more, every second, third, ..."""

_FINE = (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9)

BEST = 10
"""Combinations in the bars of one target's budgets."""

LABEL_WIDTH, LABEL_HEIGHT = 0.23, 0.11
"""Room that a label takes, as parts of its panel."""

CELLS = 150
"""Of points of one series within one of so many parts of a panel's width and height the last hides the rest."""

PANELS = 3
"""Most panels side by side."""

_STYLE: Any = {
    "svg.hashsalt": "diffusion-harness",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": MID,
    "axes.labelcolor": INK,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": PALE,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    # Names are strangers': a "$" in one begins no formula.
    "text.parse_math": False,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.12,
    "figure.constrained_layout.w_pad": 0.12,
}


def require_matplotlib() -> None:
    """Check that plots can be drawn.

    Raises:
        DocumentError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise DocumentError(
            "plots need matplotlib; install it with: pip install 'diffusion-harness[publish]'"
        ) from error


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Let a function draw in the style that all plots share; matplotlib must be there."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> T:
        require_matplotlib()
        import matplotlib

        with matplotlib.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return drawn


@styled
def svg(figure: Figure) -> bytes:
    """Return a figure as SVG: the same bytes for the same figure."""
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return compact(out.getvalue().decode()).encode()


@styled
def error_against_bound(board: Leaderboard, bound: str, metric: str) -> Figure | None:
    """Plot a metric against a bound: a panel a target, a point each combination with both values.

    Both axes are logarithmic; a value that is not positive is drawn hollow, on the edge. None where no
    target has a point.
    """
    known = sections(board)
    shown = [section for section in known if _with_both(section, bound, metric)]
    if not shown:
        return None
    columns = min(PANELS, len(shown))
    lines = math.ceil(len(shown) / columns)
    figure = blank(1.2 + 4.0 * columns, 1.0 + 3.5 * lines)
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    styles = _styles([names["sampler"] for section in known for names in map(section.names_of, section.rows)])
    for section, axes in zip(shown, grid, strict=False):
        _scatter(axes, board, section, bound, metric, styles)
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    for axes in grid[max(0, len(shown) - columns) : len(shown)]:
        axes.set_xlabel(f"bound: {bound} (nats)" if board.declared.bounds_divergence(bound) else f"bound: {bound}")
    for axes in grid[::columns]:
        axes.set_ylabel(f"measured {metric}")
    return finished(figure)


@styled
def budgets(board: Leaderboard, best: int = BEST) -> Figure | None:
    """Plot the path divergence of the best combinations that have one, term by term; None where none has.

    Where networks were trained, the split of their score error stands beside it.
    """
    shown = [(section, [row for row in section.finished if row.budget][:best]) for section in sections(board)]
    shown = [(section, rows) for section, rows in shown if rows]
    if not shown:
        return None
    heights = [len(rows) + 1.5 for _, rows in shown]
    split = any(row.score_split for _, rows in shown for row in rows)
    columns = 2 if split else 1
    figure = blank(13.0 if split else 9.0, 0.4 * sum(heights) + 0.7)
    grid = figure.subplots(len(shown), columns, squeeze=False, height_ratios=heights, sharey="row")
    for (section, rows), panels in zip(shown, grid, strict=True):
        draw_terms(panels[0], board.declared, section, rows)
        if split:
            draw_split(panels[1], rows)
    for axes, words in zip(grid[-1], ("path divergence (nats)", "E_S(max) (nats)"), strict=False):
        axes.set_xlabel(words)
    return finished(figure, order=legend(board))


@styled
def effects(board: Leaderboard) -> Figure | None:
    """Plot each choice's effect on the metric that effects are of: a panel a target; None without effects."""
    if not board.effects:
        return None
    targets = {name: target_label(name, board) for name in dict.fromkeys(e.target for e in board.effects)}
    places, ticks = _places(choices(board))
    figure = blank(2.4 + 2.6 * len(targets), 0.22 * len(ticks) + 1.2)
    grid = figure.subplots(1, len(targets), squeeze=False, sharey=True)[0]
    limits = _factor_limits([effect for effect in board.effects if effect.factor is not None])
    metrics = {section.target: section.effects_by for section in sections(board)}
    for (name, title), axes in zip(targets.items(), grid, strict=True):
        _forest(axes, [effect for effect in board.effects if effect.target == name], places)
        axes.set_title(title)
        metric = metrics[title]
        if board.declared.compared_by(metric) == "difference":
            axes.set_xlabel(f"difference in {metric}")
            continue
        axes.set_xlabel(f"factor on {metric}")
        round_ticks(axes.xaxis, *limits)
        axes.set_xlim(*limits)
    _choice_ticks(grid[0], ticks)
    figure.supxlabel("left of the line is better, grey is undecided", fontsize=9)
    return finished(figure, legend=False)


@styled
def tightness(board: BoundsBoard) -> Figure | None:
    """Plot bound over measured value, median and quartiles: a panel a target; None where nothing compares.

    Bounds are in their order over all targets, best at the top; one with violations is marked.
    """
    compared = {e.target: e.metric for e in board.entries if e.tightness}
    if not compared:
        return None
    names = [standing.bound for standing in board.bounds if standing.tightness]
    figure = blank(2.0 + 3.0 * len(compared), 0.3 * len(names) + 1.3)
    grid = figure.subplots(1, len(compared), squeeze=False, sharey=True, sharex=True)[0]
    for target, axes in zip(compared, grid, strict=True):
        _quartiles(axes, [e for e in board.entries if e.target == target and e.tightness], names)
        axes.set_title(target)
        axes.set_xlabel("bound over measured value")
    grid[0].set_yticks(range(len(names)), names)
    grid[0].set_ylim(len(names) - 0.4, -0.6)
    found = [e.tightness for e in board.entries if e.tightness]
    low = min(0.8, *(t.lower_quartile for t in found)) / 1.2
    high = max(2.0, *(t.upper_quartile for t in found)) * 1.2
    round_ticks(grid[0].xaxis, low, high)
    grid[0].set_xlim(low, high)
    return finished(figure)


@styled
def error_against_compute(board: Leaderboard) -> Figure | None:
    """Plot the ranking metric against total compute, a panel a target, coloured by the share of training.

    The front is a line, and the best row of each total is marked and named. None where no target's trained rows
    differ in compute.
    """
    known = [(section, spendings(section)) for section in sections(board)]
    shown = [(section, found) for section, found in known if found]
    if not shown:
        return None
    columns = min(2, len(shown))
    lines = math.ceil(len(shown) / columns)
    figure = blank(1.6 + 4.6 * columns, 1.0 + 3.8 * lines)
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    for (section, found), axes in zip(shown, grid, strict=False):
        points = _spent(axes, found)
        axes.set_title(section.target, pad=10)
        axes.set_ylabel(f"measured {section.metric}")
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    for axes in grid[max(0, len(shown) - columns) : len(shown)]:
        axes.set_xlabel("evaluations of the network, training and sampling")
    bar = figure.colorbar(points, ax=list(grid), shrink=0.8, pad=0.02, label="share of training")
    bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "25 %", "50 %", "75 %", "100 %"])
    return finished(figure)


def _spent(axes: Axes, found: Sequence[Spending]) -> PathCollection:
    """Draw the points of one target, their front, and the best of each total."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    edge = front(found)
    axes.plot([s.compute for s in edge], [s.error for s in edge], color=INK, lw=1.2, zorder=1, label="front")
    seen = [found[i] for i in _seen([s.compute for s in found], [s.error for s in found])]
    share: Any = {"c": [s.share for s in seen], "cmap": "viridis", "vmin": 0, "vmax": 1}
    points = axes.scatter(
        [s.compute for s in seen], [s.error for s in seen], s=26, lw=0.3, edgecolors="white", zorder=2, **share
    )
    marked = best(found)
    ring: Any = {"ms": 9, "mfc": "none", "mec": VERMILION, "mew": 1.4, "zorder": 3, "label": "best of its total"}
    axes.plot([s.compute for s in marked], [s.error for s in marked], "o", **ring)
    low, high = min(s.error for s in found), max(s.error for s in found)
    # Room below the lowest point for its two lines of text.
    axes.set_ylim(low / (high / low) ** 0.25 / 1.1, high * 1.15)
    width = found[-1].compute / found[0].compute
    axes.set_xlim(found[0].compute / width**0.32, found[-1].compute * width**0.08)
    # To the left and below: the front leaves to the right, and nothing of a total is below its best.
    style: Any = {"fontsize": 7, "color": INK, "ha": "right", "va": "top", "zorder": 4}
    for each in _labelled(marked, axes):
        text = f"{100 * each.share:.0f} % training\n{each.row.train_steps} + {each.row.steps} steps"
        axes.annotate(text, (each.compute, each.error), (2, -7), "data", "offset points", **style)
    axes.grid(True, which="major")
    for axis, ends in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        round_ticks(axis, *ends)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}k")
    axes.tick_params(labelsize=8)
    return points


def _seen(x: Sequence[float], y: Sequence[float]) -> list[int]:
    """Return the places of points that no later one hides, on logarithmic axes; all values are positive."""
    cells = [
        [round(CELLS * math.log(value / min(axis)) / (math.log(max(axis) / min(axis)) or 1)) for value in axis]
        for axis in (x, y)
    ]
    return sorted({cell: place for place, cell in enumerate(zip(*cells, strict=True))}.values())


def _labelled(marked: Sequence[Spending], axes: Axes) -> list[Spending]:
    """Return those whose labels have room beside each other, the smallest errors first."""

    def place(each: Spending) -> tuple[float, float]:
        x, y = axes.transAxes.inverted().transform(axes.transData.transform((each.compute, each.error)))
        return float(x), float(y)

    kept: list[Spending] = []
    for each in sorted(marked, key=lambda s: s.error):
        x, y = place(each)
        others = [place(other) for other in kept]
        if all(abs(x - a) >= LABEL_WIDTH or abs(y - b) >= LABEL_HEIGHT for a, b in others):
            kept.append(each)
    return kept


def _quartiles(axes: Axes, entries: Sequence[BoundOnTarget], names: Sequence[str]) -> None:
    """Draw a line from quartile to quartile and a point at the median, a bound a line."""
    axes.set_xscale("log")
    axes.axvline(1, color=INK, lw=0.8)
    for entry in entries:
        spread = entry.tightness
        if spread is None:
            continue
        at = names.index(entry.bound)
        fine = ("median, quartiles (1 is perfect)", BLUE, "o")
        kind = ("violated", VERMILION, "X") if entry.violations else fine
        ends = [spread.lower_quartile, spread.upper_quartile]
        axes.plot(ends, [at, at], color=kind[1], lw=2.2, solid_capstyle="butt", label="_")
        axes.plot([spread.median], [at], kind[2], color=kind[1], ms=6, ls="", label=kind[0])
    axes.grid(True, axis="x")
    axes.tick_params(axis="y", length=0)


def blank(width: float, height: float) -> Figure:
    """Return an empty figure; width and height in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def finished(figure: Figure, legend: bool = True, order: Sequence[str] = ()) -> Figure:
    """Put one legend under all panels, each label once, and fix the layout for good.

    Arguments:
        figure: with its panels drawn.
        legend: whether it has one.
        order: the labels that come first, in this order, where they occur.
    """
    if legend:
        entries: dict[str, Any] = dict.fromkeys(order)
        for axes in figure.axes:
            for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
                entries[name] = entries.get(name) or handle
        shown = {name: handle for name, handle in entries.items() if handle}
        columns = max(2, int(figure.get_figwidth() // 1.75))
        figure.legend(list(shown.values()), list(shown), loc="outside lower center", ncols=columns)
    for _ in range(2):
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def _styles(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return a colour and a marker for each name; the markers go on where the colours repeat."""
    return {
        name: {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
        for i, name in enumerate(sorted(set(names)))
    }


def _with_both(section: TargetSection, bound: str, metric: str) -> list[Row]:
    return [row for row in section.finished if row.bounds.get(bound) is not None and metric in row.metrics]


def _scatter(
    axes: Axes, board: Leaderboard, section: TargetSection, bound: str, metric: str, styles: dict[str, dict[str, Any]]
) -> None:
    rows = _with_both(section, bound, metric)
    x = [value for row in rows if (value := row.bounds[bound]) is not None]
    y = [row.metrics[metric].value for row in rows]
    edge_x, edge_y = _edge(x), _edge(y)
    names = [section.names_of(row)["sampler"] for row in rows]
    # A hollow point is a series of its own under the same label, so that the legend has each sampler once.
    for name, style in styles.items():
        for hollow in (False, True):
            chosen = [i for i in range(len(rows)) if names[i] == name and (min(x[i], y[i]) <= 0) is hollow]
            if chosen:
                drawn = [max(x[i], edge_x) for i in chosen], [max(y[i], edge_y) for i in chosen]
                seen = _seen(*drawn)
                at = [drawn[0][i] for i in seen], [drawn[1][i] for i in seen]
                fill = "none" if hollow else style["color"]
                axes.plot(*at, **style, ls="", ms=4.5, mfc=fill, mec=style["color"], alpha=0.8, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    _mark_violations(axes, rows, bound, metric)
    _guides(axes, section, metric, board.declared.limits(bound, metric))
    without = len(section.finished) - len(rows)
    failed = f", {len(section.diverged)} diverged" if section.diverged else ""
    failed += f", {len(section.inapplicable)} not applicable" if section.inapplicable else ""
    failed += f", {len(section.failed)} failed" if section.failed else ""
    axes.set_title(section.target, pad=18)
    note = f"{counted(len(rows), 'combination')}; not shown: {without} without both values{failed}"
    axes.annotate(note, (0, 1), (0, 5), "axes fraction", "offset points", fontsize=8, color=MID)
    axes.grid(True, which="major")


def _edge(values: Sequence[float]) -> float:
    """Return where a logarithmic axis shows what is not positive: below its smallest positive value."""
    positive = [value for value in values if value > 0]
    return min(positive) / 2 if positive else 1.0


def _mark_violations(axes: Axes, rows: Sequence[Row], bound: str, metric: str) -> None:
    for row in rows:
        for violation in row.violations:
            if (violation.bound, violation.metric) == (bound, metric):
                at = [violation.bound_value], [violation.value]
                axes.plot(*at, "o", ms=10, mfc="none", mec=INK, mew=1.2, label="above the bound")


def _guides(axes: Axes, section: TargetSection, metric: str, comparable: bool) -> None:
    """Draw where the measured value would equal the bound, and what a perfect generator reaches."""
    low_x, high_x = axes.get_xlim()
    low_y, high_y = axes.get_ylim()
    floor = section.floors.get(metric)
    if floor and floor.value > 0:
        low_y = min(low_y, floor.value / 1.3)
        axes.axhline(floor.value, color=INK, lw=1, ls=":", label="held-out sample")
    if comparable:
        axes.axline((1, 1), (10, 10), color=INK, lw=1, ls="--", label="measured = bound")
    axes.set_xlim(low_x, high_x)
    axes.set_ylim(low_y, high_y)
    round_ticks(axes.xaxis, *axes.get_xlim())
    round_ticks(axes.yaxis, *axes.get_ylim())
    axes.tick_params(labelsize=8)


def round_ticks(axis: Axis, low: float, high: float) -> None:
    """Put ticks at round numbers on a logarithmic axis: few enough that they never touch."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    ratio = high / low
    steps: Sequence[float] = (1,)
    for most, candidates in ((300, (1, 3)), (30, (1, 2, 5)), (6, (1, 1.5, 2, 3, 5, 7)), (2.5, _FINE)):
        steps = candidates if ratio < most else steps
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    apart = math.ceil(len(decades) / _DECADES)
    ticks = [float(f"{step}e{k}") for k in decades if k % apart == 0 for step in steps]
    axis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def _places(
    keys: Sequence[tuple[str, str, str]],
) -> tuple[dict[tuple[str, str, str], int], list[tuple[str, bool]]]:
    """Return the line of each choice, and all lines from the top: a text, whether it is an axis and its networks."""
    places: dict[tuple[str, str, str], int] = {}
    ticks: list[tuple[str, bool]] = []
    several = len({among for among, axis, _ in keys if axis != "network"}) > 1
    for among, axis, choice in keys:
        told = several and axis != "network"
        heading = (f"{HEADERS[axis]} ({among})" if told else HEADERS[axis], True)
        if heading not in ticks:
            ticks.append(heading)
        places[among, axis, choice] = len(ticks)
        ticks.append((choice, False))
    return places, ticks


def _forest(axes: Axes, found: Sequence[Effect], places: dict[tuple[str, str, str], int]) -> None:
    if any(effect.factor is not None for effect in found):
        axes.set_xscale("log")
    for neutral in {effect.neutral for effect in found}:
        axes.axvline(neutral, color=INK, lw=0.8)
    for effect in found:
        at = places[effect.among or "", effect.axis, effect.choice]
        colour, marker = MID, "o"
        if effect.high is not None and effect.high < effect.neutral:
            colour, marker = BLUE, "<"
        if effect.low is not None and effect.low > effect.neutral:
            colour, marker = VERMILION, ">"
        if effect.low is not None and effect.high is not None:
            axes.plot([effect.low, effect.high], [at, at], color=colour, lw=1.6, solid_capstyle="butt", label="_")
        axes.plot([effect.size], [at], marker, color=colour, ms=5.5, label=effect.choice)
    axes.grid(True, axis="x")


def _choice_ticks(axes: Axes, ticks: Sequence[tuple[str, bool]]) -> None:
    axes.set_yticks(range(len(ticks)), [name for name, _ in ticks], fontsize=8.5)
    for text, (_, is_axis) in zip(axes.get_yticklabels(), ticks, strict=True):
        text.set_fontweight("bold" if is_axis else "normal")
    for sibling in axes.figure.axes:
        sibling.tick_params(axis="y", length=0)
    axes.set_ylim(len(ticks) - 0.4, -0.6)


def _factor_limits(found: Sequence[Effect]) -> tuple[float, float]:
    """Return limits that hold every factor and positive end, and at least a tenth either side of 1."""
    ends = [end for e in found for end in (e.size, e.low, e.high) if end is not None and end > 0]
    return min([0.9, *ends]) / 1.05, max([1.1, *ends]) * 1.05
