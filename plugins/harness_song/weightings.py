"""The likelihood weighting: with it the loss bounds the negative log-likelihood.

The score loss weighted with g² dt = dσ² = 2σ dσ gives 2σ‖S − s‖² = (2/σ)‖σS − σs‖²: β = 2/σ, for every
schedule. Noise levels are drawn in proportion to 1/σ, so that every draw counts the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.weightings import Weighting

if TYPE_CHECKING:
    from torch import Tensor


class Likelihood(Weighting):
    """β = 2/σ; half of ∫β E‖σS − σ∇log p‖² dσ is the score error of the path divergence."""

    name: ClassVar[str] = "likelihood"
    formula: ClassVar[str] = "p = 1/σ, ω = 2, β = 2/σ"
    source: ClassVar[str] = "Song, Durkan, Murray, Ermon, arXiv 2101.09258, Theorem 1 (λ = g²)"

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """The constant 2; shape (K,)."""
        return sigma.new_full(sigma.shape, 2.0)
