"""Packed files: files of a published image set, gzipped or plain, found in a folder and unfolded up to a limit."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import BinaryIO

from harness_data.errors import DataError

GZIP = b"\x1f\x8b"
"""How a gzipped file begins, whatever its name."""

LARGEST = 2**31
"""Bytes that are read of a file at most: what a header asks for, or a gzipped file unfolds to, may be anything."""


def find(what: str, folder: str, names: tuple[str, ...], rule: str) -> Path:
    """Return the file of a folder that has one of some names, perhaps with `.gz` after it.

    Arguments:
        what: is wanted, for errors.
        folder: where it is looked for.
        names: which it may have, the most usual first.
        rule: how to get the file, for the error.

    Raises:
        DataError: there is no such folder, or none of these is a file in it.
    """
    place = Path(folder)
    if not place.is_dir():
        raise DataError(f"{what}: there is no folder {folder}; {rule}")
    for name in (each + end for each in names for end in ("", ".gz")):
        if (place / name).is_file():
            return place / name
    raise DataError(f"{what}: {folder} has no file {names[0]}, nor {names[0]}.gz; {rule}")


def unpacked(path: Path, most: int = LARGEST) -> bytes:
    """Return the content of a file, or what a gzipped one unfolds to, up to a number of bytes.

    Raises:
        DataError: it cannot be read, or is no whole gzipped file.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(GZIP)) != GZIP:
                file.seek(0)
                return file.read(most)
            file.seek(0)
            return _inflated(file, most)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: is damaged or cut short ({error}); get it again") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); give a file that can") from error


def _inflated(file: BinaryIO, most: int) -> bytes:
    with gzip.GzipFile(fileobj=file) as stream:
        return stream.read(most)
