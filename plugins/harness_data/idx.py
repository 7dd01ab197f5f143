"""IDX: the format of MNIST and of the sets that took its place; an array behind a header of its shape.

Two bytes of 0, one for the type (8: bytes), one for the number of dimensions, then each dimension as four bytes, the
largest first; then the numbers, the last dimension fastest. Source: LeCun, Cortes, Burges, "The MNIST database of
handwritten digits", 1998, section "File formats".
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np

from harness_data.errors import DataError
from harness_data.packed import LARGEST, find, unpacked
from harness_data.published import Published, published, state

KINDS = {1: "labels", 3: "images"}
"""What an array of bytes of so many dimensions is, in words."""

FILES = {"train": "train", "test": "t10k"}
"""How the files of a part begin."""

State = tuple[tuple[str, int, int], ...]


def read_idx_set(name: str, folder: str, rule: str) -> Published:
    """Return the set that four files of a folder hold; what has not changed is read once.

    Arguments:
        name: of the set.
        folder: where the files are.
        rule: how to get them, for errors.

    Raises:
        DataError: a file is missing, or is not what its name says, or they do not go together.
    """
    files = [
        find(name, folder, (f"{begin}-{kind}-idx{d}-ubyte", f"{begin}-{kind}.idx{d}-ubyte"), rule)
        for begin in FILES.values()
        for d, kind in ((3, "images"), (1, "labels"))
    ]
    return _read_set(name, folder, state(files))


@lru_cache(maxsize=2)
def _read_set(name: str, folder: str, files: State) -> Published:
    parts = [(Path(images), Path(labels)) for (images, *_), (labels, *_) in zip(files[::2], files[1::2], strict=True)]
    train, test = ((read_idx(images, 3)[:, None], read_idx(labels, 1)) for images, labels in parts)
    return published(name, f"{name} {folder}", train, test)


def write_idx_part(folder: Path, part: str, images: np.ndarray, labels: np.ndarray) -> None:
    """Write images (n, height, width) and labels (n,), both bytes, as the files of a part of a set."""
    for kind, values in (("images", images), ("labels", labels)):
        header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
        (folder / f"{FILES[part]}-{kind}-idx{values.ndim}-ubyte").write_bytes(header + values.tobytes())


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Return an array of bytes, of shape (n,) or (n, height, width).

    Arguments:
        path: of the file, gzipped or plain.
        dimensions: how many the array has.

    Raises:
        DataError: it is no such array; its header is cut short or asks for more than there is, or than can be; it holds
            more than its header says.
    """
    header = 4 * (1 + dimensions)
    content = unpacked(path)
    wanted = bytes([0, 0, 8, dimensions])
    if content[:4] != wanted:
        begins = content[:4].hex(" ") or "nothing"
        what = f"an IDX file of {KINDS[dimensions]} in bytes with {wanted.hex(' ')}"
        raise DataError(f"{path}: begins with {begins}, and {what}; give one")
    if len(content) < header:
        raise DataError(f"{path}: its header is cut short after {len(content)} of {header} bytes; get it again")
    shape = tuple(int(size) for size in np.frombuffer(content[4:header], ">u4"))
    size, found = math.prod(shape), len(content) - header
    if size > LARGEST - header:
        raise DataError(f"{path}: its header asks for {size:,} bytes, more than are ever read; the file is damaged")
    if found != size:
        told = "cut short" if found < size else "longer than that"
        raise DataError(f"{path}: its header says {size:,} bytes, and it is {told} ({found:,}); get it again")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
