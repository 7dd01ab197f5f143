"""Marks on the site: which rows of a board were made again, and what whoever handed it in says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from harness.results.leaderboard import Leaderboard, Row
from harness.results.marks import MARKS, Mark, Marks, Verdict
from harness.results.submission import SUBMISSION, Submission
from harness.views.column import Column
from harness.views.digits import counted
from harness.views.page import Block, CodeSpan, Listing, Paragraph, Section, Strong, Table, Words
from harness.views.site.entry import Entry
from harness.views.site.row_pages import ROWS, RowNames

HEAD = "mark"
"""Heads the column of marks."""

WORDS: Mapping[Verdict, str] = {
    "same bits": "equal to the last bit",
    "within intervals": "equal within intervals",
    "not comparable": "not comparable: it could not be made, or one seed does not say how far numbers may be apart",
    "differs": "different",
}

SEEDED = "Rows are drawn by a seed that is chosen after a board is fixed. What came of each is in "


class RowMarks:
    """The mark of each row of a board."""

    def __init__(self, rows: Sequence[Row], marks: Marks | None) -> None:
        self._places = {id(row): place for place, row in enumerate(rows)}
        self._marks = marks

    def __call__(self, row: Row) -> Mark:
        """Return the mark of a row."""
        return "reported" if self._marks is None else self._marks.of(self._places[id(row)])

    def column(self, rows: Sequence[Row]) -> list[Column]:
        """Return a column of marks; none where no row of the board was made again."""
        return [] if self._marks is None else [Column(HEAD, tuple(map(self, rows)), naming=True)]

    def told(self) -> Iterator[Block]:
        """Yield how many rows were made again, and what then came out otherwise."""
        yield from _marked(len(self._places), self._marks)

    def sentence(self, row: Row) -> Words:
        """Return what the mark of a row says."""
        mark = self(row)
        place = self._places[id(row)]
        if self._marks is None or not self._marks.verdicts(place):
            return [Strong("Reported:"), " this row was not made again."]
        calls = [call for call in self._marks.calls if any(each.row == place for each in call.rows)]
        told = "; ".join(WORDS[verdict] for verdict in self._marks.verdicts(place))
        versions = ", ".join(dict.fromkeys(str(call.environment.get("harness", "?")) for call in calls))
        seeds = ", ".join(str(call.seed) for call in calls)
        words = (
            f" this row was drawn to be made again from the document, and is {told} (harness {versions}, seed {seeds})."
        )
        return [Strong(f"{mark.capitalize()}:"), words]


def with_marks(entry: Entry, board: Leaderboard, marks: Marks | None, submission: Submission | None) -> Entry:
    """Return what a board brings to the site with the marks of its rows, and with what was handed in beside it.

    Arguments:
        entry: the board's own.
        board: the document.
        marks: None where no row was made again.
        submission: None where it is one of this repository's own.
    """
    own, names = RowMarks(board.rows, marks), RowNames(board.rows)
    told = {f"{ROWS}/{names(row)}.html": Paragraph(own.sentence(row)) for row in board.rows}
    files = {SUBMISSION: submission, MARKS: marks}
    handed_in = [] if submission is None else [Section(["Handed in"], list(_handed_in(submission)))]
    known = {name: document.to_json().encode() for name, document in files.items() if document is not None}
    return replace(
        entry,
        sheet=replace(entry.sheet, parts=[*entry.sheet.parts, *handed_in]),
        facts={"holds": "", "verified": _fact(board, marks), **entry.facts, "from": _origin(submission)},
        files={**entry.files, **known},
        downloads={**entry.downloads, **{name: _DOWNLOADS[name] for name in known}},
        further={
            name: replace(sheet, parts=[*sheet.parts[:1], told[name], *sheet.parts[1:]]) if name in told else sheet
            for name, sheet in entry.further.items()
        },
    )


_DOWNLOADS = {SUBMISSION: "what was handed in with it (JSON)", MARKS: "which rows were made again (JSON)"}


def _fact(board: Leaderboard, marks: Marks | None) -> str:
    if marks is None:
        return f"none of {counted(len(board.rows), 'row')}"
    verified, disputed = len(marks.rows("verified")), len(marks.rows("disputed"))
    alike = verified - len(marks.same_bits())
    told = f"{verified} of {counted(len(board.rows), 'row')}"
    told += f" ({alike} within intervals only)" if alike else ""
    return f"{told}, {disputed} disputed" if disputed else told


def _origin(submission: Submission | None) -> str:
    return "this repository" if submission is None else submission.submitter


def _marked(rows: int, marks: Marks | None) -> Iterator[Block]:
    """Yield what of a board was made again, and what then came out otherwise."""
    if marks is None:
        yield Paragraph([Strong("Reported:"), " no row of this board was made again here."])
        return
    verified, disputed = (len(marks.rows(mark)) for mark in ("verified", "disputed"))
    same, again = len(marks.same_bits()), counted(verified, "row")
    rest = counted(rows - verified - disputed, "row")
    came = f"{same} equal to the last bit, {verified - same} within intervals only"
    yield Paragraph(
        [
            *(Strong("Verified:"), f" {again}, made again from the document alone: {came}. "),
            *(Strong("Reported:"), f" {rest}, not made again, or not comparable: numbers of whoever made the board."),
        ]
    )
    yield Paragraph([SEEDED, CodeSpan(MARKS), "."])
    yield from _disputed(marks)


def _disputed(marks: Marks) -> Iterator[Block]:
    remade = (row for call in marks.calls for row in call.rows)
    lines = [each for row in remade if row.verdict == "differs" for each in row.objections]
    lines += marks.objections
    if lines:
        yield Paragraph([Strong("Disputed:"), " what did not hold when it was verified."])
        yield Listing([[line] for line in dict.fromkeys(lines)])


def _handed_in(submission: Submission) -> Iterator[Block]:
    """Yield who handed a board in, what was tuned on what, and where its packages are got."""
    reached = [] if submission.contact is None else [f" ({submission.contact})"]
    yield Paragraph(["By ", Strong(submission.submitter), *reached, ". What was tuned on what, in their words:"])
    yield from (Paragraph([line]) for line in submission.disclosure.splitlines() if line.strip())
    found = submission.distributions
    if found:
        yield Table(
            [
                Column("package", tuple(each.name for each in found), naming=True),
                Column("version", tuple(each.version for each in found), naming=True),
                Column("from", tuple(each.requirement for each in found), naming=True),
            ]
        )
