"""Folds: splits of one data set, one for each seed, so that over the seeds every row is held out.

A partition cuts the rows, in a random order, into K folds of equal size, give or take a row. Split number f takes fold
k = f mod K of partition ⌊f/K⌋: fold k is the reference, fold k + 1 stands for a perfect generator, and the other K − 2
are trained on. So each of K splits in turn holds every row out once in either part. Rows with labels are dealt class by
class: a class of c rows has between ⌊c/K⌋ and ⌈c/K⌉ of them in each fold.

Reference: Stone, J. Royal Statistical Society B 36, 1974 (cross-validation).
"""

from __future__ import annotations

import numpy as np

from harness.mixtures import split_order
from harness_data.errors import DataError

FEW = 2_000
"""Rows below which each seed has a split of its own, where the user does not say."""

FOLDS = 5
"""Folds where the user does not say: 60 % of the rows to train on and twice 20 % held out, as in one fixed split."""

FEWEST = 3
"""Fewest folds: two are held out."""

Places = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Which rows are in the reference, which in the stand-in for a perfect generator, and which are trained on; int64."""


def fold_count(asked: int | str, rows: int) -> int:
    """Return the number of folds, from what was asked for: a number, or `auto`; 1 is one fixed split."""
    if isinstance(asked, int):
        return asked
    return FOLDS if rows < FEW else 1


def places(source: str, rows: int, labels: np.ndarray | None, folds: int, fold: int) -> Places:
    """Return one split of a data set.

    Arguments:
        source: what the data is called in an error.
        rows: how many points there are.
        labels: of the points, shape (rows,), int64; None where they have none.
        folds: how many; 1 is the fixed split, of which there is one.
        fold: the number of the split, from 0.

    Raises:
        DataError: there are too few rows, or too few of a class, for so many folds; or one split and its number is
            not 0; or a class of which all rows are held out.
    """
    if folds == 1:
        if fold:
            raise DataError(f"{source}: has one split of its {rows} rows, so that there is no fold={fold}; give folds=")
        found = split_order(rows)
        if labels is not None:
            check_training(source, labels[found[2]], int(labels.max()) + 1)
        return found
    _check_folds(source, rows, labels, folds)
    return _cut(rows, labels, folds, fold)


def _cut(rows: int, labels: np.ndarray | None, folds: int, fold: int) -> Places:
    # RandomState's stream is frozen by numpy's policy: a split never changes under a later release.
    order = np.random.RandomState(fold // folds).permutation(rows)
    if labels is not None:
        by_class = order[np.argsort(labels[order], kind="stable")]
        order = by_class[np.argsort(np.arange(rows) % folds, kind="stable")]
    parts = np.array_split(order, folds)
    first, second = fold % folds, (fold + 1) % folds
    return parts[first], parts[second], np.concatenate([p for k, p in enumerate(parts) if k not in (first, second)])


def _check_folds(source: str, rows: int, labels: np.ndarray | None, folds: int) -> None:
    if rows < 2 * folds:
        rule = "each fold needs 2; ask for fewer folds"
        raise DataError(f"{source}: holds {rows} rows for {folds} folds; {rule}")
    counts = np.array([rows]) if labels is None else np.bincount(labels)
    if counts.min() < FEWEST:
        # They lie in folds that follow one another, of which two are held out.
        told = f"class {counts.argmin()} has {'1 row' if counts.min() == 1 else f'{counts.min()} rows'}"
        raise DataError(f"{source}: {told}; folds need {FEWEST} rows of each class, and one fixed split is folds=1")


def check_training(source: str, labels: np.ndarray, classes: int) -> None:
    """Check that each class has a point to train on; labels are those of the training part.

    Raises:
        DataError: one has none.
    """
    counts = np.bincount(labels, minlength=classes)
    if not counts.all():
        raise DataError(f"{source}: class {counts.argmin()} has no row among those to train on; give it more rows")
