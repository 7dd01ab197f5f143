"""The Gaussian reverse step whose variance minimises the path divergence.

For the kernel N(x + Δ S(x, σ), v I) against the true reverse kernel the best v is the mean squared error
of its mean, per coordinate. With X' the point at σ', E‖X' − x − Δ∇log p‖² = dΔ − Δ²J(u), and an error e of
the score adds Δ²e:

    v* = Δ − Δ² (J(u) − e)/d.

Since J ≤ d/u, v* is never below the ancestral variance u'Δ/u > 0. A measured J may exceed d/u by its
noise: v* is clamped from below at the ancestral variance.

With `law=population` it is given J_θ = J − e of the network by its losses on held-out points (`harness.loss_curve`) in
place of J, and e = 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.samplers import GaussianKernelSampler
from harness.two_laws import OfTwoLaws

if TYPE_CHECKING:
    import numpy as np

    from harness.information import Information, ScoreError


class Analytic(OfTwoLaws, GaussianKernelSampler):
    """Step with the best isotropic variance: exact on an isotropic Gaussian, one evaluation a step."""

    name: ClassVar[str] = "analytic"
    formula: ClassVar[str] = "x' = x + Δ S(x, σ) + √v* z,  v* = Δ − Δ²(J(σ²) − e(σ))/d"
    source: ClassVar[str] = "Bao et al., arXiv 2201.06503, theorems 1 and 2; arXiv 2206.07309 for e > 0"
    needs_information: ClassVar[bool] = True

    def step_variances(
        self,
        sigma: np.ndarray,
        sigma_next: np.ndarray,
        information: Information | None,
        score_error: ScoreError | None,
    ) -> np.ndarray:
        """Variance v* of each step, shape (K,), from the means over the replicates of J and e.

        Raises:
            ValueError: either curve is missing.
        """
        if information is None or score_error is None:
            raise ValueError("sampler analytic needs the target's Fisher information and the network's score error")
        u, after = sigma**2, sigma_next**2
        delta = u - after
        fisher = information.fisher(u).mean(0)
        error = score_error(sigma).mean(0)
        best: np.ndarray = delta - delta**2 * (fisher - error) / information.dim
        return best.clip(min=after * delta / u)
