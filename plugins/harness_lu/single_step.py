"""Single-step solvers: DPM-Solver, for the noise prediction e = (x − D)/σ, and DPM-Solver++, for the denoiser.

In λ = −ln σ, with h the length of a step, both solve the probability-flow equation by variation of constants:
x' = x − σ' ∫ e^{λ' − λ} e dλ in the noise prediction, x' = (σ'/σ) x + σ' ∫ e^λ D dλ in the denoiser.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from harness.samplers import Sampler, SamplerRun

if TYPE_CHECKING:
    from torch import Tensor


def noise_prediction(run: SamplerRun, x: Tensor, sigma: float) -> Tensor:
    """Return e(x, σ) = (x − D)/σ, shape (n, d); one evaluation."""
    return (x - run.denoiser(x, sigma)) / sigma


class DPMSolver2(Sampler):
    """DPM-Solver of order 2: the noise prediction of the geometric mean of the levels, two evaluations a step."""

    name: ClassVar[str] = "dpm-solver-2"
    formula: ClassVar[str] = "x' = x − (σ − σ') e(y, m),  y = x − (σ − m) e(x, σ),  m = √(σσ')"
    source: ClassVar[str] = "Lu et al., arXiv 2206.00927, algorithm 1"

    @property
    def claimed_order(self) -> float | None:
        """Two."""
        return 2

    def evaluations(self, steps: int) -> int:
        """Two evaluations a step."""
        return 2 * steps

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        middle = math.sqrt(run.sigma * run.sigma_next)
        y = x - (run.sigma - middle) * noise_prediction(run, x, run.sigma)
        return x - (run.sigma - run.sigma_next) * noise_prediction(run, y, middle)


class DPMSolver3(Sampler):
    """DPM-Solver of order 3: two levels between, at a third and two thirds in ln σ, three evaluations a step."""

    name: ClassVar[str] = "dpm-solver-3"
    formula: ClassVar[str] = (
        "x' = x − (σ − σ') e − (3/2)((σ − σ')/h − σ')(e_b − e),  e_a, e_b at σe^(−h/3), σe^(−2h/3),  h = ln(σ/σ')"
    )
    source: ClassVar[str] = "Lu et al., arXiv 2206.00927, algorithm 2, r_1 = 1/3, r_2 = 2/3"

    @property
    def claimed_order(self) -> float | None:
        """Three."""
        return 3

    def evaluations(self, steps: int) -> int:
        """Three evaluations a step."""
        return 3 * steps

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        sigma, h = run.sigma, math.log(run.sigma / run.sigma_next)
        a, b = sigma * math.exp(-h / 3), sigma * math.exp(-2 * h / 3)
        first = noise_prediction(run, x, sigma)
        y = x - (sigma - a) * first
        change = noise_prediction(run, y, a) - first
        y = x - (sigma - b) * first - 2 * ((sigma - b) / (2 * h / 3) - b) * change
        change = noise_prediction(run, y, b) - first
        return x - (sigma - run.sigma_next) * first - 1.5 * ((sigma - run.sigma_next) / h - run.sigma_next) * change


class DPMpp2S(Sampler):
    """Single-step DPM-Solver++: the denoiser of the geometric mean of the levels, order 2, two evaluations a step."""

    name: ClassVar[str] = "dpmpp-2s"
    formula: ClassVar[str] = "x' = (σ'/σ) x + (1 − σ'/σ) D(y, m),  y = (m/σ) x + (1 − m/σ) D(x, σ),  m = √(σσ')"
    source: ClassVar[str] = "Lu et al., arXiv 2211.01095, algorithm 1, r = 1/2"

    @property
    def claimed_order(self) -> float | None:
        """Two."""
        return 2

    def evaluations(self, steps: int) -> int:
        """Two evaluations a step."""
        return 2 * steps

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        middle = math.sqrt(run.sigma * run.sigma_next)
        half, whole = middle / run.sigma, run.sigma_next / run.sigma
        y = half * x + (1 - half) * run.denoiser(x, run.sigma)
        return whole * x + (1 - whole) * run.denoiser(y, middle)
