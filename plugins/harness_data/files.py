"""Reading a user's array without trusting it: no pickles, and every fault told in one line."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from harness.errors import HarnessError

ROWS = 10
"""Fewest rows: six to train on and two for each held-out part, since a distance needs two points of each."""

LIMIT = 1e100
"""Largest magnitude whose squared distances stay finite."""


class DataError(HarnessError):
    """A user's data cannot be used."""


@dataclass(frozen=True)
class Content:
    """What a file holds: the points as float64, shape (n, d), and the SHA-256 of its bytes."""

    points: np.ndarray
    digest: str


def read(path: str) -> Content:
    """Read and check an .npy file; an unchanged file is read once.

    Raises:
        DataError: missing or unreadable; no .npy array; objects, text or complex numbers; not of two
            dimensions; too few rows, or all the same; no columns; values that are not finite.
    """
    try:
        status = Path(path).stat()
        return _read(path, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); give the path of an .npy file") from error


@lru_cache(maxsize=2)
def _read(path: str, modified: int, size: int) -> Content:
    data = Path(path).read_bytes()
    points = _check(path, _parse(path, data))
    return Content(points, hashlib.sha256(data).hexdigest())


def _parse(path: str, data: bytes) -> np.ndarray:
    if not data.startswith(b"\x93NUMPY"):
        raise DataError(f"{path}: is not an .npy file; write it with numpy.save")
    try:
        array: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
    except MemoryError as error:
        raise DataError(f"{path}: its header asks for more memory than there is; the file is damaged") from error
    except Exception as error:
        if "bject" in str(error):
            raise DataError(f"{path}: holds Python objects, which are never loaded; save plain numbers") from error
        raise DataError(f"{path}: is damaged or cut short; write it again with numpy.save") from error
    return array


def _check(path: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "fiu":
        raise DataError(f"{path}: holds {array.dtype} values; real numbers (float or integer) are needed")
    if array.ndim != 2:
        raise DataError(f"{path}: has shape {array.shape}; an array of shape (rows, columns) is needed")
    if len(array) < ROWS:
        rows = "1 row" if len(array) == 1 else f"{len(array)} rows"
        raise DataError(f"{path}: holds {rows}; at least {ROWS} are needed (6 to train on, 2 and 2 held out)")
    if array.shape[1] == 0:
        raise DataError(f"{path}: its rows are empty; at least one column is needed")
    points = array.astype(np.float64)
    bad = ~(np.abs(points) <= LIMIT).all(1)
    if bad.any():
        row = int(bad.argmax())
        raise DataError(f"{path}: row {row} holds NaN, infinity or a number beyond {LIMIT:g}; give finite values")
    if (points == points[0]).all():
        raise DataError(f"{path}: its rows are all the same; give rows that differ")
    return points
