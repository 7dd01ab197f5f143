"""The weighting of EDM: ln σ ~ N(P_mean, P_std²), and the weight that suits its preconditioning.

In the loss on the denoiser, λ = (σ² + σ_data²)/(σ σ_data)²; on the noise prediction, ω = λσ² = (σ² +
σ_data²)/σ_data².
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.weightings import Weighting

if TYPE_CHECKING:
    from torch import Tensor


class EdmWeighting(Weighting):
    """Log-normal noise levels, with λ = 1/c_out² of the EDM preconditioning."""

    name: ClassVar[str] = "edm"
    formula: ClassVar[str] = "p = N(ln σ; P_mean, P_std²)/σ, ω = (σ² + σ_data²)/σ_data²"
    source: ClassVar[str] = "Karras et al., arXiv 2206.00364, Table 1 and section 5"

    p_mean: float = Field(-1.2, description="mean of ln σ")
    p_std: float = Field(1.2, gt=0, description="standard deviation of ln σ")
    sigma_data: float | None = Field(None, gt=0, description="assumed data scale; null: the target's own")

    def density(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Log-normal density, up to a factor; shape (K,)."""
        return (-0.5 * ((sigma.log() - self.p_mean) / self.p_std) ** 2).exp() / sigma

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Weight (σ² + σ_data²)/σ_data²; shape (K,)."""
        scale = self.sigma_data or sigma_data
        return 1 + (sigma / scale) ** 2
