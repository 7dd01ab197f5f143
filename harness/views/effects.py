"""Effects as tables and sentences: what one choice on one axis does, and where an average misleads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.results.leaderboard import Cell, Effect, Interaction, Leaderboard
from harness.results.sections import HEADERS, choices, misleading, sections, target_label
from harness.views.column import Column
from harness.views.digits import number, span, with_interval
from harness.views.page import Block, Listing, Paragraph, Table


def effects_table(board: Leaderboard) -> Table:
    """Return the effects: one row a choice, one column a target."""
    return Table(_effect_columns(board, repeat=True))


def effects_blocks(board: Leaderboard) -> list[Block]:
    """Return what is said of effects: what one is, their table, and where an average misleads."""
    blocks: list[Block] = [Paragraph([f"{effects_meaning(board)}."]), effects_table(board)]
    lines = interaction_lines(board)
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
    return ". ".join([*told, *_of_part(board)])


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


def in_unit(board: Leaderboard, metric: str) -> str:
    """Return a metric with its unit, where a document tells it."""
    known = {entry.metric: entry.unit for entry in board.setup.metrics} if board.setup else {}
    unit = known.get(metric)
    return f"{metric} ({unit})" if unit else metric


def interaction_lines(board: Leaderboard) -> list[str]:
    """Return a heading and a line for each pair of axes whose averages mislead; empty where there is none."""
    found = misleading(board)
    lines = []
    for entry in found:
        best, axes = entry.best, (HEADERS[entry.axis], HEADERS[entry.other])
        own = _size(best)
        kind = f", {entry.among}" if len({each.among for each in board.interactions}) > 1 else ""
        lines.append(
            f"{target_label(entry.target, board)}{kind}: {' × '.join(axes)}: best {best.choice} with "
            f"{best.other_choice}, {own} {'from' if best.factor is None else 'of'} the mean over their pairs "
            f"(p {entry.p_value:.1g}); "
            f"{_spread_within(entry)}"
        )
    heading = "Where averages mislead: two axes interact, and their best pair is not that of the best averages"
    return [heading, *lines] if lines else []


def _spread_within(entry: Interaction) -> str:
    """Return the choice whose effect depends most on the other axis, with its best and its worst cell."""
    cells: dict[tuple[bool, str], list[Cell]] = {}
    for cell in entry.cells:
        cells.setdefault((False, cell.choice), []).append(cell)
        cells.setdefault((True, cell.other_choice), []).append(cell)
    ordered = {key: sorted(found, key=lambda cell: cell.size) for key, found in cells.items()}
    most = max(ordered, key=lambda key: _apart(ordered[key][0], ordered[key][-1]))
    swapped, choice = most
    best, worst = ordered[most][0], ordered[most][-1]
    names = [cell.choice if swapped else cell.other_choice for cell in (best, worst)]
    sizes = [number(cell.size) if cell.factor is None else f"{cell.factor:.2f}" for cell in (best, worst)]
    return f"{choice} is {sizes[0]} with {names[0]} and {sizes[1]} with {names[1]}"


def _apart(low: Cell, high: Cell) -> float:
    """Return how far apart two cells are, as they are compared."""
    return high.size - low.size if low.factor is None else high.size / low.size


def _effect_columns(board: Leaderboard, repeat: bool) -> list[Column]:
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
    for target in targets.values():
        cells = tuple(_size(found.get((target, *key))) for key in keys)
        columns.append(Column(target, cells))
    return columns


def effects_columns(board: Leaderboard, width: int | None) -> Iterator[list[Column]]:
    """Yield the effects' columns in as many tables as it takes to fit a width."""
    axis, choice, *targets = _effect_columns(board, repeat=False)
    chunk: list[Column] = []
    used = start = axis.width + choice.width + 2
    for column in targets:
        if chunk and width is not None and used + column.width + 2 > width:
            yield [axis, choice, *chunk]
            chunk, used = [], start
        chunk.append(column)
        used += column.width + 2
    yield [axis, choice, *chunk]


def _size(effect: Effect | Cell | None) -> str:
    if effect is None:
        return ""
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
