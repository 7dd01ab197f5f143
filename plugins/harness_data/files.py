"""Files: a user's points, read without trusting them; no pickles, and every fault told in one line.

What can be read, by the end of the name:

    .npy            an array of shape (rows, columns), or images of shape (n, height, width) or (n, channels, height,
                    width), of any real type; it is mapped, not loaded, until its values are needed
    .npz            an archive of one such array, or of several, one of them named
    .csv .tsv .txt  a table of numbers, a row a line, with or without a line of names
    .parquet        a table of numbers, where pandas or pyarrow is installed
    a folder        images of one size (`harness_data.images`)
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from harness_data import images
from harness_data.errors import DataError

T = TypeVar("T")

ROWS = 10
"""Fewest rows: six to train on and two for each held-out part, since a distance needs two points of each."""

LIMIT = 1e100
"""Largest magnitude whose squared distances stay finite."""

CHUNK = 2**22
"""Numbers that are checked at once."""


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Attributes:
        points: shape (n, d), in the file's own type of real numbers.
        shape: of one point before it was made flat: (d,), (height, width) or (channels, height, width).
        digest: SHA-256 of all bytes that were read.
    """

    points: np.ndarray
    shape: tuple[int, ...]
    digest: str


def read(path: str, array: str = "") -> Content:
    """Read and check a file or a folder of images; what has not changed is read once.

    Arguments:
        path: of the file, or of the folder.
        array: which of several arrays in an .npz archive.

    Raises:
        DataError: missing or unreadable; not of a kind that is read; objects, text or complex numbers; not of
            two to four dimensions; too few rows, or all the same; no columns; values that are not finite.
    """
    try:
        place = Path(path)
        files = images.found(place) if place.is_dir() else [place]
        state = tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files)
        return _read(path, array, state)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); give the path of {KINDS}") from error


@lru_cache(maxsize=2)
def _read(path: str, array: str, state: tuple[tuple[str, int, int], ...]) -> Content:
    place, files = Path(path), [Path(name) for name, _, _ in state]
    if array and place.suffix.lower() != ".npz":
        raise DataError(f"{path}: only an .npz archive has arrays of several names; leave out array={array}")
    values = images.read(path, files) if place.is_dir() else _parser(place)(place, array)
    points = check(path, values)
    return Content(points, tuple(values.shape[1:]), _digest(place, files))


def _digest(place: Path, files: list[Path]) -> str:
    """SHA-256 of a file's bytes; of a folder's, with the names that its images have in it."""
    if not place.is_dir():
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    total = hashlib.sha256()
    for each in files:
        with each.open("rb") as file:
            total.update(f"{each.relative_to(place)}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()


def _parser(path: Path) -> Callable[[Path, str], np.ndarray]:
    try:
        return PARSERS[path.suffix.lower()]
    except KeyError:
        raise DataError(f"{path}: is not {KINDS}") from None


def _npy(path: Path, _: str) -> np.ndarray:
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise DataError(f"{path}: is not an .npy file; write it with numpy.save")
    return _loaded(path, lambda: np.load(path, mmap_mode="r", allow_pickle=False))


def _npz(path: Path, name: str) -> np.ndarray:
    with path.open("rb") as file:
        if file.read(4) not in (b"PK\3\4", b"PK\5\6"):
            raise DataError(f"{path}: is not an .npz archive; write it with numpy.savez")
    with _loaded(path, lambda: np.load(path, allow_pickle=False)) as archive:
        names = list(archive.files)
        if name and name not in names:
            raise DataError(f"{path}: has no array {name!r}; it has {_listed(names)}")
        if not name and len(names) != 1:
            raise DataError(f"{path}: holds {len(names)} arrays, {_listed(names)}; say which: array=NAME")
        return _loaded(path, lambda: archive[name or names[0]])


def _loaded(path: Path, load: Callable[[], T]) -> T:
    """Return what a reader of numpy's gives, and every fault of it as one of the file's."""
    try:
        return load()
    except MemoryError as error:
        raise DataError(f"{path}: its header asks for more memory than there is; the file is damaged") from error
    except OSError:
        raise
    except Exception as error:
        if "bject" in str(error):
            raise DataError(f"{path}: holds Python objects, which are never loaded; save plain numbers") from error
        raise DataError(f"{path}: is damaged or cut short; write it again with numpy.save") from error


def _text(path: Path, _: str) -> np.ndarray:
    """Read a table of numbers; a first line that holds none of them names the columns."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline()
    delimiter = max(("\t", ";", ","), key=first.count)
    between = delimiter if delimiter in first else None
    named = not any(_is_number(cell) for cell in first.split(between))
    how: dict[str, Any] = {"delimiter": between, "skiprows": int(named), "ndmin": 2, "comments": None, "quotechar": '"'}
    try:
        with warnings.catch_warnings():
            # A file without a row is told by the check of what was read.
            warnings.simplefilter("ignore")
            return np.loadtxt(path, encoding="utf-8-sig", **how)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not a text file in UTF-8") from error
    except ValueError as error:
        what = _wrong_line(path, int(named), " ".join(str(error).split()))[:120]
        raise DataError(f"{path}: is not a table of numbers ({what}); leave out columns of text") from error


def _wrong_line(path: Path, skipped: int, message: str) -> str:
    """Return what numpy says of a table, by lines of the file: it counts rows from 0 or from 1, without blank lines."""
    if match := re.fullmatch(r"could not convert string (.*) to \S+ at row (\d+), column (\d+)\.", message):
        return f"line {_line(path, skipped, int(match[2]))}, column {match[3]}: {match[1]} is no number"
    if match := re.match(r"the number of columns changed from (\d+) to (\d+) at row (\d+)", message):
        line = _line(path, skipped, int(match[3]) - 1)
        return f"line {line} has {match[2]} columns, those above it {match[1]}"
    return message


def _line(path: Path, skipped: int, row: int) -> int:
    """Return the number of the line, from 1, that holds a row, from 0."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        rows = (number for number, line in enumerate(file, 1) if number > skipped and line.strip("\r\n"))
        return next(islice(rows, row, None), row + 1)


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().strip('"'))
    except ValueError:
        return False
    return True


