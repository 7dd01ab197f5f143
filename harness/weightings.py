"""Loss weightings.

Training minimises ∫ β(σ) E‖σS(X_σ, σ) + ξ‖² dσ over [σ_min, σ_max], where X_σ = X_0 + σξ. The total weighting is
β = p·ω: noise levels are drawn from the density p, and each term counts ω. A factor common to all levels has no
effect. Only the shape of p over [σ_min, σ_max] matters: the engine truncates and normalises it.

A weight w on the score, w‖S + ξ/σ‖² dt, is β dσ = w/σ² dt, since ‖S + ξ/σ‖² = ‖σS + ξ‖²/σ². Wang, He, Tao (arXiv
2406.12839) print 1/σ, so that their total weighting w(t_j)(t_j − t_{j−1})/σ_j is here w(t_j)(t_j − t_{j−1})/σ_j².
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from harness.components import Component

if TYPE_CHECKING:
    from torch import Tensor


class Weighting(Component):
    """A total weighting β = p·ω over noise levels.

    `sigma_data` is the root mean square deviation of one coordinate of the data, which some weightings scale with.
    """

    axis: ClassVar[str] = "weighting"

    def density(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Density p of the noise level with respect to dσ, up to a factor; log-uniform unless overridden.

        Arguments:
            sigma: noise levels, shape (K,), float64, increasing.
            sigma_data: standard deviation of the data, per coordinate.

        Returns:
            Shape (K,), finite, non-negative and not all zero.
        """
        return 1.0 / sigma

    @abstractmethod
    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Weight ω of ‖σS + ξ‖² = ‖ε̂ − ε‖² at each level, up to a factor: shape (K,), finite, positive."""

    def beta(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Total weighting β = p·ω, up to a factor; shape (K,)."""
        return self.density(sigma, sigma_data) * self.omega(sigma, sigma_data)


class GridWeighting(Weighting):
    """A weighting of the levels that a sampling grid visits, and of no others.

    A network is trained for each grid. Levels are drawn with the given masses (smeared by about a hundredth of
    their size), and each counts the same.
    """

    @abstractmethod
    def masses(self, sigmas: Tensor) -> Tensor:
        """Mass of each level at which a sampler evaluates the network, up to a factor.

        Arguments:
            sigmas: the grid, shape (N+1,), float64, decreasing; the network is not evaluated at the last level.

        Returns:
            Shape (N,), finite, non-negative and not all zero.
        """

    def density(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Not defined: a comb has no density; the engine asks for `masses`."""
        raise TypeError(f"weighting {self.name} has masses on the levels of a grid, and no density")

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """The same weight for each level, shape (K,): masses say it all."""
        return sigma.new_ones(sigma.shape)


class AdaptiveWeighting(Weighting):
    """A weighting whose ω follows measurements made during training.

    The density p stays fixed. Training starts from `omega` and calls `adapt` every `every` steps with running means
    of the residual over the levels.
    """

    every: ClassVar[int] = 50

    @abstractmethod
    def adapt(self, sigma: Tensor, residual: Tensor, sigma_data: float) -> Tensor:
        """Return the weight ω to use from now on.

        Arguments:
            sigma: noise levels, shape (K,), increasing.
            residual: running mean of E‖σS + ξ‖ (not squared) at each level, shape (K,), positive.
            sigma_data: standard deviation of the data, per coordinate.

        Returns:
            Shape (K,), finite, positive.
        """
