"""Marks speak of one document and its rows, and of nothing else."""

import hashlib
import json
import re

import pytest
from bundles import complete, handed_in, listed, write_bundle
from click.testing import CliRunner
from site_pages import Parsed, faults

from harness.api.marking import Marking, check_draw
from harness.api.verification import Objection, Verification, drawn, verify
from harness.cli.kinds import _site_board
from harness.cli.verify import command as verify_command
from harness.commands import Source
from harness.errors import HarnessError
from harness.results.bundles import read_bundle
from harness.results.document import DocumentError
from harness.results.leaderboard import Leaderboard
from harness.results.marks import MARKS, Marks, Remaking, read_marks
from harness.views.site.boards import leaderboard_entry
from harness.views.site.row_pages import RowNames
from harness.views.site.writing import site_files

__all__ = ["handed_in"]


def row(place, verdict="same bits", *objections):
    return {"row": place, "verdict": verdict, "objections": list(objections)}


def call(*rows, seed=1, objections=()):
    return {"seed": seed, "rows": list(rows), "notes": [], "objections": list(objections), "environment": {}}


def sha256_of(file):
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else None


def mark(folder, *calls, document=None):
    sha256, submission = sha256_of(folder / "leaderboard.json"), sha256_of(folder / "submission.json")
    told = {"document": document or sha256, "submission": submission, "calls": list(calls)}
    (folder / MARKS).write_text(json.dumps({"schema_version": 2} | told))
    return folder


def test_a_row_has_the_mark_of_what_came_of_it(handed_in):
    calls = [call(row(0), row(1, "within intervals")), call(row(1, "differs", "kl is another"), row(2), seed=2)]
    marks = read_bundle(mark(handed_in, *calls)).marks
    assert [marks.of(place) for place in range(4)] == ["verified", "disputed", "verified", "reported"]
    assert (marks.rows("verified"), marks.rows("disputed"), marks.rows("reported")) == ([0, 2], [1], [])
    assert verify(handed_in).checked[-1] == "the files of the bundle"


WRONG = {
    "another document": (lambda f: mark(f, call(row(0)), document="0" * 64), "speaks of another document"),
    "a row that is not there": (lambda f: mark(f, call(row(4))), "speaks of row 4; the document has 4 rows"),
    "a row twice": (lambda f: mark(f, call(row(0), row(0))), "row 0 stands 2 times"),
    "no row": (lambda f: mark(f, call()), "calls[0].rows"),
    "no call": (lambda f: mark(f), "calls"),
    "a difference that is none": (lambda f: mark(f, call(row(0, "differs"))), "verdict differs with 0 objections"),
    "an objection to what is equal": (lambda f: mark(f, call(row(0, "same bits", "x"))), "with 1 objections"),
    "a verdict of its own": (lambda f: mark(f, call(row(0, "excellent"))), "verdict"),
    "a digest that is none": (lambda f: mark(f, call(row(0)), document="x"), "document"),
    "a character that nobody sees": (lambda f: mark(f, call(row(0), objections=["\x1b"])), "no character to be read"),
    "no JSON": (lambda f: (f / MARKS).write_text("{"), "is not valid JSON"),
}


@pytest.mark.parametrize("name", WRONG)
def test_marks_that_do_not_belong_to_the_document_are_refused(name, handed_in, small, tmp_path):
    change, message = WRONG[name]
    change(handed_in)
    (finding,) = verify(handed_in).findings
    assert message in finding.what
    # So they are beside what this repository publishes itself, where any character is shown as text.
    (handed_in / "submission.json").unlink()
    told = (handed_in / MARKS).read_text()
    (handed_in / MARKS).write_text(re.sub(r'"submission": "[0-9a-f]{64}"', '"submission": null', told))
    if "character" not in name:
        with pytest.raises(DocumentError, match=r"verification\.json"):
            read_marks(handed_in / "leaderboard.json", 4)
        found = verify(handed_in / "leaderboard.json").findings
        assert any(message in each.what for each in found)


def verification(*rows, findings=(), seed=5):
    remade = Remaking.model_validate(call(*rows, seed=seed))
    return Verification([], [], list(findings), remade)


