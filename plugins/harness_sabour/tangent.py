"""The grid uniform in arctan(σ/c): the best for Euler's method on N(0, c²I).

On N(0, λ) a step of Euler's method on the probability flow multiplies the ratio of the variance that is made to the
true one by cos²(θ_j − θ_{j+1}), θ = arctan(σ/√λ). So with r_i the product over the steps, the divergence on a
Gaussian with eigenvalues λ_i is ½ Σ_i (1/r_i − 1 + ln r_i). Where c is not given it is the scale that makes this
least for the target's own covariance. With c given this is the grid `cosine:scale=c`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness_nichol.time_discretizations import CosineGrid
from pydantic import Field

from harness.errors import HarnessError
from harness.time_discretizations import GridRequest, TimeDiscretization

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

LATTICE = 65
"""Scales that are tried, log-spaced over the range of levels, before the best is closed in on."""


class Tangent(TimeDiscretization):
    """Uniform in arctan(σ/c), c the best scale for Euler's method on a Gaussian of the target's covariance."""

    name: ClassVar[str] = "tangent"
    formula: ClassVar[str] = (
        "σ_j = c tan of equal steps; c = argmin ½Σ_i (1/r_i − 1 + ln r_i), r_i = Π_j cos² Δarctan(σ_j/√λ_i)"
    )
    source: ClassVar[str] = "Sabour, Fidler, Kreis, arXiv 2404.14507, Theorem 3.1; the scale: derived here"
    needs_law: ClassVar[bool] = True

    scale: float | None = Field(None, gt=0, description="scale c; null: the best for the target's covariance")

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,).

        Raises:
            HarnessError: the scale is not given, and the request carries no law.
        """
        return CosineGrid(scale=self.scale or self.best_scale(request)).levels(request)

    def best_scale(self, request: GridRequest) -> float:
        """Return the scale of least divergence; raises as `levels`."""
        import numpy as np
        from scipy.optimize import minimize_scalar

        if request.law is None:
            raise HarnessError("time discretization 'tangent' needs the target's law, or its scale; neither was given")
        deviations = request.law.mean_and_covariance()[1].double().cpu()
        roots = np.sqrt(np.clip(np.linalg.eigvalsh(deviations.numpy()), 0, None))

        def cost(log_scale: float) -> float:
            grid = CosineGrid(scale=float(np.exp(log_scale))).levels(request).numpy()
            return euler_divergence(grid, roots)

        tried = np.linspace(np.log(request.sigma_min), np.log(request.sigma_max), LATTICE)
        best = int(np.argmin([cost(each) for each in tried]))
        around = tried[max(0, best - 1)], tried[min(LATTICE - 1, best + 1)]
        return float(np.exp(minimize_scalar(cost, bounds=around, method="bounded", options={"xatol": 1e-6}).x))


def euler_divergence(sigmas: np.ndarray, roots: np.ndarray) -> float:
    """Return the divergence of Euler's method on a Gaussian from the start of the true one, in nats.

    Arguments:
        sigmas: the levels, shape (N+1,), decreasing.
        roots: standard deviations √λ_i along the eigenvectors, shape (d,).
    """
    import numpy as np

    turned = -np.diff(np.arctan2(sigmas[:, None], roots), axis=0)
    log_ratio = 2 * np.log(np.cos(turned)).sum(0)
    return float(0.5 * (np.expm1(-log_ratio) + log_ratio).sum())
