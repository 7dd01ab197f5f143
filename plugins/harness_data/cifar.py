"""CIFAR-10 in its binary version: records of a label and the bytes of an image, red first, then green, then blue.

Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009; "Binary version" on its page. The
version for Python holds pickles, which are never loaded.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from harness_data.errors import DataError
from harness_data.packed import find, unpacked
from harness_data.published import Part, Published, published, state

SHAPE = (3, 32, 32)
RECORD = 1 + 3 * 32 * 32
"""Bytes of a label and an image."""

CLASSES = 10

FILES = {"train": tuple(f"data_batch_{k}.bin" for k in range(1, 6)), "test": ("test_batch.bin",)}
"""The files of each part."""

RULE = "give path=, a folder with the six .bin files of the binary version of www.cs.toronto.edu/~kriz/cifar.html"


def read_cifar_set(name: str, folder: str) -> Published:
    """Return the set that six files of a folder hold; what has not changed is read once.

    Raises:
        DataError: a file is missing, or holds no batch, or they do not go together.
    """
    files = [find(name, folder, (each,), RULE) for part in FILES.values() for each in part]
    return _read_set(name, folder, state(files))


@lru_cache(maxsize=2)
def _read_set(name: str, folder: str, files: tuple[tuple[str, int, int], ...]) -> Published:
    batches = [read_batch(Path(file)) for file, _, _ in files]
    count = len(FILES["train"])
    return published(name, f"{name} {folder}", _joined(batches[:count]), _joined(batches[count:]))


def _joined(batches: list[Part]) -> Part:
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def write_cifar_part(folder: Path, part: str, images: np.ndarray, labels: np.ndarray) -> None:
    """Write images (n, 3, 32, 32) and labels (n,), both bytes, as the batches of a part."""
    records = np.concatenate([labels[:, None], images.reshape(len(images), -1)], axis=1)
    for name, batch in zip(FILES[part], np.array_split(records, len(FILES[part])), strict=True):
        (folder / name).write_bytes(batch.tobytes())


def read_batch(path: Path) -> Part:
    """Return images of shape (n, 3, 32, 32) and labels of shape (n,), both bytes.

    Raises:
        DataError: it does not hold whole records, or a label is no class.
    """
    content = unpacked(path)
    if not content or len(content) % RECORD:
        rule = f"a batch of CIFAR-10 has {RECORD:,} for each image; give the binary version"
        raise DataError(f"{path}: has {len(content):,} bytes, and {rule}")
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    labels = records[:, 0]
    if (bad := labels >= CLASSES).any():
        row = int(bad.argmax())
        raise DataError(f"{path}: image {row + 1} has label {labels[row]}, and classes are 0 to 9; give a binary batch")
    return records[:, 1:].reshape(-1, *SHAPE), labels
