"""Velocity prediction on straight paths.

The path is x_t = (1 − t)X_0 + tξ, its velocity u = ξ − X_0. Divided by 1 − t it is X_0 + σξ with σ = t/(1 − t), so that
t = σ/(1 + σ), x_t = x/(1 + σ), and X_0 = x_t − tu. (The paper's time runs the other way, and its velocity has the
other sign.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.preconditionings import Coefficients, UnitPreconditioning

if TYPE_CHECKING:
    from torch import Tensor


class FlowPrediction(UnitPreconditioning):
    """F predicts the velocity ξ − X_0 from the point on the path and its time."""

    name: ClassVar[str] = "flow"
    formula: ClassVar[str] = "c_skip = 1/(1 + σ), c_out = −σ/(1 + σ), c_in = 1/(1 + σ), c_noise = σ/(1 + σ)"
    source: ClassVar[str] = "Lipman et al., arXiv 2210.02747, eq. (22) and (23), σ_min = 0"

    def unit_coefficients(self, sigma: Tensor) -> Coefficients:
        """Return the four functions, each of the shape of sigma."""
        kept = 1 / (1 + sigma)
        time = sigma * kept
        return Coefficients(kept, -time, kept, time)
