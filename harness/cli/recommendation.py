"""The recommendation that lies in a result directory, shown and published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import DocumentKind, Source
from harness.results.recommendation import FILE, Recommendation

if TYPE_CHECKING:
    pass


def shown(found: Recommendation, form: str, width: int | None) -> str:
    """Return a recommendation in a format."""
    from harness.views.page import markdown
    from harness.views.recommendation_pages import recommendation_page
    from harness.views.recommendations import recommendation_csv, recommendation_text

    if form == "json":
        return found.to_json()
    if form == "markdown":
        return markdown(recommendation_page(found, found.command, ()))
    return recommendation_csv(found) if form == "csv" else recommendation_text(found, width)


def _show(source: Source, form: str, top: int | None, width: int | None) -> str:
    return shown(Recommendation.read(source.directory / FILE), form, width)


def _publish(source: Source, destination: Path, command: str | None) -> None:
    from harness.views.recommendation_pages import RECOMMENDATION

    found = Recommendation.read(source.directory / FILE)
    RECOMMENDATION.write(found, destination, command or found.command)


KIND = DocumentKind(_show, _publish)
