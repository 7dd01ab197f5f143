"""Compare: designs of one target side by side, chosen in the address, from the data of the board in a script's file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from harness.axes import design
from harness.results.leaderboard import Leaderboard, Row
from harness.results.sections import HEADERS, TargetSection, bounds_of, metrics_of
from harness.views.digits import number, with_interval
from harness.views.page import Block, CodeSpan, Link, Listing, Paragraph, in_line
from harness.views.site.entry import Passage, Sheet
from harness.views.site.row_pages import ROWS, RowNames

PAGE, DATA, SCRIPT = "compare.html", "rows.js", "compare.js"
"""The page, the rows of its board, and the script of the whole site that compares them."""

VARIABLE = "boardRows"
"""What the data are called in the script."""

_HOW = (
    "By the metric that ranks, two designs are told apart where their rank sets do not overlap: those come from paired "
    "differences over the seeds, which all designs have in common. Where they overlap, whether the two are told apart "
    "does not follow from the document: a rank set counts how many designs are told better, and not which.",
    "For any other metric the document has the interval of each design alone. Where two intervals do not overlap, the "
    "designs differ, as far as 95 % intervals tell; where they overlap, nothing is said: a paired test may still tell "
    "them apart.",
    "Bounds are upper bounds from theory. A smaller bound is no smaller error.",
)

PLACE = Markup(
    '<div id="compare" hidden></div><noscript><p>Comparing takes a script. The page of each design tells the same of '
    'it, one design at a time: <a href="index.html">the tables of the board</a> lead there.</p></noscript>'
)


def compare_sheet(board: Leaderboard) -> Sheet:
    """Return the page on which the designs of a board are compared."""
    up: Block = Paragraph(["Designs of ", Link(f"the board {board.suite}", "index.html"), ", side by side."])
    read = Passage(["How differences are judged"], [Listing([[each] for each in _HOW])])
    return Sheet(["Compare: ", CodeSpan(board.suite)], [up, PLACE, read], scripts=(DATA, f"../../{SCRIPT}"))


def compare_data(board: Leaderboard, shown: Sequence[TargetSection]) -> bytes:
    """Return the rows of a board as a script that holds them as one text: no part of a document is code there."""
    names = RowNames(board.rows)
    targets = {in_line(each.target): _target(each, names) for each in shown}
    text = json.dumps({"folder": ROWS, "targets": targets}, ensure_ascii=True, separators=(",", ":"))
    literal = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"\"use strict\";\nconst {VARIABLE} = JSON.parse('{literal}');\n".encode("ascii")


def _target(section: TargetSection, names: RowNames) -> dict[str, Any]:
    """Return the designs of a target: what they differ in, and what was measured of each in the order of its heads."""
    same = section.constants()
    fields = [field for field in section.fields if field not in same] or list(design())
    metrics, bounds = metrics_of(section, section.rows), bounds_of(section.rows)
    return {
        "metric": in_line(section.metric),
        "fields": [HEADERS[field] for field in fields],
        "metrics": [in_line(name) for name in metrics],
        "bounds": [in_line(name) for name in bounds],
        "same": [in_line(each) for each in section.common()],
        "rows": {names(row): _row(section, row, fields, metrics, bounds) for row in section.rows},
    }


def _row(
    section: TargetSection, row: Row, fields: Sequence[str], metrics: Sequence[str], bounds: Sequence[str]
) -> list[Any]:
    """Return a row: its names, rank set (null where it is not ranked), status, cost, metrics, bounds."""
    own: Mapping[str, str] = section.all_names_of(row)
    ranked = row.ok and section.metric in row.metrics
    return [
        [in_line(own[field]) for field in fields],
        [row.rank, row.rank_low, row.rank_high] if ranked else None,
        "" if ranked else in_line(row.reason or row.status),
        [row.nfe, row.compute],
        [_metric(row, name) for name in metrics],
        [None if (value := row.bounds.get(name)) is None else number(value) for name in bounds],
    ]


def _metric(row: Row, name: str) -> list[str | float | None] | None:
    """Return a metric as it is written, and its interval."""
    found = row.metrics.get(name)
    if found is None:
        return None
    return [with_interval(found.value, found.low, found.high), found.low, found.high]
