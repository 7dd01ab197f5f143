"""Recommendations for eyes and programs: the one screen in which `harness recommend` ends, and its table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from harness.axes import AXES
from harness.results.leaderboard import Estimate
from harness.results.recommendation import (
    LISTED,
    LONGEST,
    OUT_OF_SEEDS,
    Alternative,
    ComparedDesign,
    Cost,
    Recommendation,
    RoundTold,
    Standing,
)
from harness.views.column import Column
from harness.views.digits import counted, number, with_interval
from harness.views.terminal import GAP, break_lines, shorten, text_table, wrap

WIDTH = 80
"""Columns of the screen where no terminal sets fewer."""

MOST = 4
"""Alternatives of an axis that the screen names."""

HEADS = ("axis", "take", "against", "standing", "cost", "low", "high", "seeds", "reason")
"""Names of what programs are told of an alternative."""

NOT_TOLD = ("target", "noise_schedule")
"""Axes that are told elsewhere, or tell nothing where there is no choice."""

FARTHEST = 10.0
"""A ratio that says nothing: a limit of a cost beyond it, or its inverse, is told as not known."""

STANDINGS = (
    "A cost is that of the best design with the choice. ties: within {margin} of it. open: may be better or worse. "
    "worse: its whole interval is above 0{others}. "
    "Intervals: 95 %, all looks and lines together{unknown}."
)

MORE_STANDINGS: Mapping[Standing, str] = {
    "dropped": ". dropped: the race found a better design, which need not be the choice",
    "no value": ". no value: it was tried and gave none, or each training that it goes with failed",
    "not tried": ". not tried: no round came to it",
}
"""What is said of standings that are seldom, where there are some."""

NOT_KNOWN = "?"
"""A limit that is not known."""

UNKNOWN = "; ?, not known: so few seeds do not tell"
"""What is said where an interval has an end that is not known."""

NO_BETTER = (
    "By {metric} it is as near as a perfect generator: {few} hardly tell designs apart. More {kind} would, or a "
    "--metric that sees what you mind, sooner than more time; look at the samples on the page."
)
"""What is said where the best is no worse than new data are."""


def recommendation_text(found: Recommendation, width: int | None) -> str:
    """Return the screen, for a terminal of so many columns; None: of 80."""
    columns = min(width or WIDTH, WIDTH)
    before = [*_data(found), ""]
    after = ["", *_cost_lines(found), "", *_advice(found), "", *_settled(found), ""]
    after += [f"May not transfer: {sentence}." for sentence in found.transfer]
    return "\n".join([*break_lines(before, columns), *_choice_lines(found, columns), *break_lines(after, columns)])


def _data(found: Recommendation) -> Iterator[str]:
    profile = found.profile
    parts = f" · {profile.train} rows to train on, {profile.held_out} held out" if profile.train else ""
    scale = f"σ_data {profile.sigma_data:.3g}, m₂ {number(profile.second_moment**0.5)}"
    yield f"{found.data}: d = {profile.dim}, {scale}{parts}"
    yield from found.reasons
    # What notes say of the range of levels, the range that was taken answers.
    yield from (f"note: {note}" for note in profile.notes if not note.startswith("σ_m"))
    yield f"Law: {found.law}"
    perfect = "" if found.perfect is None else f"; a perfect generator gets {_interval(found.perfect)}"
    yield f"Judged by {found.metric} at {found.evaluations} evaluations a sample{perfect}"


def _interval(estimate: Estimate) -> str:
    return with_interval(estimate.value, estimate.low, estimate.high)


def _choice_lines(found: Recommendation, width: int) -> list[str]:
    """Return a table: what to take on each axis, and below it what else there was."""
    rows: list[tuple[str, str, str, str]] = []
    for each in found.choices:
        compared = any(other.cost is not None for other in each.alternatives)
        rows.append((_title(each.axis), each.choice, "take" if compared else "as is", ""))
        rows += [("", f"  {other.choice}", *_standing(other, found)) for other in each.alternatives[:MOST]]
        if len(each.alternatives) > MOST:
            rows.append(("", f"  … {len(each.alternatives) - MOST} more", "", ""))
    rows += [(title, choice, "", "") for title, choice in _fixed(found)]
    axis, choice, standing, cost = zip(*rows, strict=True)
    others = [Column("axis", axis, naming=True), Column("", standing, naming=True), Column("costs", cost, naming=True)]
    room = width - sum(column.width + GAP for column in others)
    names = Column("choice", tuple(_in_room(choice, room)), naming=True)
    return text_table([others[0], names, *others[1:]])


def _in_room(choices: Sequence[str], room: int) -> list[str]:
    """Return choices in so much room: by the tail of a name where that tells them apart, else on lines of their own."""
    short = [shorten(each, room) for each in choices]
    once = {each for each, count in Counter(short).items() if count == 1}
    return [
        brief if len(brief) <= room and (brief in once or brief == whole) else _on_lines(whole, room)
        for brief, whole in zip(short, choices, strict=True)
    ]


def _on_lines(choice: str, room: int) -> str:
    """Return a choice broken between its parameters, and within one that is longer than a line."""
    indent = " " * (len(choice) - len(choice.lstrip()) + 2)
    first, *rest = wrap(re.split("(?<=[,:])", choice), room, joint="").split("\n")
    lines = [first, *(indent + line for line in wrap(rest, room - len(indent), joint="").split("\n") if line)]
    return "\n".join(piece for line in lines for piece in (line[i : i + room] for i in range(0, len(line), room)))


def _standing(other: Alternative, found: Recommendation) -> tuple[str, str]:
    return other.standing, "" if other.cost is None else cost_text(other.cost, found)


def _fixed(found: Recommendation) -> list[tuple[str, str]]:
    """Return the axes on which there was no choice, and the levels."""
    told = [(_title(axis), name) for axis, name in found.fixed.items() if axis not in NOT_TOLD]
    return [*told, ("levels", f"{found.best.steps} steps, σ {found.sigma_max:g} to {found.sigma_min:g}")]


def _title(axis: str) -> str:
    return AXES[axis].title if axis in AXES else axis


def cost_text(cost: Cost, found: Recommendation) -> str:
    """Return a cost with its interval: in per cent where the metric is compared by ratios, else in its unit."""
    low, high = (_limit(limit, found) for limit in (cost.low, cost.high))
    limits = " (not known)" if low == high == NOT_KNOWN else f" ({low} to {high})"
    return f"{_short(cost.value, sign=True)}{_unit(found)}{limits}"


def _limit(limit: float | None, found: Recommendation) -> str:
    return _short(limit) if limit is not None and _tells(limit, found) else NOT_KNOWN


def _tells(cost: float, found: Recommendation) -> bool:
    """Whether a limit of a cost says anything: a ratio of `FARTHEST`, either way, does not."""
    return found.compared_by != "ratio" or 1 / FARTHEST < 1 + cost / 100 < FARTHEST


def _vast(cost: float, found: Recommendation) -> bool:
    """Whether what a choice costs at most is more than itself, which says no more than that seeds are few."""
    return found.compared_by == "ratio" and cost > 100


def _unit(found: Recommendation) -> str:
    """Return the unit of costs, with the space before it."""
    return " %" if found.compared_by == "ratio" else f" {found.unit}".rstrip()


def _short(value: float, *, sign: bool = False) -> str:
    if 0 < abs(value) < 0.005:
        return f"{value:{'+' if sign else ''}.1g}"
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


def _advice(found: Recommendation) -> Iterator[str]:
    """Say what a reader may do with it, in words."""
    if found.uneven_columns is not None:
        yield f"What to do: {found.uneven_columns}. What stands here is of the data as they are."
    else:
        yield f"What to do: take this design{_loss(found)}.{_against_default(found)}"
    if not found.settled:
        if _perfect(found):
            yield _no_better(found)
        else:
            more = "--seeds" if found.end == OUT_OF_SEEDS else "--minutes"
            yield f"The same command with more {more} goes on from here."
    if found.not_tried:
        yield f"There was no time for {_by_axis(found.not_tried)}: of them nothing is known."
    for reason in dict.fromkeys(reason for _, _, reason in found.without_value):
        alike = [(axis, choice) for axis, choice, own in found.without_value if own == reason]
        yield f"No value of {_by_axis(alike)}: {reason}."


def _loss(found: Recommendation) -> str:
    """Return how sure that is."""
    if found.settled:
        return ": that is settled"
    compared = _left(found, but=LISTED)
    if found.at_most is None or not _tells(found.at_most, found) or _vast(found.at_most, found):
        return f"; by how much the best of {compared} may be ahead of it, so few seeds do not tell"
    cost = f"{_short(found.at_most)}{_unit(found)}"
    return f"; against the best of {compared} it costs {cost} at most, by limits that hold for all pairs of them"


def _against_default(found: Recommendation) -> str:
    cost = found.default.cost
    if not found.default.differs or cost is None or (cost.low is not None and cost.low > 0):
        return ""
    return " It is not shown to be better than the field's default."


def _by_axis(named: Sequence[tuple[str, str]]) -> str:
    """Return choices, each with its axis, by axis."""
    axes: dict[str, list[str]] = {}
    for axis, choice in named:
        axes.setdefault(axis, []).append(choice)
    return "; ".join(f"{_title(axis)} {', '.join(choices)}" for axis, choices in axes.items())


def _perfect(found: Recommendation) -> bool:
    """Whether the best design is no worse than a perfect generator: intervals of both have the same rows in them."""
    return found.perfect is not None and found.best.value.value <= found.perfect.value


def _no_better(found: Recommendation) -> str:
    """Return what is said where points are too few: held-out rows of data, or samples where a law gives any number."""
    held_out = found.profile.held_out
    few, kind = (f"{held_out} held-out rows", "rows") if held_out else ("so few samples", "samples")
    return NO_BETTER.format(metric=found.metric, few=few, kind=kind)


def _settled(found: Recommendation) -> Iterator[str]:
    standings = {other.standing for each in found.choices for other in each.alternatives}
    others = "".join(meaning for standing, meaning in MORE_STANDINGS.items() if standing in standings)
    yield STANDINGS.format(margin=_margin(found), others=others, unknown=UNKNOWN if _unknown(found) else "")
    if found.settled:
        yield f"Settled after {found.minutes:.1f} minutes: {found.end}."
    else:
        yield f"Not settled after {found.minutes:.1f} minutes: {found.end}; {_left(found)} may be best{_more(found)}."
    yield f"Rounds: {'; '.join(map(_round, found.rounds))}. The best is dropped in at most 5 % of races."


def _unknown(found: Recommendation) -> bool:
    """Whether an end of some interval is not known."""
    costs = [other.cost for each in found.choices for other in each.alternatives]
    costs += [other.cost for other in (found.runner_up, found.default) if other is not None]
    ends = [end for cost in costs if cost is not None for end in (cost.low, cost.high)]
    return any(end is None or not _tells(end, found) for end in ends)


def _more(found: Recommendation) -> str:
    if found.more_minutes is None:
        return ""
    if found.more_minutes >= LONGEST:
        return f"; to tell them apart would take over {LONGEST / 60:.0f} hours"
    return f"; {_duration(found.more_minutes)} more would settle it"


def _left(found: Recommendation, but: str = "") -> str:
    """Return how many designs may be best; with `but`, without those that one of the rounds left out."""
    return counted(found.left + sum(each.cut for each in found.rounds if each.over != but), "design")


def _margin(found: Recommendation) -> str:
    return f"{100 * found.margin:g} %" if found.compared_by == "ratio" else f"{found.margin:g} {found.unit}".rstrip()


def _duration(minutes: float) -> str:
    return f"about {minutes:.0f} minutes" if minutes < 120 else f"about {minutes / 60:.0f} hours"


def _round(each: RoundTold) -> str:
    # Of trainings not the trainings are left out, but designs that have them.
    told = f"time for {each.left - each.cut}" if each.cut <= each.left else f"no time for {counted(each.cut, 'design')}"
    cut = f", {told}" if each.cut else ""
    return f"{each.over} {each.raced} → {each.left}{cut}"


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


def alternatives(found: Recommendation) -> list[dict[str, object]]:
    """Return every alternative of every axis, under the names of `HEADS`."""
    rows: list[dict[str, object]] = []
    for each in found.choices:
        for other in each.alternatives:
            cost = (None, None, None) if other.cost is None else (other.cost.value, other.cost.low, other.cost.high)
            values = (each.axis, each.choice, other.choice, other.standing, *cost, other.seeds, other.reason)
            rows.append(dict(zip(HEADS, values, strict=True)))
    return rows
