"""Solvers of the reverse equation: Euler and Maruyama's in time, and the predictor with a Langevin corrector.

With dX = √(2σσ̇) dW the reverse equation is dX = −2σσ̇ S dt + √(2σσ̇) dW̄. Euler and Maruyama hold 2σσ̇ and S at the
start of a step, so the noise schedule matters; σ = √t, where 2σσ̇ = 1, gives the exponential integrator.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.components import Part
from harness.noise_schedules import NoiseSchedule
from harness.samplers import Sampler, SamplerRun
from harness_song.noise_schedules import VeGeometric

if TYPE_CHECKING:
    from torch import Tensor


class EulerMaruyama(Sampler):
    """The reverse equation by Euler and Maruyama's method in the time of a schedule: one evaluation a step."""

    name: ClassVar[str] = "euler-maruyama"
    formula: ClassVar[str] = "x' = x + Δ S(x, σ) + √Δ z,  Δ = 2σσ̇(t)(t − t')"
    source: ClassVar[str] = "Song et al., arXiv 2011.13456, section 4.1 and appendix D"

    schedule: Part[NoiseSchedule] = Field(VeGeometric(), description="the schedule whose time is stepped in")

    @property
    def deterministic(self) -> bool:
        """Noise is drawn at every step."""
        return False

    @property
    def claimed_order(self) -> float | None:
        """Weak order 1."""
        return 1

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        delta = self.variance(run.sigma, run.sigma_next)
        score = (run.denoiser(x, run.sigma) - x) / run.sigma**2
        return x + delta * score + math.sqrt(delta) * run.noise()

    def variance(self, sigma: float, sigma_next: float) -> float:
        """Δ of a step from σ to σ'."""
        import torch

        time = self.schedule.time(torch.tensor([sigma, sigma_next], dtype=torch.float64))
        rate = float(self.schedule.rate(time[:1]))
        return 2 * sigma * rate * float(time[0] - time[1])


class PredictorCorrector(Sampler):
    """Reverse diffusion, then one step of Langevin dynamics at the level reached: two evaluations a step.

    The source makes the corrector's step size of norms of score and noise, averaged over a batch. Here it is made of
    what they are for pure noise, ‖z‖ = √d and ‖S‖ = √d/σ', so that a sample does not depend on others. The step does
    not shrink with the grid: it leaves a bias of order r², and no order of convergence is claimed.
    """

    name: ClassVar[str] = "pc"
    formula: ClassVar[str] = "x' = y + κ S(y, σ') + √(2κ) z',  κ = 2r²σ'²,  y = x + Δ S(x, σ) + √Δ z,  Δ = σ² − σ'²"
    source: ClassVar[str] = "Song et al., arXiv 2011.13456, section 4.2, algorithms 2 and 4; r: appendix G, CIFAR-10"

    snr: float = Field(
        0.16, gt=0, lt=1, description="signal-to-noise ratio r of the corrector: its step over the noise"
    )

    @property
    def deterministic(self) -> bool:
        """Noise is drawn at every step."""
        return False

    def evaluations(self, steps: int) -> int:
        """Two evaluations a step."""
        return 2 * steps

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        part = 1 - run.sigma_next**2 / run.sigma**2
        x = x + part * (run.denoiser(x, run.sigma) - x) + run.sigma * math.sqrt(part) * run.noise()
        pull = 2 * self.snr**2
        corrected = x + pull * (run.denoiser(x, run.sigma_next) - x)
        return corrected + math.sqrt(2 * pull) * run.sigma_next * run.noise()
