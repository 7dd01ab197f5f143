"""Image sets that the field knows, as targets: MNIST, Fashion-MNIST, CIFAR-10, from the files they are published in.

Their own split keeps the parts apart: the training files are trained on, and of the test files one half is the
reference that samples are compared with, the other stands for a perfect generator. No file is fetched.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

from pydantic import Field, field_validator

from harness.data_units import DataUnits
from harness.targets import Distribution, Target
from harness_data.standardization import Standardize

if TYPE_CHECKING:
    import numpy as np

    from harness.mixtures import EmpiricalDistribution
    from harness_data.published import Published

EXAMPLE_IMAGES = (30, 20)
"""Images to train on, and of the test files, of an example."""


class ImageSet(Target):
    """Images with classes, from the files of a folder; a subclass says which files, and reads them."""

    formula: ClassVar[str] = "1/n Σ_i δ(x_i), x_i the training images"

    path: str = Field(description="the folder with its files, gzipped or plain")
    count: int | None = Field(
        None, ge=10, description="images to train on, the first of a fixed random order; none: all; held-out ones stay"
    )
    standardize: Standardize = Field(
        "scale",
        description="shift by the training images' mean and divide by their one deviation (scale), by that of each "
        "value (columns), or make values uncorrelated (whiten); none: from 0 to 255",
    )

    @field_validator("path")
    @classmethod
    def _no_empty_path(cls, path: str) -> str:
        """Nothing would be the folder of the suite file."""
        if not path:
            raise ValueError("is empty; it should name a folder")
        return path

    @abstractmethod
    def read(self) -> Published:
        """Return what its files hold; those that have not changed are read once.

        Raises:
            DataError: they cannot be used; one line says why.
        """

    @classmethod
    def example(cls, folder: Path) -> Self:
        """Return one of a few images of noise, each class of another mean, whose files it writes into the folder."""
        import numpy as np

        noise = np.random.RandomState(0)
        for part, count in zip(("train", "test"), EXAMPLE_IMAGES, strict=True):
            labels = (np.arange(count) % 10).astype(np.uint8)
            pixels = noise.randint(0, 100, (count, *cls.example_shape())) + 15 * labels[:, None, None, None]
            cls.write_part(folder, part, pixels.astype(np.uint8), labels)
        return cls(path=str(folder))

    @classmethod
    @abstractmethod
    def example_shape(cls) -> tuple[int, int, int]:
        """Return (C, H, W) of the images of an example."""

    @classmethod
    @abstractmethod
    def write_part(cls, folder: Path, part: str, pixels: np.ndarray, labels: np.ndarray) -> None:
        """Write a part into a folder, in the format that it is read in: pixels (n, C, H, W) and labels (n,), bytes."""

    def located(self, folder: Path) -> Self:
        """Return it with a relative path taken from a folder."""
        path = str(folder / self.path)
        return self if path == self.path else self.model_copy(update={"path": path})

    def distribution(self) -> Distribution:
        """Read the files; raises as `read`, or DataError where the images to train on lack a class."""
        return self._made().law

    def data_units(self) -> DataUnits:
        """Return how its points, which are standardized, relate to pixels from 0 to 255; raises as `distribution`."""
        return self._made().units

    def content_digest(self) -> str:
        """SHA-256 of all images and labels, checked to be usable."""
        published = self.read()
        published.chosen(self.count)
        return published.digest

    def _made(self) -> _Made:
        published = self.read()
        return _made(type(self), self.path, published.digest, self.count, self.standardize)


class _IdxSet(ImageSet):
    """A set in four IDX files."""

    how_to_get: ClassVar[str]

    def read(self) -> Published:
        """Return what the four files hold."""
        from harness_data.idx import read_idx_set

        return read_idx_set(self.name, self.path, self.how_to_get)

    @classmethod
    def example_shape(cls) -> tuple[int, int, int]:
        """Return (1, 8, 8): small ones."""
        return 1, 8, 8

    @classmethod
    def write_part(cls, folder: Path, part: str, pixels: np.ndarray, labels: np.ndarray) -> None:
        """Write the IDX files of images and of labels."""
        from harness_data.idx import write_idx_part

        write_idx_part(folder, part, pixels[:, 0], labels)


class Mnist(_IdxSet):
    """Handwritten digits, grey images of 1×28×28 in ten classes: 60,000 to train on, twice 5,000 held out."""

    name: ClassVar[str] = "mnist"
    source: ClassVar[str] = "LeCun, Cortes, Burges, The MNIST database of handwritten digits, 1998"
    how_to_get: ClassVar[str] = "give path=, a folder with its four IDX files, as train-images-idx3-ubyte.gz"


class FashionMnist(_IdxSet):
    """Pieces of clothing, grey images of 1×28×28 in ten classes: 60,000 to train on, twice 5,000 held out."""

    name: ClassVar[str] = "fashion-mnist"
    source: ClassVar[str] = "Xiao, Rasul, Vollgraf, Fashion-MNIST, arXiv 1708.07747"
    how_to_get: ClassVar[str] = (
        "apt install dataset-fashion-mnist (Debian), or give path=, a folder with the four IDX files of "
        "github.com/zalandoresearch/fashion-mnist"
    )

    path: str = Field(
        "/usr/share/datasets/fashion-mnist",
        description="the folder with its four files, gzipped or plain; where Debian's dataset-fashion-mnist puts them",
    )


class Cifar10(ImageSet):
    """Photographs of things and animals, 3×32×32 in ten classes: 50,000 to train on, twice 5,000 held out."""

    name: ClassVar[str] = "cifar-10"
    source: ClassVar[str] = "Krizhevsky, Learning multiple layers of features from tiny images, 2009"

    def read(self) -> Published:
        """Return what the six batches hold."""
        from harness_data.cifar import read_cifar_set

        return read_cifar_set(self.name, self.path)

    @classmethod
    def example_shape(cls) -> tuple[int, int, int]:
        """Return (3, 32, 32): the format knows no others."""
        return 3, 32, 32

    @classmethod
    def write_part(cls, folder: Path, part: str, pixels: np.ndarray, labels: np.ndarray) -> None:
        """Write the five batches to train on, or the one of the test."""
        from harness_data.cifar import write_cifar_part

        write_cifar_part(folder, part, pixels, labels)


class _Made(NamedTuple):
    """What is made of an image set."""

    law: EmpiricalDistribution
    units: DataUnits


@lru_cache(maxsize=2)
def _made(kind: type[ImageSet], path: str, digest: str, count: int | None, standardize: Standardize) -> _Made:
    import numpy as np
    import torch

    from harness.mixtures import EmpiricalDistribution
    from harness_data.notes import notes
    from harness_data.standardization import standardization

    published = kind(path=path).read()
    train, (first, second) = published.chosen(count), published.held_out()

    def points(part: tuple[np.ndarray, np.ndarray]) -> torch.Tensor:
        return torch.from_numpy(part[0].reshape(len(part[0]), -1).astype(np.float64))

    known, parts = points(train), (points(first), points(second))
    change = standardization(known, standardize, f"{kind.name} {path}")
    said = (*published.notes, *notes(train[0].reshape(len(known), -1), known, parts, change, choice=True))
    if change is not None:
        known, parts = change.apply(known), (change.apply(parts[0]), change.apply(parts[1]))
    labels = [torch.from_numpy(own.astype(np.int64)) for _, own in (train, first, second)]
    law = EmpiricalDistribution(known, parts, f"{kind.name} {path}", labels[0], (labels[1], labels[2]))
    law.notes = said
    if change is None or change.matrix is None:
        law.shape = published.shape
    if change is None:
        return _Made(law, DataUnits(published.shape))
    scale = 1 / float(change.scale[0]) if change.uniform else None
    return _Made(law, DataUnits(published.shape, scale, undo=change.undo))
