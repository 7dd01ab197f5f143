"""The cosine schedule.

    ᾱ(t) = cos²θ / cos²θ_0,  θ = (π/2)(t + s)/(1 + s),  θ_0 = θ(0)
    σ² = 1/ᾱ − 1 = sin(θ − θ_0) sin(θ + θ_0) / cos²θ

The product form has no cancellation at small t. σ → ∞ as t → 1; the paper clips β there, the harness
stops at its σ_max. Without offset (s = 0), σ = tan(πt/2).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.noise_schedules import NoiseSchedule

if TYPE_CHECKING:
    from torch import Tensor


class CosineSchedule(NoiseSchedule):
    """The cosine schedule with its offset, 0 ≤ t < 1."""

    name: ClassVar[str] = "cosine"
    formula: ClassVar[str] = "σ(t) = √(cos²θ(0)/cos²θ(t) − 1), θ(t) = (π/2)(t + s)/(1 + s)"
    source: ClassVar[str] = "Nichol, Dhariwal, arXiv 2102.09672, eq. (17)"

    s: float = Field(0.008, ge=0, description="offset; 0 gives σ = tan(πt/2)")

    @property
    def _speed(self) -> float:
        """Angle per unit time, dθ/dt."""
        return 0.5 * math.pi / (1 + self.s)

    def _angles(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return cos θ and √(sin(θ − θ_0) sin(θ + θ_0)) = σ cos θ."""
        turned = self._speed * t
        cosine = (self._speed * (1 - t)).sin()
        return cosine, (turned.sin() * (turned + 2 * self._speed * self.s).sin()).sqrt()

    def sigma(self, t: Tensor) -> Tensor:
        """Noise level at time t, elementwise; infinite at t = 1."""
        cosine, scaled = self._angles(t)
        return scaled / cosine

    def time(self, sigma: Tensor) -> Tensor:
        """Time of the level σ, elementwise: tan²θ = (σ² + sin²θ_0)/cos²θ_0, then the tangent of θ − θ_0."""
        start = self._speed * self.s
        sine, cosine = math.sin(start), math.cos(start)
        raised = (sigma**2 + sine**2).sqrt()
        turned = (cosine * sigma**2).atan2((raised + sine) * (cosine**2 + raised * sine))
        return turned / self._speed

    def rate(self, t: Tensor) -> Tensor:
        """Derivative cos²θ_0 tan θ θ′/(σ cos²θ), elementwise; infinite at t = 0 if s > 0 (σ ~ √t)."""
        start = self._speed * self.s
        cosine, scaled = self._angles(t)
        sine = (self._speed * t + start).sin()
        return self._speed * math.cos(start) ** 2 * sine / (scaled * cosine**2)
