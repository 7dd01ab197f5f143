"""The P2 weighting."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness_song.noise_distributions import UniformTimeLevels
from pydantic import Field

from harness.components import Part
from harness.noise_distributions import NoiseDistribution
from harness.weightings import LossWeighting

if TYPE_CHECKING:
    from torch import Tensor


class P2(LossWeighting):
    """Clean levels count less than in the simple loss, by a power of k plus their signal-to-noise ratio."""

    name: ClassVar[str] = "p2"
    formula: ClassVar[str] = "ω = (k + σ_data²/σ²)^(−γ)"
    source: ClassVar[str] = "Choi et al., arXiv 2204.00227"

    k: float = Field(1.0, gt=0, description="what is added to the signal-to-noise ratio")
    gamma: float = Field(1.0, ge=0, description="power γ; 0 is the simple loss")
    sigma_data: float | None = Field(None, gt=0, description="assumed data scale; null: the target's own")
    levels: Part[NoiseDistribution] = Field(UniformTimeLevels(), description="how noise levels are drawn")

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Weight (k + SNR)^(−γ); shape (K,)."""
        return (self.k + ((self.sigma_data or sigma_data) / sigma) ** 2) ** -self.gamma
