"""Bounds in competition, as tables, a page and a plot."""

import csv
import io
import json
import xml.etree.ElementTree as ElementTree

import pytest

from harness.results.bounds import BoundsBoard
from harness.results.bounds_ranking import rank_bounds
from harness.results.document import DocumentError
from harness.results.leaderboard import Leaderboard
from harness.views.bounds_tables import render_bounds
from harness.views.publishing import publish_bounds, render_files


def compete(document):
    return rank_bounds(Leaderboard.validate(document))


def test_every_bound_is_in_every_format(document):
    made = compete(document)
    plain = made.model_dump()
    for form in ("table", "markdown"):
        text = render_bounds(made, form)
        for entry in [*plain["bounds"], *plain["entries"]]:
            assert entry["bound"] in text
    rows = list(csv.DictReader(io.StringIO(render_bounds(made, "csv"))))
    assert [row["target"] for row in rows] == ["", "", *(e["target"] for e in plain["entries"])]
    assert float(rows[0]["tightness.median"]) == plain["bounds"][0]["tightness"]["median"]
    assert json.loads(render_bounds(made, "json")) == plain
    with pytest.raises(DocumentError, match="no format 'html'"):
        render_bounds(made, "html")


def test_a_table_fits_its_width(document):
    for width in (80, 100, 140):
        lines = render_bounds(compete(document), "table", width=width).split("\n")
        assert max(map(len, lines)) <= width


def test_published_page_and_plot(document, tmp_path):
    pytest.importorskip("matplotlib")
    files = {
        path.name
        for path in publish_bounds(
            rank_bounds(Leaderboard.validate(document)), tmp_path / "bounds", "harness run quick"
        )
    }
    assert files == {"leaderboard.json", "README.md", "tightness.svg"}
    page = (tmp_path / "bounds" / "README.md").read_text()
    assert "2 bounds on 2 targets; 1 violations" in page
    assert "](tightness.svg)" in page
    ElementTree.parse(tmp_path / "bounds" / "tightness.svg")
    document_read = json.loads((tmp_path / "bounds" / "leaderboard.json").read_text())
    published = BoundsBoard.validate(document_read)
    assert published.command == "harness run quick"
    assert published.model_copy(update={"command": None}) == compete(document)


def test_plot_has_the_medians(document):
    pytest.importorskip("matplotlib")
    from harness.views import plots

    made = compete(document)
    figure = plots.tightness(made)
    drawn = {
        (axes.get_title("left"), float(line.get_xdata()[0]))
        for axes in figure.axes for line in axes.get_lines()
        if line.get_label().startswith(("median", "violated"))
    }  # fmt: skip
    assert drawn == {(e.target, e.tightness.median) for e in made.entries if e.tightness}


def test_the_leaderboards_page_has_a_section(document):
    pytest.importorskip("matplotlib")
    page = render_files(Leaderboard.validate(document), "harness run quick")["README.md"].decode()
    section = page.partition("## Bounds")[2].partition("\n## ")[0]
    assert "| theorem-2" in section
    assert "tightness.svg" in section
