"""The kinds of documents that a leaderboard gives: itself, the competition of its bounds, the terms of its budgets.

To add one: a line here, with how it is shown and published; every command takes its options from this table. Nothing is
imported until a document is shown, so that a command line may read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import DocumentKind, Source, warn

if TYPE_CHECKING:
    from harness.results.bounds import BoundsBoard
    from harness.results.leaderboard import Leaderboard


def _read(source: Source) -> Leaderboard | BoundsBoard:
    from harness.results.published import published_file, read_any
    from harness.results.read_board import read_document

    if (file := published_file(source.directory)) is not None:
        return read_any(file, source.by or (), source.suite)
    return read_document(source.directory, source.by or (), warn=warn, suite=source.suite)


def read_leaderboard(source: Source) -> Leaderboard:
    """Return the leaderboard of a result directory, or a published one; raises HarnessError where there is none."""
    from harness.results.published import with_designs

    return with_designs(_read(source), source.directory)


def _show_board(source: Source, form: str, top: int | None, width: int | None) -> str:
    from harness.results.bounds import BoundsBoard
    from harness.views.bounds_tables import render_bounds
    from harness.views.tables import render

    board = _read(source)
    if isinstance(board, BoundsBoard):
        return render_bounds(board, form, width=width)
    return render(board, form, top=top, width=width)


def _publish_board(source: Source, destination: Path, command: str | None) -> None:
    from harness.certification.memory import check_certified, with_certificates
    from harness.views.publishing import publish

    board = with_certificates(read_leaderboard(source))
    if not source.uncertified:
        check_certified(board)
    publish(board, destination, command or board.command or "")


def _site_board(source: Source) -> object:
    from harness.results.bounds import BoundsBoard
    from harness.results.bundles import is_bundle, read_bundle
    from harness.results.document import read_content
    from harness.results.leaderboard import PUBLISHED
    from harness.results.marks import MARKS, read_marks
    from harness.results.published import published_file
    from harness.views.site.boards import bounds_entry, leaderboard_entry

    if is_bundle(source.directory):
        found = read_bundle(source.directory)
        return leaderboard_entry(found.board, found.marks, found.submission).offering(found.contents)
    board, file = _read(source), published_file(source.directory)
    originals = {} if file is None else {PUBLISHED: read_content(file)}
    if isinstance(board, BoundsBoard):
        return bounds_entry(board).offering(originals)
    marks = None if file is None else read_marks(file, len(board.rows))
    if file is not None and marks is not None:
        originals[MARKS] = read_content(file.parent / MARKS)
    return leaderboard_entry(board, marks).offering(originals)


def _bounds(source: Source) -> BoundsBoard:
    from harness.results.bounds import BoundsBoard
    from harness.results.bounds_ranking import rank_bounds

    board = _read(source)
    return board if isinstance(board, BoundsBoard) else rank_bounds(board)


def _show_bounds(source: Source, form: str, top: int | None, width: int | None) -> str:
    from harness.views.bounds_tables import render_bounds

    return render_bounds(_bounds(source), form, width=width)


def _publish_bounds(source: Source, destination: Path, command: str | None) -> None:
    from harness.views.publishing import publish_bounds

    board = _bounds(source)
    publish_bounds(board, destination, command or board.command or "")


def _show_budgets(source: Source, form: str, top: int | None, width: int | None) -> str:
    from harness.views.budgets import render_budgets

    return render_budgets(read_leaderboard(source), form, top=top, width=width)


KINDS: Mapping[str, DocumentKind] = {
    "": DocumentKind(_show_board, _publish_board, frozenset({"by", "top"}), site=_site_board),
    "bounds": DocumentKind(
        _show_bounds,
        _publish_bounds,
        shown="Rank the bounds instead: validity, then tightness.",
        published="Publish the leaderboard of the bounds instead.",
    ),
    "budget": DocumentKind(
        _show_budgets,
        takes=frozenset({"by", "top"}),
        shown="Show the terms of the path divergence: E_I, E_S, E_D, E_V.",
    ),
}
"""By the option that asks for one; the leaderboard itself needs none."""


def _recommendation() -> DocumentKind:
    from harness.cli.recommendation import KIND

    return KIND


FILES: Mapping[str, tuple[str, Callable[[], DocumentKind]]] = {
    "recommendation.json": ("a recommendation", _recommendation),
}
"""By the file that a command keeps in a result directory: what it is, and its kind."""
