"""Sample files: samples as an array, a table or a picture, by the end of the file's name.

.npy    shape (n, *shape), float64
.npz    the same as `points`, and the classes that a network was told as `labels`
.csv    a row a sample, under the names of the data's columns; a last column `label`
.png    images side by side, black and white as in the data; points of two coordinates as a scatter plot
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.results.document import DocumentError
from harness.results.stored_designs import DrawnSamples
from harness.views.palette import BLUE
from harness.views.plots import blank, styled
from harness.whole_files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHANNELS = (1, 3)
"""Numbers of channels of an image that has a picture."""

LEAST = 32
"""Pixels of a side of the smallest picture of an image: it is drawn as many whole times its size as that takes."""

GAP = 1
"""Pixels of an image's own size between two of them."""

PAPER = 255
"""Byte of what lies between."""

SIDE = 4.0
"""Inches of a side of a scatter plot."""


def write_samples(path: Path, samples: DrawnSamples, *, replace: bool = False) -> None:
    """Write samples; the file is whole or not there.

    Raises:
        DocumentError: the end of the name is unknown, the file is there already, it cannot be written, or samples of
            this shape are no picture.
    """
    check_name(path, samples.points.shape[1:], replace=replace)
    content = WRITERS[path.suffix.lower()](samples)
    try:
        write_whole(path, content)
    except OSError as error:
        raise DocumentError(f"{path} cannot be written: {error.strerror or error}") from error


def check_name(path: Path, shape: tuple[int, ...] | None = None, *, replace: bool = False) -> None:
    """Refuse a file that could not be written, before anything is drawn.

    Arguments:
        path: of the file.
        shape: of one sample; None where it is not known yet.
        replace: whether a file that is there is to be replaced.

    Raises:
        DocumentError: as `write_samples`.
    """
    if path.suffix.lower() not in WRITERS:
        raise DocumentError(f"{path}: its end says no format of samples; known: {', '.join(WRITERS)}")
    if path.is_dir() or not path.absolute().parent.is_dir():
        what = "is a directory" if path.is_dir() else "lies in a directory that does not exist"
        raise DocumentError(f"{path} {what}; name a file that can be written")
    if path.exists() and not replace:
        raise DocumentError(f"{path} is there already; choose another name, or replace it with --force")
    if path.suffix.lower() == ".png" and shape is not None and not _is_image(shape) and shape != (2,):
        what = f"points of shape {'×'.join(map(str, shape))}"
        raise DocumentError(f"{path}: {what} are no picture (images, or 2 coordinates); write .npy or .csv")


def _is_image(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[0] in CHANNELS


def _npy(samples: DrawnSamples) -> bytes:
    out = io.BytesIO()
    np.save(out, samples.points)
    return out.getvalue()


def _npz(samples: DrawnSamples) -> bytes:
    out = io.BytesIO()
    if samples.labels is None:
        np.savez(out, points=samples.points)
    else:
        np.savez(out, points=samples.points, labels=samples.labels)
    return out.getvalue()


def _csv(samples: DrawnSamples) -> bytes:
    rows = samples.points.reshape(len(samples.points), -1)
    heads = list(samples.columns) or [f"x{i + 1}" for i in range(rows.shape[1])]
    lines = rows.tolist()
    if samples.labels is not None:
        heads.append("label")
        lines = [[*line, label] for line, label in zip(lines, samples.labels.tolist(), strict=True)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(lines)
    return out.getvalue().encode()


def _png(samples: DrawnSamples) -> bytes:
    out = io.BytesIO()
    if _is_image(samples.points.shape[1:]):
        from PIL import Image

        Image.fromarray(montage(samples)).save(out, "png")
    else:
        _scatter(samples).savefig(out, format="png", dpi=150, metadata={"Software": None})
    return out.getvalue()


WRITERS: Mapping[str, Callable[[DrawnSamples], bytes]] = {".npy": _npy, ".npz": _npz, ".csv": _csv, ".png": _png}
"""How a file is written, by the end of its name."""


def montage(samples: DrawnSamples) -> np.ndarray:
    """Return images side by side, in lines of about a square, as bytes: (height, width) where grey, else (…, 3)."""
    count, channels, height, width = samples.points.shape
    across = math.ceil(math.sqrt(count * height / width))
    times = max(1, -(-LEAST // min(height, width)))
    span = (samples.high - samples.low) or 1.0
    levels = ((samples.points - samples.low) / span * 255).round().clip(0, 255).astype(np.uint8)
    lines = -(-count // across)
    sheet = np.full((channels, lines * (height + GAP) - GAP, across * (width + GAP) - GAP), PAPER, dtype=np.uint8)
    for i, image in enumerate(levels):
        top, left = i // across * (height + GAP), i % across * (width + GAP)
        sheet[:, top : top + height, left : left + width] = image
    large = sheet.repeat(times, 1).repeat(times, 2)
    return large[0] if channels == 1 else large.transpose(1, 2, 0)


@styled
def _scatter(samples: DrawnSamples) -> Figure:
    figure = blank(SIDE, SIDE)
    axes = figure.add_subplot()
    axes.scatter(samples.points[:, 0], samples.points[:, 1], s=8, color=BLUE, alpha=0.6, linewidths=0)
    axes.set_aspect("equal", adjustable="datalim")
    names = samples.columns or ("x1", "x2")
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    return figure
