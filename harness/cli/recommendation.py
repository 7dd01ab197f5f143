"""The recommendation that lies in a result directory, shown and published."""

from __future__ import annotations

from pathlib import Path

from harness.commands import DocumentKind, Source
from harness.results.recommendation import Recommendation, read_answer


def shown(found: Recommendation, form: str, width: int | None) -> str:
    """Return a recommendation in a format."""
    from harness.views.formats import render
    from harness.views.recommendation_pages import recommendation_view

    return render(recommendation_view(found), form, width=width)


def _show(source: Source, form: str, top: int | None, width: int | None) -> str:
    return shown(read_answer(source.directory), form, width)


def _publish(source: Source, destination: Path, command: str | None) -> None:
    from harness.views.recommendation_pages import RECOMMENDATION

    found = read_answer(source.directory)
    RECOMMENDATION.write(found, destination, command or found.command)


KIND = DocumentKind(_show, _publish)
