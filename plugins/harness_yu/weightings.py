"""The debiased weighting."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness_song.noise_distributions import UniformTimeLevels
from pydantic import Field

from harness.components import Part
from harness.noise_distributions import NoiseDistribution
from harness.weightings import LossWeighting

if TYPE_CHECKING:
    from torch import Tensor


class Debiased(LossWeighting):
    """The simple loss divided by the root of the signal-to-noise ratio."""

    name: ClassVar[str] = "debiased"
    formula: ClassVar[str] = "ω = 1/√SNR ∝ σ"
    source: ClassVar[str] = "Yu et al., arXiv 2310.08442"

    levels: Part[NoiseDistribution] = Field(UniformTimeLevels(), description="how noise levels are drawn")

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Weight σ; shape (K,)."""
        return sigma.clone()
