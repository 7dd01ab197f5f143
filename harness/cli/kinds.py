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
    from harness.results.leaderboard import Leaderboard


def _read(source: Source) -> Leaderboard:
    from harness.results.read_board import read_document

    return read_document(source.directory, source.by or (), warn=warn, suite=source.suite)


def _command(source: Source) -> str:
    from harness.results.read_board import read_command

    return read_command(source.directory, source.suite)


def _show_board(source: Source, form: str, top: int | None, width: int | None) -> str:
    from harness.views.tables import render

    return render(_read(source), form, top=top, width=width)


def _publish_board(source: Source, destination: Path, command: str | None) -> None:
    from harness.certification.memory import check_certified, with_certificates
    from harness.views.publishing import publish

    board = with_certificates(_read(source))
    if not source.uncertified:
        check_certified(board)
    publish(board, destination, command or _command(source))


def _show_bounds(source: Source, form: str, top: int | None, width: int | None) -> str:
    from harness.results.bounds_ranking import rank_bounds
    from harness.views.bounds_tables import render_bounds

    return render_bounds(rank_bounds(_read(source)), form, width=width)


def _publish_bounds(source: Source, destination: Path, command: str | None) -> None:
    from harness.views.publishing import publish_bounds

    publish_bounds(_read(source), destination, command or _command(source))


def _show_budgets(source: Source, form: str, top: int | None, width: int | None) -> str:
    from harness.views.budgets import render_budgets

    return render_budgets(_read(source), form, top=top, width=width)


KINDS: Mapping[str, DocumentKind] = {
    "": DocumentKind(_show_board, _publish_board, frozenset({"by", "top"})),
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
