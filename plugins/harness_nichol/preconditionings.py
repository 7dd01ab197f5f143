"""The preconditioning of improved DDPM: noise predicted at one of a thousand steps of the cosine schedule.

    ᾱ_t = Π_k (1 − β_k),  β_k = min(1 − f(k)/f(k − 1), 0.999),  f(k) = cos²((π/2)(k/M + s)/(1 + s)),  s = 0.008

The variance-preserving state √ᾱ_t X_0 + √(1 − ᾱ_t) ξ divided by √ᾱ_t is X_0 + σ_tξ with σ_t² = 1/ᾱ_t − 1. The network
is told a step t; a level between two is told as the nearest. The network's second output, the variance of a step, is
for the paper's own sampler and is left out.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from harness.preconditionings import Coefficients, UnitPreconditioning, nearest_level

if TYPE_CHECKING:
    from torch import Tensor

STEPS = 1000
"""M, the steps of the schedule."""

OFFSET, LARGEST_BETA = 0.008, 0.999


@cache
def step_levels() -> tuple[float, ...]:
    """Return σ_t for t = 0 … M; σ_0 = 0."""
    kept, levels = 1.0, [0.0]
    signal = [math.cos(0.5 * math.pi * (t / STEPS + OFFSET) / (1 + OFFSET)) ** 2 for t in range(STEPS + 1)]
    for before, after in pairwise(signal):
        kept *= max(after / before, 1 - LARGEST_BETA)
        levels.append(math.sqrt(1 / kept - 1))
    return tuple(levels)


class Iddpm(UnitPreconditioning):
    """F predicts the noise ξ from the variance-preserving state and the nearest step of the cosine schedule.

    Karras et al. give the step as t − 1 = M − 1 − argmin_j |u_j − σ|, with u_j = σ_{M−j}.
    """

    name: ClassVar[str] = "iddpm"
    formula: ClassVar[str] = (
        "c_skip = 1, c_out = −σ, c_in = 1/√(1 + σ²), c_noise = (argmin_t |σ_t − σ| − 1)/(M − 1), M = 1000"
    )
    source: ClassVar[str] = (
        "Nichol, Dhariwal, arXiv 2102.09672, section 3.2; in σ: Karras et al., arXiv 2206.00364, Table 1"
    )
    claims_unit_input: ClassVar[bool] = True
    claims_unit_target: ClassVar[bool] = True

    def unit_coefficients(self, sigma: Tensor) -> Coefficients:
        """Return the four functions, each of the shape of sigma."""
        step = nearest_level(sigma, step_levels())
        return Coefficients(sigma.new_ones(sigma.shape), -sigma, (1 + sigma**2).rsqrt(), (step - 1) / (STEPS - 1))
