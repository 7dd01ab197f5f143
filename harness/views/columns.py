"""Columns: what a leaderboard's table has, and how it is made to fit a width.

Too wide a table loses, in this order: the further metrics and the evaluation count; the tails of long
names; all bounds but the first; and then the columns that name the combination become one, of several
lines. Rank, ranking metric, first bound and its ratio stay as long as anything fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.axes import NUMBERS
from harness.results.leaderboard import Leaderboard, Row
from harness.results.sections import HEADERS, Section, bounds_of, divergence_of, metrics_of, ratio
from harness.views.digits import optional, quantity

GAP = 2
"""Spaces between columns."""

SHORTEST = 10
"""Names are not shortened below so many characters."""

NARROWEST = 24
"""The least width of the column that names a combination."""

FURTHER, EVALUATIONS, OTHER_BOUNDS, BOUND, ESSENTIAL = range(5)
"""What a column is worth: the smaller goes first."""


@dataclass(frozen=True)
class Column:
    """A column of text.

    Attributes:
        header: its head.
        cells: one text a row.
        worth: how long it stays in a table that must fit.
        naming: whether it helps to name the combination.
    """

    header: str
    cells: tuple[str, ...]
    worth: int = ESSENTIAL
    naming: bool = False

    @property
    def left(self) -> bool:
        """Whether it is aligned left: words are, counts and figures are not."""
        return self.naming and not all(cell.isdecimal() for cell in self.cells)

    @property
    def width(self) -> int:
        """Characters of the widest line."""
        return max(len(line) for text in (self.header, *self.cells) for line in text.split("\n"))


def build(board: Leaderboard, section: Section, rows: Sequence[Row]) -> list[Column]:
    """Return the columns of a section's table for some of its finished rows.

    What is constant, and what none of these rows has a value of, has none.
    """
    columns = _naming_columns(section, rows)
    if len({row.nfe for row in section.ranked}) > 1:
        columns.append(Column("NFE", tuple(str(row.nfe) for row in rows), EVALUATIONS))
    if len({row.compute for row in section.ranked}) > 1:
        columns.append(Column("compute", tuple(optional(row.compute) for row in rows), EVALUATIONS))
    for metric in metrics_of(board, rows):
        worth = ESSENTIAL if metric == board.metric else FURTHER
        columns.append(Column(metric, tuple(_measured(row, metric) for row in rows), worth))
    return columns + _bound_columns(board, section, rows)


def build_budgets(board: Leaderboard, section: Section, rows: Sequence[Row]) -> list[Column]:
    """Return the columns of a table of exact budgets, term by term, for rows that have one."""
    columns = _naming_columns(section, rows)
    divergence = divergence_of(board, rows)
    if divergence is not None and board.declared.quantity(divergence) == "marginal-kl":
        columns.append(Column(divergence, tuple(_measured(row, divergence) for row in rows), FURTHER))
    budgets = [row.budget for row in rows if row.budget]
    for term in ("initialization", "score", "discretization", "variance", "total"):
        columns.append(Column(term, tuple(optional(getattr(budget, term)) for budget in budgets), BOUND))
    known = [bound for bound in bounds_of(rows) if board.declared.bounds_divergence(bound)]
    others = [bound for bound in known if not board.declared.is_path_divergence(bound)]
    return columns + [Column(b, tuple(optional(row.bounds.get(b)) for row in rows), OTHER_BOUNDS) for b in others]


def _naming_columns(section: Section, rows: Sequence[Row]) -> list[Column]:
    constant = section.constants()
    named = [(header, field) for field, header in HEADERS.items() if field not in constant]
    columns = [Column(h, tuple(section.names_of(row)[f] for row in rows), naming=True) for h, f in named]
    return [Column("rank", tuple(map(_rank, rows))), *columns]


def _bound_columns(board: Leaderboard, section: Section, rows: Sequence[Row]) -> list[Column]:
    bounds = bounds_of(rows)
    columns = []
    if not any(map(board.declared.is_path_divergence, bounds)) and any(row.budget for row in rows):
        totals = [row.budget.total if row.budget else None for row in rows]
        columns.append(Column("path KL", tuple(map(optional, totals)), BOUND))
    for bound in bounds:
        worth = OTHER_BOUNDS if columns else BOUND
        columns.append(Column(bound, tuple(optional(row.bounds.get(bound)) for row in rows), worth))
    metric = divergence_of(board, rows)
    ratios = [ratio(row, metric, board.declared) for row in rows]
    if any(found is not None for found in ratios):
        columns.append(Column(f"bound/{metric}", tuple(map(optional, ratios)), BOUND))
    if section.violations:
        columns.append(Column("!", tuple("!" if row.violations else "" for row in rows)))
    return columns


def fit(columns: Sequence[Column], width: int | None) -> list[Column]:
    """Return the columns, dropped, shortened and folded until they fit a width; None is no limit."""
    whole = list(columns)
    if width is None:
        return whole
    whole = _drop(whole, width, {FURTHER, EVALUATIONS})
    short = _drop(_shorten(whole, width), width, {OTHER_BOUNDS})
    if _total(short) <= width:
        return short
    # Folding gives back the room for which names were shortened, so it takes them whole.
    folded = _drop(whole, 0, {OTHER_BOUNDS})
    figures = [column for column in folded if not column.naming]
    while _total(figures) + GAP + NARROWEST > width and any(c.worth < ESSENTIAL for c in figures):
        figures = _drop(figures, 0, {min(c.worth for c in figures)}, most=1)
    naming = [column for column in folded if column.naming]
    if not naming:
        return figures
    return [figures[0], _fold(naming, max(NARROWEST, width - _total(figures) - GAP)), *figures[1:]]


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


def _total(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def _drop(columns: list[Column], width: int, worths: set[int], most: int | None = None) -> list[Column]:
    """Drop columns of some worths, the least worthy and among these the last first, until the rest fits."""
    kept = list(columns)
    for worth in sorted(worths):
        for column in [column for column in reversed(columns) if column.worth == worth][:most]:
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
    counts = (NUMBERS["steps"], NUMBERS["train_steps"])
    noun = f" {column.header}" if column.naming and column.header in counts else ""
    return [cell + noun for cell in column.cells]


def _rank(row: Row) -> str:
    alone = row.rank_low == row.rank_high
    return str(row.rank) if alone else f"{row.rank} ({row.rank_low}–{row.rank_high})"


def _measured(row: Row, metric: str) -> str:
    entry = row.metrics.get(metric)
    return "n/a" if entry is None else quantity(entry.value, entry.low, entry.high)
