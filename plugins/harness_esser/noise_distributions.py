"""Mode sampling, and the shift of a distribution by resolution.

mode    t = 1 − v − s(cos²(πv/2) − 1 + v), v uniform in [0, 1], σ = t/(1 − t)
        −dt/dv = 1 + s − (πs/2) sin πv, so p(σ) = dv/dσ = 1/((1 + σ)² (1 + s − (πs/2) sin πv)), v at t = σ/(1 + σ)
shifted p_α(σ) = p(σ/α)/α: the level is drawn and multiplied by α
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from harness_karras.noise_distributions import LogNormal
from pydantic import Field

from harness.components import Part
from harness.noise_distributions import NoiseDistribution

if TYPE_CHECKING:
    from torch import Tensor

HALVINGS = 60
"""Bisections of [0, 1] that find v: as many as double precision can tell apart."""


class ModeSampling(NoiseDistribution):
    """Times of a straight path with more weight in their middle (s > 0) or at the ends (s < 0)."""

    name: ClassVar[str] = "mode"
    formula: ClassVar[str] = "σ = t/(1 − t), t = 1 − v − s(cos²(πv/2) − 1 + v), v uniform"
    source: ClassVar[str] = "Esser et al., arXiv 2403.03206"

    s: float = Field(1.29, ge=-1, le=2 / (math.pi - 2), description="scale of the mode; t falls with v in this range")

    def density(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Density dv/dσ; shape (K,)."""
        v = self._uniform(sigma / (1 + sigma))
        slope = 1 + self.s - 0.5 * math.pi * self.s * (math.pi * v).sin()
        return 1 / ((1 + sigma) ** 2 * slope.clamp(min=1e-12))

    def _uniform(self, t: Tensor) -> Tensor:
        """Return the v of times in [0, 1], by bisection; of the shape of t."""
        low, high = t * 0, t * 0 + 1
        for _ in range(HALVINGS):
            v = (low + high) / 2
            above = 1 - v - self.s * ((0.5 * math.pi * v).cos() ** 2 - 1 + v) > t
            low, high = v.where(above, low), high.where(above, v)
        return (low + high) / 2


class Shifted(NoiseDistribution):
    """Any noise distribution with its levels multiplied by a factor."""

    name: ClassVar[str] = "shifted"
    formula: ClassVar[str] = "p(σ) = q(σ/α)/α"
    source: ClassVar[str] = "Esser et al., arXiv 2403.03206"

    shift: float = Field(3.0, gt=0, description="factor α on the levels")
    levels: Part[NoiseDistribution] = Field(LogNormal(mean=0.0, std=1.0), description="the distribution q")

    def density(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Density q(σ/α)/α; shape (K,)."""
        return self.levels.density(sigma / self.shift, sigma_data) / self.shift
