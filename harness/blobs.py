"""Blobs: contents that are known by their digest alone, and the places where they are kept.

A record that has more to keep than JSON values, a trained network say, holds the SHA-256 of a blob. Two records with
the same content share one. A job carries the `Blob` that it reads and the `Blobs` that it writes to, so that the unit
need not know whether it runs beside the result directory or on another machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.errors import DiskError
from harness.whole_files import PART, write_whole


class BlobError(DiskError):
    """A blob is not there, or is no longer what was written; the next run makes it again."""


class Blobs(Protocol):
    """A place where blobs are kept."""

    def read(self, sha256: str) -> bytes:
        """Return the content of a digest.

        Raises:
            BlobError: it is not here, or what is here has another digest.
        """

    def write(self, content: bytes) -> str:
        """Keep a content; return its SHA-256, in hex.

        Raises:
            DiskError: it cannot be written; nothing is left of it.
        """


@dataclass(frozen=True)
class Blob:
    """A content by its digest. Two are equal where their contents are, wherever they lie.

    Attributes:
        sha256: of the content, in hex.
        place: where it is read.
    """

    sha256: str
    place: Blobs = field(compare=False, repr=False)

    def read(self) -> bytes:
        """Return the content; raises like `Blobs.read`."""
        return self.place.read(self.sha256)


@dataclass(frozen=True)
class BlobFolder:
    """Blobs in a folder of this machine, a file each, named by its digest.

    Attributes:
        path: the folder, which exists before anything is written.
    """

    path: Path

    def file(self, sha256: str) -> Path:
        """Return where the blob of a digest lies, or would."""
        return self.path / f"{sha256}.safetensors"

    def damage(self, sha256: str) -> str | None:
        """Return what is wrong with a blob, "missing" or "damaged"; None where it is what was written."""
        return self._found(sha256)[1]

    def read(self, sha256: str) -> bytes:
        """Return the content of a digest; raises as `Blobs` says."""
        content, damage = self._found(sha256)
        if damage is not None:
            raise BlobError(f"checkpoint {self.file(sha256)} is {damage}: run the command again to make it anew")
        return content

    def _found(self, sha256: str) -> tuple[bytes, str | None]:
        """Return what lies where a blob should, and what is wrong with it."""
        try:
            content = self.file(sha256).read_bytes()
        except FileNotFoundError:
            return b"", "missing"
        except OSError:
            return b"", "damaged"
        return content, None if digest_of(content) == sha256 else "damaged"

    def write(self, content: bytes) -> str:
        """Keep a content, whole or not at all, and once however often it is written; raises as `Blobs` says."""
        sha256 = digest_of(content)
        if self.damage(sha256) is None:
            return sha256
        path = self.file(sha256)
        try:
            write_whole(path, content)
        except OSError as error:
            raise DiskError(f"{path} cannot be written: {error.strerror}; what was committed is kept") from error
        return sha256

    def clear_parts(self) -> None:
        """Remove what was cut off while it was written."""
        for part in self.path.glob(f"*{PART}"):
            part.unlink(missing_ok=True)


class CarriedBlobs:
    """Blobs in memory: those that travel with a job to where its unit runs, and those that travel back.

    Attributes:
        written: what the unit wrote, by digest.
    """

    def __init__(self, given: Mapping[str, bytes]) -> None:
        self._given = given
        self.written: dict[str, bytes] = {}

    def read(self, sha256: str) -> bytes:
        """Return the content of a digest; raises as `Blobs` says."""
        content = self.written.get(sha256, self._given.get(sha256))
        if content is None or digest_of(content) != sha256:
            raise BlobError(f"blob {sha256} did not arrive whole with the job that reads it; run the command again")
        return content

    def write(self, content: bytes) -> str:
        """Keep a content; return its SHA-256, in hex."""
        sha256 = digest_of(content)
        self.written[sha256] = content
        return sha256


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a content, in hex."""
    return hashlib.sha256(content).hexdigest()
