"""Row tables: every ranked design of a target as a row that scripts may sort and filter, complete without them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence

from markupsafe import Markup, escape

from harness.results.leaderboard import Leaderboard, Row
from harness.results.sections import HEADERS, UNKNOWN, TargetSection
from harness.views.board_columns import build
from harness.views.page import in_line
from harness.views.site.charts import rank_strip
from harness.views.site.marks import RowMarks
from harness.views.site.markup import wide
from harness.views.site.row_pages import ROWS, RowNames
from harness.views.terminal import Drop

CSV = "leaderboard.csv"
"""The rows as a table for other programs: all of them."""

MOST_ROWS = 700
"""Ranked rows of a target that its page shows; a page of thousands loads slowly, and nobody reads its end."""

MOST_ON_PAGE = 860
"""Ranked rows of all targets that a page shows; each target has its share of them."""


def row_table(board: Leaderboard, section: TargetSection, names: RowNames, marks: RowMarks) -> Markup:
    """Return the ranked rows of a target; end tags that HTML does without are left out, for there may be many rows."""
    rank, *columns = [
        each
        for each in build(board, section, section.finished)
        if each.drop_order != Drop.OTHER_BOUNDS and not board.declared.same(each.header, section.metric)
    ]
    columns = sorted([*columns, *marks.column(section.finished)], key=lambda column: not column.naming)
    naming = sum(column.naming for column in columns)
    heads = Markup("").join(
        Markup("<th scope=col{}>{}").format(Markup(" data-f") if column.naming else "", in_line(column.header))
        for column in columns
    )
    lines = zip(*(column.cells for column in columns), strict=True) if columns else ((),) * len(section.finished)
    most = min(MOST_ROWS, MOST_ON_PAGE * len(section.finished) // max(1, sum(row.ok for row in board.rows)))
    shown = zip(section.finished, rank.cells, lines, strict=True)
    body = Markup("").join(
        _line(section, row, names, place, cells) for row, place, cells in itertools.islice(shown, most)
    )
    same = {HEADERS[field]: in_line(value) for field, value in section.constants().items() if value != UNKNOWN}
    table = Markup(
        '<table class="rows f{6}" data-target="{0}" data-same="{1}">'
        "<caption>Designs on {0}, by {2}: rank, with its set in brackets and drawn from 1 to {3}</caption>"
        "<thead><tr><th scope=col>rank{4}</thead><tbody>\n{5}</tbody></table>"
    ).format(
        in_line(section.target),
        json.dumps(same, ensure_ascii=False),
        in_line(section.metric),
        len(section.finished),
        heads,
        body,
        naming,
    )
    more = len(section.finished) - most
    rest = Markup("<p>{} more that are ranked below these: <a href={}>{}</a></p>").format(more, CSV, CSV)
    return wide(f"Designs on {in_line(section.target)}", table) + (rest if more > 0 else "")


def unranked_table(section: TargetSection, title: str, rows: Sequence[Row], names: RowNames) -> Markup:
    """Return rows that are not ranked, with their reasons."""
    lines = Markup("\n").join(
        Markup('<tr><th scope=row class="l"><a href={}/{}.html>{}</a><td>{}').format(
            ROWS,
            names(row),
            in_line(" · ".join(section.combination(row, section.constants()))),
            in_line(row.reason or ""),
        )
        for row in rows
    )
    label = f"{title} on {in_line(section.target)}"
    table = Markup(
        "<table><caption>{}</caption><thead><tr><th scope=col>design<th scope=col>reason</thead>"
        "<tbody>\n{}</tbody></table>"
    ).format(label, lines)
    return Markup("<details><summary>{}: {}</summary>{}</details>").format(title, len(rows), wide(label, table))


def _line(section: TargetSection, row: Row, names: RowNames, rank: str, cells: Sequence[str]) -> Markup:
    """Return one row; it leads to its own page."""
    strip = (
        rank_strip(row.rank_low, row.rank, row.rank_high, len(section.finished))
        if rank != "n/a" and row.rank_low < row.rank_high
        else ""
    )
    # The style sheet writes n/a into an empty cell.
    own = "".join(f"<td>{'' if cell == 'n/a' else escape(in_line(cell))}" for cell in cells)
    return Markup("<tr><th scope=row><a href={}/{}.html>{}</a>{}{}").format(ROWS, names(row), rank, strip, Markup(own))
