"""The payloads of pictures: those of a target, and those of a sampling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True)
class TargetPicturesPayload:
    """A few of a target's own points, which are images.

    Attributes:
        shape: channels, height and width.
        low: the number that byte 0 stands for.
        high: the number that byte 255 stands for.
        classes: the class of each place; empty where points have no labels.
        images: at each place the bytes of an image, channel by channel and row by row, in base 64; None where there is
            none.
    """

    shape: list[int]
    low: float
    high: float
    classes: list[int]
    images: list[str | None]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> Self:
        """Rebuild what `to_json` gave.

        Raises:
            KeyError: a field is missing.
        """
        return cls(*(payload[name] for name in ("shape", "low", "high", "classes", "images")))


@dataclass(frozen=True)
class SamplePicturesPayload:
    """A few samples, at the places of their target's pictures and in their bytes.

    Attributes:
        conditional: whether the network was told the class of each place.
        images: as of `TargetPicturesPayload`.
    """

    conditional: bool
    images: list[str | None]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> Self:
        """Rebuild what `to_json` gave.

        Raises:
            KeyError: a field is missing.
        """
        return cls(payload["conditional"], payload["images"])
