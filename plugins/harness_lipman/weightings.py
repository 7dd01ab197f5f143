"""The flow-matching loss on the velocity ε − x_0.

With x = (x_0 + σε)/(1 + σ), the velocity's error is (1 + σ)(ε̂ − ε): ω = (1 + σ)². For t = σ/(1 + σ) uniform,
p = 1/(1 + σ)² and β = 1; for logit t ~ N(m, s²), logit t = ln σ, so σ is log-normal. As in the paper, data of
scale about 1 are assumed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from harness_karras.noise_distributions import LogNormal
from pydantic import Field

from harness.weightings import Weighting

if TYPE_CHECKING:
    from torch import Tensor


class FlowWeighting(Weighting):
    """‖velocity error‖², t uniform or logit-normal."""

    name: ClassVar[str] = "flow"
    formula: ClassVar[str] = "ω = (1 + σ)²; t = σ/(1 + σ) uniform (β = 1) or logit-normal"
    source: ClassVar[str] = (
        "Lipman et al., arXiv 2210.02747, eq. (23); logit-normal: Esser et al., arXiv 2403.03206, section 3.1"
    )

    levels: Literal["uniform", "logit-normal"] = Field("uniform", description="how t is drawn")
    mean: float = Field(0.0, description="mean of logit t, for logit-normal")
    std: float = Field(1.0, gt=0, description="standard deviation of logit t, for logit-normal")

    def density(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Density of σ = t/(1 − t), up to a factor; shape (K,)."""
        if self.levels == "uniform":
            return (1 + sigma) ** -2
        return LogNormal(mean=self.mean, std=self.std).density(sigma, sigma_data)

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Weight (1 + σ)²; shape (K,)."""
        return (1 + sigma) ** 2
