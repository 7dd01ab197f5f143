"""The exact path divergence as a bound, and a closed bound on it for the ancestral sampler.

KL(p_δ ‖ q_N) ≤ KL(path P ‖ path Q), by data processing. For ancestral steps the path divergence is exactly
(docs/theory.md, section 2), with w_j = 1/u_{j+1} − 1/u_j and M(u) the minimum mean squared error,

    E_I + ½ Σ_j w_j u_j² e_j + ½ Σ_j ∫ (M(u_j) − M(u)) d(1/u)

and Theorem 2's argument, carried over from J to M, bounds the last sum with no more than the second moment:

1. M increases with u, so ∫ (M(u_j) − M(u)) d(1/u) ≤ w_j (M(u_j) − M(u_{j+1})).
2. Summed by parts: Σ_j w_j (M_j − M_{j+1}) = w_0 M_0 + Σ_{j≥1} (w_j − w_{j−1}) M_j − w_{N−1} M_N.
3. 0 ≤ M_j ≤ b_j = min(m₂², d·u_j), so it is at most w_0 b_0 + Σ_{j≥1} max(0, w_j − w_{j−1}) b_j.
"""

from __future__ import annotations

from typing import ClassVar

from harness.bounds import TOLERANCE, Bound, Design
from harness.errors import NotApplicable
from harness.quantities import DIVERGENCES, Quantity


class BudgetBound(Bound):
    """The exact budget E_I + E_S + E_D + E_V of a sampler with Gaussian steps."""

    name: ClassVar[str] = "budget"
    limits: ClassVar[tuple[Quantity, ...]] = DIVERGENCES
    equals: ClassVar[Quantity | None] = "path-kl"
    formula: ClassVar[str] = "E_I + Σ_j ½[d ln(v_j/Δ_j) + (dΔ_j − Δ_j²J_j + Δ_j²e_j)/v_j − d] + ½∫J du"
    source: ClassVar[str] = (
        "Wang, He, Tao, arXiv 2406.12839, Theorem 2 with exact constants (docs/theory.md, section 2)"
    )

    def value(self, design: Design) -> float | NotApplicable:
        """Mean of the budget's total, in nats."""
        if design.budget is None:
            return NotApplicable(f"sampler {design.sampler.name} has no Gaussian step, so its path has no divergence")
        return float(design.budget.total.mean())


class AncestralTelescope(Bound):
    """A bound on the ancestral sampler's path divergence from d and the second moment alone."""

    name: ClassVar[str] = "ancestral-telescope"
    limits: ClassVar[tuple[Quantity, ...]] = DIVERGENCES
    formula: ClassVar[str] = (
        "m₂²/2u_0 + ½Σw_j u_j² e_j + ½w_0 b_0 + ½Σ max(0, w_j − w_{j−1}) b_j,"
        "  w_j = 1/u_{j+1} − 1/u_j, b_j = min(m₂², d·u_j)"
    )
    source: ClassVar[str] = (
        "derived here: the argument of Wang, He, Tao, arXiv 2406.12839, Theorem 2, for M in place of J"
    )

    def value(self, design: Design) -> float | NotApplicable:
        """The bound in nats; only for steps of the ancestral variance u_{j+1} Δ_j / u_j."""
        import numpy as np

        who = design.sampler.name
        if design.variances is None:
            return NotApplicable(f"{self.name} is for ancestral steps; {who} has no Gaussian step")
        u = np.asarray(design.sigmas, dtype=np.float64) ** 2
        if not np.allclose(design.variances, u[1:] * (1 - u[1:] / u[:-1]), rtol=TOLERANCE, atol=0.0):
            return NotApplicable(f"{self.name} is for steps of variance u_(j+1)Δ_j/u_j; {who} has another")
        weight = (u[:-1] - u[1:]) / (u[:-1] * u[1:])
        largest = np.minimum(design.second_moment, design.dim * u[:-1])
        error = design.score_error(design.sigmas[:-1]).mean(0)
        score = float((weight * u[:-1] ** 2 * error).sum())
        bend = float((np.maximum(0.0, np.diff(weight)) * largest[1:]).sum())
        first = float(weight[0] * largest[0])
        initialization = design.initialization
        if isinstance(initialization, NotApplicable):
            return initialization
        return initialization + 0.5 * (score + first + bend)
