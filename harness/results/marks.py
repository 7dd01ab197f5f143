"""Marks: which rows of a document were made again, and what came out, in a file beside the document.

`harness verify --rows N --record` writes it. It names by their digests the document that it speaks of and what was
handed in beside that: where one of the two changes, the marks no longer hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from harness.blobs import digest_of
from harness.results.document import Count, Document, DocumentError, Name, Part, Upgrade, parse_json, read_content
from harness.results.submission import SUBMISSION, Digest

MARKS = "verification.json"
"""The file of marks."""

Verdict = Literal["same bits", "within intervals", "not comparable", "differs"]

Mark = Literal["verified", "reported", "disputed"]
"""Of a row: made again and the same; not made again, or nothing could be compared; made again and different."""

AGREES: tuple[Verdict, ...] = ("same bits", "within intervals")
"""The verdicts that verify a row."""


class RemadeRow(Part):
    """A row that was made again.

    Attributes:
        row: its place in the document, from 0.
        verdict: `same bits` where all numbers are equal, `within intervals` where that is all that can be asked of
            another processor or version, `differs` where neither holds; `not comparable` where it could not be made, or
            one seed does not say how far two numbers may be apart.
        objections: in what it differs, or why it could not be made.
    """

    row: Count
    verdict: Verdict
    objections: list[Name]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.verdict != "not comparable" and (self.verdict == "differs") != bool(self.objections):
            raise ValueError(f"verdict {self.verdict} with {len(self.objections)} objections")
        return self


class Remaking(Part):
    """One call that made rows again.

    Attributes:
        seed: by which the rows were drawn.
        rows: all that it draws.
        notes: what could be compared in part only, and why.
        objections: what does not hold of the document besides these rows.
        environment: in which they were made.
    """

    seed: Count
    rows: Annotated[list[RemadeRow], Field(min_length=1)]
    notes: list[Name]
    objections: list[Name]
    environment: dict[str, JsonValue]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for row, count in Counter(each.row for each in self.rows).items():
            if count > 1:
                raise ValueError(f"row {row} stands {count} times in one call")
        return self


def _without_submission(marks: dict[str, Any]) -> dict[str, Any]:
    """From version 1 to 2: marks spoke of the document alone."""
    return {"submission": None} | marks


class Marks(Document):
    """The rows of one document that were made again.

    Attributes:
        document: the SHA-256 of the document's file.
        submission: that of what was handed in beside it, `submission.json`; None where nothing was.
        calls: each that made rows again, in their order.
    """

    noun: ClassVar[str] = "a verification"
    upgrades: ClassVar[Mapping[int, Upgrade]] = {1: _without_submission}

    schema_version: Literal[2] = 2
    document: Digest
    submission: Digest | None
    calls: Annotated[list[Remaking], Field(min_length=1)]

    def of(self, row: int) -> Mark:
        """Return the mark of the row at a place of the document."""
        found = self.verdicts(row)
        return "disputed" if "differs" in found else "verified" if set(found) & set(AGREES) else "reported"

    def verdicts(self, row: int) -> list[Verdict]:
        """Return what came out each time that a row was made again."""
        return [each.verdict for call in self.calls for each in call.rows if each.row == row]

    def rows(self, mark: Mark) -> list[int]:
        """Return the places of the rows that were made again and have a mark, in order."""
        places = {each.row for call in self.calls for each in call.rows}
        return sorted(place for place in places if self.of(place) == mark)

    def same_bits(self) -> list[int]:
        """Return the places of the verified rows that came out again to the last bit, at least once."""
        return [place for place in self.rows("verified") if "same bits" in self.verdicts(place)]

    @property
    def objections(self) -> list[str]:
        """What calls found besides rows that differ, each once."""
        return list(dict.fromkeys(each for call in self.calls for each in call.objections))


def read_marks(document: Path, rows: int) -> Marks | None:
    """Return the marks beside the file of a document; None where there are none.

    Arguments:
        document: that file.
        rows: how many the document has.

    Raises:
        DocumentError: they speak of another document, or of what was handed in otherwise, or of rows that it does not
            have, or break their contract.
    """
    place = document.parent / MARKS
    if not place.exists():
        return None
    return check_marks(read_content(place), place, digest_of(read_content(document)), submission_beside(document), rows)


def submission_beside(document: Path) -> str | None:
    """Return the digest of what was handed in beside the file of a document; None where nothing was."""
    place = document.parent / SUBMISSION
    return digest_of(read_content(place)) if place.exists() else None


def check_marks(content: bytes, place: Path, document: str, submission: str | None, rows: int) -> Marks:
    """Return the marks of a file.

    Arguments:
        content: of the file.
        place: where it lies.
        document: the digest of the document that they have to speak of.
        submission: that of what was handed in beside it; None where nothing was.
        rows: how many that has.

    Raises:
        DocumentError: as `read_marks`.
    """
    try:
        marks = Marks.validate(parse_json(content, place))
    except DocumentError as error:
        raise DocumentError(f"{place}: {str(error).removeprefix(f'{place} ')}") from error
    if marks.document != document:
        told = f"{marks.document[:12]}…, and the document beside it is {document[:12]}…"
        raise DocumentError(f"{place} speaks of another document, {told}; remove it, and verify again")
    if marks.submission != submission:
        told, there = (f"{each[:12]}…" if each else "none" for each in (marks.submission, submission))
        raise DocumentError(f"{place} speaks of another {SUBMISSION}, {told}, and beside it is {there}; verify again")
    beyond = [each.row for call in marks.calls for each in call.rows if each.row >= rows]
    if beyond:
        raise DocumentError(f"{place} speaks of row {beyond[0]}; the document has {rows} rows, from 0")
    return marks
