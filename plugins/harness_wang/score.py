"""Theorem 3 of Wang, He, Tao with every constant explicit: Theorem 2 with the training loss in place of e.

    E_I ≤ m₂²/(2u_0)
    E_S ≤ max_j Δ_j/(β_j u_j) · (L(θ) − L*),     L(θ) − L* = ½ Σ_j β_j u_j e_j
    E_D as in Theorem 2 (`harness_wang.bounds`)

for any weights β_j > 0. They are the network's own: β_j = β(σ_j) · cell_j (`harness.weighting_tables`), β the total
weighting that it was trained with; of a learned weighting, the one that its training started from.

The page departs from this in two ways: its ≲ hides the constants, and its β_j = w(t_j)(t_j − t_{j−1})/σ̄_j lacks
a factor 1/σ̄_j (docs/theory.md, section 4). Here every weighting stands on ‖σS + ξ‖² with respect to dσ, where no
such factor occurs, and the cells meet halfway (in ln σ) between levels. L(θ) − L* is measured, not predicted:
splitting it is the subject of `harness.results.score_split`.
Source: arXiv 2406.12839, Theorem 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.bounds import Design, FrozenScoreBound
from harness.errors import NotApplicable
from harness_wang.bounds import discretization

if TYPE_CHECKING:
    import numpy as np


class Theorem3(FrozenScoreBound):
    """The paper's bound from the training loss: the level that sampling needs most against training decides."""

    name: ClassVar[str] = "theorem-3"
    formula: ClassVar[str] = "m₂²/2u_0 + max_j Δ_j/(β_j u_j) · ½Σβ_j u_j e_j + E_D of theorem-2,  β_j = β(σ_j)·cell_j"
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, Theorem 3"

    def score(self, design: Design, u: np.ndarray) -> float | NotApplicable:
        """Bound on E_S, in nats; only for networks that were trained at every level of the grid."""
        if design.weighting is None:
            return NotApplicable(f"{self.name} is for trained networks; nothing is trained here")
        weights = design.weighting.on_grid(design.sigmas)
        if weights.vanishing.size:
            level = f"sigma={weights.vanishing[0]:g}"
            return NotApplicable(f"{self.name} is for weightings that are positive at each level; at {level} it is 0")
        excess = weights.excess(design.score_error(design.sigmas[:-1])).mean()
        return weights.coefficient(design.sigmas) * float(excess)

    def discretization(self, design: Design, u: np.ndarray) -> float:
        """Bound on E_D, in nats: that of Theorem 2."""
        return discretization(u, design.dim, design.second_moment)
