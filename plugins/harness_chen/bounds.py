"""Chen, Lee and Lu's bound with its constants, in noise variances.

The paper bounds the Jacobian of the score at one level at a time, E‖∇² log p_v‖² ≲ d²/v², whatever the law,
and gets KL ≲ m₂²-term + Tε² + d²(T + ln 1/δ)²/N with steps that shrink with the level. With X_v = X_0 + √v
ξ, write m = E[ξ|X_v], A = E[ξξᵀ − I|X_v]; then v∇² log p_v = A − mmᵀ = Cov(ξ|X_v) − I, and

1. E‖A‖² ≤ E‖ξξᵀ − I‖² = E‖ξ‖⁴ − 2d + d = d(d + 1)                              (Jensen; E‖ξ‖⁴ = d(d + 2))
2. −2mᵀAm + ‖m‖⁴ = −2mᵀCov(ξ|X_v)m − ‖m‖⁴ + 2‖m‖² ≤ 2‖m‖² − ‖m‖⁴ ≤ 1    (A = Cov(ξ|X_v) + mmᵀ − I)
3. so v²P_v = E‖A − mmᵀ‖² ≤ d² + d + 1, and with ∫(v − u_{j+1})/v² dv = ln(u_j/u_{j+1}) − Δ_j/u_j

    E_D ≤ ½(d² + d + 1) Σ_j [ln(u_j/u_{j+1}) − Δ_j/u_j].

Unlike d in place of d² + d + 1, this holds for every law: P_v itself may exceed d/v² (a few separate points
do, at the level where they merge). Where P_v = d/v² (a single point) the bound is d + 1 + 1/d times E_D.
Source: arXiv 2211.01916, Theorem 2 (constants derived here: the paper hides them in ≲).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.bounds import Design, FrozenScoreBound

if TYPE_CHECKING:
    import numpy as np


class ChenLeeLu(FrozenScoreBound):
    """Quadratic in d for any law, level by level."""

    name: ClassVar[str] = "chen-lee-lu"
    formula: ClassVar[str] = "m₂²/2u_0 + ½ΣΔ_j e_j + ½(d² + d + 1)Σ[ln(u_j/u_{j+1}) − Δ_j/u_j]"
    source: ClassVar[str] = "Chen, Lee, Lu, arXiv 2211.01916, Theorem 2"

    def discretization(self, design: Design, u: np.ndarray) -> float:
        """Bound on E_D, in nats."""
        import numpy as np

        relative = 1 - u[1:] / u[:-1]
        return 0.5 * (design.dim**2 + design.dim + 1) * float((-np.log1p(-relative) - relative).sum())
