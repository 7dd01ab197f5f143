"""The two schedules of the score-SDE paper, both as the noise level σ(t) of X_0 + σξ.

ve-geometric   σ = σ_min (σ_max/σ_min)^t
vp-linear      σ² = exp(β_d t²/2 + β_min t) − 1     (noise over signal of the variance-preserving process)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from harness.noise_schedules import NoiseSchedule

if TYPE_CHECKING:
    from torch import Tensor


class VeGeometric(NoiseSchedule):
    """σ grows by the same factor in equal times; 0 ≤ t ≤ 1 covers [sigma_min, sigma_max]."""

    name: ClassVar[str] = "ve-geometric"
    formula: ClassVar[str] = "σ(t) = σ_min (σ_max/σ_min)^t"
    source: ClassVar[str] = "Song et al., arXiv 2011.13456, appendix C"

    sigma_min: float = Field(0.01, gt=0, description="noise level at t = 0")
    sigma_max: float = Field(50.0, gt=0, description="noise level at t = 1")

    @model_validator(mode="after")
    def _increasing(self) -> VeGeometric:
        if not self.sigma_max > self.sigma_min:
            raise ValueError(f"sigma_max={self.sigma_max:g} must be above sigma_min={self.sigma_min:g}")
        return self

    @property
    def _log_ratio(self) -> float:
        return math.log(self.sigma_max / self.sigma_min)

    def sigma(self, t: Tensor) -> Tensor:
        """Noise level at time t, elementwise."""
        return self.sigma_min * (self._log_ratio * t).exp()

    def time(self, sigma: Tensor) -> Tensor:
        """Time of the level σ, elementwise; negative below sigma_min."""
        return (sigma / self.sigma_min).log() / self._log_ratio

    def rate(self, t: Tensor) -> Tensor:
        """Derivative σ ln(σ_max/σ_min), elementwise."""
        return self._log_ratio * self.sigma(t)


class VpLinear(NoiseSchedule):
    """The variance-preserving process with β(t) = β_min + β_d t, as σ of the rescaled state x √(1 + σ²)."""

    name: ClassVar[str] = "vp-linear"
    formula: ClassVar[str] = "σ(t) = √(exp(β_d t²/2 + β_min t) − 1)"
    source: ClassVar[str] = "Song et al., arXiv 2011.13456, appendix C; in σ: Karras et al., arXiv 2206.00364, Table 1"

    beta_min: float = Field(0.1, gt=0, description="β at t = 0")
    beta_d: float = Field(19.9, ge=0, description="increase of β from t = 0 to t = 1")

    def sigma(self, t: Tensor) -> Tensor:
        """Noise level at time t, elementwise."""
        return (t * (0.5 * self.beta_d * t + self.beta_min)).expm1().sqrt()

    def time(self, sigma: Tensor) -> Tensor:
        """Time of the level σ, elementwise."""
        grown = (sigma**2).log1p()
        # The root of β_d t²/2 + β_min t = grown in the form without cancellation.
        return 2 * grown / ((self.beta_min**2 + 2 * self.beta_d * grown).sqrt() + self.beta_min)

    def rate(self, t: Tensor) -> Tensor:
        """Derivative (β_min + β_d t)(1 + σ²)/(2σ), elementwise."""
        sigma = self.sigma(t)
        return 0.5 * (self.beta_min + self.beta_d * t) * (sigma + 1 / sigma)
