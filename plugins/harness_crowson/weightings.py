"""The soft Min-SNR weighting.

The loss on the denoiser is weighted with λ = 1/(σ² + s²), s the data scale, which is SNR where that is small and 1/s²
where it is large, SNR = 1/σ². On the noise prediction, ω = λσ². In EDM's raw output F the loss is that of F times
(σs)²/(σ² + s²)², as the authors' code has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness_nichol.noise_schedules import CosineSchedule
from harness_song.noise_distributions import UniformTimeLevels
from pydantic import Field

from harness.components import Part
from harness.noise_distributions import NoiseDistribution
from harness.weightings import LossWeighting

if TYPE_CHECKING:
    from torch import Tensor


class SoftMinSnr(LossWeighting):
    """Min-SNR without a corner: on the denoiser's error, γ·SNR/(SNR + γ) with γ = 1/σ_data²."""

    name: ClassVar[str] = "soft-min-snr"
    formula: ClassVar[str] = "ω = σ²/(σ² + σ_data²)"
    source: ClassVar[str] = "Crowson et al., arXiv 2401.11605"

    sigma_data: float | None = Field(None, gt=0, description="assumed data scale; null: the target's own")
    levels: Part[NoiseDistribution] = Field(
        UniformTimeLevels(schedule=CosineSchedule()), description="how noise levels are drawn"
    )

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Weight σ²/(σ² + s²); shape (K,)."""
        return 1 / (1 + ((self.sigma_data or sigma_data) / sigma) ** 2)
