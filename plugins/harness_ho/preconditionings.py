"""Noise prediction as in DDPM: at one of a thousand steps of a linear β.

    ᾱ_t = Π_{k≤t} (1 − β_k),  β_1 = 10⁻⁴, …, β_T = 0.02 evenly spaced,  T = 1000

The variance-preserving state x_t = √ᾱ_t X_0 + √(1 − ᾱ_t) ξ divided by √ᾱ_t is X_0 + σ_tξ with σ_t² = 1/ᾱ_t − 1, so that
x_t = x/√(1 + σ²), and X_0 = (x_t − √(1 − ᾱ_t) ξ)/√ᾱ_t is x − σξ. The network is told a step t; a level between two is
told as the nearest.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from harness.preconditionings import Coefficients, UnitPreconditioning, nearest_level

if TYPE_CHECKING:
    from torch import Tensor

STEPS = 1000
"""T, the steps of the process."""

FIRST_BETA, LAST_BETA = 1e-4, 0.02


@cache
def step_levels() -> tuple[float, ...]:
    """Return σ_t for t = 1 … T."""
    kept, levels = 1.0, []
    for t in range(STEPS):
        kept *= 1 - FIRST_BETA - (LAST_BETA - FIRST_BETA) * t / (STEPS - 1)
        levels.append(math.sqrt(1 / kept - 1))
    return tuple(levels)


class EpsPrediction(UnitPreconditioning):
    """F predicts the noise ξ from the variance-preserving state and the nearest of the process' steps."""

    name: ClassVar[str] = "eps"
    formula: ClassVar[str] = (
        "c_skip = 1, c_out = −σ, c_in = 1/√(1 + σ²), c_noise = (t − 1)/(T − 1), t = argmin_t |σ_t − σ|"
    )
    source: ClassVar[str] = "Ho et al., arXiv 2006.11239, eq. (4) and (14), section 4 (β_1, β_T, T)"
    claims_unit_input: ClassVar[bool] = True
    claims_unit_target: ClassVar[bool] = True

    def unit_coefficients(self, sigma: Tensor) -> Coefficients:
        """Return the four functions, each of the shape of sigma."""
        index = nearest_level(sigma, step_levels())
        return Coefficients(sigma.new_ones(sigma.shape), -sigma, (1 + sigma**2).rsqrt(), index / (STEPS - 1))
