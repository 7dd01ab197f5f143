"""UniPC: a multistep solver of the flow in λ = −ln σ that corrects each step by the evaluation of the next.

x' = (σ'/σ) x + ∫_0^1 h e^{−(1 − s)h} D ds, h = ln(σ/σ'), with D a polynomial in s through known evaluations: the
predictor takes the last p of them, and leads to a point at σ' where D is evaluated; the corrector takes that evaluation
too, and moves the point. The evaluation is kept for the next step, so the corrector costs none, and the last point is
not corrected. Where there is one weight to find, the source takes ½B(h) in place of it, B = h (bh1) or 1 − e^{−h}
(bh2): in the predictor of two evaluations, and in the corrector of the first step.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from harness_zhang.samplers import gauss_legendre, lagrange_polynomials
from pydantic import Field

from harness.samplers import Sampler, SamplerRun

if TYPE_CHECKING:
    from torch import Tensor

NODES = 24
"""Nodes of Gauss and Legendre's quadrature of a weight: exact to rounding for steps of h up to 10."""

Evaluations = list[tuple[float, "Tensor"]]
"""Levels with the denoised points there."""


def kernel_weights(places: list[float], h: float) -> list[float]:
    """Return ∫_0^1 h e^{−(1 − s)h} ℓ_j ds of the Lagrange polynomials ℓ_j of the places s_j, in units of the step."""
    import numpy as np

    nodes, measure = gauss_legendre(NODES)
    s = (nodes + 1) / 2
    kernel = measure / 2 * h * np.exp((s - 1) * h)
    # A row in memory for each: a sum over numbers that lie apart would round in another order.
    rows = np.ascontiguousarray(lagrange_polynomials(np.array(places), s).T)
    return [float(kernel @ row) for row in rows]


class UniPC(Sampler):
    """UniPC: a predictor of p evaluations, and a corrector that raises its order to p + 1; one evaluation a step."""

    name: ClassVar[str] = "unipc"
    formula: ClassVar[str] = (
        "x' = (σ'/σ) x + (1 − σ'/σ) D + Σ_j w_j (D_j − D),  D_j the p − 1 before; then once more with D(x', σ') too"
    )
    source: ClassVar[str] = "Zhao et al., arXiv 2302.04867, algorithms 1 and 2, prediction of the clean point"

    order: int = Field(3, ge=1, le=4, description="evaluations p of the predictor")
    variant: Literal["bh1", "bh2"] = Field("bh2", description="B(h) where one weight is to be found: h or 1 − e^(−h)")
    corrector: bool = Field(True, description="whether points are corrected; without it this is UniP")

    @property
    def claimed_order(self) -> float | None:
        """That of the predictor, and with the corrector one more."""
        return self.order + self.corrector

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the predicted points at σ', shape (n, d), from those predicted at σ."""
        evaluation = run.sigma, run.denoiser(x, run.sigma)
        known: Evaluations = run.memory.get("known", [])
        if known and self.corrector:
            x = self.solved(run.memory["x"], run.sigma, known, evaluation)
        known = [evaluation, *known][: self.order]
        run.memory.update(x=x, known=known)
        return self.solved(x, run.sigma_next, known, None)

    def solved(self, x: Tensor, sigma: float, known: Evaluations, new: tuple[float, Tensor] | None) -> Tensor:
        """Take x at the level of the latest known evaluation to σ, with an evaluation there where one is given."""
        (start, first), *others = known
        h = math.log(start / sigma)
        others = [*others, *([] if new is None else [new])]
        moved = sigma / start * x - math.expm1(-h) * first
        places = [math.log(start / level) / h for level, _ in others]
        for weight, (_, denoised) in zip(self.weights(places, h), others, strict=True):
            moved = moved + weight * (denoised - first)
        return moved

    def weights(self, places: list[float], h: float) -> list[float]:
        """Weights of the evaluations besides the latest, at their places from it in units of the step."""
        if len(places) == 1:
            return [(h if self.variant == "bh1" else -math.expm1(-h)) / 2 / places[0]]
        return kernel_weights([0.0, *places], h)[1:]
