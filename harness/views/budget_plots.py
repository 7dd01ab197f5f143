"""Stacked bars: the exact path divergence term by term, and beside it the split of the score error.

Terms are stacked from 0 to the right, negative ones from 0 to the left, so that the axis is linear and a term's length
is its size; the total is marked where the sum ends. A bar much longer than the usual ones is cut, and an arrow says so:
the numbers beside the bars are always there, also for what is too small to be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from harness.quantities import Declarations
from harness.results.leaderboard import Leaderboard, Row
from harness.results.sections import TargetSection
from harness.results.terms import SPLIT
from harness.views.digits import number
from harness.views.palette import BLUE, INK, MID, ORANGE, PURPLE, SKY, VERMILION, YELLOW
from harness.views.terminal import wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OF_BUDGET = {"initialization": SKY, "score": VERMILION, "steps": BLUE}
"""The colour of each part of a budget, by its name in the legend. `steps` is discretization and variance in one: where
a sampler's variance is not the exponential integrator's they are large and of opposite sign, and only their sum says
what the steps cost."""

OF_SPLIT = {"training": ORANGE, "statistical": PURPLE, "estimation": MID, "approximation": YELLOW}
"""The colour of each term of a split, by field."""

LEVEL_BY_LEVEL = "E_S, level by level"
"""The score error of the budget, in the legend beside its split."""

LONGEST = 4.0
"""A bar longer than so many median bars is cut."""

ROOM = 1.4
"""Length of an axis over that of its longest bar: the rest is for the numbers."""

CUT = 1.15
"""Where an interval is cut, over the length of the longest bar."""

HEIGHT = 0.62


def legend(board: Leaderboard) -> list[str]:
    """Return what the legend may list, in order."""
    measured = [f"measured {name}" for name in board.declared.metrics if board.declared.is_marginal(name)]
    return [*OF_BUDGET, "total", *measured, *(term.symbol for term in SPLIT), LEVEL_BY_LEVEL]


def draw_terms(axes: Axes, declared: Declarations, section: TargetSection, rows: Sequence[Row]) -> None:
    """Draw the budgets of rows that have one, a bar a row, with their names."""
    budgets = [row.budget for row in rows if row.budget]
    stacks = [
        {"initialization": b.initialization, "score": b.score, "steps": b.discretization + b.variance} for b in budgets
    ]
    left, right = _stack(axes, stacks, {part: (part, colour) for part, colour in OF_BUDGET.items()})
    totals = [budget.total for budget in budgets]
    low, high = _limits(left, [max(pair) for pair in zip(right, totals, strict=True)])
    measured = [marginal(row, declared) for row in rows]
    places = range(len(rows))
    shown = [(i, total) for i, total in enumerate(totals) if total <= high]
    axes.plot([t for _, t in shown], [i for i, _ in shown], "D", ms=5, mfc="white", mec=INK, label="total", ls="")
    known = [(*found, i) for i, found in enumerate(measured) if found is not None and found[1] <= high]
    for metric in dict.fromkeys(metric for metric, _, _ in known):
        at = [(value, i) for name, value, i in known if name == metric]
        axes.plot(*zip(*at, strict=True), "|", ms=13, mew=2, color=INK, label=f"measured {metric}", ls="")
    for i, (total, found) in enumerate(zip(totals, measured, strict=True)):
        text = number(total) if found is None else f"{number(total)} · {found[0]} {number(found[1])}"
        _tell(axes, text, max(right[i], total), i, high)
    names = [wrap(section.combination(row, section.constants()), 44) for row in rows]
    axes.set_yticks(places, names, fontsize=8)
    _frame(axes, low, ROOM * high, len(rows))
    axes.set_title(f"{section.target}: best {len(rows)} with a budget")


def draw_split(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw the splits of the same rows, on the same lines."""
    splits = [row.score_split for row in rows]
    stacks = [{t.field: getattr(split, t.field).value if split else 0.0 for t in SPLIT} for split in splits]
    left, right = _stack(axes, stacks, {t.field: (t.symbol, OF_SPLIT[t.field]) for t in SPLIT})
    low, high = _limits(left, right)
    for i, split in enumerate(splits):
        if split is None:
            reason = "not split" if rows[i].train_steps else "nothing is trained"
            axes.annotate(reason, (0, i), (5, 0), "data", "offset points", va="center", size=8, color=MID)
            continue
        whole, exact, edge = split.score_max, split.score_exact.value, CUT * high
        if exact <= high:
            axes.plot([exact], [i], "D", ms=5, mfc=VERMILION, mec="white", label=LEVEL_BY_LEVEL, ls="")
        end = right[i]
        if whole.low is not None and whole.high is not None and whole.value <= edge:
            ends = [whole.low, min(whole.high, edge)]
            axes.plot(ends, [i, i], color=INK, lw=1.2, solid_capstyle="butt", label="_")
            if whole.high > edge:
                axes.plot([edge], [i], ">", ms=4, color=INK, label="_", ls="")
            end = max(end, ends[1])
        if whole.value <= edge:
            axes.plot([whole.value], [i], "D", ms=5, mfc="white", mec=INK, label="total", ls="")
        _tell(axes, number(whole.value), end, i, edge)
    _frame(axes, low, ROOM * high, len(rows))
    axes.set_title("score error as Theorem 3 splits it")


def _stack(
    axes: Axes, stacks: Sequence[dict[str, float]], styles: dict[str, tuple[str, str]]
) -> tuple[list[float], list[float]]:
    """Draw the bars; return how far each reaches to the left and to the right of 0."""
    left, right = [0.0] * len(stacks), [0.0] * len(stacks)
    for term, (label, colour) in styles.items():
        values = [stack[term] for stack in stacks]
        starts = [right[i] if value >= 0 else left[i] for i, value in enumerate(values)]
        axes.barh(range(len(stacks)), values, left=starts, height=HEIGHT, color=colour, label=label, lw=0)
        for i, value in enumerate(values):
            right[i] += max(value, 0.0)
            left[i] += min(value, 0.0)
    return left, right


def _limits(left: Sequence[float], right: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis that holds the bars, but for those far longer than the rest."""
    usual = median([length for length in right if length > 0] or [1.0])
    kept = [length for length in right if length <= LONGEST * usual]
    high = max(kept) if max(kept) > 0 else 1.0
    return max(min(left), -LONGEST * usual), high


def _tell(axes: Axes, text: str, end: float, line: int, high: float) -> None:
    """Write a number behind a bar, or at the edge where the bar is cut."""
    fits = end <= high
    at, words = (end, text) if fits else (high, f"→ {text}")
    # Where the bar goes on beneath it, the number has a ground of its own.
    ground = None if fits else {"fc": "white", "ec": "none", "pad": 1.5}
    axes.annotate(words, (at, line), (6, 0), "data", "offset points", va="center", size=8, bbox=ground)


def _frame(axes: Axes, low: float, high: float, rows: int) -> None:
    axes.axvline(0, color=MID, lw=0.8)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(1.08 * low, high)
    axes.set_ylim(rows - 0.4, -0.6)
    # Ticks in sight only: matplotlib makes one beyond each end, which would count as text of the next panel.
    axes.set_xticks([tick for tick in axes.get_xticks() if 1.08 * low <= tick <= high])
    axes.grid(True, axis="x")


def marginal(row: Row, declared: Declarations) -> tuple[str, float] | None:
    """Return the metric that measured the marginal divergence, and its value; None where none did."""
    found = ((name, entry.value) for name, entry in row.metrics.items() if declared.is_marginal(name))
    return next(found, None)
