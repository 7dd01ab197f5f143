"""The page of a recommendation: the screen first, then every alternative, real and generated points, and the rounds."""

from __future__ import annotations

from collections.abc import Sequence

from harness.results.recommendation import FILE, Recommendation
from harness.views.board_plots import Plot
from harness.views.column import Column
from harness.views.digits import counted
from harness.views.formats import View
from harness.views.page import Commands, Image, Listing, Page, Paragraph, Section, Table, Words, in_words, prose
from harness.views.publishing import Publication
from harness.views.recommendations import HEADS, alternatives, choice_columns, recommendation_text

SAMPLES = "samples.svg"
"""The file of the plot of real and generated points."""


def recommendation_view(found: Recommendation) -> View:
    """Return a recommendation in the forms that formats are made of, whole in each."""
    return View(
        lambda: found,
        lambda _: recommendation_page(found, found.command, ()),
        lambda _, width: recommendation_text(found, width),
        lambda _: alternatives(found),
        HEADS,
    )


def recommendation_page(found: Recommendation, command: str, plots: Sequence[str]) -> Page:
    """Return the page, with the plots that lie beside it by their files."""
    shown = [Section(prose("Real and generated"), [Paragraph(_shown(found)), *map(Image, plots)])] if plots else []
    return Page(
        prose("What to use on {data}", data=found.data),
        [
            Section(prose("The answer"), [Commands(recommendation_text(found, 80))]),
            *shown,
            Section(prose("Every alternative"), [Paragraph(prose(COSTS)), Table(choice_columns(found))]),
            Section(prose("How it was found"), [Table(_rounds(found)), Listing(_facts(found))]),
            Section(prose("Made by"), [Commands(command)]),
        ],
    )


COSTS = (
    "An alternative stands for the best design that has it. `ties`: within the margin of indifference; `open`: it may "
    "be better or worse; `worse`: its whole interval is above 0; `dropped`: the race found a better design, which need "
    "not be the chosen one; `no value`: it, or each training that it goes with, failed; `not tried`: no round came to "
    "it. Intervals hold for all looks and alternatives together with 95 %."
)


SHOWN = "Above, rows of the data; below, samples of the recommended design, not picked."

POINTS = "{count} held-out rows of the data, and as many samples of the recommended design, not picked."

PLANE = " Shown is the plane of the first two principal components of these rows, as the network sees them."
"""What is said where there are too many coordinates to show them all."""


def _shown(found: Recommendation) -> Words:
    points = found.points
    if points is None:
        return prose(SHOWN)
    return prose(POINTS + (PLANE if points.components else ""), count=str(len(points.real)))


def _rounds(found: Recommendation) -> list[Column]:
    rounds = found.rounds
    return [
        Column("round", tuple(each.over for each in rounds), naming=True),
        Column("seeds", tuple(str(each.seeds) for each in rounds)),
        Column("raced", tuple(str(each.raced) for each in rounds)),
        Column("left", tuple(str(each.left) for each in rounds)),
        Column("left out for lack of time", tuple(str(each.cut) for each in rounds)),
    ]


def _facts(found: Recommendation) -> list[Sequence[str]]:
    levels = ", ".join(f"{level:.4g}" for level in found.best.sigmas)
    return [
        (f"{found.end}, after {found.minutes:.1f} minutes; {counted(found.left, 'design')} may be best",),
        (f"{found.looks} looks at the evidence share the promise: the best design is dropped in at most 5 % of races",),
        (f"noise levels: {levels}",),
        (f"law: {found.law}",),
    ]


def _draw(found: Recommendation, command: str) -> tuple[Page, list[Plot]]:
    from harness.views.plots import svg
    from harness.views.point_plots import points_beside
    from harness.views.sample_plots import beside

    plots = []
    if found.pictures is not None and found.profile.pictures is not None:
        plots.append(Plot(SAMPLES, svg(beside(found.profile.pictures, found.pictures))))
    elif found.points is not None:
        plots.append(Plot(SAMPLES, svg(points_beside(found.points))))
    return recommendation_page(found, command, [plot.file for plot in plots]), plots


RECOMMENDATION = Publication[Recommendation](
    FILE,
    lambda found: in_words(prose("What to use on {data}", data=found.data)),
    _draw,
    lambda found: {SAMPLES},
)