def _parquet(path: Path, _: str) -> np.ndarray:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise DataError(f"{path}: reading Parquet needs pyarrow: pip install pyarrow") from error
    try:
        table = parquet.read_table(path)
        columns = [(name, table.column(name).to_numpy()) for name in table.column_names]
    except OSError:
        raise
    except Exception as error:
        raise DataError(f"{path}: is no Parquet file that pyarrow reads ({type(error).__name__})") from error
    for name, values in columns:
        if values.dtype.kind not in "fiu":
            raise DataError(f"{path}: column {name!r} holds {values.dtype} values; leave out what is no real number")
    return np.stack([values for _, values in columns], 1) if columns else np.empty((table.num_rows, 0))


PARSERS: dict[str, Callable[[Path, str], np.ndarray]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".csv": _text,
    ".tsv": _text,
    ".txt": _text,
    ".parquet": _parquet,
}
"""How a file is read, by the end of its name."""

KINDS = "an .npy, .npz, .csv or .parquet file, or of a folder of images"
"""What can be read, as the end of a sentence."""


def check(path: str, array: np.ndarray) -> np.ndarray:
    """Return the points of an array as rows, shape (n, d), in its own type.

    Raises:
        DataError: what the points cannot be, in one line.
    """
    if array.dtype.kind not in "fiu":
        raise DataError(f"{path}: holds {array.dtype} values; real numbers (float or integer) are needed")
    if array.ndim not in (2, 3, 4):
        shapes = "(rows, columns), (n, height, width) or (n, channels, height, width)"
        raise DataError(f"{path}: has shape {array.shape}; an array of shape {shapes} is needed")
    if len(array) < ROWS:
        rows = "1 row" if len(array) == 1 else f"{len(array)} rows"
        raise DataError(f"{path}: holds {rows}; at least {ROWS} are needed (6 to train on, 2 and 2 held out)")
    points = array.reshape(len(array), -1) if array.size else array.reshape(len(array), 0)
    if points.shape[1] == 0:
        raise DataError(f"{path}: its rows are empty; at least one column is needed")
    differ = False
    step = max(1, CHUNK // points.shape[1])
    for start in range(0, len(points), step):
        chunk = points[start : start + step]
        bad = ~(np.abs(chunk.astype(np.float64)) <= LIMIT).all(1)
        if bad.any():
            row = f"row {start + int(bad.argmax()) + 1} of {len(points)}"
            raise DataError(f"{path}: {row} holds NaN, infinity or a number beyond {LIMIT:g}; give finite values")
        differ = differ or bool((chunk != points[0]).any())
    if not differ:
        raise DataError(f"{path}: its rows are all the same; give rows that differ")
    return points


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")
