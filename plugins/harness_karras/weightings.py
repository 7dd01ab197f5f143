"""The weighting of EDM: ln σ ~ N(P_mean, P_std²), and the weight that suits its preconditioning; and that of EDM2.

In the loss on the denoiser, λ = (σ² + σ_data²)/(σ σ_data)²; on the noise prediction, ω = λσ² = (σ² +
σ_data²)/σ_data².

EDM2 adds a function u of the level, learned beside the network: the loss of a sample is λ/e^u ‖D − X_0‖²/d + u at its
level. It is least for e^u = λ E‖D − X_0‖²/d, where the expected loss of every level is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.weight_learners import WeightLearner, WeightRequest
from harness.weightings import LearnedWeighting, Weighting
from harness_karras.noise_distributions import LogNormal

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
        return LogNormal(mean=self.p_mean, std=self.p_std).density(sigma, sigma_data)

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Weight (σ² + σ_data²)/σ_data²; shape (K,)."""
        scale = self.sigma_data or sigma_data
        return 1 + (sigma / scale) ** 2


class Edm2Uncertainty(LearnedWeighting, EdmWeighting):
    """EDM's weighting divided by the loss that is expected of a level, e^u: all levels then lose the same.

    u(σ) is linear in random Fourier features of ln σ/4, 0 at the start, and takes a step of Adam of its own with each
    batch. The paper's layer has weights of fixed norm, which belongs to its large network; here they are free, so
    that u can be any function of the level. The network's own gradient does not depend on the term u(σ).
    """

    name: ClassVar[str] = "edm2-uncertainty"
    formula: ClassVar[str] = (
        "p = N(ln σ; P_mean, P_std²)/σ, ω = e^(−u(σ)) (σ² + σ_data²)/σ_data², u learned: e^u → λ E‖D − X_0‖²/d"
    )
    source: ClassVar[str] = "Karras et al., arXiv 2312.02696, eq. (14) to (16) and (21); defaults: ImageNet-512"

    p_mean: float = Field(-0.4, description="mean of ln σ")
    p_std: float = Field(1.0, gt=0, description="standard deviation of ln σ")
    features: int = Field(128, ge=1, le=4_096, description="number of Fourier features of ln σ/4")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="step size of u's own optimiser")

    def learner(self, request: WeightRequest) -> WeightLearner:
        """Return the function u of one training, which is 0 at the start."""
        from harness_karras.uncertainty import Uncertainty

        return Uncertainty(self, request)

    def claimed_limit(self, request: WeightRequest, squared: Tensor, norm: Tensor) -> Tensor:
        """Return 1/E‖σS + ξ‖²: λ cancels, and the expected loss is the same at every level."""
        return 1 / squared
