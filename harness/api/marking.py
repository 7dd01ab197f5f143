"""Marking: what came of rows that were made again, kept beside the document that they are of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.api.verification import Verification, drawn, of_rows
from harness.blobs import digest_of
from harness.errors import DiskError, HarnessError, harmless, shortened
from harness.results.bundles import is_bundle, read_bundle
from harness.results.consistency import Objection
from harness.results.document import read_content
from harness.results.leaderboard import Leaderboard
from harness.results.marks import MARKS, Marks, read_marks, submission_beside
from harness.results.published import document_at, read_any
from harness.whole_files import write_whole


@dataclass(frozen=True)
class Marking:
    """The marks of a document, to which those of a verification are added.

    Attributes:
        file: of the document.
        document: its digest before anything was made again.
        submission: that of what was handed in beside it; None where nothing was.
        before: the marks that were there.
    """

    file: Path
    document: str
    submission: str | None
    before: Marks | None

    @classmethod
    def begin(cls, path: Path) -> Marking:
        """Return the marks of a published leaderboard, by its directory or file.

        Raises:
            HarnessError: nothing published lies there, or it has no rows of designs.
            DocumentError: what lies there breaks its contract, or marks beside it are of another document.
        """
        file, board = _board(path)
        before = read_marks(file, len(board.rows))
        return cls(file, digest_of(read_content(file)), submission_beside(file), before)

    def keep(self, found: Verification) -> Path | None:
        """Add what a verification found, and write the marks; return their file, or None where no row was made.

        Raises:
            HarnessError: the document, or what was handed in beside it, changed meanwhile.
            DiskError: the file cannot be written.
        """
        if found.remade is None:
            return None
        if (digest_of(read_content(self.file)), submission_beside(self.file)) != (self.document, self.submission):
            raise HarnessError(
                f"{self.file}, or what is beside it, changed while rows were made again; verify it again"
            )
        own = {each for row in found.remade.rows for each in row.objections}
        others = [told for each in found.findings if (told := harmless(each)) not in own]
        call = found.remade.model_copy(update={"objections": others})
        calls = [*(self.before.calls if self.before is not None else []), call]
        digests = {"document": self.document, "submission": self.submission}
        marks = Marks.validate({"schema_version": Marks.version(), **digests, "calls": calls})
        place = self.file.parent / MARKS
        try:
            write_whole(place, marks.to_json().encode())
        except OSError as error:
            raise DiskError(f"{place} cannot be written: {error.strerror}") from error
        return place


def check_draw(path: Path, rows: int, seed: int) -> list[Objection]:
    """Find in what the marks beside a document are not those of one call, of just the rows that a seed draws.

    So whoever wrote them can neither choose rows nor leave one out: what came of each is still their word.

    Arguments:
        path: the directory, or the document's file.
        rows: how many were to be drawn.
        seed: by which.

    Raises:
        HarnessError: as `Marking.begin`.
    """
    file, board = _board(path)
    marks, place = read_marks(file, len(board.rows)), str(file.parent / MARKS)
    if marks is None:
        return [Objection(place, "is not there; rows made again are recorded in it (--record)")]
    if len(marks.calls) != 1:
        return [Objection(place, f"holds {len(marks.calls)} calls; it has to be one")]
    (call,) = marks.calls
    if call.seed != seed:
        return [Objection(place, f"its rows are drawn by seed {call.seed}; it has to be {seed}")]
    told, right = (", ".join(map(str, each)) for each in ([row.row for row in call.rows], drawn(board, rows, seed)))
    return [] if told == right else [Objection(place, shortened(f"speaks of rows {told}; seed {seed} draws {right}"))]


def _board(path: Path) -> tuple[Path, Leaderboard]:
    """Return the file of a published leaderboard or a bundle, and what it holds; raises as `Marking.begin`."""
    if is_bundle(path):
        read_bundle(path)
    file = document_at(path)
    return file, of_rows(read_any(file), file)
