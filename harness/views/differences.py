"""What changed between two leaderboards, as a page, as text for a terminal, and as flat rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from harness.results.differences import BoardDiff, Change, Moved
from harness.views import formats
from harness.views.column import Column
from harness.views.digits import counted, number
from harness.views.formats import View
from harness.views.page import Block, Page, Paragraph, Section, Table
from harness.views.terminal import Drop, break_lines, fitted

EXPECTED = 0.05
"""Share of unchanged metrics that a 95 % limit calls beyond by chance, where the seeds are others."""


def render_differences(found: BoardDiff, form: str, *, top: int | None = None, width: int | None = None) -> str:
    """Return a comparison in a format, with a newline at the end.

    Arguments:
        found: the comparison.
        form: one of `harness.views.formats.FORMATS`; `csv` has a row for each metric that changed.
        top: changes that are shown, the largest first; 0: all. None: 20 in a table, else all.
        width: the columns of the terminal; None is no limit.

    Raises:
        DocumentError: as `harness.views.formats.render`.
    """
    view = View(
        lambda: found,
        lambda shown: _page(found, shown),
        lambda shown, columns: _text(found, shown, columns),
        lambda shown: [_flat(change) for change in found.changes[:shown]],
    )
    return formats.render(view, form, top=top, width=width)


def summary(found: BoardDiff) -> list[str]:
    """Return what changed, a sentence each."""
    beyond = sum(change.difference == "beyond" for change in found.changes)
    measured = found.same + len(found.changes)
    lines = [
        f"{counted(found.both, 'design')} in both; {found.gone} only in the first, {found.new} only in the second."
    ]
    if measured:
        chance = f" (about {EXPECTED * measured:.0f} would be by chance if all were drawn anew)" if beyond else ""
        lines.append(
            f"Of {counted(measured, 'metric')} of them {found.same} are the same to the last bit; "
            f"{beyond} changed beyond their intervals{chance}."
        )
    if found.both:
        lines.append(f"{counted(len(found.moved), 'design')} of another status, or of ranks that no longer meet.")
    return lines


def difference_blocks(found: BoardDiff, top: int | None) -> list[Block]:
    """Return a comparison as blocks of a page.

    Arguments:
        found: the comparison.
        top: changes that are shown, the largest first; None: all.
    """
    tables = (Section([title], [Table(columns)]) for title, columns in _tables(found, top))
    return [Paragraph([" ".join(summary(found))]), *tables]


def _page(found: BoardDiff, top: int | None) -> Page:
    return Page(["What changed"], difference_blocks(found, top))


def _text(found: BoardDiff, top: int | None, width: int | None) -> str:
    lines = break_lines(summary(found), width)
    for title, columns in _tables(found, top):
        lines += ["", f"{title}:", *(f"  {line}" for line in fitted(columns, None if width is None else width - 2))]
    hidden = len(found.changes[top:]) if top is not None else 0
    return "\n".join(lines + [f"  {hidden} more: --top 0"] * bool(hidden))


def _tables(found: BoardDiff, top: int | None) -> list[tuple[str, list[Column]]]:
    """Return the tables that have rows, with their titles."""
    tables = [
        ("Settings", _settings(found)),
        ("Changed, the largest first", _changes(found.changes[:top])),
        ("Other status or ranks", _moved(found.moved[:top])),
    ]
    return [(title, columns) for title, columns in tables if columns and columns[0].cells]


def _settings(found: BoardDiff) -> list[Column]:
    names, pairs = tuple(found.settings), list(found.settings.values())
    return [
        Column("setting", names, naming=True),
        Column("first", tuple(pair[0] for pair in pairs), naming=True),
        Column("second", tuple(pair[1] for pair in pairs), naming=True),
    ]


def _designs(shown: Sequence[Change | Moved]) -> list[Column]:
    axes = list(shown[0].design) if shown else []
    return [
        Column("target", tuple(each.target for each in shown), naming=True),
        *(Column(axis.replace("_", " "), tuple(each.design[axis] for each in shown), naming=True) for axis in axes),
    ]


def _changes(shown: Sequence[Change]) -> list[Column]:
    return [
        *_designs(shown),
        Column("metric", tuple(each.metric for each in shown), naming=True),
        Column("first", tuple(number(each.before) for each in shown)),
        Column("second", tuple(number(each.after) for each in shown)),
        Column("by", tuple(_per_cent(each.size) for each in shown)),
        Column("intervals", tuple(each.difference for each in shown), Drop.OTHER_BOUNDS, naming=True),
    ]


def _per_cent(size: float) -> str:
    """Return how much larger the second value is, where that is a finite number."""
    return f"{100 * (size - 1):+.2g} %" if math.isfinite(size) else ""


def _moved(shown: Sequence[Moved]) -> list[Column]:
    return [
        *_designs(shown),
        Column("first", tuple(each.before for each in shown), naming=True),
        Column("second", tuple(each.after for each in shown), naming=True),
    ]


def _flat(change: Change) -> dict[str, Any]:
    told = change.model_dump(mode="json")
    return {"target": told.pop("target"), **told.pop("design"), **told}
