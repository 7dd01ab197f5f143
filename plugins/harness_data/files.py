"""Files: a user's points, read without trusting them; no pickles, and every fault told in one line.

What can be read, by the end of the name:

    .npy            an array of shape (rows, columns), or images of shape (n, height, width) or (n, channels, height,
                    width), of any real type; it is mapped, not loaded, until its values are needed
    .npz            an archive of one such array, or of several, one of them named
    .csv .tsv .txt  a table of numbers, a row a line, with or without a line of names
    .parquet        a table of numbers, where pandas or pyarrow is installed
    a folder        images of one size (`harness_data.images`)

Labels, where they are asked for, come from the same file: an array of the archive, a column of the table, the folders
within the folder.
"""

from __future__ import annotations

import csv
import hashlib
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from harness_data import images
from harness_data.errors import DataError
from harness_data.labels import CLASSES, check_labels

T = TypeVar("T")

ROWS = 10
"""Fewest rows: six to train on and two for each held-out part, since a distance needs two points of each."""

LIMIT = 1e100
"""Largest magnitude whose squared distances stay finite."""

CHUNK = 2**22
"""Numbers that are checked at once."""

MISSING = frozenset({"", "na", "n/a", "null", "none", "?", "-", "."})
"""Cells, in small letters, by which tables mean that there is no value, besides NaN."""

FILL = "values are missing: leave such rows out, or fill them"
"""What can be done about it."""


