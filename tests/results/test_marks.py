"""Marks speak of one document and its rows, and of nothing else."""

import hashlib
import json

import pytest
from bundles import complete, handed_in, write_bundle
from site_pages import Parsed, faults

from harness.api.marking import Marking
from harness.api.verification import Objection, Verification, verify
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


def mark(folder, *calls, document=None):
    sha256 = hashlib.sha256((folder / "leaderboard.json").read_bytes()).hexdigest()
    (folder / MARKS).write_text(json.dumps({"schema_version": 1, "document": document or sha256, "calls": list(calls)}))
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
    assert "Verified: 1 row, made again from the document alone, and the same." in text
    assert "Reported: 2 rows, not made again" in text
    assert "rows[1] <b>differs</b>" in text
    assert files["boards/tiny/verification.json"] == marks.to_json().encode()
    told = " ".join("".join(Parsed(files["index.html"].decode()).text).split())
    assert "1 of 4 rows, 1 disputed" in told
    # A column that can be filtered; where no row was made again there is none.
    assert ">mark<" in files["boards/tiny/index.html"].decode()
    without = site_files({"tiny": leaderboard_entry(board)})
    assert ">mark<" not in without["boards/tiny/index.html"].decode()
    assert "no row: reported" in without["index.html"].decode()
