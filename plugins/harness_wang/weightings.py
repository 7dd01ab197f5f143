"""The bell-shaped weighting: β E‖σS + ξ‖ equal over all levels.

Gradient descent on the paper's objective goes fastest when no level lags behind, so β(σ) ∝ 1/r(σ), r(σ) =
E‖σS + ξ‖. The paper finds r large at both ends for its network, hence a bell; with the exact score on N(0,
c²I) it is β ∝ √(σ² + c²), increasing. So r is measured during training. Levels are drawn log-uniformly, p =
1/σ, and ω = 1/(p r) makes up for that.

The weighting matched to a grid: Theorem 3 bounds the score error by max_j Δ_j/(β_j u_j) times the excess loss
½ Σ β_j σ_j² e_j. Of all β of one sum, β_j ∝ Δ_j/u_j makes that maximum least, and the bound an equality: the loss is
then E_S = ½ Σ Δ_j e_j itself, up to a factor and a constant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.weightings import AdaptiveWeighting, GridWeighting

if TYPE_CHECKING:
    from torch import Tensor

    from harness.weight_learners import WeightRequest


class BellShaped(AdaptiveWeighting):
    """ω = σ/r(σ); r counts as constant until it is measured."""

    name: ClassVar[str] = "bell-shaped"
    formula: ClassVar[str] = "β = pω ∝ 1/E‖σS + ξ‖, p = 1/σ, measured during training"
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, section 4.1"

    floor: float = Field(
        1e-4,
        gt=0,
        le=1,
        description="residuals below this fraction of the largest one count as this fraction",
    )

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Starting weight, with β constant; shape (K,)."""
        return sigma

    def adapt(self, sigma: Tensor, residual: Tensor, sigma_data: float) -> Tensor:
        """Return the weight with which β times the residual is the same at every level; shape (K,)."""
        guarded = residual.clamp(min=self.floor * float(residual.max()))
        return sigma / guarded

    def claimed_limit(self, request: WeightRequest, squared: Tensor, norm: Tensor) -> Tensor:
        """Return σ over the residual: β times the residual is the same at every level."""
        return request.sigma / norm


class GridMatched(GridWeighting):
    """The masses Δ_j/u_j on the levels of the sampling grid: training on the score error of sampling itself."""

    name: ClassVar[str] = "grid-matched"
    formula: ClassVar[str] = "β_j ∝ Δ_j/u_j on the grid's own levels, u = σ², Δ_j = u_j − u_{j+1}"
    source: ClassVar[str] = "minimum of Wang, He, Tao, arXiv 2406.12839, Theorem 3, over the weighting"

    def masses(self, sigmas: Tensor) -> Tensor:
        """Return Δ_j/u_j, shape (N,)."""
        return 1 - (sigmas[1:] / sigmas[:-1]) ** 2