def row_place(row: int) -> str:
    """Return where a row, counted from 0, is in data that have no other name for it."""
    return f"row {row + 1}"


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Attributes:
        points: shape (n, d), in the file's own type of real numbers.
        shape: of one point before it was made flat: (d,) or, of an image, (channels, height, width).
        labels: of the points, shape (n,), int64, each of 0 … classes − 1; None: they have none.
        digest: SHA-256 of all bytes that were read.
        columns: names of the d columns; empty where the file has none.
        place: where in it a row, counted from 0, is: in words, counted from 1.
    """

    points: np.ndarray
    shape: tuple[int, ...]
    labels: np.ndarray | None
    digest: str
    columns: tuple[str, ...] = ()
    place: Callable[[int], str] = row_place


@dataclass(frozen=True)
class _Arrays:
    """What a file holds, as it lies there, and where in it a row is, counted from 0: in words, counted from 1.

    `columns` has the names of all columns of points, or none.
    """

    points: np.ndarray
    labels: np.ndarray | None = None
    place: Callable[[int], str] = row_place
    columns: tuple[str, ...] = ()


def read(path: str, array: str = "", labels: str = "") -> Content:
    """Read and check a file or a folder of images; what has not changed is read once.

    Arguments:
        path: of the file, or of the folder.
        array: which of several arrays in an .npz archive.
        labels: where labels are: the name of an array of the archive, or of a column of the table; `folders` for the
            folders within a folder of images; empty for none.

    Raises:
        DataError: missing or unreadable; not of a kind that is read; objects, text or complex numbers; not of
            two to four dimensions; too few rows, or all the same; no columns; values that are not finite; labels that
            are not there, or not as `check_labels` says.
    """
    try:
        place = Path(path)
        if place.exists() and not place.is_file() and not place.is_dir():
            # A pipe waits for its other end, and a device has none.
            raise DataError(f"{path}: is a pipe or a device; give {FILES}, or a folder of images")
        files = images.found(place) if place.is_dir() else [place]
        state = tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files)
        return _read(path, array, labels, state)
    except OSError as error:
        here = "" if Path(path).is_absolute() else ", from the directory that the command is called in"
        rule = f"give the path of {FILES}, or of a folder of images{here}"
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); {rule}") from error


@lru_cache(maxsize=2)
def _read(path: str, array: str, labels: str, state: tuple[tuple[str, int, int], ...]) -> Content:
    place, files = Path(path), [Path(name) for name, _, _ in state]
    if array and place.suffix.lower() != ".npz":
        raise DataError(f"{path}: only an .npz archive has arrays of several names; leave out array={array}")
    found = _folder(place, files, labels) if place.is_dir() else _parser(place)(place, array, labels)
    points = check(path, found.points, found.place)
    known = None if found.labels is None else check_labels(path, found.labels, len(points), found.place)
    return Content(points, _shape(found.points), known, _digest(place, files), found.columns, found.place)


def _shape(values: np.ndarray) -> tuple[int, ...]:
    """Return the shape of one point: a grey image has one channel."""
    return (1, *values.shape[1:]) if values.ndim == 3 else tuple(values.shape[1:])


def _folder(place: Path, files: list[Path], labels: str) -> _Arrays:
    if labels not in ("", FOLDERS):
        raise DataError(f"{place}: the labels of images are the folders that they lie in; write labels={FOLDERS}")
    known = images.classes(place, files) if labels else None
    return _Arrays(images.read(str(place), files), known)


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


def _parser(path: Path) -> Callable[[Path, str, str], _Arrays]:
    try:
        return PARSERS[path.suffix.lower()]
    except KeyError:
        raise DataError(f"{path}: is not {FILES}, nor a folder of images") from None


def _npy(path: Path, _: str, labels: str) -> _Arrays:
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise DataError(f"{path}: is not an .npy file; write it with numpy.save")
    if labels:
        raise DataError(f"{path}: an .npy file is one array; save points and labels in an .npz, by numpy.savez")
    return _Arrays(_loaded(path, lambda: np.load(path, mmap_mode="r", allow_pickle=False)))


def _npz(path: Path, name: str, labels: str) -> _Arrays:
    with path.open("rb") as file:
        if file.read(4) not in (b"PK\3\4", b"PK\5\6"):
            raise DataError(f"{path}: is not an .npz archive; write it with numpy.savez")
    with _loaded(path, lambda: np.load(path, allow_pickle=False)) as archive:
        names = list(archive.files)
        for wanted in filter(None, (name, labels)):
            if wanted not in names:
                raise DataError(f"{path}: has no array {wanted!r}; it has {_listed(names)}")
        others = [each for each in names if each != labels]
        if not name and len(others) != 1:
            beside = f" besides the labels {labels!r}" if labels else ""
            raise DataError(f"{path}: holds {len(others)} arrays{beside}, {_listed(others)}; say which: array=NAME")
        points = _loaded(path, lambda: archive[name or others[0]])
        return _Arrays(points, _loaded(path, lambda: archive[labels]) if labels else None)


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


def _text(path: Path, _: str, labels: str) -> _Arrays:
    """Read a table of numbers; a first line that holds none of them names the columns."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline()
    delimiter = max(("\t", ";", ","), key=first.count)
    between = delimiter if delimiter in first else None
    cells = next(csv.reader([first], delimiter=between), []) if between else first.split()
    named = not any(map(_is_number, cells))
    names = [cell.strip() for cell in cells] if named else []
    how: dict[str, Any] = {"delimiter": between, "skiprows": int(named), "ndmin": 2, "comments": None, "quotechar": '"'}
    try:
        with warnings.catch_warnings():
            # A file without a row is told by the check of what was read.
            warnings.simplefilter("ignore")
            values = np.loadtxt(path, encoding="utf-8-sig", **how)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not a text file in UTF-8") from error
    except ValueError as error:
        wrong = _wrong_line(path, int(named), " ".join(str(error).split()), names)
        if wrong.missing:
            raise DataError(f"{path}: {wrong.what[:120]}; {FILL}") from error
        rule = CLASSES if labels and wrong.column == labels else "leave out columns of text, or number their words"
        raise DataError(f"{path}: is not a table of numbers ({wrong.what[:120]}); {rule}") from error
    return _parted(path, values, names, labels, lambda row: f"line {_line(path, int(named), row)}")


