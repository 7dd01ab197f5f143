"""The preconditionings of the score-SDE paper's two processes, as Karras et al. state them in σ.

The networks predict noise: the target of F is ξ (VP) or −ξ (VE), both of unit variance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.preconditionings import Coefficients, UnitPreconditioning
from harness_song.noise_schedules import VpLinear

if TYPE_CHECKING:
    from torch import Tensor


class Vp(UnitPreconditioning):
    """F predicts the noise ξ from the variance-preserving state x/√(1 + σ²) and the time of the linear schedule.

    Karras et al. give the time as 999 t(σ), which their network's features divide again.
    """

    name: ClassVar[str] = "vp"
    formula: ClassVar[str] = (
        "c_skip = 1, c_out = −σ, c_in = 1/√(1 + σ²), c_noise = t(σ), σ(t)² = exp(β_d t²/2 + β_min t) − 1"
    )
    source: ClassVar[str] = "Song et al., arXiv 2011.13456; in σ: Karras et al., arXiv 2206.00364, Table 1"
    claims_unit_input: ClassVar[bool] = True
    claims_unit_target: ClassVar[bool] = True

    beta_min: float = Field(0.1, gt=0, description="β at t = 0")
    beta_d: float = Field(19.9, ge=0, description="increase of β from t = 0 to t = 1")

    def unit_coefficients(self, sigma: Tensor) -> Coefficients:
        """Return the four functions, each of the shape of sigma."""
        time = VpLinear(beta_min=self.beta_min, beta_d=self.beta_d).time(sigma)
        return Coefficients(sigma.new_ones(sigma.shape), -sigma, (1 + sigma**2).rsqrt(), time)


class Ve(UnitPreconditioning):
    """F predicts −ξ, which is σ times the score, from the noised point as it is."""

    name: ClassVar[str] = "ve"
    formula: ClassVar[str] = "c_skip = 1, c_out = σ, c_in = 1, c_noise = ln(σ/2)"
    source: ClassVar[str] = "Song et al., arXiv 2011.13456; in σ: Karras et al., arXiv 2206.00364, Table 1"
    claims_unit_target: ClassVar[bool] = True

    def unit_coefficients(self, sigma: Tensor) -> Coefficients:
        """Return the four functions, each of the shape of sigma."""
        one = sigma.new_ones(sigma.shape)
        return Coefficients(one, sigma, one, (sigma / 2).log())


class Score(UnitPreconditioning):
    """F predicts the score itself from the noised point as it is: a target that grows as 1/σ towards little noise."""

    name: ClassVar[str] = "score"
    formula: ClassVar[str] = "c_skip = 1, c_out = σ², c_in = 1, c_noise = ln(σ/2)"
    source: ClassVar[str] = "Song, Ermon, arXiv 1907.05600, eq. (2) and (5); c_noise: that of ve"

    def unit_coefficients(self, sigma: Tensor) -> Coefficients:
        """Return the four functions, each of the shape of sigma."""
        one = sigma.new_ones(sigma.shape)
        return Coefficients(one, sigma**2, one, (sigma / 2).log())
