"""Losses on what a network predicts, as weights of the noise prediction's.

X = X_0 + σξ and one error in X_0: with D − X_0 = −σ(ε̂ − ξ) the error of the score, (D − X)/σ², is 1/σ times that of the
noise; of v = αξ − σ_vp X_0, √(1 + σ²) times; of the velocity ξ − X_0 of a straight path, 1 + σ times; of the output F
of EDM's preconditioning, √(σ² + s²)/s times, s the data scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from harness_nichol.noise_schedules import CosineSchedule
from harness_song.noise_distributions import LogUniform, UniformTimeLevels
from pydantic import Field

from harness.components import Part
from harness.noise_distributions import NoiseDistribution
from harness.weightings import LossWeighting

if TYPE_CHECKING:
    from torch import Tensor


class PredictionError(LossWeighting):
    """The squared error of one of the predictions of the field, whatever a network predicts."""

    name: ClassVar[str] = "prediction-error"
    formula: ClassVar[str] = (
        "ω = 1 (eps), σ² (x0), 1/σ² (score), 1 + σ² (v), (1 + σ)² (velocity), (σ² + σ_data²)/σ_data² (edm)"
    )
    source: ClassVar[str] = (
        "Salimans, Ho, arXiv 2202.00512, section 4; velocity: Lipman et al., arXiv 2210.02747; edm: arXiv 2206.00364"
    )

    of: Literal["eps", "x0", "score", "v", "velocity", "edm"] = Field("x0", description="whose error counts")
    sigma_data: float | None = Field(None, gt=0, description="assumed data scale, for edm; null: the target's own")
    levels: Part[NoiseDistribution] = Field(LogUniform(), description="how noise levels are drawn")

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Square of the factor from the noise prediction's error; shape (K,)."""
        match self.of:
            case "eps":
                return sigma.new_ones(sigma.shape)
            case "x0":
                return sigma**2
            case "score":
                return sigma**-2
            case "v":
                return 1 + sigma**2
            case "velocity":
                return (1 + sigma) ** 2
        return 1 + (sigma / (self.sigma_data or sigma_data)) ** 2


class MaxSnr(LossWeighting):
    """The error of X_0 by the signal-to-noise ratio, but never below k: clean levels as in the simple loss."""

    name: ClassVar[str] = "max-snr"
    formula: ClassVar[str] = "ω = max(1, k σ²/σ_data²)"
    source: ClassVar[str] = "Salimans, Ho, arXiv 2202.00512, section 4 (truncated SNR, k = 1)"

    k: float = Field(1.0, gt=0, description="least signal-to-noise ratio that X_0's error is weighted with")
    sigma_data: float | None = Field(None, gt=0, description="assumed data scale; null: the target's own")
    levels: Part[NoiseDistribution] = Field(
        UniformTimeLevels(schedule=CosineSchedule()), description="how noise levels are drawn"
    )

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Weight max(1, k/SNR); shape (K,)."""
        return (self.k * (sigma / (self.sigma_data or sigma_data)) ** 2).clamp(min=1)
