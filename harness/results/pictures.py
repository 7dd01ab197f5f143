"""Pictures: a few images of a target, and of the samples of its best rows, as they stand in a leaderboard."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Annotated, Self

from pydantic import Field, model_validator

from harness.results.document import Count, Part, Position

Bytes = Annotated[str, Field(min_length=1)]
"""An image in base 64: a byte for each number, channel by channel and row by row."""


class TargetPictures(Part):
    """A few of a target's own points, which are images.

    Attributes:
        shape: channels (1, or 3 for red, green and blue), height and width.
        low: the number that byte 0 stands for.
        high: the number that byte 255 stands for.
        classes: the class of each place; empty where points have no labels.
        images: one at each place; null where there is none.
    """

    shape: Annotated[list[Position], Field(min_length=3, max_length=3)]
    low: float
    high: float
    classes: list[Count]
    images: Annotated[list[Bytes | None], Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.shape[0] not in (1, 3):
            raise ValueError(f"{self.shape[0]} channels; an image has 1 or 3")
        if self.low > self.high:
            raise ValueError(f"low {self.low:g} is above high {self.high:g}")
        if self.classes and len(self.classes) != len(self.images):
            raise ValueError(f"{len(self.classes)} classes for {len(self.images)} places")
        self.check(self.images)
        return self

    def check(self, images: list[str | None]) -> None:
        """Refuse images, of the target or of samples, that do not stand at its places in its shape.

        Raises:
            ValueError: what is wrong with them.
        """
        if len(images) != len(self.images):
            raise ValueError(f"{len(images)} pictures for {len(self.images)} places")
        size = math.prod(self.shape)
        for place, image in enumerate(images):
            if image is not None and (found := len(decoded(image))) != size:
                raise ValueError(f"picture {place} has {found} bytes, not the {size} of its shape")


class SamplePictures(Part):
    """A few samples of one seed, at the places of their target's pictures and in their bytes.

    Attributes:
        conditional: whether the network was told the class of each place.
        images: as of `TargetPictures`.
    """

    conditional: bool
    images: Annotated[list[Bytes | None], Field(min_length=1)]


def decoded(image: str) -> bytes:
    """Return the bytes of an image.

    Raises:
        ValueError: it is not in base 64.
    """
    try:
        return base64.b64decode(image, validate=True)
    except binascii.Error as error:
        raise ValueError("a picture is not in base 64") from error
