"""Hang et al., "Efficient diffusion training via Min-SNR weighting strategy", ICCV 2023, arXiv 2303.09556.

Its sequel, "Improved noise schedule for diffusion training", arXiv 2407.03297, has the Laplace schedule.

The loss on the denoiser is weighted with min(SNR, γ): on the noise prediction, ω = min(1, γ/SNR). The
signal-to-noise ratio of X_0 + σξ is s²/σ², s the data scale (the paper's data have s = 1), and the cosine
density is stated in σ/s as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from harness import hookimpl
from harness.weightings import Weighting

if TYPE_CHECKING:
    from torch import Tensor

    from harness.noise_schedules import NoiseSchedule


class MinSnr(Weighting):
    """Levels that are easy to denoise (SNR above γ) count less than in the simple loss."""

    name: ClassVar[str] = "min-snr"
    formula: ClassVar[str] = "ω = min(1, γ σ²/σ_data²)"
    source: ClassVar[str] = (
        "Hang et al., arXiv 2303.09556, section 3; cosine density: Nichol, Dhariwal, arXiv 2102.09672"
    )

    gamma: float = Field(5.0, gt=0, description="largest signal-to-noise ratio that counts in full")
    sigma_data: float | None = Field(None, gt=0, description="assumed data scale; null: the target's own")
    levels: Literal["cosine", "log-uniform"] = Field(
        "cosine",
        description="how noise levels are drawn: t uniform in the cosine schedule, or log-uniform in σ",
    )

    def density(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Density of the levels, up to a factor; shape (K,)."""
        if self.levels == "log-uniform":
            return 1 / sigma
        scale = self.sigma_data or sigma_data
        return 1 / (1 + (sigma / scale) ** 2)

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Weight min(1, γ/SNR); shape (K,)."""
        scale = self.sigma_data or sigma_data
        return (self.gamma * (sigma / scale) ** 2).clamp(max=1)


@hookimpl
def harness_weightings() -> list[type[Weighting]]:
    """Offer the Min-SNR weighting."""
    return [MinSnr]


@hookimpl
def harness_noise_schedules() -> list[type[NoiseSchedule]]:
    """Offer the Laplace schedule."""
    from harness_hang.noise_schedules import Laplace

    return [Laplace]
