"""Corollary 1 of Wang, He, Tao with every constant explicit: Theorem 2 summed over a polynomial grid.

The grid is σ_j = z_j^a with z_0 > … > z_N evenly spaced, a ≥ ½ (Karras et al.: a = ρ; in time √u: a = ρ/2;
a → ∞ is the exponential grid). With L = ln(σ_max/σ_min), α = 2a, η = (z_0 − z_N)/N, u_j = z_j^α, b(u) =
min(m₂², du), the three terms of Theorem 2's E_D (`harness_wang.bounds`) are bounded one by one.

1. r_j = ln(u_j/u_{j+1}) = α∫dz/z over the step, and r − 1 + e^{−r} ≤ r²/2. Cauchy–Schwarz: r_j² ≤
   α²η∫dz/z². So

       ½d Σ [ln(u_j/u_{j+1}) − Δ_j/u_j] ≤ ¼dα²η(1/z_N − 1/z_0) = (d/N)(2a sinh(L/2a))².

2. Δ_0/u_0 = 1 − (1 − η/z_0)^α ≤ αη/z_0 (Bernoulli, α ≥ 1), so ½(Δ_0/u_0²)b_0 ≤ (a/N)(1 − e^{−L/a})
   b(u_0)/u_0.

3. u_{j+1}u_{j−1}/u_j² = (1 − η²/z_j²)^α ≥ 1 − αη²/z_j², and u_j < u_{j−1}. As b(u)/u decreases in z, a sum
   over j = 1 … N−1 of η(b/u)(z_j)/z_j² is below the integral: with f(z) = min(d, m₂²z^{−α}),

       ½ Σ (u_j² − u_{j+1}u_{j−1})/(u_{j−1}u_j²) b_j ≤ aη ∫_{z_N}^{z_0} f(z)/z² dz.

The first is the paper's d a² T^{1/a}/(δ^{1/a} N), and its constant turns out to be 1: (2 sinh(L/2a))² ≤
e^{L/a}. The page departs from this: its ≲ hides the constants, and its score error is that of training
(Theorem 1), where here it is E_S = ½ΣΔ_j e_j, measured. Remark 3's best exponent, ½ ln(σ_max/σ_min) for σ = t (and
ln(σ_max/σ_min), not the same, for σ = √t, where a = ρ/2), is the minimum of a²e^{L/a}; the first term above, which that
bounds, has none: it falls in a to L², the exponential grid's.
Source: arXiv 2406.12839, Corollary 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from harness.bounds import Design, FrozenScoreBound
from harness.errors import NotApplicable

if TYPE_CHECKING:
    import numpy as np

TOLERANCE = 1e-6
"""Relative distance at which levels still count as those of a polynomial grid."""

STEEPEST = 2.0
"""Largest 1/a of the derivation: σ² evenly spaced."""

FLAT = 1e-6
"""Below this 1/a a grid counts as exponential: its levels then agree to rounding."""


class Corollary1(FrozenScoreBound):
    """The paper's closed form for polynomial grids: no sum over levels but the score error's."""

    name: ClassVar[str] = "corollary-1"
    formula: ClassVar[str] = (
        "m₂²/2u_0 + ½ΣΔ_j e_j + (1/N)[d(2a sinh(L/2a))² + a(1 − e^(−L/a))b_0/u_0"
        " + a(z_0 − z_N)∫min(d, m₂²z^(−2a))z^(−2)dz],  σ_j = z_j^a, z even, L = ln(σ_max/σ_min)"
    )
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, Corollary 1"

    def discretization(self, design: Design, u: np.ndarray) -> float | NotApplicable:
        """Bound on E_D, in nats; only for grids that are polynomial in σ, or exponential."""
        inverse = inverse_exponent(design.sigmas)
        if inverse is None:
            return NotApplicable(
                f"{self.name} is for grids σ = z^a with z evenly spaced and a ≥ 1/2; this grid is none"
            )
        return polynomial_discretization(u, inverse, design.dim, design.second_moment)


def inverse_exponent(sigmas: np.ndarray) -> float | None:
    """Return 1/a in [0, 2] of the polynomial grid that the levels, shape (N+1,), are, or None.

    0 stands for the exponential grid. One step is a grid of every exponent, and counts as exponential.
    """
    import numpy as np
    from scipy.optimize import brentq

    logs = np.log(np.asarray(sigmas, dtype=np.float64))
    steps, whole, first = len(logs) - 1, logs[0] - logs[-1], logs[0] - logs[1]
    if steps == 1:
        return 0.0

    def excess(b: float) -> float:
        """Share of the first step in the range of z = σ^b, less 1/N; increasing in b."""
        return float(np.expm1(-b * first) / np.expm1(-b * whole) - 1 / steps)

    inverse = 0.0
    if excess(FLAT) < 0:
        top = STEEPEST * (1 + TOLERANCE)
        if excess(top) < 0:
            return None
        inverse = float(brentq(excess, FLAT, top, xtol=1e-14, rtol=1e-14))
    fraction = np.arange(steps + 1) / steps
    depth = -whole * fraction
    if inverse > 0:
        depth = np.log1p(fraction * np.expm1(-inverse * whole)) / inverse
    return inverse if np.abs(logs - logs[0] - depth).max() <= TOLERANCE else None


def polynomial_discretization(u: np.ndarray, inverse: float, dim: int, second_moment: float) -> float:
    """Bound on E_D for the grid of exponent a = 1/inverse between u_0 and u_N, in nats.

    Arguments:
        u: noise variances, shape (N+1,), decreasing.
        inverse: 1/a in [0, 2]; 0 for the exponential grid.
        dim: d.
        second_moment: m₂².
    """
    steps = len(u) - 1
    whole = 0.5 * math.log(u[0] / u[-1])
    ratio = min(float(dim), second_moment / float(u[0]))
    if inverse == 0.0:
        return float(dim * whole**2 + whole * ratio) / steps
    gaussian = dim * (2 * math.sinh(inverse * whole / 2) / inverse) ** 2
    first = -math.expm1(-inverse * whole) / inverse * ratio
    # Lengths in units of z_N: z_N = 1, z_0 = e^{L/a}, and f changes its form at z = crossing.
    alpha, top, scaled = 2 / inverse, math.exp(inverse * whole), second_moment / float(u[-1])
    crossing = min(max((scaled / dim) ** (1 / alpha), 1.0), top)
    tail = scaled * (crossing ** (-alpha - 1) - top ** (-alpha - 1)) / (alpha + 1)
    bend = (top - 1) / inverse * (dim * (1 - 1 / crossing) + tail)
    return float(gaussian + first + bend) / steps
