"""The grid of constant rate for the target's own covariance.

The Fréchet distance of the Gaussians with the covariances C + σ²I and C + (σ + δ)²I, per δ, tends to

    v(σ) = (Σ_i σ²/(λ_i + σ²))^½,   λ_i the eigenvalues of C

and levels are at equal steps of ∫ v dσ. The source measures the distance of features of images (FID), which belong to
images; here it is that of the points themselves. Its tuned powers of v, which depend on the variable that v is taken
by, are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.time_discretizations import GridRequest, TimeDiscretization

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class ConstantRateGrid(TimeDiscretization):
    """Equal Fréchet distances between noised data of one level and the next."""

    name: ClassVar[str] = "constant-rate"
    formula: ClassVar[str] = "equal steps of ∫ (Σ_i σ²/(λ_i + σ²))^½ dσ, λ_i the eigenvalues of Cov X_0"
    source: ClassVar[str] = "Okada et al., arXiv 2411.12188; the distance of points, not of features"
    needs_law: ClassVar[bool] = True

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,).

        Raises:
            HarnessError: the request carries no law.
        """
        import numpy as np

        from harness.equal_lengths import equal_steps

        covariance = request.law_for(self).mean_and_covariance()[1].double().cpu()
        eigenvalues = np.clip(np.linalg.eigvalsh(covariance.numpy()), 0, None)

        def length(sigma: np.ndarray) -> np.ndarray:
            u = sigma[:, None] ** 2
            rate: np.ndarray = sigma * (u / (eigenvalues + u)).mean(1) ** 0.5
            return rate

        return equal_steps(request, length)
