"""Plots of samples that are images: a line of real ones, and one for each network, whose places share their noise."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from harness.results.leaderboard import Leaderboard
from harness.results.pictures import SamplePictures, TargetPictures, decoded
from harness.results.sections import TargetSection, sections, target_label
from harness.views.digits import number
from harness.views.plots import blank, styled

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REAL, GENERATED = "real", "generated"
"""What the lines of a target's own images, and of samples of one design, are called."""

WRAP = 42
"""Letters in a line of a label."""

LEAST = 48
"""Pixels of a side of the smallest picture: a reader's program would blur what it has to enlarge."""

PLACE, GAP, LABELS, HEADING = 0.5, 0.08, 3.0, 0.3
"""In inches: the width of a place, what lies between two lines, and the room for labels and for classes."""

PAPER = 255
"""Byte of what lies between pictures, and where there is none."""


class _Line(NamedTuple):
    """A line of pictures, and what stands before it."""

    label: str
    images: Sequence[str | None]


@styled
def samples(board: Leaderboard, target: str) -> Figure | None:
    """Plot real images of a target above samples of the best row of each network; None where the document has none.

    Arguments:
        board: the leaderboard.
        target: the label of the target.
    """
    section = next(section for section in sections(board) if section.target == target)
    shown = pictures_of(board, target)
    lines = _lines(section, shown) if shown is not None else []
    return None if shown is None or len(lines) < 2 else _figure(lines, shown)


@styled
def beside(real: TargetPictures, generated: SamplePictures) -> Figure:
    """Plot real images above generated ones."""
    return _figure([_Line(REAL, real.images), _Line(GENERATED, generated.images)], real)


def _figure(lines: Sequence[_Line], shown: TargetPictures) -> Figure:
    line_height = PLACE * shown.shape[1] / shown.shape[2]
    width, height = LABELS + PLACE * len(shown.images), HEADING + (line_height + GAP) * len(lines)
    figure = blank(width, height)
    figure.set_layout_engine("none")
    for i, line in enumerate(lines):
        below = height - HEADING - line_height - i * (line_height + GAP)
        place = (LABELS / width, below / height, 1 - LABELS / width, line_height / height)
        axes = figure.add_axes(place)
        _draw(axes, line, shown)
        if i == 0 and shown.classes:
            _class_ticks(axes, shown)
    return figure


def pictures_of(board: Leaderboard, target: str) -> TargetPictures | None:
    """Return the pictures of a target, by its label; None where the document has none."""
    entries = board.setup.targets if board.setup is not None else []
    return next((entry.pictures for entry in entries if target_label(entry.target, board) == target), None)


def _lines(section: TargetSection, shown: TargetPictures) -> list[_Line]:
    lines, metric = [_Line(REAL, shown.images)], section.metric
    for row in section.finished:
        if row.pictures is not None:
            told = " (told)" if row.pictures.conditional and shown.classes else ""
            value = f"\n{metric} {number(row.metrics[metric].value)}" if metric in row.metrics else ""
            label = textwrap.fill(f"{section.names_of(row)['network']}{told}", WRAP, max_lines=2, placeholder=" …")
            lines.append(_Line(f"{label}{value}", row.pictures.images))
    return lines


def _draw(axes: Axes, line: _Line, shown: TargetPictures) -> None:
    """Draw a line of pictures, each as many whole times its size as makes it `LEAST` pixels."""
    height, width = shown.shape[1:]
    times = max(1, -(-LEAST // min(height, width)))
    axes.imshow(montage(line.images, shown, times), cmap="gray", vmin=0, vmax=255, interpolation="none", aspect="equal")
    axes.set_yticks([times * height / 2], [line.label], fontsize=8.5)
    axes.set_xticks([])
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def montage(images: Sequence[str | None], shown: TargetPictures, times: int) -> np.ndarray:
    """Return pictures side by side as bytes, shape (height, width) where they are grey, else (height, width, 3)."""
    import numpy as np

    channels, height, width = shown.shape
    parts = []
    for image in images:
        flat = bytes([PAPER]) * (channels * height * width) if image is None else decoded(image)
        pixels = np.frombuffer(flat, dtype=np.uint8).reshape(channels, height, width)
        large = pixels.repeat(times, 1).repeat(times, 2)
        parts.append(np.pad(large, ((0, 0), (0, 0), (0, times)), constant_values=PAPER))
    whole = np.concatenate(parts, 2)
    return whole[0] if channels == 1 else whole.transpose(1, 2, 0)


def _class_ticks(axes: Axes, shown: TargetPictures) -> None:
    """Write the class above the first of its places."""
    width = max(1, -(-LEAST // min(shown.shape[1:]))) * (shown.shape[2] + 1)
    first = [place for place, label in enumerate(shown.classes) if label not in shown.classes[:place]]
    axes.set_xticks([(place + 0.5) * width for place in first], [f"class {shown.classes[place]}" for place in first])
    axes.tick_params(axis="x", labelsize=8, labeltop=True, labelbottom=False)
