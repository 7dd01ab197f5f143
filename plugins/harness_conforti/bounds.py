"""Conforti, Durmus and Gentiloni Silveri's bound with its constants, in noise variances.

The paper shows that along the reverse process the relative score is a (drifted) martingale, so that the
mean square of its increments telescopes, and gets KL ≲ e^{−2T}KL(μ‖γ) + Tε² + h·I(μ‖γ) for constant steps
h, with I the Fisher information of the data relative to the Gaussian. In the σ-noise process the score
itself is a martingale:

1. E‖∇log p_v(X_v) − ∇log p_{u_j}(X_{u_j})‖² = J(v) − J(u_j), and J decreases, so that
2. E_D = ½ Σ_j ∫(J(v) − J(u_j)) dv ≤ ½ Σ_j Δ_j (J(u_{j+1}) − J(u_j)),        `steps = "each"`
3. ≤ ½ h Σ_j (J(u_{j+1}) − J(u_j)) = ½ h (J(u_N) − J(u_0)),  h = max Δ_j.    `steps = "largest"`, the paper's

J(u_N) is the Fisher information of p_δ, finite for every law since data are noised. The third line is sharp
only where the steps are equal in σ²; for such grids both agree, and as N grows they tend to 2 E_D. The
paper's e^{−2T}KL(μ‖γ) is m₂²/(2u_0).
Source: arXiv 2308.12240, Theorem 1 (constants derived here: the paper hides them in ≲).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from harness.bounds import Design, FrozenScoreBound

if TYPE_CHECKING:
    import numpy as np


class Conforti(FrozenScoreBound):
    """The Fisher information that the path gains, times a step."""

    name: ClassVar[str] = "conforti"
    formula: ClassVar[str] = "m₂²/2u_0 + ½ΣΔ_j e_j + ½ max Δ_j (J(u_N) − J(u_0)), or + ½ΣΔ_j(J(u_{j+1}) − J(u_j))"
    source: ClassVar[str] = "Conforti, Durmus, Gentiloni Silveri, arXiv 2308.12240, Theorem 1"

    steps: Literal["largest", "each"] = Field(
        "largest",
        description="the step in the bound: the largest, as in the paper, or each with its own gain",
    )

    def discretization(self, design: Design, u: np.ndarray) -> float:
        """Bound on E_D, in nats."""
        delta = u[:-1] - u[1:]
        fisher = design.information.fisher(u).mean(0)
        if self.steps == "largest":
            return 0.5 * float(delta.max() * (fisher[-1] - fisher[0]))
        return 0.5 * float((delta * (fisher[1:] - fisher[:-1])).sum())
