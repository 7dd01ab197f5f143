"""DPM-Solver++ with two evaluations remembered, and the multistep solvers of the reverse equation.

With H = (1 + η)h, h = ln(σ/σ'), the reverse equation of noise η has the solution

    x' = e^{−H} x + ∫_0^1 H e^{−(1 − s)H} D ds + σ'√(1 − e^{−2ηh}) z,      η = 0: the probability flow.

D is extrapolated from the last evaluations, of which D₋ and D₋₋ were made h₋ and h₋ + h₋₋ before. With r = h₋/h,
r₋ = h₋₋/h, a = (D − D₋)/r and b = (D₋ − D₋₋)/r₋, its first and second divided differences over the step are
d_1 = a + r d_2 and d_2 = (a − b)/(r + r₋). The moments of the kernel are φ_1 = 1 − e^{−H}, φ_2 = 1 − φ_1/H and 2φ_3,
φ_3 = φ_2/H − ½, with signs as ∫ (1, s, s²) H e^{−(1 − s)H} ds = (φ_1, φ_2, −2φ_3). The source weighs d_2 by −φ_3: half
of what would integrate the parabola, so that the order is 2, not 3. `unipc` of order 3 without its corrector has the
whole.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from harness.samplers import Sampler, SamplerRun

if TYPE_CHECKING:
    from torch import Tensor

Past = list[tuple["Tensor", float]]
"""Evaluations of earlier steps, the latest first, each with the length h of the step that began with it."""


def remembered(run: SamplerRun, denoised: Tensor, h: float, count: int) -> Past:
    """Return the evaluations before, at most `count`, and keep this one for the steps to come."""
    past: Past = run.memory.get("past", [])
    run.memory["past"] = [(denoised, h), *past][:count]
    return past


def phi_2(kernel: float) -> float:
    """Return φ_2 at H."""
    return 1 + math.expm1(-kernel) / kernel


def parabola(denoised: Tensor, h: float, past: Past, kernel: float) -> Tensor:
    """Return φ_2 d_1 − φ_3 d_2 of three evaluations, shape (n, d).

    Arguments:
        denoised: D.
        h: length of the step.
        past: D₋ and D₋₋ with h₋ and h₋₋.
        kernel: H.
    """
    (before, h_before), (earlier, h_earlier) = past
    r, r_before = h_before / h, h_earlier / h
    a, b = (denoised - before) / r, (before - earlier) / r_before
    second = (a - b) / (r + r_before)
    line = phi_2(kernel)
    return line * (a + r * second) - (line / kernel - 0.5) * second


class DPMpp3M(Sampler):
    """Three-step DPM-Solver++: one evaluation a step; its first step is Euler's, its second `dpmpp-2m`'s.

    As published it is of order 2: see the module.
    """

    name: ClassVar[str] = "dpmpp-3m"
    formula: ClassVar[str] = "x' = (σ'/σ) x + (1 − σ'/σ) D + φ_2 d_1 − φ_3 d_2,  d_1, d_2 of D, D₋, D₋₋"
    source: ClassVar[str] = "Lu et al., arXiv 2211.01095, their multistep code of order 3"

    @property
    def claimed_order(self) -> float | None:
        """Two: the third order that the source names takes twice the weight of d_2."""
        return 2

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        kept = run.sigma_next / run.sigma
        h = -math.log(kept)
        denoised = run.denoiser(x, run.sigma)
        past = remembered(run, denoised, h, 2)
        moved = kept * x + (1 - kept) * denoised
        if len(past) == 2:
            return moved + parabola(denoised, h, past, h)
        for before, h_before in past:
            moved = moved + (1 - kept) * h / (2 * h_before) * (denoised - before)
        return moved


class _Stochastic(Sampler):
    """A multistep solver of the reverse equation of noise η; what it adds for the slope of D is `slope`."""

    eta: float = Field(1.0, ge=0, description="noise η: 0 is the probability flow, 1 the reverse equation")

    @property
    def deterministic(self) -> bool:
        """Whether no noise is drawn."""
        return self.eta == 0

    @property
    def claimed_order(self) -> float | None:
        """Two, strong without noise and weak with it."""
        return 2

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        h = math.log(run.sigma / run.sigma_next)
        kernel = (1 + self.eta) * h
        denoised = run.denoiser(x, run.sigma)
        moved = math.exp(-kernel) * x - math.expm1(-kernel) * denoised
        past = remembered(run, denoised, h, 2)
        if past:
            moved = moved + self.slope(denoised, h, past, kernel)
        if self.eta > 0:
            moved = moved + run.sigma_next * math.sqrt(-math.expm1(-2 * self.eta * h)) * run.noise()
        return moved

    @abstractmethod
    def slope(self, denoised: Tensor, h: float, past: Past, kernel: float) -> Tensor:
        """What is added because D changes over the step, shape (n, d)."""


class DPMpp2MSde(_Stochastic):
    """Two-step DPM-Solver++ of the reverse equation: weak order 2, one evaluation a step."""

    name: ClassVar[str] = "dpmpp-2m-sde"
    formula: ClassVar[str] = (
        "x' = e^(−H) x + (1 − e^(−H)) [D + h/(2h₋) (D − D₋)] + σ'√(1 − e^(−2ηh)) z,  H = (1 + η)h,  h = ln(σ/σ')"
    )
    source: ClassVar[str] = "Lu et al., arXiv 2211.01095, SDE-DPM-Solver++(2M); both forms: Crowson, k-diffusion"

    form: Literal["midpoint", "heun"] = Field(
        "midpoint", description="weight of D − D₋: (1 − e^(−H)) h/(2h₋), or that of a straight line, φ_2 h/h₋"
    )

    def slope(self, denoised: Tensor, h: float, past: Past, kernel: float) -> Tensor:
        """A straight line through the last two evaluations, or its value in the middle."""
        before, h_before = past[0]
        weight = -math.expm1(-kernel) / 2 if self.form == "midpoint" else phi_2(kernel)
        return weight * h / h_before * (denoised - before)


class DPMpp3MSde(_Stochastic):
    """Three-step DPM-Solver++ of the reverse equation: weak order 2, one evaluation a step."""

    name: ClassVar[str] = "dpmpp-3m-sde"
    formula: ClassVar[str] = "x' = e^(−H) x + (1 − e^(−H)) D + φ_2 d_1 − φ_3 d_2 + σ'√(1 − e^(−2ηh)) z,  H = (1 + η)h"
    source: ClassVar[str] = "Crowson, k-diffusion, sample_dpmpp_3m_sde"

    def slope(self, denoised: Tensor, h: float, past: Past, kernel: float) -> Tensor:
        """A straight line through two evaluations, from the third step on what the source makes of three."""
        if len(past) == 2:
            return parabola(denoised, h, past, kernel)
        before, h_before = past[0]
        return phi_2(kernel) * h / h_before * (denoised - before)
