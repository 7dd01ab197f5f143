"""The monotone form of a weighting: w(λ) = βσ/2 held at the largest value that it has at any lower noise level.

Of one that rises to one top, as EDM's, w is held at its top for all noise above. The weighting's own levels would be
drawn too seldom there. The maximum below a level is taken over a fixed lattice in ln σ, 0.1 % apart, and the level
itself, so that it is one function of σ whatever levels are asked for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from harness_karras.weightings import EdmWeighting
from harness_song.noise_distributions import LogUniform
from pydantic import Field, field_validator

from harness.components import Part
from harness.noise_distributions import NoiseDistribution
from harness.weightings import GridWeighting, LearnedWeighting, TotalWeighting, Weighting

if TYPE_CHECKING:
    from torch import Tensor

SPACING, BELOW = 0.001, 1e-6
"""Distance of the lattice in ln σ, and where it begins, in units of the data scale."""


class Monotone(TotalWeighting):
    """Any fixed weighting with w = βσ/2 made to rise with the noise: an evidence bound, where that was none."""

    name: ClassVar[str] = "monotone"
    formula: ClassVar[str] = "β(σ) = max_{τ ≤ σ} τβ'(τ)/σ, β' the weighting that is made monotone"
    source: ClassVar[str] = "Kingma, Gao, arXiv 2303.00848 (EDM-monotonic)"

    of: Part[Weighting] = Field(EdmWeighting(), description="the weighting; none that is learned or made for a grid")
    levels: Part[NoiseDistribution] = Field(LogUniform(), description="how noise levels are drawn")

    @field_validator("of")
    @classmethod
    def _fixed(cls, value: Weighting) -> Weighting:
        if isinstance(value, GridWeighting | LearnedWeighting):
            raise ValueError(f"{value.label()} is no fixed function of the level; take one that is")
        return value

    def beta(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """The largest σβ at or below each level, over σ; shape (K,)."""
        import torch

        first = BELOW * sigma_data
        count = 1 + max(0, math.floor(math.log(float(sigma.max()) / first) / SPACING))
        lattice = first * (SPACING * torch.arange(count, dtype=sigma.dtype)).exp()
        highest = self._own(lattice, sigma_data).cummax(0).values
        below = torch.searchsorted(lattice, sigma.contiguous(), right=True) - 1
        own = self._own(sigma, sigma_data)
        return own.maximum(highest[below.clamp(min=0)]).where(below >= 0, own) / sigma

    def _own(self, sigma: Tensor, sigma_data: float) -> Tensor:
        return self.of.beta(sigma, sigma_data) * sigma
