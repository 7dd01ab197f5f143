"""Theorem 2 of Wang, He, Tao with every constant explicit.

In noise variances u_0 > … > u_N, Δ_j = u_j − u_{j+1}, with b_j = min(m₂², d·u_j):

    E_I ≤ m₂²/(2u_0)
    E_S = ½ Σ_j Δ_j e_j
    E_D ≤ ½ d Σ_j [ln(u_j/u_{j+1}) − Δ_j/u_j] + ½ (Δ_0/u_0²) b_0
          + ½ Σ_{j≥1} max(0, u_j² − u_{j+1}u_{j−1})/(u_{j−1}u_j²) · b_j

The page departs from this in three ways (docs/theory.md, section 4): its ≲ hides the constants; Lemma 9
carries ½σ² where Girsanov's theorem gives σ², and a factor 2 that the martingale property makes needless,
together 1; and its last term may be negative on a log-convex grid, where an upper bound on the posterior
covariance may not be multiplied: hence the max.
Source: arXiv 2406.12839, Theorem 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.bounds import Design, FrozenScoreBound

if TYPE_CHECKING:
    import numpy as np


class Theorem2(FrozenScoreBound):
    """The paper's bound on the path divergence of the exponential integrator."""

    name: ClassVar[str] = "theorem-2"
    formula: ClassVar[str] = (
        "m₂²/2u_0 + ½ΣΔ_j e_j + ½dΣ[ln(u_j/u_{j+1}) − Δ_j/u_j] + ½(Δ_0/u_0²)b_0"
        " + ½Σ max(0, u_j² − u_{j+1}u_{j−1})/(u_{j−1}u_j²) b_j,  b_j = min(m₂², d·u_j)"
    )
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, Theorem 2"

    def discretization(self, design: Design, u: np.ndarray) -> float:
        """Bound on E_D, in nats."""
        return discretization(u, design.dim, design.second_moment)


def discretization(u: np.ndarray, dim: int, second_moment: float) -> float:
    """Bound on E_D for noise variances u, shape (N+1,), decreasing; in nats."""
    import numpy as np

    delta = u[:-1] - u[1:]
    largest = np.minimum(second_moment, dim * u[:-1])
    gaussian = dim * float((np.log(u[:-1] / u[1:]) - delta / u[:-1]).sum())
    first = float(delta[0] / u[0] ** 2 * largest[0])
    bend = np.maximum(0.0, u[1:-1] ** 2 - u[2:] * u[:-2]) / (u[:-2] * u[1:-1] ** 2)
    return 0.5 * (gaussian + first + float((bend * largest[1:]).sum()))
