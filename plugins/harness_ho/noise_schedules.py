"""The schedule of a process of T discrete steps, at time t = k/T of step k.

ᾱ_k = Π_{i≤k} (1 − β_i) and σ_k² = 1/ᾱ_k − 1. β rises linearly from β_1 to β_T (DDPM), or √β does ("scaled linear",
Stable Diffusion). Between two steps ln σ is linear in t; below the first σ is linear down to 0 at t = 0; beyond the
last ln σ goes on as between the last two.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from harness.noise_schedules import NoiseSchedule

if TYPE_CHECKING:
    from torch import Tensor

Spacing = Literal["linear", "scaled-linear"]


@cache
def log_levels(spacing: Spacing, first: float, last: float, steps: int) -> tuple[float, ...]:
    """Return ln σ_k for k = 1 … T."""
    power = 1.0 if spacing == "linear" else 2.0
    low, high = first ** (1 / power), last ** (1 / power)
    grown, levels = 0.0, []
    for k in range(steps):
        # −ln ᾱ, so that ᾱ near 1 keeps its digits.
        grown -= math.log1p(-((low + (high - low) * k / (steps - 1)) ** power))
        levels.append(0.5 * math.log(math.expm1(grown)))
    return tuple(levels)


class Ddpm(NoiseSchedule):
    """A process of discrete steps, in logarithms interpolated between them; t = 1 is the last."""

    name: ClassVar[str] = "ddpm"
    formula: ClassVar[str] = "σ(k/T)² = 1/Π_{i≤k}(1 − β_i) − 1, β or √β evenly spaced, ln σ linear between steps"
    source: ClassVar[str] = (
        "Ho et al., arXiv 2006.11239, section 4; scaled-linear (0.00085 to 0.012): Rombach et al., arXiv 2112.10752"
    )

    spacing: Spacing = Field("linear", description="what is evenly spaced: β, or its root")
    beta_first: float = Field(1e-4, gt=0, lt=1, description="β of the first step")
    beta_last: float = Field(0.02, gt=0, lt=1, description="β of the last step")
    steps: int = Field(1000, ge=2, le=100_000, description="number T of steps")

    @model_validator(mode="after")
    def _rising(self) -> Ddpm:
        if self.beta_last < self.beta_first:
            raise ValueError(f"beta_last={self.beta_last:g} must not be below beta_first={self.beta_first:g}")
        return self

    def _table(self, like: Tensor) -> Tensor:
        return like.new_tensor(log_levels(self.spacing, self.beta_first, self.beta_last, self.steps))

    def sigma(self, t: Tensor) -> Tensor:
        """Noise level at time t, elementwise."""
        table, place = self._table(t), t * self.steps
        left = (place.detach().floor().long() - 1).clamp(0, self.steps - 2)
        between = (table[left] + (table[left + 1] - table[left]) * (place - 1 - left)).exp()
        return (table[0].exp() * place).where(place < 1, between)

    def time(self, sigma: Tensor) -> Tensor:
        """Time of the level σ, elementwise."""
        import torch

        table, log = self._table(sigma), sigma.log()
        left = (torch.searchsorted(table, log.detach().contiguous(), right=True) - 1).clamp(0, self.steps - 2)
        between = 1 + left + (log - table[left]) / (table[left + 1] - table[left])
        return (sigma / table[0].exp()).where(log < table[0], between) / self.steps

    def rate(self, t: Tensor) -> Tensor:
        """Derivative, elementwise; at a step that of the part above it."""
        table, place = self._table(t), t * self.steps
        left = (place.floor().long() - 1).clamp(0, self.steps - 2)
        between = self.sigma(t) * (table[left + 1] - table[left])
        return table[0].exp().expand(t.shape).where(place < 1, between) * self.steps
