"""DDIM in the noise level: its stochastic end (`ancestral`), its deterministic end (`euler`), and between.

In variance-preserving coordinates z = x/√(1+σ²) both are DDIM, with η = 1 and η = 0; `ancestral` is also
the law of X_σ' given X_σ and X_0 = D, as in DDPM, and `euler` is DPM-Solver of order 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.samplers import GaussianKernelSampler, Sampler, SamplerRun

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from harness.information import Information, ScoreError


class Ancestral(GaussianKernelSampler):
    """Step with the denoiser frozen: weak order 1, one evaluation a step."""

    name: ClassVar[str] = "ancestral"
    formula: ClassVar[str] = "x' = x + Δ S(x, σ) + σ'√Δ/σ z,  Δ = σ² − σ'²"
    source: ClassVar[str] = "Song et al., arXiv 2011.13456, appendix F; Ho et al., arXiv 2006.11239, algorithm 2"

    def step_variances(
        self,
        sigma: np.ndarray,
        sigma_next: np.ndarray,
        information: Information | None,
        score_error: ScoreError | None,
    ) -> np.ndarray:
        """Variance v = σ'²Δ/σ² of each step, shape (K,): that of X_σ' given X_σ and X_0."""
        u, after = sigma**2, sigma_next**2
        ancestral: np.ndarray = after * (u - after) / u
        return ancestral


class Euler(Sampler):
    """Euler's method on dx/dσ = (x − D)/σ, which is DDIM: order 1, one evaluation a step."""

    name: ClassVar[str] = "euler"
    formula: ClassVar[str] = "x' = (σ'/σ) x + (1 − σ'/σ) D(x, σ)"
    source: ClassVar[str] = "Song, Meng, Ermon, arXiv 2010.02502, equation 12 with no noise"

    @property
    def claimed_order(self) -> float | None:
        """One."""
        return 1

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        kept = run.sigma_next / run.sigma
        return kept * x + (1 - kept) * run.denoiser(x, run.sigma)

    def plain_step(self) -> str:
        """Return the step as plain Python."""
        return PLAIN_EULER


PLAIN_EULER = """\
def step(denoise, x, levels, j, normal, memory):
    kept = levels[j + 1] / levels[j]
    return kept * x + (1 - kept) * denoise(x, levels[j])
"""


class Ddim(Sampler):
    """Between `euler` (eta 0) and `ancestral` (eta 1): part of the noise is new, the rest is what was predicted."""

    name: ClassVar[str] = "ddim"
    formula: ClassVar[str] = "x' = D + √(σ'² − w²) e(x, σ) + w z,  w = η σ'√(σ² − σ'²)/σ,  e = (x − D)/σ"
    source: ClassVar[str] = "Song, Meng, Ermon, arXiv 2010.02502, equations 12 and 16; η = 0.5: Table 1"

    eta: float = Field(0.5, ge=0, le=1, description="share η of an ancestral step's noise that is drawn anew")

    @property
    def deterministic(self) -> bool:
        """Whether no noise is drawn."""
        return self.eta == 0

    @property
    def claimed_order(self) -> float | None:
        """One, strong without noise and weak with it."""
        return 1

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        denoised = run.denoiser(x, run.sigma)
        fresh = self.eta * run.sigma_next * math.sqrt(run.sigma**2 - run.sigma_next**2) / run.sigma
        moved = denoised + math.sqrt(run.sigma_next**2 - fresh**2) / run.sigma * (x - denoised)
        return moved + fresh * run.noise() if fresh > 0 else moved
