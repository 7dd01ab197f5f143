"""The exact path divergence as a bound: KL(p_δ ‖ q_N) ≤ KL(path P ‖ path Q), by data processing."""

from __future__ import annotations

from typing import ClassVar

from harness.bounds import Bound, Design
from harness.metrics import NotApplicable


class BudgetBound(Bound):
    """The exact budget E_I + E_S + E_D + E_V of a sampler with Gaussian steps."""

    name: ClassVar[str] = "budget"
    formula: ClassVar[str] = "E_I + Σ_j ½[d ln(v_j/Δ_j) + (dΔ_j − Δ_j²J_j + Δ_j²e_j)/v_j − d] + ½∫J du"
    source: ClassVar[str] = (
        "Wang, He, Tao, arXiv 2406.12839, Theorem 2 with exact constants (docs/theory.md, section 2)"
    )

    def value(self, design: Design) -> float | NotApplicable:
        """Mean of the budget's total, in nats."""
        if design.budget is None:
            return NotApplicable(f"sampler {design.sampler.name} has no Gaussian step, so its path has no divergence")
        return float(design.budget.total.mean())
