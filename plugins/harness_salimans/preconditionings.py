"""The predictions of a clean point and of v, from a variance-preserving state.

The paper's state is z = αX_0 + sξ with α² + s² = 1. Divided by α it is X_0 + σξ with σ = s/α, so that α = 1/√(1 + σ²),
s = σ/√(1 + σ²) and z = x/√(1 + σ²). The network is told the time of the cosine schedule, α = cos(πt/2).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from harness.preconditionings import Coefficients, UnitPreconditioning

if TYPE_CHECKING:
    from torch import Tensor


class VPrediction(UnitPreconditioning):
    """F predicts v = αξ − sX_0, and D = αz − sv. On data of the scale this is `edm` with the sign of F turned."""

    name: ClassVar[str] = "v"
    formula: ClassVar[str] = "c_skip = 1/(1 + σ²), c_out = −σ/√(1 + σ²), c_in = 1/√(1 + σ²), c_noise = (2/π) arctan σ"
    source: ClassVar[str] = "Salimans, Ho, arXiv 2202.00512, section 4 and appendix D"
    claims_unit_input: ClassVar[bool] = True
    claims_unit_target: ClassVar[bool] = True

    def unit_coefficients(self, sigma: Tensor) -> Coefficients:
        """Return the four functions, each of the shape of sigma."""
        alpha = (1 + sigma**2).rsqrt()
        return Coefficients(alpha**2, -sigma * alpha, alpha, _time(sigma))


class X0Prediction(UnitPreconditioning):
    """F predicts the clean point itself."""

    name: ClassVar[str] = "x0"
    formula: ClassVar[str] = "c_skip = 0, c_out = 1, c_in = 1/√(1 + σ²), c_noise = (2/π) arctan σ"
    source: ClassVar[str] = "Salimans, Ho, arXiv 2202.00512, section 4 (predicting x directly)"
    claims_unit_input: ClassVar[bool] = True
    claims_unit_target: ClassVar[bool] = True

    def unit_coefficients(self, sigma: Tensor) -> Coefficients:
        """Return the four functions, each of the shape of sigma."""
        one = sigma.new_ones(sigma.shape)
        return Coefficients(0 * one, one, (1 + sigma**2).rsqrt(), _time(sigma))


def _time(sigma: Tensor) -> Tensor:
    time: Tensor = sigma.atan() * (2 / math.pi)
    return time
