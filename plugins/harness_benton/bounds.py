"""Benton et al.'s bound with its constants, in noise variances.

The paper runs the reverse Ornstein–Uhlenbeck process and finds KL ≲ ε² + κ²dN + κdT + d e^{−2T} for data of
unit covariance and steps of at most κ min(1, time left). Here the process is σ-noise, and the same argument
gives constants. Let κ = max_j Δ_j/u_j (the paper's is Δ_j/u_{j+1}, larger), Λ = ln(u_0/u_N), b(v) =
min(m₂², dv) ≥ M(v).

1. E_D = ½ Σ_j ∫(v − u_{j+1}) P_v dv with P_v = (d − 2M/v + M')/v² (`FrozenScoreBound`).
2. Drop −2M/v ≤ 0. M' = E tr Σ²/v² is the derivative of the expected posterior covariance: the identity of
   stochastic localization that the paper brings in, so that no moment of Σ higher than M is needed.
3. ½d Σ_j ∫(v − u_{j+1})/v² dv = ½d Σ_j g(Δ_j/u_j) ≤ ½dN g(κ),  g(k) = −ln(1 − k) − k ≈ k²/2.
4. (v − u_{j+1})/v ≤ Δ_j/u_j ≤ κ, so the rest is at most ½κ ∫_{u_N}^{u_0} M'/v dv, and by parts
   ∫M'/v dv = [M/v] + ∫M/v² dv ≤ b(u_0)/u_0 + ∫ b(v)/v² dv =: B.

    E_D ≤ ½dN g(κ) + ½κB,   B ≤ d(1 + Λ) always, less where u_0 > m₂²/d.

N g(κ) is the paper's κ²N, and B its T. Score error and initialisation are as in every bound of this kind; the
paper's d e^{−2T} is m₂²/(2u_0).
Source: arXiv 2308.03686, Theorem 1 (constants derived here: the paper hides them in ≲).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from harness.bounds import Design, FrozenScoreBound

if TYPE_CHECKING:
    import numpy as np


class Benton(FrozenScoreBound):
    """Linear in d for any law, through the largest relative step κ, the number of steps and the range."""

    name: ClassVar[str] = "benton"
    formula: ClassVar[str] = (
        "m₂²/2u_0 + ½ΣΔ_j e_j + ½dN(−ln(1−κ) − κ) + ½κ[b_0/u_0 + ∫b/v² dv],  κ = max Δ_j/u_j, b = min(m₂², dv)"
    )
    source: ClassVar[str] = "Benton, De Bortoli, Doucet, Deligiannidis, arXiv 2308.03686, Theorem 1"

    def discretization(self, design: Design, u: np.ndarray) -> float:
        """Bound on E_D, in nats."""
        largest = float((1 - u[1:] / u[:-1]).max())
        steps = 0.5 * design.dim * (len(u) - 1) * (-math.log1p(-largest) - largest)
        return steps + 0.5 * largest * localization(float(u[0]), float(u[-1]), design.dim, design.second_moment)


def localization(top: float, bottom: float, dim: int, second_moment: float) -> float:
    """b(u_0)/u_0 + ∫_{u_N}^{u_0} b(v)/v² dv with b(v) = min(m₂², dv): bounds ∫M'/v dv.

    b is dv up to v = c, then m₂²; the boundary term and the tail sum to m₂²/c.
    """
    crossing = min(max(second_moment / dim, bottom), top)
    return dim * math.log(crossing / bottom) + min(dim, second_moment / crossing)
