"""The declarations of the data targets, and the two built from what scikit-learn ships."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, field_validator

from harness.data_units import DataUnits
from harness.mixtures import EmpiricalDistribution
from harness.targets import Distribution, Target
from harness_data.standardization import Standardize

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from harness_data.files import Content
    from harness_data.folds import Places

TORCH = frozenset({"uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"})
"""Types of numbers that torch has, too."""

STRIP = 64
"""Width in pixels of the strips that a photograph is cut into; a patch lies within one strip."""

PATTERN = (0, 1, 0, 0, 2)
"""Use of successive strips: 0 to train on, 1 and 2 held out."""


class Digits(Target):
    """Handwritten digits, images of 1×8×8 pixels in ten classes: 1,079 to train on, 359 and 359 held out."""

    name: ClassVar[str] = "digits"
    formula: ClassVar[str] = "1/n Σ_i δ(x_i), x_i ∈ [−1, 1]^64"
    source: ClassVar[str] = "Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, 1998, by scikit-learn"

    def distribution(self) -> Distribution:
        """Load the digits."""
        return _digits()


class Patches(Target):
    """Square grey patches of two photographs; training and held-out parts come from disjoint strips."""

    name: ClassVar[str] = "patches"
    formula: ClassVar[str] = "1/n Σ_i δ(x_i), x_i ∈ [−1, 1]^(size²)"
    source: ClassVar[str] = "sample photographs of scikit-learn, Pedregosa et al., JMLR 12, 2011"

    size: int = Field(4, ge=1, le=32, description="side of a patch in pixels; the dimension is its square")
    count: int = Field(
        4000, ge=10, le=50_000, description="number of patches: 60 % to train on, 20 % and 20 % held out"
    )

    def distribution(self) -> Distribution:
        """Cut the patches."""
        return _patches(self.size, self.count)


class File(Target):
    """A user's own points: rows of numbers, or images, in a file or a folder."""

    name: ClassVar[str] = "file"
    formula: ClassVar[str] = "1/n Σ_i δ(x_i), x_i the rows of the array"
    source: ClassVar[str] = "the user's; exact denoiser of finite data: Karras et al., arXiv 2206.00364, appendix B.3"

    path: str = Field(
        description="an .npy, .npz, .csv or .parquet file, or a folder of images: 60 % of the rows to train on, the "
        "rest held out"
    )
    folds: Literal["auto"] | int = Field(
        "auto",
        description="3 or more: each seed has a split of its own, a fold of the rows to compare with, another for a "
        "perfect generator, the rest to train on; 1: one fixed split; auto: 5 below 2,000 rows, else 1",
    )
    fold: int | None = Field(
        None,
        ge=0,
        le=1_000_000,
        description="the number of a split, the same for every seed; none: that of the seed, where there are folds",
    )
    standardize: Standardize = Field(
        "scale",
        description="shift by the training part's mean and divide by its one deviation (scale), by that of each column "
        "(columns), or make columns uncorrelated (whiten); none: σ is in units of the file",
    )
    array: str = Field("", description="which array of an .npz archive that holds several")
    labels: str = Field(
        "",
        description="the array of an .npz archive, or the column of a table, with the class of each point, from 0; "
        "folders: classes are the folders that images lie in",
    )

    @field_validator("standardize", mode="before")
    @classmethod
    def _as_a_word(cls, value: Any) -> Any:
        """Yes and no are what they were before there was a choice."""
        return {True: "scale", False: "none", "true": "scale", "false": "none"}.get(value, value)

    @field_validator("folds", mode="before")
    @classmethod
    def _enough_folds(cls, value: Any) -> Any:
        """Two folds are held out, and one more is needed to train on."""
        number = int(value) if isinstance(value, str) and value.isdecimal() else value
        whole = isinstance(number, int) and not isinstance(number, bool)
        if number != "auto" and not (whole and (number == 1 or 3 <= number <= 1_000)):
            raise ValueError("should be auto, 1 for one fixed split, or a number of folds from 3 to 1000")
        return number

    @field_validator("path")
    @classmethod
    def _no_empty_path(cls, path: str) -> str:
        """Nothing would be the folder of the suite file."""
        if not path:
            raise ValueError("is empty; it should name a file, or a folder of images")
        return path

    @classmethod
    def example(cls, folder: Path) -> Self:
        """Return one of 60 points in the plane, of three classes, that it writes into the folder."""
        import numpy as np

        classes = np.arange(60) % 3
        points = np.random.RandomState(0).standard_normal((60, 2)) + 2 * np.eye(3, 2)[classes]
        np.savez(folder / "points.npz", points=points, classes=classes)
        return cls(path=str(folder / "points.npz"), array="points", labels="classes")

    def located(self, folder: Path) -> Self:
        """Return it with a relative path taken from a folder."""
        path = str(folder / self.path)
        return self if path == self.path else self.model_copy(update={"path": path})

    def distribution(self) -> Distribution:
        """Read the file, and split it: where each seed has a split of its own, by the first.

        Raises:
            DataError: the file cannot be used; one line says why.
        """
        return self._read().law

    def data_units(self) -> DataUnits:
        """Return how its points, which may be standardized, relate to those of the file; raises as `distribution`."""
        return self._read().units

    def _read(self) -> _Read:
        content = self._content()
        source = self.path, self.array, self.labels
        return _file(*source, content.digest, self.standardize, self._folds(content), self.fold or 0)

    def content_digest(self) -> str:
        """SHA-256 of all bytes that are read, checked to be usable data."""
        content = self._content()
        self._places(content)
        return content.digest

    def for_seed(self, seed: int) -> File:
        """Return the target with the split of a seed, whose number is the seed, where there are folds."""
        folds = self._folds(self._content())
        return self if folds == 1 or self.fold is not None else self.model_copy(update={"folds": folds, "fold": seed})

    def held_out_rows(self, part: int = 0) -> frozenset[int]:
        """Return the rows of a held-out part, counted from 0."""
        return frozenset(self._places(self._content())[part].tolist())

    def _content(self) -> Content:
        from harness_data.files import read

        return read(self.path, self.array, self.labels)

    def _folds(self, content: Content) -> int:
        from harness_data.folds import fold_count

        return fold_count(self.folds, len(content.points))

    def _places(self, content: Content) -> Places:
        from harness_data.folds import places

        return places(self.path, len(content.points), content.labels, self._folds(content), self.fold or 0)


