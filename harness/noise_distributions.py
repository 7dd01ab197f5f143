"""Noise distributions: how the noise levels of training are drawn.

A weighting β = p·ω has two halves. p says how often a level is drawn, ω how much its error counts. Where a source
states ω alone, p is a component of its own: the value of the parameter `levels` of a loss weighting
(`harness.weightings.LossWeighting`), as `p2:levels="log-normal:mean=-0.4"`.

Time drawn uniformly in a noise schedule σ(t) gives p(σ) = dt/dσ: so each schedule is a noise distribution too.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from harness.components import Component

if TYPE_CHECKING:
    from torch import Tensor


class NoiseDistribution(Component):
    """A density p of the noise level with respect to dσ, up to a factor."""

    axis: ClassVar[str] = "noise_distribution"

    @abstractmethod
    def density(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Return p at each level, up to a factor.

        Arguments:
            sigma: noise levels, shape (K,), float64, increasing.
            sigma_data: standard deviation of the data, per coordinate.

        Returns:
            Shape (K,), finite, non-negative and not all zero; each value depends on its own level alone.
        """
