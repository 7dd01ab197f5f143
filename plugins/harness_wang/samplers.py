"""The exponential integrator: the reverse equation solved exactly with the score frozen over each step.

Run down in u = σ², the reverse process has drift S and unit diffusion per unit of u. With S held at its
value at (x, σ), a step from σ to σ' is X' ~ N(x + Δ S, Δ I), Δ = σ² − σ'². Song et al. call it reverse
diffusion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.samplers import GaussianKernelSampler

if TYPE_CHECKING:
    import numpy as np

    from harness.information import Information, ScoreError


class ExponentialIntegrator(GaussianKernelSampler):
    """Step with the score frozen: weak order 1, one evaluation a step."""

    name: ClassVar[str] = "exponential-integrator"
    formula: ClassVar[str] = "x' = x + Δ S(x, σ) + √Δ z,  Δ = σ² − σ'²"
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, section 3.2; Song et al., arXiv 2011.13456, appendix E"

    def step_variances(
        self,
        sigma: np.ndarray,
        sigma_next: np.ndarray,
        information: Information | None,
        score_error: ScoreError | None,
    ) -> np.ndarray:
        """Variance v = Δ of each step, shape (K,)."""
        delta: np.ndarray = sigma**2 - sigma_next**2
        return delta