def test_what_a_verification_found_is_added_to_what_was_known(handed_in):
    differs = Objection("rows[1].metrics.kl", "is another")
    other = Objection("effects", "do not\n average \x1b[31m out")
    Marking.begin(handed_in).keep(verification(row(0)))
    second = verification(row(1, "differs", str(differs)), row(0), findings=[differs, other], seed=6)
    assert Marking.begin(handed_in).keep(second) == handed_in / MARKS
    marks = read_bundle(handed_in).marks
    assert [each.seed for each in marks.calls] == [5, 6]
    assert marks.objections == ["effects: do not average [31m out"]
    assert marks.of(1) == "disputed"
    assert Marking.begin(handed_in).keep(Verification([], [], [])) is None


def test_nothing_is_kept_of_another_document(handed_in, tmp_path):
    begun = Marking.begin(handed_in)
    (handed_in / "leaderboard.json").write_bytes((handed_in / "leaderboard.json").read_bytes() + b"\n")
    with pytest.raises(HarnessError, match="changed while rows were made again"):
        begun.keep(verification(row(0)))
    assert not (handed_in / MARKS).exists()
    with pytest.raises(HarnessError, match="holds no leaderboard"):
        Marking.begin(tmp_path)


def test_marks_are_written_into_their_folder_though_a_link_leads_out_of_it(small, tmp_path):
    folder = write_bundle(tmp_path / "a" / "b", complete(small))
    begun = Marking.begin(folder)
    (tmp_path / "precious").write_text("precious")
    (folder / MARKS).symlink_to(tmp_path / "precious")
    begun.keep(verification(row(0)))
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (folder / MARKS).is_symlink()


def test_the_site_marks_rows_and_board(small):
    board = Leaderboard.validate(complete(small))
    marks = Marks.validate(
        {"schema_version": 1, "document": "0" * 64,
         "calls": [call(row(0)), call(row(1, "differs", "rows[1] <b>differs</b>"), seed=9)]}
    )  # fmt: skip
    files = site_files({"tiny": leaderboard_entry(board, marks)})
    assert not faults(files)
    names = RowNames(board.rows)
    pages = [files[f"boards/tiny/r/{names(each)}.html"].decode() for each in board.rows]
    assert ["Verified:" in page for page in pages] == [True, False, False, False]
    assert ["Disputed:" in page for page in pages] == [False, True, False, False]
    assert ["Reported:" in page for page in pages] == [False, False, True, True]
    page = Parsed(files["boards/tiny/index.html"].decode())
    text = " ".join("".join(page.text).split())
    assert "Verified: 1 row, made again from the document alone: 1 equal to the last bit, 0 within" in text
    assert "Reported: 2 rows, not made again" in text
    assert "rows[1] <b>differs</b>" in text
    assert files["boards/tiny/verification.json"] == marks.to_json().encode()
    told = " ".join("".join(Parsed(files["index.html"].decode()).text).split())
    assert "1 of 4 rows, 1 disputed" in told
    # A column that can be filtered; where no row was made again there is none.
    assert ">mark<" in files["boards/tiny/index.html"].decode()
    without = site_files({"tiny": leaderboard_entry(board)})
    assert ">mark<" not in without["boards/tiny/index.html"].decode()
    assert "none of 4 rows" in without["index.html"].decode()


def test_rows_that_are_equal_within_intervals_alone_are_counted_apart(small):
    board = Leaderboard.validate(complete(small))
    unsure = row(3, "not comparable", "a package is not installed")
    rows = [row(0), row(1, "within intervals"), row(2, "within intervals"), unsure]
    marks = Marks.validate({"schema_version": 1, "document": "0" * 64, "calls": [call(*rows)]})
    assert (marks.rows("verified"), marks.same_bits(), marks.of(3)) == ([0, 1, 2], [0], "reported")
    files = site_files({"tiny": leaderboard_entry(board, marks)})
    text, index = (
        " ".join("".join(Parsed(files[name].decode()).text).split())
        for name in ("boards/tiny/index.html", "index.html")
    )
    assert "1 equal to the last bit, 2 within intervals only. Reported: 1 row," in text
    assert "3 of 4 rows (2 within intervals only)" in index
    assert "Disputed" not in text
    page = files[f"boards/tiny/r/{RowNames(board.rows)(board.rows[3])}.html"].decode()
    assert "Reported:" in page
    assert "not comparable" in page


# What was handed in beside the document


