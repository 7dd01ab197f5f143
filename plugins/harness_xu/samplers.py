"""Restart: the probability flow, with stretches of it that are gone through several times.

At a level t_min all noise up to t_max is added at once, and Heun's method leads down again; what the steps before did
wrong is forgotten in part. The steps of a stretch do not become more with those of the grid, so their error stays.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from harness_karras.samplers import heun_step
from pydantic import Field, model_validator

from harness.errors import NotApplicable
from harness.samplers import Denoiser, Sampler, SamplerRun

if TYPE_CHECKING:
    from torch import Tensor

Stretch = tuple[int, int, float, float]
"""Levels N of a stretch, its repetitions K, t_min and t_max."""


def heun(denoiser: Denoiser, x: Tensor, levels: list[float]) -> Tensor:
    """Take x of shape (n, d) down the levels by the explicit trapezoidal rule; two evaluations a step."""
    for sigma, after in itertools.pairwise(levels):
        x = heun_step(denoiser, x, sigma, after)
    return x


class Restart(Sampler):
    """Heun's method with restarts: two evaluations a step, of the grid and of each stretch."""

    name: ClassVar[str] = "restart"
    formula: ClassVar[str] = "at t_min, K times: x ← heun(x + √(t_max² − t_min²) z, t_max → t_min in N − 1 steps)"
    source: ClassVar[str] = "Xu et al., arXiv 2306.14878, algorithm 2; default: the example of their code"

    stretches: tuple[Stretch, ...] = Field(
        ((3, 2, 0.06, 0.30),), min_length=1, description="lists of N levels, K repetitions, t_min and t_max"
    )
    rho: float = Field(7.0, gt=0, description="exponent of the levels of a stretch")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for levels, times, low, high in self.stretches:
            if levels < 2 or times < 1 or not 0 < low < high:
                raise ValueError(f"stretch {levels, times, low, high} should have N ≥ 2, K ≥ 1 and 0 < t_min < t_max")
        return self

    @property
    def deterministic(self) -> bool:
        """Noise is drawn at every restart."""
        return False

    def evaluations(self, steps: int) -> int:
        """Two evaluations a step of the grid, and of each stretch as often as it is gone through."""
        return 2 * steps + sum(2 * times * (levels - 1) for levels, times, _, _ in self.stretches)

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d), after the restarts there."""
        x = heun(run.denoiser, x, [run.sigma, run.sigma_next])
        for stretch in self.stretches:
            if _nearest(run.sigmas, stretch[2]) == run.index + 1:
                x = self.restarted(run, x, stretch)
        return x

    def restarted(self, run: SamplerRun, x: Tensor, stretch: Stretch) -> Tensor:
        """Go through a stretch from the level of the grid that is its t_min.

        Raises:
            NotApplicable: that level is not below t_max.
        """
        count, times, low, high = stretch
        end = run.sigma_next
        if end >= high:
            raise NotApplicable(f"restart from {low:g} to {high:g}: the nearest level is {end:g}, not below {high:g}")
        ends = high ** (1 / self.rho), end ** (1 / self.rho)
        inner = [(ends[0] + k / (count - 1) * (ends[1] - ends[0])) ** self.rho for k in range(count - 1)]
        for _ in range(times):
            x = heun(run.denoiser, x + math.sqrt(high**2 - end**2) * run.noise(), [*inner, end])
        return x


def _nearest(sigmas: Sequence[float], level: float) -> int:
    """Index of the level of a grid that is nearest to another, the first left out."""
    levels = sigmas[1:]
    return 1 + min(range(len(levels)), key=lambda j: abs(levels[j] - level))
