"""Tables and text for a terminal: columns made to fit a width, and lines broken at it.

Too wide a table loses, in this order: the further metrics and the evaluation count; the tails of long
names; all bounds but the first; and then the columns that name the combination become one, of several
lines. Rank, ranking metric, first bound and its ratio stay as long as anything fits. A line names what was lost.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum

from harness.views.column import Column

GAP = 2
"""Spaces between columns."""

SHORTEST = 10
"""Names are not shortened below so many characters."""

NARROWEST = 24
"""The least width of the column that names a combination."""


class Drop(IntEnum):
    """The order in which `fit` drops columns; those that have none stay."""

    FURTHER, EVALUATIONS, OTHER_BOUNDS, BOUND = range(4)


def terminal_width() -> int | None:
    """Return the columns of the terminal that standard output is, or None where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def text_table(columns: Sequence[Column]) -> list[str]:
    """Return the lines of a table for a terminal."""
    from tabulate import tabulate

    # Heads as ordinary rows: tabulate widens a column by two for its head, which 80 columns cannot spare.
    heads = [[column.header for column in columns], ["-" * column.width for column in columns]]
    rows = [*heads, *zip(*(column.cells for column in columns), strict=True)]
    align = ["left" if column.left else "right" for column in columns]
    text = tabulate(rows, tablefmt="plain", colalign=align, disable_numparse=True)
    return [line.rstrip() for line in text.split("\n")]


def break_lines(lines: Sequence[str], width: int | None) -> list[str]:
    """Break lines at spaces to a width; what continues is set in by four more."""
    if width is None:
        return list(lines)
    broken = []
    for line in lines:
        start = line[: len(line) - len(line.lstrip())]
        first, *rest = wrap(line.split(" "), width - 4 - len(start), joint=" ").split("\n")
        broken += [first, *(f"{start}    {piece}" for piece in rest)]
    return broken


def fit(columns: Sequence[Column], width: int | None) -> list[Column]:
    """Return the columns, dropped, shortened and folded until they fit a width; None is no limit."""
    whole = list(columns)
    if width is None:
        return whole
    whole = _drop(whole, width, {Drop.FURTHER, Drop.EVALUATIONS})
    short = _drop(_shorten(whole, width), width, {Drop.OTHER_BOUNDS})
    if _total(short) <= width:
        return short
    # Folding gives back the room for which names were shortened, so it takes them whole.
    folded = _drop(whole, 0, {Drop.OTHER_BOUNDS})
    figures = [column for column in folded if not column.naming]
    while _total(figures) + GAP + NARROWEST > width and (orders := _orders(figures)):
        figures = _drop(figures, 0, {min(orders)}, most=1)
    naming = [column for column in folded if column.naming]
    if not naming:
        return figures
    return [figures[0], _fold(naming, max(NARROWEST, width - _total(figures) - GAP)), *figures[1:]]


def left_out(columns: Sequence[Column], width: int | None) -> list[str]:
    """Return the heads of the columns that a width has no room for."""
    return _lost(columns, fit(columns, width))


def fitted(columns: Sequence[Column], width: int | None) -> list[str]:
    """Return the lines of a table made to fit a width, and a line that names the columns it has no room for."""
    kept = fit(columns, width)
    lost = _lost(columns, kept)
    line = f"no room in {width} columns for: {', '.join(lost)} (--format csv has all)"
    return [*text_table(kept), *(["", *break_lines([line], width)] if lost else [])]


def wrap(words: Sequence[str], width: int, joint: str = " · ") -> str:
    """Join words into lines that are no wider than a width where the words allow it."""
    lines = [words[0]] if words else [""]
    for word in words[1:]:
        if len(lines[-1]) + len(joint) + len(word) <= width:
            lines[-1] += joint + word
        else:
            lines.append(word)
    return "\n".join(lines)


def shorten(label: str, length: int) -> str:
    """Shorten a label to a length by the tail of its name; its parameters, which tell it apart, stay."""
    if len(label) <= length:
        return label
    name, colon, params = label.partition(":")
    room = length - 1 - len(colon) - len(params)
    return f"{name[:room]}…{colon}{params}" if room >= 3 else label


def _lost(columns: Sequence[Column], kept: Sequence[Column]) -> list[str]:
    heads = {column.header for column in kept}
    return [column.header for column in columns if not column.naming and column.header not in heads]


def _total(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def _orders(columns: Sequence[Column]) -> set[int]:
    return {column.drop_order for column in columns if column.drop_order is not None}


def _drop(columns: list[Column], width: int, orders: set[int], most: int | None = None) -> list[Column]:
    """Drop columns of some orders, the first in order and among these the last in the table first, until it fits."""
    kept = list(columns)
    for order in sorted(orders):
        for column in [column for column in reversed(columns) if column.drop_order == order][:most]:
            if _total(kept) > width:
                kept.remove(column)
    return kept


def _shorten(columns: list[Column], width: int) -> list[Column]:
    """Shorten the names in the widest columns, one character at a time, while they stay distinct."""
    whole, current = list(columns), list(columns)
    stuck: set[int] = set()
    while _total(current) > width:
        able = [i for i, c in enumerate(current) if c.naming and c.width > SHORTEST and i not in stuck]
        if not able:
            break
        i = max(able, key=lambda index: current[index].width)
        cells = tuple(shorten(cell, current[i].width - 1) for cell in whole[i].cells)
        shorter = replace(current[i], cells=cells)
        if len(set(cells)) < len(set(whole[i].cells)) or shorter.width >= current[i].width:
            stuck.add(i)
        else:
            current[i] = shorter
    return current


def _fold(naming: Sequence[Column], width: int) -> Column:
    phrases = zip(*(_phrases(column) for column in naming), strict=True)
    return Column("combination", tuple(wrap(words, width) for words in phrases), naming=True)


def _phrases(column: Column) -> list[str]:
    noun = f" {column.header}" if column.noun else ""
    return [cell + noun for cell in column.cells]
