"""Ho, Jain, Abbeel, "Denoising diffusion probabilistic models" (DDPM): the simple loss.

NeurIPS 2020, arXiv 2006.11239. The noise prediction is matched with equal weight at every level drawn. With
log-uniform levels the total weighting is β = 1/σ, the likelihood weighting up to a factor; the levels of the
paper itself follow its linear β(t), with t uniform:

    σ² = exp(β_d t²/2 + β_min t) − 1,    β_min = 0.1, β_d = 19.9
    p(σ) = dt/dσ = 2σ / [(1 + σ²) √(β_min² + 2β_d ln(1 + σ²))]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from harness import hookimpl
from harness.weightings import Weighting

if TYPE_CHECKING:
    from torch import Tensor

    from harness.noise_schedules import NoiseSchedule
    from harness.preconditionings import Preconditioning


class Eps(Weighting):
    """L_simple: ω = 1."""

    name: ClassVar[str] = "eps"
    formula: ClassVar[str] = "ω = 1 on ‖ε̂ − ε‖²"
    source: ClassVar[str] = "Ho et al., arXiv 2006.11239, eq. (14); density of vp-linear: Song et al., arXiv 2011.13456"

    levels: Literal["log-uniform", "vp-linear"] = Field(
        "log-uniform",
        description="how noise levels are drawn: log-uniform in σ, or t uniform in the linear schedule",
    )

    def density(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Density of the levels, up to a factor; shape (K,)."""
        if self.levels == "log-uniform":
            return 1 / sigma
        beta_min, beta_d = 0.1, 19.9
        return sigma / ((1 + sigma**2) * (beta_min**2 + 2 * beta_d * (sigma**2).log1p()).sqrt())

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """The constant 1; shape (K,)."""
        return sigma.new_ones(sigma.shape)


@hookimpl
def harness_weightings() -> list[type[Weighting]]:
    """Offer the simple loss."""
    return [Eps]


@hookimpl
def harness_preconditionings() -> list[type[Preconditioning]]:
    """Offer noise prediction."""
    from harness_ho.preconditionings import EpsPrediction

    return [EpsPrediction]


@hookimpl
def harness_noise_schedules() -> list[type[NoiseSchedule]]:
    """Offer the schedule of a thousand steps."""
    from harness_ho.noise_schedules import Ddpm

    return [Ddpm]
