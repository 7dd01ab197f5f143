"""Effects as tables and sentences: what one choice on one axis does, and where an average misleads."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from harness.results.leaderboard import Cell, Effect, Interaction, Leaderboard
from harness.results.misleading import Misleading, Reversal, Swing, misleading, misled_choices
from harness.results.sections import HEADERS, choices, sections, target_label
from harness.views.column import Column
from harness.views.digits import counted, number, span, with_interval
from harness.views.page import Block, Listing, Paragraph, Table

MISLEADS = "†"
"""Marks an average that hides where a choice is ahead of another and where behind, or how much its effect varies."""

Marked = Container[tuple[str, str | None, str, str]]
"""What is marked so, as of `harness.results.misleading.misled_choices`."""


def effects_blocks(board: Leaderboard) -> list[Block]:
    """Return what is said of effects: what one is, their table, and where an average misleads."""
    found = misleading(board)
    table = Table(_effect_columns(board, found, repeat=True))
    blocks: list[Block] = [Paragraph([f"{effects_meaning(board)}."]), table]
    lines = interaction_lines(board, found)
    return blocks + ([Paragraph([f"{lines[0]}:"]), Listing([[line] for line in lines[1:]])] if lines else [])


def effects_meaning(board: Leaderboard) -> str:
    """Return what an effect is, and over which settings it is a mean where not all are there; without the full stop."""
    shown = dict.fromkeys(target_label(effect.target, board) for effect in board.effects)
    pairs = [(section.effects_by, section.target) for section in sections(board) if section.target in shown]
    kinds: dict[bool, list[tuple[str, str]]] = {}
    for metric, target in pairs:
        kinds.setdefault(board.declared.compared_by(metric) == "difference", []).append((metric, target))
    told = [
        f"Difference in {per_target([(in_unit(board, metric), target) for metric, target in found])} from the mean "
        "over the axis' choices, all else equal; below 0 is better"
        if by_difference
        else f"Factor on {per_target(found)} against the mean over the axis' choices, all else equal; below 1 is better"
        for by_difference, found in kinds.items()
    ]
    return ". ".join([*told, *_of_part(board), *_of_few(board)])


def _of_part(board: Leaderboard) -> list[str]:
    """Return the sentence on the settings that effects are means over where a board has a part of a product."""
    most = board.vary_at_most
    if most is None:
        return []
    if most == 1:
        return [
            "The suite varies one axis at a time: all else is the first of each list, one setting, and of interactions "
            "nothing is known"
        ]
    pairs = (
        "with the first choices alone" if most == 2 else f"with what departs from them on {n_axes(most - 2)} at most"
    )
    return [
        f"The suite varies {n_axes(most)} at most: effects are means over the first of each list and what departs from "
        f"these on {n_axes(most - 1)} at most, each once, so that axes with long lists weigh most; interactions are "
        f"known {pairs}"
    ]


def _of_few(board: Leaderboard) -> list[str]:
    """Return the sentence on axes whose effects are means over less than half of their settings, for want of values."""
    few = {
        (target_label(each.target, board), each.among, each.axis): f"{each.contexts} of {each.contexts + each.skipped}"
        for each in board.effects
        if each.contexts < each.skipped
    }
    if not few:
        return []
    several = len({among for _, among, _ in few}) > 1
    told = [
        f"{target}, {f'{among}, ' if among and several else ''}{HEADERS[axis]}: {count}"
        for (target, among, axis), count in few.items()
    ]
    return ["Means over the settings where every choice has a value, of less than half of all for " + "; ".join(told)]


def in_unit(board: Leaderboard, metric: str) -> str:
    """Return a metric with its unit, where a document tells it."""
    known = {entry.metric: entry.unit for entry in board.setup.metrics} if board.setup else {}
    unit = known.get(metric)
    return f"{metric} ({unit})" if unit else metric


def interaction_lines(board: Leaderboard, found: Sequence[Misleading]) -> list[str]:
    """Return a heading and a line for each pair of axes whose averages mislead; empty where there is none."""
    several = len({each.among for each in board.interactions}) > 1
    lines = []
    for each in found:
        entry = each.interaction
        of = target_label(entry.target, board) + (f", {entry.among}" if several else "")
        axes = f"{HEADERS[entry.axis]} × {HEADERS[entry.other]} (p {entry.p_value:.1g})"
        told = [_best_pair(entry)] if each.best_pair else []
        by_ratio = entry.best.factor is not None
        told += [*_varies(each.swings, by_ratio), *_changed_order(each.reversals, by_ratio)]
        lines.append(f"{of}: {axes}: {'; '.join(told)}")
    if not lines:
        return []
    heading = "Where averages mislead: two axes interact, and another pair is better than that of the best averages"
    if misled_choices(found):
        heading += (
            f", or an effect varies by more than averages differ, or two choices change their order ({MISLEADS} above)"
        )
    return [heading, *lines]


def mark(effect: Effect, marked: Marked) -> str:
    """Return the sign of a choice whose average misleads; empty where it does not.

    Arguments:
        effect: of the choice.
        marked: what does (`harness.results.misleading.misled_choices`).
    """
    return f" {MISLEADS}" if (effect.target, effect.among, effect.axis, effect.choice) in marked else ""


def _best_pair(entry: Interaction) -> str:
    best = entry.best
    of = "from" if best.factor is None else "of"
    return f"best {best.choice} with {best.other_choice}, {_size(best)} {of} the mean over their pairs"


def _changed_order(reversals: Sequence[Reversal], by_ratio: bool) -> list[str]:
    """Return which two choices change their order by the widest margin, and how many others do, as parts of a line."""
    if not reversals:
        return []
    most, *others = reversals
    sizes = [f"{_short(a.size, by_ratio)} and {_short(b.size, by_ratio)}" for a, b in (most.ahead, most.behind)]
    told = f"{most.first} is ahead of {most.second} with {most.ahead_with} ({sizes[0]}) and behind with "
    told += f"{most.behind_with} ({sizes[1]})"
    more = f"so {'does' if len(others) == 1 else 'do'} {counted(len(others), 'other pair')} of choices"
    return [told, more] if others else [told]


def _short(size: float, by_ratio: bool) -> str:
    return f"{size:.2f}" if by_ratio else number(size)


def _varies(swings: Sequence[Swing], by_ratio: bool) -> list[str]:
    """Return the choice whose effect varies most, and how many others do, as a part of a line."""
    if not swings:
        return []
    most, *others = swings
    best, worst = (_short(size, by_ratio) for size in (most.best, most.worst))
    told = f"{most.choice} is {best} {'of' if by_ratio else 'from'} the mean with {most.best_with} and {worst} with "
    told += f"{most.worst_with}"
    return [told, f"{counted(len(others), 'other choice')} vary so too"] if len(others) > 1 else [told]


def _effect_columns(board: Leaderboard, misled: Sequence[Misleading], repeat: bool) -> list[Column]:
    """Return axis, choice and one column a target; the axis on each line, or only where it changes.

    The axis names the kind of network where there are several.
    """
    targets = {name: target_label(name, board) for name in dict.fromkeys(e.target for e in board.effects)}
    found = {(targets[e.target], e.among or "", str(e.axis), e.choice): e for e in board.effects}
    keys = choices(board)
    several = len({among for among, axis, _ in keys if axis != "network"}) > 1
    axes = [f"{HEADERS[a]}, {among}" if several and a != "network" else HEADERS[a] for among, a, _ in keys]
    shown = axes if repeat else [a if a != b else "" for a, b in zip(axes, ["", *axes], strict=False)]
    columns = [Column("axis", tuple(shown), naming=True)]
    columns.append(Column("choice", tuple(choice for _, _, choice in keys), naming=True))
    marked = misled_choices(misled)
    for target in targets.values():
        own = [found.get((target, *key)) for key in keys]
        marks = [mark(effect, marked) if effect else "" for effect in own]
        room = max(map(len, marks), default=0)
        cells = (_size(e) + sign.ljust(room) if e else "" for e, sign in zip(own, marks, strict=True))
        columns.append(Column(target, tuple(cells)))
    return columns


def effects_columns(board: Leaderboard, misled: Sequence[Misleading], width: int | None) -> Iterator[list[Column]]:
    """Yield the effects' columns in as many tables as it takes to fit a width."""
    axis, choice, *targets = _effect_columns(board, misled, repeat=False)
    chunk: list[Column] = []
    used = start = axis.width + choice.width + 2
    for column in targets:
        if chunk and width is not None and used + column.width + 2 > width:
            yield [axis, choice, *chunk]
            chunk, used = [], start
        chunk.append(column)
        used += column.width + 2
    yield [axis, choice, *chunk]


def _size(effect: Effect | Cell) -> str:
    return (with_interval if effect.factor is None else span)(effect.size, effect.low, effect.high)


def n_axes(n: int) -> str:
    """Return a number of axes with its noun."""
    return f"{n} {'axis' if n == 1 else 'axes'}"


def per_target(pairs: Sequence[tuple[str, str]]) -> str:
    """Return the words of pairs of words and a target: alone where all agree, else with the targets in brackets."""
    targets: dict[str, list[str]] = {}
    for words, target in pairs:
        targets.setdefault(words, []).append(target)
    if len(targets) <= 1:
        return "".join(targets)
    return " and ".join(f"{words} ({', '.join(names)})" for words, names in targets.items())