def _said(folder, **other):
    said = json.loads((folder / "submission.json").read_text())
    (folder / "submission.json").write_text(json.dumps(said | other))


@pytest.mark.parametrize(
    "change", [{"disclosure": "Nothing at all."}, {"submitter": "Eve"}, {"contact": "e@example.org"}]
)
def test_marks_do_not_outlive_what_was_said(change, handed_in):
    mark(handed_in, call(row(0)))
    assert read_bundle(handed_in).marks.of(0) == "verified"
    _said(handed_in, **change)
    (finding,) = verify(handed_in).findings
    assert "speaks of another submission.json" in finding.what


def test_marks_of_version_1_hold_beside_a_document_alone(handed_in):
    text = json.dumps(
        {"schema_version": 1, "document": sha256_of(handed_in / "leaderboard.json"), "calls": [call(row(0))]}
    )
    (handed_in / MARKS).write_text(text)
    assert "speaks of another submission.json, none" in verify(handed_in).findings[0].what
    (handed_in / "submission.json").unlink()
    assert read_marks(handed_in / "leaderboard.json", 4).submission is None


def test_nothing_is_kept_where_what_was_said_changed(handed_in):
    begun = Marking.begin(handed_in)
    _said(handed_in, disclosure="Nothing at all.")
    with pytest.raises(HarnessError, match="changed while rows were made again"):
        begun.keep(verification(row(0)))


# The draw


def test_marks_are_of_one_call_and_of_the_rows_that_its_seed_draws(handed_in):
    right = drawn(read_bundle(handed_in).board, 2, 7)
    other = next(place for place in range(4) if place not in right)
    assert check_draw(mark(handed_in, call(*map(row, right), seed=7)), 2, 7) == []
    wrong = [
        ([], "is not there"),
        ([call(*map(row, right), seed=8)], "drawn by seed 8; it has to be 7"),
        ([call(row(right[0]), seed=7)], "seed 7 draws"),
        ([call(*map(row, range(4)), seed=7)], "seed 7 draws"),
        ([call(row(right[0]), row(other), seed=7)], "seed 7 draws"),
        ([call(*map(row, right), seed=7), call(row(other), seed=7)], "holds 2 calls"),
    ]
    for calls, message in wrong:
        (handed_in / MARKS).unlink()
        if calls:
            mark(handed_in, *calls)
        (finding,) = check_draw(handed_in, 2, 7)
        assert message in finding.what
        (handed_in / MARKS).touch()


def test_the_draw_is_looked_at_in_the_shell(handed_in):
    right = drawn(read_bundle(handed_in).board, 2, 7)
    mark(handed_in, call(*map(row, right), seed=7))
    words = [str(handed_in), "--rows", "2", "--recorded", "--seed"]
    done = CliRunner().invoke(verify_command, [*words, "7"])
    assert "checked: the draw of its marks" in done.output
    assert MARKS not in done.output
    done = CliRunner().invoke(verify_command, [*words, "8"])
    assert (done.exit_code, "it has to be 8" in done.output) == (1, True)
    for wrong in (words[:-1], [str(handed_in), "--recorded", "--seed", "7"], [*words, "7", "--record"]):
        assert CliRunner().invoke(verify_command, wrong).exit_code == 2


# The site


def test_the_site_offers_the_bytes_that_marks_speak_of(handed_in):
    for name in ("leaderboard.json", "submission.json"):
        text = json.dumps(json.loads((handed_in / name).read_text()), indent=3)
        (handed_in / name).write_text(text)
        if name == "leaderboard.json":
            said = json.loads((handed_in / "submission.json").read_text())
            files = [listed(each["name"], (handed_in / each["name"]).read_bytes()) for each in said["files"]]
            _said(handed_in, files=files)
    mark(handed_in, call(row(0)))
    files = site_files({"tiny": _site_board(Source(handed_in))})
    for name in ("leaderboard.json", "submission.json", MARKS):
        assert files[f"boards/tiny/{name}"] == (handed_in / name).read_bytes(), name
    (handed_in / "submission.json").unlink()
    mark(handed_in, call(row(0)))
    files = site_files({"tiny": _site_board(Source(handed_in))})
    for name in ("leaderboard.json", MARKS):
        assert files[f"boards/tiny/{name}"] == (handed_in / name).read_bytes(), name
