"""Formats: a document for eyes (`table`, `markdown`) and for programs (`json`, `csv`).

Each board gives a `View`: one page, one text, one flat form of its rows. A format is a function of that; to add one is
to write the function and its line in `FORMATS`, from which every command takes its choices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.results.document import Document
    from harness.views.page import Page

TOP = 20
"""Rows of each target that a table for a terminal shows, unless told otherwise."""


@dataclass(frozen=True)
class View:
    """A document in the forms that formats are made of. A function takes how many rows of each target; None is all.

    Attributes:
        document: the whole of it.
        page: its page.
        text: its text for a terminal of so many columns (the second argument; None is no limit).
        rows: its rows as flat dictionaries, from dotted names to numbers and words.
        heads: names that come first, also where there is no row.
    """

    document: Callable[[], Document]
    page: Callable[[int | None], Page]
    text: Callable[[int | None, int | None], str]
    rows: Callable[[int | None], Sequence[Mapping[str, object]]]
    heads: Sequence[str] = ()


def render(view: View, form: str, *, top: int | None = None, width: int | None = None) -> str:
    """Return a document in a format, with a newline at the end.

    Arguments:
        view: of the document.
        form: one of `FORMATS`.
        top: the rows of each target to show, best first; 0 is all. None: 20 in a table, else all.
        width: the columns of the terminal; None is no limit. Only a table heeds it.

    Raises:
        DocumentError: the format is unknown, `top` is negative, or it is asked of `json`.
    """
    from harness.results.document import DocumentError

    if top is not None and top < 0:
        raise DocumentError(f"top={top} is negative; give a number of rows, or 0 for all")
    if form not in FORMATS:
        raise DocumentError(f"no format {form!r}; known: {', '.join(FORMATS)}")
    return FORMATS[form](view, top, width)


def _table(view: View, top: int | None, width: int | None) -> str:
    from harness.views.page import printable

    return printable(view.text((TOP if top is None else top) or None, width)) + "\n"


def _json(view: View, top: int | None, width: int | None) -> str:
    from harness.results.document import DocumentError

    if top:
        raise DocumentError("json is always the whole document; top applies to table, markdown, csv")
    return view.document().to_json()


def _csv(view: View, top: int | None, width: int | None) -> str:
    import csv
    import io

    rows = view.rows(top or None)
    out = io.StringIO()
    heads = dict.fromkeys([*view.heads, *(key for row in rows for key in row)])
    writer = csv.DictWriter(out, heads, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return out.getvalue()


def _cell(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula: names and reasons may be a stranger's."""
    from harness.views.page import in_line

    if not isinstance(value, str):
        return value
    text = in_line(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _markdown(view: View, top: int | None, width: int | None) -> str:
    from harness.views.page import markdown

    return markdown(view.page(top or None))


FORMATS: Mapping[str, Callable[[View, int | None, int | None], str]] = {
    "table": _table,
    "json": _json,
    "csv": _csv,
    "markdown": _markdown,
}
"""Every format, by the word that chooses it."""
