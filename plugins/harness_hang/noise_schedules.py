"""The Laplace schedule: the log signal-to-noise ratio λ at a uniform time has a Laplace law.

λ(t) = μ − b sgn(½ − t) ln(1 − 2|t − ½|),  σ = e^(−λ/2):  σ e^(μ/2) is (2t)^(b/2) up to t = ½, then (2 − 2t)^(−b/2).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.noise_schedules import NoiseSchedule

if TYPE_CHECKING:
    from torch import Tensor


class Laplace(NoiseSchedule):
    """Most of the time is spent near one signal-to-noise ratio; 0 < t < 1."""

    name: ClassVar[str] = "laplace"
    formula: ClassVar[str] = "σ(t) = e^(−λ/2), λ = μ − b sgn(½ − t) ln(1 − 2|t − ½|)"
    source: ClassVar[str] = "Hang, Gu, Geng, Guo, arXiv 2407.03297"

    mu: float = Field(0.0, description="log signal-to-noise ratio μ at t = ½")
    b: float = Field(0.5, gt=0, description="scale of the law of λ")

    def sigma(self, t: Tensor) -> Tensor:
        """Noise level at time t, elementwise."""
        low, high = (2 * t) ** (self.b / 2), (2 * (1 - t)) ** (-self.b / 2)
        return math.exp(-self.mu / 2) * low.where(t <= 0.5, high)

    def time(self, sigma: Tensor) -> Tensor:
        """Time of the level σ, elementwise."""
        ratio = sigma * math.exp(self.mu / 2)
        low, high = 0.5 * ratio ** (2 / self.b), 1 - 0.5 * ratio ** (-2 / self.b)
        return low.where(ratio <= 1, high)

    def rate(self, t: Tensor) -> Tensor:
        """Derivative bσ/(2 min(t, 1 − t)), elementwise."""
        return 0.5 * self.b * self.sigma(t) / t.where(t <= 0.5, 1 - t)
