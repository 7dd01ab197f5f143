"""Labels: a user's own classes of points, checked; every fault told in one line."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness_data.errors import DataError

CLASSES = "number the classes from 0"
"""What is right for labels that are no numbers."""


def check_labels(path: str, values: np.ndarray, rows: int, place: Callable[[int], str]) -> np.ndarray:
    """Return labels as integers, shape (n,), int64.

    Arguments:
        path: of what holds them, for errors.
        values: the labels as they are there.
        rows: the number n of points.
        place: where a row, counted from 0, is, in words.

    Raises:
        DataError: not one a point; not whole numbers from 0; all the same; or a class without a point.
    """
    if values.dtype.kind not in "fiu":
        raise DataError(f"{path}: its labels are {values.dtype} values; {CLASSES}")
    if values.shape != (rows,):
        raise DataError(f"{path}: its labels have shape {values.shape}, for {rows} points; one label a point is needed")
    known = values.astype(np.float64)
    bad = ~((known >= 0) & (known == np.rint(known)) & np.isfinite(known))
    if bad.any():
        row = int(bad.argmax())
        rule = "classes are whole numbers from 0"
        raise DataError(f"{path}: label {values[row]:g} of {place(row)} is no class; {rule}")
    present = np.unique(known)
    if len(present) == 1:
        raise DataError(f"{path}: its labels are all {present[0]:g}; give two classes or more, or no labels")
    absent = np.flatnonzero(present != np.arange(len(present)))
    if len(absent):
        rule = f"number the classes from 0 to {len(present) - 1}"
        raise DataError(f"{path}: no point has label {absent[0]}, and the largest is {present[-1]:g}; {rule}")
    return known.astype(np.int64)
