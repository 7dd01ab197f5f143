"""The sigmoid weighting: w(λ) = sigmoid(b − λ) in the log signal-to-noise ratio λ = ln(s²/σ²), s the data scale.

β = 2w/σ: noisy levels count in full, as for the likelihood, and clean levels ever less. It is monotone, hence an
evidence bound of noised data (Kingma, Gao, arXiv 2303.00848). The source states it for data of scale 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from harness_song.noise_distributions import LogUniform
from pydantic import Field

from harness.components import Part
from harness.noise_distributions import NoiseDistribution
from harness.weightings import TotalWeighting

if TYPE_CHECKING:
    from torch import Tensor


class SigmoidWeighting(TotalWeighting):
    """Counts noisy levels in full and clean levels ever less; how levels are drawn changes the variance alone."""

    name: ClassVar[str] = "sigmoid"
    formula: ClassVar[str] = "β = 2 sigmoid(b − λ)/σ, λ = ln(σ_data²/σ²)"
    source: ClassVar[str] = "Hoogeboom et al., arXiv 2410.19324 (SiD2); β: Kingma, Gao, arXiv 2303.00848"

    bias: float = Field(-1.0, description="log signal-to-noise ratio b that counts half; lower for more resolution")
    sigma_data: float | None = Field(None, gt=0, description="assumed data scale; null: the target's own")
    levels: Part[NoiseDistribution] = Field(LogUniform(), description="how noise levels are drawn")

    def beta(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Total weighting 2σ/(σ² + s²e^(−b)); shape (K,)."""
        scale = self.sigma_data or sigma_data
        return 2 * sigma / (sigma**2 + scale**2 * math.exp(-self.bias))
