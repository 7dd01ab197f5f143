"""Published image sets: images and labels to train on, and those of the test, as their files hold them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness_data.errors import DataError
from harness_data.files import check
from harness_data.folds import check_training
from harness_data.labels import check_labels

Part = tuple[np.ndarray, np.ndarray]
"""Images, shape (n, C, H, W), bytes, and their labels, shape (n,), whole numbers from 0."""

TEST_IMAGES = 4
"""Fewest images of the test: two for each half, since a distance needs two points of each."""

PER_CLASS: dict[str, tuple[int, ...]] = {
    "mnist": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
    "fashion-mnist": (6000,) * 10,
    "cifar-10": (5000,) * 10,
}
"""Images to train on of each class, as published."""


@dataclass(frozen=True, eq=False)
class Published:
    """What the files of a set hold.

    Attributes:
        source: what it is called in an error.
        train: images to train on, with labels of which none is missing from 0 to the largest.
        test: those of the test; their labels are among those of the others.
        digest: SHA-256 of all of both.
        notes: what a reader of results must know, a sentence each.
    """

    source: str
    train: Part
    test: Part
    digest: str
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W) of an image."""
        return self.train[0].shape[1:]

    def chosen(self, count: int | None) -> Part:
        """Return so many images to train on, the first of a fixed random order, with their labels; None: all.

        Raises:
            DataError: there are not so many, or a class is not among them.
        """
        images, labels = self.train
        if count is None:
            return self.train
        if count > len(images):
            raise DataError(
                f"{self.source}: has {len(images):,} images to train on, not count={count:,}; ask for fewer"
            )
        # RandomState's stream is frozen by numpy's policy: the choice never changes under a later release.
        places = np.sort(np.random.RandomState(0).permutation(len(images))[:count])
        check_training(self.source, labels[places].astype(np.int64), int(labels.max()) + 1)
        return images[places], labels[places]

    def held_out(self) -> tuple[Part, Part]:
        """Return the halves of the test images, in a fixed random order, with their labels."""
        images, labels = self.test
        order = np.random.RandomState(0).permutation(len(images))
        first, second = order[: len(order) // 2], order[len(order) // 2 :]
        return (images[first], labels[first]), (images[second], labels[second])


def published(name: str, source: str, train: Part, test: Part) -> Published:
    """Return a set whose parts were read, checked.

    Arguments:
        name: of the set.
        source: what it is called in an error.
        train: images to train on, and labels.
        test: those of the test.

    Raises:
        DataError: labels or images are missing; the two parts are of different shapes; a class is without an image to
            train on; or there are too few images.
    """
    for what, (images, labels) in (("to train on", train), ("of the test", test)):
        if len(images) != len(labels):
            raise DataError(
                f"{source}: has {len(labels):,} labels for {len(images):,} images {what}; one each is needed"
            )
    if train[0].shape[1:] != test[0].shape[1:]:
        shapes = " and ".join(str(images.shape[1:]) for images, _ in (train, test))
        raise DataError(f"{source}: images to train on and of the test have shapes {shapes}; give files of one set")
    check(source, train[0])
    check_labels(source, train[1], len(train[0]), lambda row: f"image {row + 1}")
    if len(test[0]) < TEST_IMAGES:
        raise DataError(f"{source}: has {len(test[0])} images of the test; at least {TEST_IMAGES} are needed")
    if test[1].max() > train[1].max():
        raise DataError(f"{source}: the test has label {test[1].max()}, of which no image is trained on; give one set")
    return Published(source, train, test, _digest([*train, *test]), _notes(name, train[1]))


def state(files: Sequence[Path]) -> tuple[tuple[str, int, int], ...]:
    """Return names, times and sizes of files, by which they are known to be as they were.

    Raises:
        DataError: one cannot be looked at.
    """
    try:
        return tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    except OSError as error:
        raise DataError(
            f"{files[0].parent}: cannot be read ({error.strerror or error}); give a folder that can"
        ) from error


def _digest(arrays: Sequence[np.ndarray]) -> str:
    """SHA-256 of what files hold, so that gzipped and plain ones are the same."""
    total = hashlib.sha256()
    for each in arrays:
        total.update(f"{each.shape}\0".encode())
        total.update(np.ascontiguousarray(each).data)
    return total.hexdigest()


def _notes(name: str, labels: np.ndarray) -> tuple[str, ...]:
    """Return that the files are not those of the set, where the classes do not have as many images as it has."""
    found = tuple(np.bincount(labels).tolist())
    if found == PER_CLASS.get(name, found):
        return ()
    return (
        f"these are not all of {name} as published: classes have {min(found):,} to {max(found):,} images to train on",
    )
