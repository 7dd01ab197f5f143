"""The exact marginal divergence on a Gaussian with its exact score: a bound that is tight by construction."""

from __future__ import annotations

from typing import ClassVar

from harness.bounds import Bound, Design
from harness.errors import NotApplicable
from harness.quantities import Quantity

RELATIVE_ROUNDING, ABSOLUTE_ROUNDING = 1e-9, 1e-12
"""What two ways to compute the same divergence may differ by, relative and in nats."""


class AffineGaussian(Bound):
    """KL(p_δ ‖ q_N) itself, where every step is an affine map of each eigen-coordinate.

    It bounds the marginal divergence, not that of the paths. What rounding may take is added.
    """

    name: ClassVar[str] = "affine-gaussian-kl"
    limits: ClassVar[tuple[Quantity, ...]] = ("marginal-kl",)
    formula: ClassVar[str] = "½Σ_i[λ/V − 1 − ln(λ/V) + (m − n)²/V],  p_δ = N(m, λ), q_N = N(n, V) along each axis"
    source: ClassVar[str] = "Pierret, Galerne, arXiv 2405.14250; Wang, He, Tao, arXiv 2406.12839, Lemma 13"

    def value(self, design: Design) -> float | NotApplicable:
        """The divergence in nats; for a Gaussian target, its exact score and an affine sampler."""
        gaussian = design.target.gaussian() if design.target is not None else None
        if gaussian is None:
            return NotApplicable(f"{self.name} is for Gaussian targets")
        if not design.exact_score:
            return NotApplicable(f"{self.name} is for the exact score, which is affine; this network is another")
        from harness_pierret.affine import divergence, output_law

        law = output_law(design, *gaussian)
        if law is None:
            who = f"{design.sampler.name} or its start"
            return NotApplicable(f"{self.name} is for steps and starts affine in each coordinate; {who} is not")
        return divergence(law, float(design.sigmas[-1])) * (1 + RELATIVE_ROUNDING) + ABSOLUTE_ROUNDING
