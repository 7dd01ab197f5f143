"""The data spec: what a network is built for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class DataSpec:
    """What of a target a network is built from.

    Attributes:
        shape: of one point: (d,) of a vector, (C, H, W) of an image.
        sigma_data: root mean square deviation of one coordinate from its mean.
        classes: number of classes; labels are the integers 0 … classes − 1. 0: the points have no labels.
    """

    shape: tuple[int, ...]
    sigma_data: float
    classes: int = 0

    @property
    def dim(self) -> int:
        """The dimension d: the product of the shape."""
        return math.prod(self.shape)

    def shaped(self, x: Tensor) -> Tensor:
        """Return flat points (n, d) in their shape, (n, *shape)."""
        return x.reshape(len(x), *self.shape)
