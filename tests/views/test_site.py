"""The site: pages that hold together without a browser, answers by rules, hostile documents made harmless."""

import base64
import copy
import io
import json
import re
from pathlib import Path

import pytest
from documents import make_document
from PIL import Image
from site_pages import Parsed, faults

from harness.results.bounds_ranking import rank_bounds
from harness.results.document import DocumentError
from harness.results.leaderboard import Leaderboard
from harness.results.published import read_published
from harness.results.row_commands import row_command
from harness.results.sections import sections
from harness.views import page as blocks
from harness.views.page import Link, Paragraph, Section
from harness.views.site import writing
from harness.views.site.answers import answer, influences, leader
from harness.views.site.boards import bounds_entry, leaderboard_entry
from harness.views.site.charts import PointSet, Scatter, figure, levels_figure
from harness.views.site.entry import Entry, Sheet
from harness.views.site.markup import Identifiers, contents, html
from harness.views.site.row_pages import RowNames, row_sheet
from harness.views.site.writing import BOARDS, FILES, site_files, write_site

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>\x07\u202e\x1b[31m'


@pytest.fixture(scope="module")
def board():
    return Leaderboard.validate(make_document())


@pytest.fixture(scope="module")
def files(board):
    """The site of one board and its bounds."""
    return site_files({"quick": leaderboard_entry(board), "its bounds": bounds_entry(rank_bounds(board))})


def text_of(files, name):
    return " ".join("".join(Parsed(files[name].decode()).text).split())


def test_every_page_holds_together(board, files):
    assert not faults(files)
    assert len([name for name in files if "/r/" in name]) == len(board.rows)


def test_what_holds_a_page_together_is_seen_where_it_lacks():
    page = (
        b"<!doctype html><title>t</title><h1>a</h1><h3 id=x>b</h3><p id=x><a href=https://example.org>c</a><a href=#y>"
        b"d</a><table><tr><th>e</table><img src=f.png><b onclick=g()>h</i><script>i</script>\x07"
        b"<a href='#rows=1f,2e'>r</a>"
    )
    script = b"""const boardRows = JSON.parse('{"rows":{"1f":[["a"],[1,1,1]]}}');"""
    found = "\n".join(faults({"index.html": page, "rows.js": script}))
    said = ["id x occurs 2", "level 3 below 1", "example.org", "#y", "caption", "scope", "without words", "onclick"]
    assert "2e is no row" in found
    assert "1f is no row" not in found
    for each in [*said, "closes nothing", "is not closed", "script", "control character"]:
        assert each in found


def test_every_row_is_there_without_a_script_and_leads_to_its_page(board, files):
    page = Parsed(files[f"{BOARDS}/quick/index.html"].decode())
    names = RowNames(board.rows)
    led = [each["href"] for _, each in page.all("a") if each["href"].startswith("r/")]
    assert sorted(led) == sorted(f"r/{names(row)}.html" for row in board.rows)
    assert files[f"{BOARDS}/quick/leaderboard.json"] == board.to_json().encode()


def test_of_very_many_rows_the_best_are_shown_and_the_rest_is_told(board, monkeypatch):
    whole = site_files({"quick": leaderboard_entry(board)})
    monkeypatch.setattr("harness.views.site.row_tables.MOST_ROWS", 2)
    few = site_files({"quick": leaderboard_entry(board)})
    assert (faults(few), set(few)) == ([], set(whole))
    page = f"{BOARDS}/quick/index.html"
    shown, every = (len(Parsed(each[page].decode()).all("tr")) for each in (few, whole))
    told = re.findall(r"(\d+) more that are ranked below these: <a href=leaderboard.csv>", few[page].decode())
    assert every - shown == sum(map(int, told)) > 0


def test_the_page_of_a_row_tells_what_the_document_holds_of_it(board, files):
    row = next(row for row in board.rows if row.budget and row.violations)
    page = text_of(files, f"{BOARDS}/quick/r/{RowNames(board.rows)(row)}.html")
    for name in row.metrics:
        assert name in page
    assert "is above budget" in page
    assert row.weighting.digest in page
    assert row_command(board, row) in page


def test_levels_and_checkpoints_stand_on_the_page_of_a_row(board, files, small):
    row = board.rows[0]
    page = text_of(files, f"{BOARDS}/quick/r/{RowNames(board.rows)(row)}.html")
    sigmas = board.grids[row.grid].sigmas
    assert ", ".join(f"{sigma:.6g}" for sigma in sigmas) in page
    assert f"{len(sigmas) - 1} steps from 20.0 to 0.0500" in page
    assert ", ".join(board.networks[row.trained].checkpoints) in page
    assert "2026-01-31" in text_of(files, "index.html")
    older = Leaderboard.validate(small)
    assert "Noise levels" not in "".join(
        map(str, row_sheet(older, sections(older)[0], older.rows[0], RowNames(older.rows)).parts)
    )


@pytest.mark.parametrize("sigmas", [[20.0, 0.05], [80.0, 3.0, 1e-9], [1.0, 0.999]])
def test_every_level_is_a_mark_in_its_order(sigmas):
    drawn = str(levels_figure(sigmas, "a finding", "levels"))
    places = [float(x) for x in re.findall(r"M([\d.]+) 8v24", drawn)]
    assert len(places) == len(sigmas)
    assert places == sorted(places, reverse=True)
    assert all(0 < x < 560 for x in places)


def test_a_name_of_a_row_stays_when_its_rank_changes(board):
    names = RowNames(board.rows)
    moved = board.rows[0].model_copy(update={"rank_high": 5, "metrics": {}})
    assert RowNames([*board.rows[1:], moved])(moved) == names(board.rows[0])


def test_a_hostile_document_is_neutralised(small):
    evil = copy.deepcopy(small) | {"suite": EVIL, "title": EVIL, "command": EVIL}
    evil["environment"] = {EVIL: EVIL, "harness": EVIL, "torch": EVIL}
    for row in evil["rows"]:
        for axis in ("weighting", "noise_schedule", "network", "sampler"):
            row[axis] |= {"name": row[axis]["name"] + EVIL, "params": row[axis]["params"] | {EVIL: EVIL}}
            row[axis] |= {"distribution": EVIL, "version": EVIL, "digest": row[axis]["digest"] + EVIL}
        # The slash and the colon of the other name have a meaning in a label.
        row["target"]["name"] = 'ring"><img src=x onerror=alert(3)>\x07'
        row["seconds"] = {EVIL: 1.0}
        row["not_applicable"] = {EVIL: EVIL}
        if row["reason"]:
            row["reason"] = EVIL
    for field in ("rankings", "calibration", "agreement", "effects", "interactions"):
        for entry in evil[field]:
            entry["target"] = evil["rows"][0]["target"]["name"]
    if evil.get("setup"):
        evil["setup"]["targets"] = []
    board = Leaderboard.validate(evil)
    entries = {"evil": leaderboard_entry(board), "bounds": bounds_entry(rank_bounds(board))}
    files = site_files(entries)
    assert not faults(files)
    for name, content in files.items():
        if name.endswith(".html"):
            scripts = [each["src"].removeprefix("../../") for _, each in Parsed(content.decode()).all("script")]
            assert scripts in ([], ["site.js"], ["rows.js", "compare.js"])
    assert "<script>alert(1)</script>" in text_of(files, f"{BOARDS}/evil/index.html")
    assert compared(files[f"{BOARDS}/evil/rows.js"])["targets"]


def compared(content):
    """What the script that compares designs reads: the text that is parsed there, nothing else is in its file."""
    found = re.fullmatch(
        r"\"use strict\";\nconst boardRows = JSON.parse\('((?:[^'\\\n]|\\['\\])*)'\);\n", content.decode("ascii")
    )
    return json.loads(re.sub(r"\\(['\\])", r"\1", found[1]))


def test_blocks_of_a_plugin_are_text_too():
    sheet = Sheet(
        [EVIL], [Paragraph([EVIL]), blocks.Image(f"{EVIL}.svg"), Paragraph([Link(EVIL, "javascript:alert(1)")])]
    )
    page = Parsed(str(html(sheet.parts, Identifiers())))
    assert not page.all("script")
    assert page.attributes("href") == ["javascript%3Aalert%281%29"]
    assert not page.attributes("onerror")


def test_contents_lead_to_their_sections_where_one_within_another_has_the_title_of_a_later_one():
    parts = [Section(["Bounds"], [Section(["Command"], [])]), Section(["Command"], [])]
    page = Parsed(str(html(parts, Identifiers())))
    headings = [each["id"] for _, each in page.all("h2")]
    assert [found for found, _ in contents(parts, Identifiers())] == headings == ["bounds", "command-2"]


# The answer


def told(document, target="ring"):
    found = answer(Leaderboard.validate(document))
    return next(words for name, words in found if name in (target, "")) if len(found) == 1 else dict(found)[target]


def test_ties_are_those_that_may_be_best(small):
    # Ranks 1 (1–2), 2 (1–2) and 3 (3–3): one of the two others may be best as well.
    assert "has the smallest" in told(small)
    assert "1 of 2 others may be best as well (none is told better)" in told(small)
    # To overlap with the first is not enough: 3 (2–3) is told worse than some row.
    small["rows"][0] |= {"rank_high": 2}
    small["rows"][2] |= {"rank_low": 2}
    assert "1 of 2 others may be best as well" in told(small)
    small["rows"][0] |= {"rank_high": 1}
    small["rows"][1] |= {"rank_low": 2}
    assert "is told from the 2 others" in told(small)


def test_oracles_are_apart(small):
    small["rows"][0]["train_steps"] = 0
    (section,) = sections(Leaderboard.validate(small))
    assert leader(section, trained=True).row.rank == 2
    assert leader(section, trained=False).others == 0
    assert "of oracles, which train nothing," in told(small)


def effect(axis, choice, factor, spread=1.05):
    return {"target": "ring", "among": "mlp", "axis": axis, "choice": choice, "factor": factor, "difference": None,
            "low": factor / spread, "high": factor * spread, "contexts": 4, "skipped": 0}  # fmt: skip


def test_the_largest_effect_is_named_and_what_is_not_told(small):
    small["effects"] = [
        *(effect("weighting", choice, factor) for choice, factor in (("edm", 0.98), ("eps", 1.02))),
        *(effect("sampler", choice, factor) for choice, factor in (("heun", 0.5), ("ancestral", 2.0))),
        *(effect("time_discretization", c, f) for c, f in (("exponential", 0.8), ("polynomial:rho=3", 1.25))),
    ]
    board = Leaderboard.validate(small)
    (section,) = sections(board)
    assert {each.axis: round(each.spread, 2) for each in influences(board, section)} == {
        "weighting": 1.04, "sampler": 4.0, "time_discretization": 1.56,
    }  # fmt: skip
    words = told(small)
    assert "The largest effect told is of sampler" in words
    assert "0.50 times its mean with heun and 2.00 times with ancestral" in words
    assert "no effect of weighting is told" in words


def test_without_effects_none_is_claimed(small):
    assert "Effects of single choices are not known" in told(small | {"effects": [], "interactions": []})


def test_nothing_ranked_is_said(small):
    for place, row in enumerate(small["rows"]):
        row |= {"status": "diverged", "reason": "left the scale", "rank": 1, "rank_low": 1, "rank_high": 4 - 0 * place}
    small |= {"effects": [], "interactions": [], "agreement": []}
    assert told(small).startswith("No design is ranked: 4 diverged")


def test_several_targets_have_two_sentences_together_and_two_each(board):
    (none, whole), *each = answer(board)
    assert none == ""
    assert [target for target, _ in each] == ["ring", "digits"]
    assert whole.count(". ") == 1


# Charts


@pytest.mark.parametrize("points", [[(1.0, 1.0)], [(1e-9, 1e12), (1e9, 1e-12)], [(3.0, 3.1), (3.01, 3.2)]])
def test_every_point_lies_in_the_chart(points):
    drawn = str(figure(Scatter("a finding", "x", "y", [PointSet("a", points)], diagonal=True), "one"))
    places = re.findall(r"M(-?\d+) (-?\d+)h0", drawn)
    assert len(places) == len(set(points))
    assert all(0 <= int(x) <= 560 and 0 <= int(y) <= 340 for x, y in places)
    assert "a finding" in "".join(Parsed(drawn).text)


# Writing


def entry(words="x"):
    return Entry(Sheet([words], [Paragraph([words])]), "why?", {"holds": "1"}, {"a.json": b"{}"}, {"a.json": "all"})


def test_what_was_written_before_goes_and_what_is_not_ours_stays(tmp_path):
    write_site({"one": entry(), "two": entry()}, tmp_path / "out")
    (tmp_path / "out" / "mine.txt").write_text("mine")
    write_site({"two": entry()}, tmp_path / "out")
    assert not (tmp_path / "out" / BOARDS / "one").exists()
    assert (tmp_path / "out" / "mine.txt").exists()
    assert (tmp_path / "out" / BOARDS / "two" / "a.json").read_bytes() == b"{}"


def test_a_list_of_former_files_removes_nothing_outside(tmp_path):
    write_site({"one": entry()}, tmp_path / "out")
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "out" / FILES).write_text(f"../precious\n{tmp_path / 'precious'}\n")
    write_site({"one": entry()}, tmp_path / "out")
    assert (tmp_path / "precious").exists()


