"""The log-normal noise distribution; in the time t = σ/(1 + σ) of a straight path it is the logit-normal."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.noise_distributions import NoiseDistribution

if TYPE_CHECKING:
    from torch import Tensor


class LogNormal(NoiseDistribution):
    """ln σ ~ N(mean, std²)."""

    name: ClassVar[str] = "log-normal"
    formula: ClassVar[str] = "p = N(ln σ; P_mean, P_std²)/σ"
    source: ClassVar[str] = (
        "Karras et al., arXiv 2206.00364, Table 1; logit-normal: Esser et al., arXiv 2403.03206, section 3.1"
    )

    mean: float = Field(-1.2, description="mean of ln σ")
    std: float = Field(1.2, gt=0, description="standard deviation of ln σ")

    def density(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Log-normal density, up to a factor; shape (K,)."""
        return (-0.5 * ((sigma.log() - self.mean) / self.std) ** 2).exp() / sigma
