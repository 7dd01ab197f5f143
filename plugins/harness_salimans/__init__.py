"""Salimans, Ho, "Progressive distillation for fast sampling of diffusion models": v-prediction.

ICLR 2022, arXiv 2202.00512. The variance-preserving state αx_0 + sε, α² + s² = 1, σ = s/α, is given the
target v = αε − sx_0; since v̂ − v = (ε̂ − ε)/α, ‖v̂ − v‖² = (1 + σ²)‖ε̂ − ε‖². Levels are those of the cosine
schedule, σ = tan(πt/2) with t uniform: p = (2/π)/(1 + σ²). The product β is constant. The weighting is
stated, as in the paper, for data of scale about 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness import hookimpl
from harness.weightings import Weighting

if TYPE_CHECKING:
    from torch import Tensor

    from harness.preconditionings import Preconditioning


class VCosine(Weighting):
    """The v-prediction loss with the cosine schedule."""

    name: ClassVar[str] = "v-cosine"
    formula: ClassVar[str] = "p = (2/π)/(1 + σ²), ω = 1 + σ², β constant"
    source: ClassVar[str] = "Salimans, Ho, arXiv 2202.00512, section 4 (SNR + 1) and appendix D"

    def density(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Density of σ = tan(πt/2), t uniform, up to a factor; shape (K,)."""
        return 1 / (1 + sigma**2)

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Weight 1 + σ²; shape (K,)."""
        return 1 + sigma**2


@hookimpl
def harness_weightings() -> list[type[Weighting]]:
    """Offer the v-prediction loss, those on other predictions, and the truncated signal-to-noise ratio."""
    from harness_salimans.weightings import MaxSnr, PredictionError

    return [VCosine, PredictionError, MaxSnr]


@hookimpl
def harness_preconditionings() -> list[type[Preconditioning]]:
    """Offer the predictions of v and of the clean point."""
    from harness_salimans.preconditionings import VPrediction, X0Prediction

    return [VPrediction, X0Prediction]
