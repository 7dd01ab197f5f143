"""DDIM in the noise level: its stochastic end (`ancestral`) and its deterministic end (`euler`).

In variance-preserving coordinates z = x/√(1+σ²) both are DDIM, with η = 1 and η = 0; `ancestral` is also
the law of X_σ' given X_σ and X_0 = D, as in DDPM, and `euler` is DPM-Solver of order 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

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
