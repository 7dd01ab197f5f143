"""Marking: what came of rows that were made again, kept beside the document that they are of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.api.verification import Verification
from harness.blobs import digest_of
from harness.errors import DiskError, HarnessError, harmless
from harness.results.bundles import is_bundle, read_bundle
from harness.results.document import read_content
from harness.results.leaderboard import Leaderboard
from harness.results.marks import MARKS, Marks, read_marks
from harness.results.published import published_file, read_any
from harness.whole_files import write_whole


@dataclass(frozen=True)
class Marking:
    """The marks of a document, to which those of a verification are added.

    Attributes:
        file: of the document.
        document: its digest before anything was made again.
        before: the marks that were there.
    """

    file: Path
    document: str
    before: Marks | None

    @classmethod
    def begin(cls, path: Path) -> Marking:
        """Return the marks of a published leaderboard, by its directory or file.

        Raises:
            HarnessError: nothing published lies there, or it has no rows of designs.
            DocumentError: what lies there breaks its contract, or marks beside it are of another document.
        """
        if is_bundle(path):
            read_bundle(path)
        file = published_file(path)
        if file is None:
            raise HarnessError(f"{path} holds no leaderboard.json; name what harness publish wrote")
        board = read_any(file)
        if not isinstance(board, Leaderboard):
            raise HarnessError(f"{file} is a leaderboard of bounds: it has no rows that could be made again")
        return cls(file, digest_of(read_content(file)), read_marks(file, len(board.rows)))

    def keep(self, found: Verification) -> Path | None:
        """Add what a verification found, and write the marks; return their file, or None where no row was made.

        Raises:
            HarnessError: the document changed meanwhile.
            DiskError: the file cannot be written.
        """
        if found.remade is None:
            return None
        if digest_of(read_content(self.file)) != self.document:
            raise HarnessError(f"{self.file} changed while rows were made again; verify it again")
        own = {each for row in found.remade.rows for each in row.objections}
        others = [told for each in found.findings if (told := harmless(each)) not in own]
        call = found.remade.model_copy(update={"objections": others})
        calls = [*(self.before.calls if self.before is not None else []), call]
        marks = Marks.validate({"schema_version": Marks.version(), "document": self.document, "calls": calls})
        place = self.file.parent / MARKS
        try:
            write_whole(place, marks.to_json().encode())
        except OSError as error:
            raise DiskError(f"{place} cannot be written: {error.strerror}") from error
        return place
