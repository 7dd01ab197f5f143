"""The samplers of EDM: Heun's method on dx/dσ = (x − D)/σ, without and with fresh noise ("churn").

The grid stops at σ_min > 0, so that every step takes its second evaluation (EDM drops it in a last step to
0).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, model_validator

from harness.samplers import Denoiser, Sampler, SamplerRun

if TYPE_CHECKING:
    from torch import Tensor


def heun_step(denoiser: Denoiser, x: Tensor, sigma: float, sigma_next: float) -> Tensor:
    """Take x of shape (n, d) from σ to σ' by the explicit trapezoidal rule; two evaluations."""
    slope = (x - denoiser(x, sigma)) / sigma
    predicted = x + (sigma_next - sigma) * slope
    slope_next = (predicted - denoiser(predicted, sigma_next)) / sigma_next
    return x + (sigma_next - sigma) / 2 * (slope + slope_next)


PLAIN_HEUN = """\
def step(denoise, x, levels, j, normal, memory):
    return heun(denoise, x, levels[j], levels[j + 1])
"""

PLAIN_CHURN = """\
def step(denoise, x, levels, j, normal, memory):
    sigma = levels[j]
    if {s_churn!r} > 0 and {s_min!r} * UNIT <= sigma <= {s_max!r} * UNIT:
        raised = sigma * (1 + min({s_churn!r} / (len(levels) - 1), 2**0.5 - 1))
        x = x + {s_noise!r} * (raised**2 - sigma**2) ** 0.5 * normal()
        sigma = raised
    return heun(denoise, x, sigma, levels[j + 1])
"""

PLAIN_TRAPEZOID = """

def heun(denoise, x, sigma, following):
    slope = (x - denoise(x, sigma)) / sigma
    predicted = x + (following - sigma) * slope
    slope_there = (predicted - denoise(predicted, following)) / following
    return x + (following - sigma) / 2 * (slope + slope_there)
"""


class Heun(Sampler):
    """Heun's method: order 2, two evaluations a step."""

    name: ClassVar[str] = "heun"
    formula: ClassVar[str] = "x' = x + (σ' − σ)(e(x, σ) + e(y, σ'))/2,  y = x + (σ' − σ) e(x, σ),  e = (x − D)/σ"
    source: ClassVar[str] = "Karras et al., arXiv 2206.00364, algorithm 1"

    @property
    def claimed_order(self) -> float | None:
        """Two."""
        return 2

    def evaluations(self, steps: int) -> int:
        """Two evaluations a step."""
        return 2 * steps

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        return heun_step(run.denoiser, x, run.sigma, run.sigma_next)

    def plain_step(self) -> str:
        """Return the step as plain Python."""
        return PLAIN_HEUN + PLAIN_TRAPEZOID


class EdmStochastic(Sampler):
    """Heun's method after noise is added back at each step: two evaluations a step.

    Where `s_max` ≥ σ_max, the raised level σ̂ reaches up to √2 σ_max, above what a network was trained on.
    An `s_noise` above 1 makes up for networks that remove too much noise, and biases the law for those
    that do not.
    """

    name: ClassVar[str] = "edm-stochastic"
    formula: ClassVar[str] = "x̂ = x + s_noise √(σ̂² − σ²) z,  σ̂ = σ(1 + min(s_churn/N, √2 − 1));  x' = heun(x̂, σ̂ → σ')"
    source: ClassVar[str] = "Karras et al., arXiv 2206.00364, algorithm 2; defaults: their ImageNet-64 setting"

    s_churn: float = Field(40.0, ge=0, description="noise added back, over the whole grid; 0 is `heun`")
    s_min: float = Field(0.05, ge=0, description="lowest noise level at which noise is added")
    s_max: float = Field(50.0, gt=0, description="highest noise level at which noise is added")
    s_noise: float = Field(1.003, gt=0, description="standard deviation of the added noise, relative to its due")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.s_min > self.s_max:
            raise ValueError(f"s_min={self.s_min:g} must not exceed s_max={self.s_max:g}")
        return self

    @property
    def deterministic(self) -> bool:
        """Whether no noise is added at any level."""
        return self.s_churn == 0

    @property
    def claimed_order(self) -> float | None:
        """Two, strong without noise and weak with it; none where noise is added with another variance than its due."""
        return 2 if self.s_churn == 0 or self.s_noise == 1 else None

    def evaluations(self, steps: int) -> int:
        """Two evaluations a step."""
        return 2 * steps

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        sigma = run.sigma
        if self.s_churn > 0 and self.s_min <= sigma <= self.s_max:
            raised = sigma * (1 + min(self.s_churn / run.steps, math.sqrt(2) - 1))
            x = x + self.s_noise * math.sqrt(raised**2 - sigma**2) * run.noise()
            sigma = raised
        return heun_step(run.denoiser, x, sigma, run.sigma_next)

    def plain_step(self) -> str:
        """Return the step as plain Python, with this sampler's parameters in it."""
        return PLAIN_CHURN.format(**self.parameters()) + PLAIN_TRAPEZOID
