"""Unfinished: how far units had come that were cut off, so that the next run goes on from there.

A state is kept under the key of the record that its unit is to make last, which names all that the state depends on,
the code among it: what other code wrote is never found. A file is there whole or not at all, and one that is no longer
what was written counts for nothing. The parent forgets the states of a unit once it has committed its records.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from harness.blobs import digest_of
from harness.errors import DiskError
from harness.whole_files import PART, write_whole

UNFINISHED = "unfinished"
"""The folder of a result directory in which states lie, as long as there are any."""

EVERY = 60.0
"""Seconds after which the state of a training is kept."""

TRIES = 20
"""How often the folder is made again for a file, where it is gone before the file is there."""

_HEAD = re.compile(rb"([0-9a-f]{64}) (\d+) (\d+)\n")


class Reached(NamedTuple):
    """How far a unit had come: steps done, of how many."""

    step: int
    length: int


@dataclass(frozen=True)
class UnfinishedFolder:
    """States in a folder of this machine.

    Attributes:
        path: the folder, made when something is written, in a directory that exists.
        code: digest of the code whose states these are.
        every: seconds after which a unit keeps its state.
    """

    path: Path
    code: str
    every: float = EVERY

    def _file(self, key: str) -> Path:
        return self.path / f"{self.code}-{key}.state"

    def reached(self, key: str) -> Reached | None:
        """Return how far a unit had come, by what its state says of itself; None where there is none."""
        try:
            with self._file(key).open("rb") as file:
                head = _HEAD.fullmatch(file.readline(200))
        except OSError:
            return None
        return None if head is None else Reached(int(head[2]), int(head[3]))

    def read(self, key: str) -> bytes | None:
        """Return the state that is kept under a key; None where there is none, or it is not what was written."""
        return _content(self._file(key))

    def write(self, key: str, reached: Reached, content: bytes) -> None:
        """Keep a state in place of an earlier one, whole or not at all.

        On a machine that does not have the result directory nothing is kept.

        Raises:
            DiskError: it cannot be written; the earlier one is left.
        """
        if not self.path.parent.is_dir():
            return
        said = b"%d %d\n" % reached + content
        try:
            self._put(self._file(key), f"{digest_of(said)} ".encode() + said)
        except OSError as error:
            raise DiskError(f"{self.path} cannot be written: {error.strerror}; what was committed is kept") from error

    def _put(self, file: Path, content: bytes) -> None:
        """Write a file, in the folder that the parent may remove at any moment in which nothing is in it."""
        for left in reversed(range(TRIES)):
            try:
                self.path.mkdir(exist_ok=True)
                write_whole(file, content)
            except (FileNotFoundError, FileExistsError):
                if not left:
                    raise
            else:
                break

    def forget(self, keys: Collection[str]) -> None:
        """Remove the states under some keys, and the folder where none is left."""
        if self.path.is_dir():
            for key in keys:
                self._file(key).unlink(missing_ok=True)
            self._leave()

    def clear(self) -> Iterator[str]:
        """Remove what was cut off while it was written, what other code wrote, and what is damaged, which it tells."""
        for file in sorted(self.path.glob("*")) if self.path.is_dir() else ():
            if file.name.endswith(PART) or not file.name.startswith(f"{self.code}-"):
                file.unlink(missing_ok=True)
            elif _content(file) is None:
                file.unlink(missing_ok=True)
                yield f"state {file} of a training that was cut off is damaged: it begins anew"
        self._leave()

    def _leave(self) -> None:
        # Nothing is lost with a folder that stays, as one does in which a worker has just written.
        with suppress(OSError):
            self.path.rmdir()


def _content(file: Path) -> bytes | None:
    """Return the state in a file; None where it is missing or not what was written."""
    try:
        found = file.read_bytes()
    except OSError:
        return None
    head = _HEAD.match(found)
    if head is None or digest_of(found[65:]) != head[1].decode():
        return None
    return found[head.end() :]
