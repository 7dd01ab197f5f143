"""The straight path with its time shifted: t' = αt/(1 + (α − 1)t), which multiplies σ = t/(1 − t) by α."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.noise_schedules import NoiseSchedule

if TYPE_CHECKING:
    from torch import Tensor


class FlowShift(NoiseSchedule):
    """σ(t) = αt/(1 − t), 0 ≤ t < 1; α = √(m/n) takes images of n pixels to ones of m."""

    name: ClassVar[str] = "flow-shift"
    formula: ClassVar[str] = "σ(t) = αt/(1 − t)"
    source: ClassVar[str] = "Esser et al., arXiv 2403.03206"

    shift: float = Field(3.0, gt=0, description="factor α on σ")

    def sigma(self, t: Tensor) -> Tensor:
        """Noise level at time t, elementwise."""
        return self.shift * t / (1 - t)

    def time(self, sigma: Tensor) -> Tensor:
        """Time σ/(α + σ), elementwise."""
        return sigma / (self.shift + sigma)

    def rate(self, t: Tensor) -> Tensor:
        """Derivative α/(1 − t)², elementwise."""
        return self.shift / (1 - t) ** 2