@lru_cache(maxsize=1)
def _digits() -> EmpiricalDistribution:
    import torch
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels, labels = torch.from_numpy(digits.data.astype("float64")), torch.from_numpy(digits.target)
    law = EmpiricalDistribution.split(pixels / 8 - 1, "target digits", labels=labels)
    law.shape = (1, 8, 8)
    return _noted(law)


@lru_cache(maxsize=4)
def _patches(size: int, count: int) -> EmpiricalDistribution:
    import numpy as np
    from sklearn.datasets import load_sample_images

    grey = [image.astype(np.float64).mean(2) / 127.5 - 1 for image in load_sample_images().images]
    held_out = round(0.2 * count)
    counts = (count - 2 * held_out, held_out, held_out)
    train, first, second = (_cut(grey, size, n, part) for part, n in enumerate(counts))
    law = EmpiricalDistribution(train, (first, second), "target patches")
    law.shape = (1, size, size)
    return _noted(law)


def _noted(law: EmpiricalDistribution) -> EmpiricalDistribution:
    from harness_data.notes import notes

    law.notes = tuple(notes(law.train.numpy(), law.train, law.parts))
    return law


def _cut(photographs: list[np.ndarray], size: int, count: int, part: int) -> Tensor:
    """Draw patches of one part without repetition, by a fixed seed; shape (count, size²)."""
    import numpy as np
    import torch

    windows = []
    for photograph in photographs:
        strips = [photograph[:, x : x + STRIP] for x in range(0, photograph.shape[1] - STRIP + 1, STRIP)]
        chosen = [strip for i, strip in enumerate(strips) if PATTERN[i % len(PATTERN)] == part]
        windows += [np.lib.stride_tricks.sliding_window_view(strip, (size, size)) for strip in chosen]
    ends = np.cumsum([w.shape[0] * w.shape[1] for w in windows])
    places = np.random.RandomState(part).choice(ends[-1], count, replace=False)
    owner = np.searchsorted(ends, places, side="right")
    patches = np.empty((count, size * size))
    for k, window in enumerate(windows):
        mine = owner == k
        rows, columns = np.divmod(places[mine] - (ends[k] - window.shape[0] * window.shape[1]), window.shape[1])
        patches[mine] = window[rows, columns].reshape(-1, size * size)
    return torch.from_numpy(patches)


class _Read(NamedTuple):
    """What is made of a file."""

    law: EmpiricalDistribution
    units: DataUnits


@lru_cache(maxsize=4)
def _file(path: str, array: str, labels: str, digest: str, standardize: Standardize, folds: int, fold: int) -> _Read:
    import numpy as np
    import torch

    from harness_data.files import read
    from harness_data.folds import places
    from harness_data.notes import notes
    from harness_data.standardization import standardization

    content = read(path, array, labels)
    points = content.points
    # In the file's own type: of 60,000 images of bytes, that is an eighth.
    native = np.array(points, dtype=points.dtype.newbyteorder("="))
    known = native if native.dtype.name in TORCH else native.astype(np.float64)
    own = None if content.labels is None else torch.from_numpy(content.labels)
    split = places(path, len(known), content.labels, folds, fold)
    law = EmpiricalDistribution.split(torch.from_numpy(known), f"file {path}", own, split)
    change = standardization(law.train, standardize, path)
    said = notes(points, law.train, law.parts, change, choice=True, place=content.place, columns=content.columns)
    if change is not None:
        law = law.mapped(change.apply)
    law.notes, law.stream = tuple(said), fold
    if change is None or change.matrix is None:
        law.shape = content.shape
    if change is None:
        return _Read(law, DataUnits(content.shape, columns=content.columns))
    scale = 1 / float(change.scale[0]) if change.uniform else None
    return _Read(law, DataUnits(content.shape, scale, content.columns, change.undo))
