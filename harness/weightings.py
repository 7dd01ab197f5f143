"""Loss weightings.

Training minimises ∫ β(σ) E‖σS(X_σ, σ) + ξ‖² dσ over [σ_min, σ_max], where X_σ = X_0 + σξ. The total weighting is
β = p·ω: noise levels are drawn from the density p, and each term counts ω. A factor common to all levels has no
effect. Only the shape of p over [σ_min, σ_max] matters: the engine truncates and normalises it.

A weight w on the score, w‖S + ξ/σ‖² dt, is β dσ = w/σ² dt, since ‖S + ξ/σ‖² = ‖σS + ξ‖²/σ². Wang, He, Tao (arXiv
2406.12839) print 1/σ, so that their total weighting w(t_j)(t_j − t_{j−1})/σ_j is here w(t_j)(t_j − t_{j−1})/σ_j².
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from harness.components import Component, Part
from harness.errors import ContractError, NotApplicable
from harness.noise_distributions import NoiseDistribution

if TYPE_CHECKING:
    from torch import Tensor

    from harness.weight_learners import WeightLearner, WeightRequest


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


class LossWeighting(Weighting):
    """A weight ω that goes with every noise distribution p: a subclass gives `omega`, and p by default."""

    levels: Part[NoiseDistribution]

    def density(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Density of the noise distribution, up to a factor; shape (K,)."""
        return self.levels.density(sigma, sigma_data)


class TotalWeighting(LossWeighting):
    """A weighting whose β itself is given: ω = β/p, so that the noise distribution only changes the variance."""

    @abstractmethod
    def beta(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Total weighting β, up to a factor; shape (K,), finite, positive."""

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Weight β/p; shape (K,).

        Raises:
            NotApplicable: the noise distribution never draws some of the levels.
        """
        density = self.density(sigma, sigma_data)
        if not bool((density > 0).all()):
            level = float(sigma[int((density > 0).int().argmin())])
            raise NotApplicable(f"{self.name} counts every level, and {self.levels.label()} never draws {level:g}")
        return self.beta(sigma, sigma_data) / density


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


class LearnedWeighting(Weighting):
    """A weighting whose ω is learned while a network trains, with parameters and optimiser steps of its own.

    The density p stays fixed. Training starts from `omega`; the learner is shown each batch, and after every `every`
    of them asked for the weight.
    """

    every: ClassVar[int] = 1

    @classmethod
    def check_class(cls) -> None:
        """Refuse a weighting whose `every` is no number of steps.

        Raises:
            ContractError: it is none.
        """
        if not isinstance(cls.every, int) or isinstance(cls.every, bool) or cls.every < 1:
            raise ContractError(f"has every {cls.every!r}; it must be a whole number of steps above 0")

    @abstractmethod
    def learner(self, request: WeightRequest) -> WeightLearner:
        """Return what learns the weight of one training; called with torch's global seed set, by the training's seed.

        Its `learn` draws no random numbers, but from a generator that it was made with: it depends on its own training
        alone then, whatever trains beside it.

        Raises:
            NotApplicable: the weighting has no meaning for such a training.
        """

    def claimed_limit(self, request: WeightRequest, squared: Tensor, norm: Tensor) -> Tensor | None:
        """Return the weight that ω tends to, up to a factor, where losses no longer change; None: none is claimed.

        Arguments:
            request: the training.
            squared: E‖σS + ξ‖² at the levels of the request, shape (K,), positive.
            norm: E‖σS + ξ‖ there, shape (K,).
        """
        return None


class AdaptiveWeighting(LearnedWeighting):
    """A learned weighting without parameters: ω is a function of running means of the residual over the levels."""

    every: ClassVar[int] = 50

    @abstractmethod
    def adapt(self, sigma: Tensor, residual: Tensor, sigma_data: float) -> Tensor:
        """Return the weight ω to use from now on.

        Arguments:
            sigma: noise levels, shape (K,), increasing.
            residual: running mean of E‖σS + ξ‖ (not squared) at each level, shape (K,), positive. Of a fixed objective
                the mean over its points, as it is now.
            sigma_data: standard deviation of the data, per coordinate.

        Returns:
            Shape (K,), finite, positive.
        """

    def learner(self, request: WeightRequest) -> WeightLearner:
        """Return what measures the residual and asks `adapt`."""
        from harness.residuals import ResidualLearner

        scale = request.data.sigma_data
        return ResidualLearner(request, self.omega(request.sigma, scale), partial(self.adapt, sigma_data=scale))
