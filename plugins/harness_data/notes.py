"""Notes: what a reader of results must know of the data that they were made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness_data.files import row_place
from harness_data.outliers import MOST, outliers
from harness_data.standardization import varying

if TYPE_CHECKING:
    from torch import Tensor

    from harness_data.outliers import Outlier
    from harness_data.standardization import Standardization

MEND = "; file:path=FILE,standardize=columns (or whiten) gives each its own"

OUTLIERS = 3
"""Columns whose outlier is told; of more their number."""

UNEQUAL = 10.0
"""Ratio of the largest to the smallest deviation of a column from which no one σ suits all columns."""


def notes(
    points: np.ndarray,
    train: Tensor,
    parts: tuple[Tensor, ...],
    change: Standardization | None = None,
    *,
    choice: bool = False,
    place: Callable[[int], str] = row_place,
    columns: Sequence[str] = (),
) -> list[str]:
    """Return a sentence for each thing about data that changes what their results mean.

    Arguments:
        points: all rows in the file's own type, shape (n, d).
        train: the rows to train on in the units of the file, shape (m, d), float64.
        parts: the rows held out, each of shape (k, d).
        change: how they are standardized; None: not at all.
        choice: whether the user may standardize them otherwise.
        place: where a row, from 0, stands, in words.
        columns: names of the d columns; none where they have none.
    """
    found = [
        _scale(change),
        _integers(points),
        _copies(train, parts),
        *_columns(train, change, choice),
        *_outliers(points, change, place, columns),
        _directions(train, change),
    ]
    return [note for note in found if note]


def _scale(change: Standardization | None) -> str:
    if change is None or not change.uniform:
        return ""
    return f"σ is in units of σ_data: 1 stands for {1 / float(change.scale[0]):.4g} of the file's own"


def _integers(points: np.ndarray) -> str:
    if points.dtype.kind == "f" and not all((chunk == np.rint(chunk)).all() for chunk in _chunks(points)):
        return ""
    low, high = (float(f(points)) for f in (np.min, np.max))
    return (
        f"all values are integers, {low:g} to {high:g}: a law without a density, which noise below about 0.3 of a step "
        "resolves"
    )


def _chunks(points: np.ndarray) -> list[np.ndarray]:
    return np.array_split(points, max(1, points.size // 2**22))


def _copies(train: Tensor, parts: tuple[Tensor, ...]) -> str:
    known = {row.tobytes() for row in train.numpy()}
    held_out = [row.tobytes() for part in parts for row in part.double().numpy()]
    again, met = len(train) - len(known), sum(row in known for row in held_out)
    said = [f"{again} of {len(train)} training rows are copies of others"] if again else []
    said += [f"{met} of {len(held_out)} held-out rows are training rows, too"] if met else []
    return "; ".join(said)


def _columns(train: Tensor, change: Standardization | None, choice: bool) -> list[str]:
    deviations = train.std(0, correction=0)
    varies = varying(train, deviations)
    count = int((~varies).sum())
    columns = f"{count} of {len(varies)} columns {'is' if count == 1 else 'are'} constant"
    adds = "it only adds" if count == 1 else "they only add"
    said = [f"{columns}: {adds} noise"] if count and (change is None or change.matrix is None) else []
    if not varies.any():
        return said
    low, high = float(deviations[varies].min()), float(deviations[varies].max())
    if (change is None or change.uniform) and high > UNEQUAL * low:
        said.append(
            f"deviations of columns differ by a factor of {high / low:.3g} ({low:.3g} to {high:.3g}): no σ suits all"
            f"{MEND if choice else ''}"
        )
    return said


def _outliers(
    points: np.ndarray, change: Standardization | None, place: Callable[[int], str], names: Sequence[str]
) -> list[str]:
    own_units = change is not None and not change.uniform
    found = outliers(points, own_units=own_units)
    said = [
        _outlier(
            each,
            place(each.row),
            names[each.column] if names else "",
            told_of_all=not own_units and points.shape[1] > 1,
        )
        for each in found[:OUTLIERS]
    ]
    more = len(found) - OUTLIERS
    return said + ([f"so it is in {more} more column{'' if more == 1 else 's'}"] if more > 0 else [])


def _outlier(found: Outlier, place: str, name: str, *, told_of_all: bool) -> str:
    shown = "".join(letter if letter.isprintable() else " " for letter in name[:30])
    column = f"column {found.column + 1}{f' ({shown})' if shown else ''}"
    whole = f" and {100 * found.of_all:.3g} % of that of the file" if told_of_all and found.of_all > MOST else ""
    others = f"other rows {found.low:.3g} to {found.high:.3g}"
    return (
        f"{place} alone makes {100 * found.share:.3g} % of the variance of {column}{whole}: it has {found.value:g} "
        f"there, {others}; correct it or leave the row out; if it is right, give the column's logarithm"
    )


def _directions(train: Tensor, change: Standardization | None) -> str:
    if change is None or change.matrix is None or change.matrix.shape[1] == train.shape[1]:
        return ""
    kept, d = change.matrix.shape[1], train.shape[1]
    return f"the {len(train)} training rows vary in {kept} of {d} directions only; whitening leaves the others out"
