"""Images: a folder of pictures of one size as one array of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness_data.errors import DataError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm"})
"""Ends of the names of files that are taken for images."""

GREY = frozenset({"1", "L", "LA"})
"""Pillow's modes of images without colour."""


def found(folder: Path) -> list[Path]:
    """Return the images in a folder and the folders within it, in the order of their names."""
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())


def classes(folder: Path, files: Sequence[Path]) -> np.ndarray:
    """Return the class of each image, shape (n,): the place of its folder among those in the folder, by name.

    Raises:
        DataError: an image lies in none of them.
    """
    names = [file.relative_to(folder).parts[:-1] for file in files]
    for file, within in zip(files, names, strict=True):
        if not within:
            raise DataError(f"{folder}: {file.name} lies in no folder within it; give each class a folder")
    known = sorted({within[0] for within in names})
    return np.array([known.index(within[0]) for within in names], dtype=np.int64)


def read(path: str, files: Sequence[Path]) -> np.ndarray:
    """Read images: shape (n, height, width) where all are grey, else (n, 3, height, width); values 0 to 255.

    Arguments:
        path: of the folder, for errors.
        files: the images, in the order of the rows.

    Raises:
        DataError: no image; one that cannot be read; two of different sizes.
    """
    if not files:
        raise DataError(f"{path}: the folder holds no image ({', '.join(sorted(SUFFIXES))})")
    kinds = [_kind(file) for file in files]
    mode = "L" if all(kind in GREY for kind, _ in kinds) else "RGB"
    size = kinds[0][1]
    for file, (_, other) in zip(files, kinds, strict=True):
        if other != size:
            sizes = "{}×{}".format(*size), "{}×{}".format(*other)
            first, second = (each.relative_to(path) for each in (files[0], file))
            raise DataError(f"{path}: {first} has {sizes[0]} pixels and {second} {sizes[1]}; give one size")
    pixels = np.stack([_pixels(file, mode) for file in files])
    return pixels if mode == "L" else np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


def _kind(file: Path) -> tuple[str, tuple[int, int]]:
    """Return the mode and the size of an image without decoding it."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            return image.mode, image.size
    except Exception as error:
        raise DataError(f"{file}: is no image that can be read ({type(error).__name__})") from error


def _pixels(file: Path, mode: str) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(file) as image:
            return np.asarray(image.convert(mode))
    except Exception as error:
        raise DataError(f"{file}: is damaged or cut short ({type(error).__name__})") from error
