"""The cosine schedule shifted by resolution.

Averaging blocks of pixels takes noise away: an image of side r with noise σ is, at side r_0, one with noise σ r_0/r. So
that all resolutions see the same noise at side r_0, the cosine schedule σ = tan(πt/2) is multiplied by r/r_0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.noise_schedules import NoiseSchedule

if TYPE_CHECKING:
    from torch import Tensor


class CosineShift(NoiseSchedule):
    """The cosine schedule for images of one resolution, by that of another; 0 ≤ t < 1."""

    name: ClassVar[str] = "cosine-shift"
    formula: ClassVar[str] = "σ(t) = (r/r_0) tan(πt/2)"
    source: ClassVar[str] = "Hoogeboom et al., arXiv 2301.11093"

    resolution: float = Field(256, gt=0, description="side r of the images, in pixels")
    reference: float = Field(64, gt=0, description="side r_0 for which the cosine schedule is right")

    @property
    def _factor(self) -> float:
        return self.resolution / self.reference

    def sigma(self, t: Tensor) -> Tensor:
        """Noise level at time t, elementwise; sin over a sine of the rest, which loses no digits at t near 1."""
        return self._factor * (0.5 * math.pi * t).sin() / (0.5 * math.pi * (1 - t)).sin()

    def time(self, sigma: Tensor) -> Tensor:
        """Time of the level σ, elementwise."""
        return (2 / math.pi) * (sigma / self._factor).atan()

    def rate(self, t: Tensor) -> Tensor:
        """Derivative (r/r_0)(π/2)/cos²(πt/2), elementwise."""
        return self._factor * 0.5 * math.pi / (0.5 * math.pi * (1 - t)).sin() ** 2