def _parted(
    path: Path, values: np.ndarray, names: list[str], labels: str, place: Callable[[int], str] = row_place
) -> _Arrays:
    """Return a table without the column of labels, and that column."""
    if not labels:
        return _Arrays(values, place=place, columns=tuple(names) if len(names) == values.shape[1] else ())
    if not names:
        raise DataError(f"{path}: its first line names no column, so that none is {labels!r}; write names above it")
    if len(names) != values.shape[1]:
        raise DataError(f"{path}: its first line names {len(names)} columns, and its rows have {values.shape[1]}")
    if names.count(labels) != 1:
        what = "no column" if labels not in names else f"{names.count(labels)} columns"
        raise DataError(f"{path}: has {what} {labels!r}; its columns are {_listed(names)}")
    column = names.index(labels)
    others = tuple(name for name in names if name != labels)
    return _Arrays(np.delete(values, column, axis=1), values[:, column], place, others)


class _Wrong(NamedTuple):
    """What is wrong with a table: in words, in the column of which name, and whether a value is missing there."""

    what: str
    column: str = ""
    missing: bool = False


def _wrong_line(path: Path, skipped: int, message: str, names: Sequence[str]) -> _Wrong:
    """Return what numpy says of a table, by lines of the file.

    numpy counts rows from 0 or from 1, without blank lines.
    """
    if match := re.fullmatch(r"could not convert string '(.*)' to \S+ at row (\d+), column (\d+)\.", message):
        cell, column = match[1], int(match[3])
        name = names[column - 1] if column <= len(names) else ""
        where = f"line {_line(path, skipped, int(match[2]))}, column {column}{f' ({name[:30]})' if name else ''}"
        missing = cell.strip().lower() in MISSING
        said = "no value" if missing else f"{cell!r} is no number"
        return _Wrong(f"{where}: {said}", name, missing)
    if match := re.match(r"the number of columns changed from (\d+) to (\d+) at row (\d+)", message):
        line = _line(path, skipped, int(match[3]) - 1)
        return _Wrong(f"line {line} has {match[2]} columns, those above it {match[1]}")
    return _Wrong(message)


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


def _parquet(path: Path, _: str, labels: str) -> _Arrays:
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
            rule = CLASSES if name == labels else "leave out what is no real number"
            raise DataError(f"{path}: column {name!r} holds {values.dtype} values; {rule}")
    whole = np.stack([values for _, values in columns], 1) if columns else np.empty((table.num_rows, 0))
    return _parted(path, whole, [name for name, _ in columns], labels)


PARSERS: dict[str, Callable[[Path, str, str], _Arrays]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".csv": _text,
    ".tsv": _text,
    ".txt": _text,
    ".parquet": _parquet,
}
"""How a file is read, by the end of its name."""

FOLDERS = "folders"
"""What the labels of images are called."""

FILES = "an .npy, .npz, .csv or .parquet file"
"""Which files can be read, in words."""


def check(path: str, array: np.ndarray, place: Callable[[int], str] = row_place) -> np.ndarray:
    """Return the points of an array as rows, shape (n, d), in its own type.

    Arguments:
        path: of what holds it, for errors.
        array: as it lies there.
        place: where a row, counted from 0, is, in words.

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
    widest = 0.0
    step = max(1, CHUNK // points.shape[1])
    for start in range(0, len(points), step):
        chunk = points[start : start + step]
        bad = ~(np.abs(chunk.astype(np.float64)) <= LIMIT).all(1)
        if bad.any():
            row = start + int(bad.argmax())
            where = place(row)
            if np.isnan(points[row]).any():
                lacking = int(np.isnan(points).any(1).sum())
                raise DataError(f"{path}: {where} holds NaN ({lacking} of {len(points)} rows); {FILL}")
            raise DataError(f"{path}: {where} holds NaN, infinity or a number beyond {LIMIT:g}; give finite values")
        apart = np.abs(chunk.astype(np.float64) - points[0].astype(np.float64)).max()
        widest = max(widest, float(apart))
    if 0 < widest < 1 / LIMIT:
        raise DataError(f"{path}: its rows differ by less than {1 / LIMIT:g}; give them in a smaller unit")
    if not widest:
        raise DataError(f"{path}: its rows are all the same; give rows that differ")
    return points


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")