def test_another_folder_is_not_written_into(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DocumentError, match="holds something else than a site"):
        write_site({"one": entry()}, tmp_path)
    with pytest.raises(DocumentError, match="is a file"):
        write_site({"one": entry()}, tmp_path / "notes.txt")


def test_a_page_that_is_too_large_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "LARGEST", 500)
    assert f"{BOARDS}/one/index.html" in write_site({"one": entry("word " * 200)}, tmp_path / "out").large


def test_the_same_documents_are_the_same_site(board, files):
    entries = {"quick": leaderboard_entry(board), "its bounds": bounds_entry(rank_bounds(board))}
    assert site_files(entries) == files


def test_the_style_and_the_script_ask_for_nothing_from_elsewhere():
    files = site_files({"one": entry()})
    for name in ("site.css", "site.js"):
        text = files[name].decode()
        assert not re.search(
            r"https?:|//[a-z]|url\(|@import|fetch\(|XMLHttpRequest|innerHTML|eval\(", text.replace("// ", "")
        )


# The boards of this repository


@pytest.mark.parametrize(
    ("name", "every"), [("images-digits", 1), *(pytest.param("designs", n, marks=pytest.mark.slow) for n in (20, 1))]
)
def test_published_boards_make_pages_that_hold_together(name, every):
    """Of very many pages of rows, which are alike, every so many is looked at, and what it leads to."""
    board = read_published(Path(__file__).parents[2] / "leaderboards" / name / "leaderboard.json")
    files = site_files({name: leaderboard_entry(board)})
    pages = [file for file in files if "/r/" in file]
    rest = {file for n, file in enumerate(pages) if n % every}
    assert not faults(files, lambda file: file not in rest)
    assert len(pages) == len(board.rows)


def test_pictures_stand_on_the_page_of_their_row():
    board = read_published(Path(__file__).parents[2] / "leaderboards" / "images-digits" / "leaderboard.json")
    files = site_files({"images": leaderboard_entry(board)})
    names = RowNames(board.rows)
    for row in board.rows:
        page = Parsed(files[f"{BOARDS}/images/r/{names(row)}.html"].decode())
        shown = [each["src"] for _, each in page.all("img")]
        assert len(shown) == (2 if row.pictures else 0)
        for image in shown:
            pixels = Image.open(io.BytesIO(base64.b64decode(image.partition(",")[2])))
            assert pixels.size[1] >= 32


def test_a_part_of_a_suite_does_not_pass_for_the_whole(small):
    small |= {"title": "Which is best?"}
    board = Leaderboard.validate(small)
    assert leaderboard_entry(board).question == "Which is best?"
    part = board.model_copy(update={"suite": f"{board.suite}-selection"})
    assert leaderboard_entry(part).question == f"A part of {board.suite}: Which is best?"
