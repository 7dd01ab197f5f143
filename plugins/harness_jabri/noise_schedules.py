"""Schedules stated as γ(t), the share of signal in the variance of √γ x_0 + √(1 − γ) ξ: σ² = (1 − γ)/γ.

sigmoid         γ = (S(e/τ) − S(x)) / (S(e/τ) − S(a/τ)),   x = (t(e − a) + a)/τ,   S the logistic function
linear-gamma    γ = 1 − t, and x_0 is multiplied by b first, which divides σ by b

As S(x) − S(y) = sinh((x − y)/2)/(2 cosh(x/2) cosh(y/2)), with the length 2h = (e − a)/τ the first is

    σ² = r sinh(ht)/sinh(h(1 − t)),    r = cosh(e/2τ)/cosh(a/2τ)

which has no cancellation. The sources clip γ at 10⁻⁹; the harness stops at its σ_max.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from harness.noise_schedules import NoiseSchedule

if TYPE_CHECKING:
    from torch import Tensor


class SigmoidSchedule(NoiseSchedule):
    """γ falls as a piece of the logistic function; 0 ≤ t < 1."""

    name: ClassVar[str] = "sigmoid"
    formula: ClassVar[str] = "σ² = (1 − γ)/γ, γ = (S(e/τ) − S((t(e − a) + a)/τ))/(S(e/τ) − S(a/τ)), S logistic"
    source: ClassVar[str] = "Jabri et al., arXiv 2212.11972; Chen, arXiv 2301.10972"

    start: float = Field(-3.0, ge=-100, le=100, description="where the piece begins, a")
    end: float = Field(3.0, ge=-100, le=100, description="where it ends, e")
    tau: float = Field(1.0, ge=0.1, le=1000, description="temperature τ")

    @model_validator(mode="after")
    def _increasing(self) -> SigmoidSchedule:
        if not self.end > self.start:
            raise ValueError(f"end={self.end:g} must be above start={self.start:g}")
        return self

    @property
    def _half(self) -> float:
        return (self.end - self.start) / (2 * self.tau)

    @property
    def _ratio(self) -> float:
        """cosh(e/2τ)/cosh(a/2τ), as e^(|y| − |z|) times numbers between 1 and 2, which cannot overflow."""
        y, z = (abs(side) / (2 * self.tau) for side in (self.end, self.start))
        return math.exp(y - z) * (1 + math.exp(-2 * y)) / (1 + math.exp(-2 * z))

    def sigma(self, t: Tensor) -> Tensor:
        """Noise level at time t, elementwise; infinite at t = 1."""
        h = self._half
        grown = (h * (2 * t - 1)).exp() * (2 * h * t).neg().expm1() / (2 * h * (1 - t)).neg().expm1()
        return (self._ratio * grown).sqrt()

    def time(self, sigma: Tensor) -> Tensor:
        """Time of the level σ, elementwise: with q = σ²/r, 2ht = ln((1 + q e^h)/(1 + q e^(−h)))."""
        h = self._half
        q = sigma**2 / self._ratio
        # Divided by e^h above and below: h may be large.
        grown = q * -math.expm1(-2 * h) / (math.exp(-h) + q * math.exp(-2 * h))
        return grown.log1p() / (2 * h)

    def rate(self, t: Tensor) -> Tensor:
        """Derivative (h/2)(coth(ht) + coth(h(1 − t))) σ, elementwise."""
        h = self._half
        return 0.5 * h * (1 / (h * t).tanh() + 1 / (h * (1 - t)).tanh()) * self.sigma(t)


class LinearGamma(NoiseSchedule):
    """γ falls linearly, and the input is scaled; 0 ≤ t < 1."""

    name: ClassVar[str] = "linear-gamma"
    formula: ClassVar[str] = "σ(t) = √(t/(1 − t))/b"
    source: ClassVar[str] = "Chen, arXiv 2301.10972"

    scale: float = Field(1.0, gt=0, description="factor b on the input; below 1 there is more noise at each time")

    def sigma(self, t: Tensor) -> Tensor:
        """Noise level at time t, elementwise; infinite at t = 1."""
        return (t / (1 - t)).sqrt() / self.scale

    def time(self, sigma: Tensor) -> Tensor:
        """Time of the level σ, elementwise."""
        u = (self.scale * sigma) ** 2
        return u / (1 + u)

    def rate(self, t: Tensor) -> Tensor:
        """Derivative σ/(2t(1 − t)), elementwise."""
        return self.sigma(t) / (2 * t * (1 - t))
