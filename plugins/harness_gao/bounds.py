"""W₂ of Euler's method on the probability-flow equation, for a strongly log-concave law and its exact score.

The flow dX/dσ = ε(X, σ) = (X − D)/σ = E[ξ|X_σ = X] carries p_σ to p_τ; Euler's step from σ to τ is
Φ(x) = (τ/σ)x + (1 − τ/σ)D(x, σ). If −∇² log p_0 ≥ m₀ > 0:

1. Contraction (Gao, Zhu). ∇D = Cov(X_0|X_σ)/σ² lies between 0 and 1/(1 + m₀σ²) (Brascamp–Lieb: the
   posterior is (m₀ + 1/σ²)-log-concave), so Φ is Lipschitz with γ = τ/σ + (1 − τ/σ)/(1 + m₀σ²) < 1.
2. Error of one step (Brosse, Dalalyan). Along the flow dε/ds = −(1/s) dD/ds and dD/ds = −Cov(ξ, ξ·(ξ −
   m)|X_s), with m = E[ξ|X_s]. Its norm is at most E[‖ξ‖‖ξ − m‖²|X_s], whose L² norm is at most, by Hölder's
   inequality and ‖ξ − m‖_{L⁶} ≤ 2‖ξ‖_{L⁶},  C = 4(E‖ξ‖⁶)^{1/2} = 4√(d(d + 2)(d + 4)). So ‖ε(X_s, s) −
   ε(X_σ, σ)‖_{L²} ≤ C ln(σ/s), and ‖Φ(X_σ) − X_τ‖_{L²} ≤ ∫_τ^σ C ln(σ/s) ds = C[(σ − τ) − τ ln(σ/τ)].
3. Start. W₂(N(0, σ_0²I), p_{σ_0}) ≤ m₂, by coupling the noise. From any other start, W₂ of two Gaussians, exactly.

    W₂(p_δ, q_N) ≤ m₂ Π_j γ_j + Σ_j (Π_{i>j} γ_i) C[(σ_j − σ_{j+1}) − σ_{j+1} ln(σ_j/σ_{j+1})]

A law that is not log-concave has steps with γ > 1: for points within R of one another the product grows like
exp(R²/2δ²), which says nothing, so it is left out. So is a score error: it would need the network's own
Lipschitz constant.
Sources: arXiv 2401.17958; the catalog's entry of Brosse and Dalalyan gives C = 4√d(d + 3), a little above.
"""

from __future__ import annotations

import itertools
import math
from typing import ClassVar

from harness.bounds import Bound, Design
from harness.errors import NotApplicable
from harness.quantities import Quantity


class GaoZhuW2(Bound):
    """W₂ instead of KL: it needs no path divergence, so it holds for a deterministic sampler."""

    name: ClassVar[str] = "gao-zhu-w2"
    limits: ClassVar[tuple[Quantity, ...]] = ("w2",)
    formula: ClassVar[str] = "m₂Πγ_j + Σ_j Π_{i>j}γ_i 4√(d(d+2)(d+4))[(σ−τ) − τ ln(σ/τ)],  γ = τ/σ + (1−τ/σ)/(1+m₀σ²)"
    source: ClassVar[str] = "Gao, Zhu, arXiv 2401.17958; Brosse, Dalalyan (error of one step)"

    def value(self, design: Design) -> float | NotApplicable:
        """The bound in data units; for a Gaussian target, its exact score and Euler's method."""
        gaussian = design.target.gaussian() if design.target is not None else None
        if gaussian is None:
            return NotApplicable(f"{self.name} is for strongly log-concave targets: Gaussians, here")
        if not design.exact_score:
            return NotApplicable(f"{self.name} is for the exact score; this network's Lipschitz constant is unknown")
        from harness_gao.euler import is_euler

        if not is_euler(design):
            return NotApplicable(f"{self.name} is for Euler's method; {design.sampler.name} is another")
        import torch

        concavity = 1 / float(torch.linalg.eigvalsh(gaussian[1].double())[-1])
        start = math.sqrt(design.second_moment)
        if design.initial is not None and not design.centered:
            from harness_gao.start import distance

            start = distance(design.initial, *gaussian, float(design.sigmas[0]))
        return wasserstein(design.sigmas.tolist(), design.dim, start, concavity)


def wasserstein(sigmas: list[float], dim: int, start: float, concavity: float) -> float:
    """The bound.

    Arguments:
        sigmas: the grid, N+1 numbers, decreasing.
        dim: d.
        start: m₂, the distance at σ_0.
        concavity: m₀ > 0.
    """
    constant = 4 * math.sqrt(dim * (dim + 2) * (dim + 4))
    distance = start
    for sigma, after in itertools.pairwise(sigmas):
        kept = after / sigma
        lipschitz = kept + (1 - kept) / (1 + concavity * sigma**2)
        distance = lipschitz * distance + constant * (sigma - after - after * math.log(sigma / after))
    return distance
