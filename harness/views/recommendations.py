"""Recommendations for eyes and programs: the one screen in which `harness recommend` ends, and its table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.axes import AXES
from harness.results.leaderboard import Estimate
from harness.results.recommendation import Alternative, AxisChoice, ComparedDesign, Cost, Recommendation
from harness.views.column import Column
from harness.views.digits import number, with_interval
from harness.views.terminal import break_lines, text_table

WIDTH = 80
"""Columns of the screen where no terminal sets fewer."""

MOST = 3
"""Alternatives of an axis that the screen names in one cell."""

NOT_TOLD = ("noise_schedule",)
"""Axes on which a design without alternatives tells nothing."""


def recommendation_text(found: Recommendation, width: int | None) -> str:
    """Return the screen, for a terminal of so many columns; None: of 80."""
    columns = min(width or WIDTH, WIDTH)
    lines = [*_data(found), "", *_choice_lines(found, columns), "", *_cost_lines(found), "", *_settled(found), ""]
    lines += [f"May not transfer: {sentence}." for sentence in found.transfer]
    return "\n".join(break_lines(lines, columns))


def _data(found: Recommendation) -> Iterator[str]:
    profile = found.profile
    parts = f" · {profile.train} rows to train on, {profile.held_out} held out" if profile.train else ""
    scale = f"σ_data {profile.sigma_data:.3g}, m₂ {number(profile.second_moment**0.5)}"
    yield f"{profile.target}: d = {profile.dim}, {scale}{parts}"
    yield from (f"{reason}" for reason in found.reasons)
    yield from (f"note: {note}" for note in profile.notes)
    yield f"Law: {found.law}"
    perfect = "" if found.perfect is None else f"; a perfect generator gets {_interval(found.perfect)}"
    yield f"Judged by {found.metric} at {found.evaluations} evaluations a sample{perfect}"


def _interval(estimate: Estimate) -> str:
    return with_interval(estimate.value, estimate.low, estimate.high)


def _choice_lines(found: Recommendation, width: int) -> list[str]:
    chosen = [*found.choices, *_fixed(found)]
    names, best = [_title(each.axis) for each in chosen], [each.choice for each in chosen]
    room = max(20, width - max(map(len, names)) - max(map(len, best)) - 4)
    columns = [
        Column("take", tuple(names), naming=True),
        Column("", tuple(best), naming=True),
        Column("against", tuple(_alternatives(each.alternatives, found, room) for each in chosen), naming=True),
    ]
    return text_table(columns)


def _fixed(found: Recommendation) -> list[AxisChoice]:
    """Return the axes on which there was no choice, and the levels."""
    raced = {each.axis for each in found.choices}
    others = {axis: reference for axis, reference in found.best.components.items() if axis in AXES and axis != "target"}
    fixed = [
        AxisChoice(axis=axis, choice=_form(reference.name, reference.params, raced), alternatives=[])
        for axis, reference in others.items()
        if axis not in raced and axis not in NOT_TOLD
    ]
    levels = f"{found.best.steps} steps, σ {found.sigma_max:g} to {found.sigma_min:g}"
    return [*fixed, AxisChoice(axis="levels", choice=levels, alternatives=[])]


def _form(name: str, params: dict[str, object], raced: set[str]) -> str:
    return name


def _title(axis: str) -> str:
    return AXES[axis].title if axis in AXES else axis


def _alternatives(others: Sequence[Alternative], found: Recommendation, room: int) -> str:
    """Return what else there was: what ties, what may be better, what costs how much; a line each, in so much room."""
    shown = [f"{other.choice} {_standing(other, found)}" for other in others[:MOST]]
    if len(others) > MOST:
        shown.append(f"{len(others) - MOST} more")
    return "\n".join(each if len(each) <= room else f"{each[: room - 1]}…" for each in shown)


def _standing(other: Alternative, found: Recommendation) -> str:
    if other.cost is None:
        return "no value"
    words = {"ties": "ties", "open": "open", "worse": "worse"}[other.standing]
    return f"{words} {cost_text(other.cost, found)}"


def cost_text(cost: Cost, found: Recommendation) -> str:
    """Return a cost with its interval: in per cent where the metric is compared by ratios, else in its unit."""
    unit = " %" if found.compared_by == "ratio" else f" {found.unit}".rstrip()
    limits = "" if cost.low is None or cost.high is None else f" ({_short(cost.low)} to {_short(cost.high)})"
    return f"{_short(cost.value, sign=True)}{unit}{limits}"


def _short(value: float, *, sign: bool = False) -> str:
    digits = 0 if abs(value) >= 10 else 1 if abs(value) >= 0.1 or value == 0 else 2
    return f"{value:{'+' if sign else ''}.{digits}f}"


def _cost_lines(found: Recommendation) -> Iterator[str]:
    effort = f"{found.best.nfe} evaluations, {found.seeds} seeds"
    yield f"This design: {found.metric} {_interval(found.best.value)} ({effort})"
    if found.runner_up is not None:
        yield f"Runner-up ({_differs(found.runner_up)}): {_told(found.runner_up, found)}"
    if not found.default.differs:
        yield "It is the field's default."
    else:
        yield f"The field's default ({_differs(found.default)}): {_told(found.default, found)}"


def _differs(other: ComparedDesign) -> str:
    return ", ".join(other.differs.values()) or "the same choices"


def _told(other: ComparedDesign, found: Recommendation) -> str:
    return "no value" if other.cost is None else f"costs {cost_text(other.cost, found)}"


def _settled(found: Recommendation) -> Iterator[str]:
    rounds = "; ".join(f"{each.over} {each.raced} → {each.left}" for each in found.rounds)
    margin = f"{100 * found.margin:g} %" if found.compared_by == "ratio" else f"{found.margin:g} {found.unit}".rstrip()
    if found.settled:
        yield f"Settled after {found.minutes:.1f} minutes: {found.end} (within {margin})."
    else:
        more = f"about {found.more_minutes:.0f} more minutes would settle it" if found.more_minutes else ""
        yield f"Not settled after {found.minutes:.1f} minutes: {found.end}; {found.left} designs may be best; {more}."
        open_ = [f"{_title(axis)} {choice}" for axis, choice in found.open]
        if open_:
            yield f"Open: {', '.join(open_)}"
    yield f"Rounds: {rounds}. The best is dropped in at most 5 % of races."


def choice_columns(found: Recommendation) -> list[Column]:
    """Return every alternative of every axis, a row each."""
    rows = [(each, other) for each in found.choices for other in each.alternatives]
    return [
        Column("axis", tuple(_title(each.axis) for each, _ in rows), naming=True),
        Column("take", tuple(each.choice for each, _ in rows), naming=True),
        Column("against", tuple(other.choice for _, other in rows), naming=True),
        Column("standing", tuple(other.standing for _, other in rows), naming=True),
        Column("cost", tuple("" if other.cost is None else cost_text(other.cost, found) for _, other in rows)),
        Column("seeds", tuple(str(other.seeds) for _, other in rows)),
    ]


def recommendation_csv(found: Recommendation) -> str:
    """Return every alternative of every axis as CSV."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["axis", "take", "against", "standing", "cost", "low", "high", "seeds"])
    for each in found.choices:
        for other in each.alternatives:
            cost = ["", "", ""] if other.cost is None else [other.cost.value, other.cost.low, other.cost.high]
            writer.writerow([each.axis, each.choice, other.choice, other.standing, *cost, other.seeds])
    return text.getvalue()
