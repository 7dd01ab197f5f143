"""ER-SDE: reverse equations of any amount of noise, chosen by a function φ(σ), and their solvers.

With r = φ(σ')/φ(σ), x' = r x + φ(σ') ∫ D φ'(s)/φ(s)² ds + √(σ'² − σ²r²) z from σ' to σ. φ = σ is the probability flow,
φ = σ² the reverse equation. D is a Taylor polynomial whose derivatives are backward differences of the last
evaluations. The difference of the last two stands for the derivative at σ, though it is that of the middle of the step
before: what is called order 3 takes a term more than order 2, and is of order 2 as well.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from harness_zhang.samplers import gauss_legendre
from pydantic import Field

from harness.errors import NotApplicable
from harness.samplers import Sampler, SamplerRun

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

NODES = 48
"""Nodes of Gauss and Legendre's quadrature of 1/φ over a step; the source takes 100 rectangles."""

Scale = Literal["ode", "sde", "sde-2", "sde-3", "sde-4", "sde-5"]


def noise_scale(kind: Scale, s: Any) -> Any:
    """Return φ at the levels s, a number or an array: the source's functions, by its names."""
    import numpy as np

    match kind:
        case "ode":
            return s
        case "sde":
            return s**2
        case "sde-2":
            return s**1.5
        case "sde-3":
            return s**2.5
        case "sde-4":
            return s**0.9 * np.log10(1 + 100 * s**1.5)
        case "sde-5":
            return s * (np.exp(s**0.3) + 10)


class ErSde(Sampler):
    """A reverse equation of chosen noise: one evaluation a step, order 1, or 2 by the evaluations before."""

    name: ClassVar[str] = "er-sde"
    formula: ClassVar[str] = (
        "x' = rx + (1 − r)D + (σ' − σ + φ(σ')∫1/φ) ΔD/Δσ + √(σ'² − r²σ²) z,  r = φ(σ')/φ(σ),  of order 2"
    )
    source: ClassVar[str] = (
        "Cui et al., arXiv 2309.06169, algorithms for the variance-exploding process; φ: appendix A.8"
    )

    order: int = Field(3, ge=1, le=3, description="evaluations that are used: D, its difference, the second difference")
    phi: Scale = Field("sde-5", description="φ: σ, σ², σ^1.5, σ^2.5, σ^0.9 lg(1 + 100σ^1.5) or σ(exp(σ^0.3) + 10)")

    @property
    def deterministic(self) -> bool:
        """Whether φ leaves no noise."""
        return self.phi == "ode"

    @property
    def claimed_order(self) -> float | None:
        """Two at most, strong without noise and weak with it."""
        return min(self.order, 2)

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        sigma, after = run.sigma, run.sigma_next
        denoised = run.denoiser(x, sigma)
        ratio = float(noise_scale(self.phi, after) / noise_scale(self.phi, sigma))
        moved = ratio * x + (1 - ratio) * denoised
        for weight, derivative in zip(self.weights(run), self.derivatives(run, denoised), strict=False):
            moved = moved + weight * derivative
        return moved if self.deterministic else moved + self.deviation(run, ratio) * run.noise()

    def deviation(self, run: SamplerRun, ratio: float) -> float:
        """Standard deviation √(σ'² − r²σ²) of the step's noise.

        Raises:
            NotApplicable: φ/σ falls from σ' to σ, so that no noise makes up for what is left of the old.
        """
        fresh = run.sigma_next**2 - (ratio * run.sigma) ** 2
        if not fresh > 0:
            raise NotApplicable(f"{self.label()}: φ/σ does not increase from {run.sigma_next:g} to {run.sigma:g}")
        return math.sqrt(fresh)

    def derivatives(self, run: SamplerRun, denoised: Tensor) -> list[Tensor]:
        """First and second derivative of D by σ, as far as there are evaluations for them; keeps what is needed."""
        before: list[Tensor] = run.memory.get("differences", [])
        found = [denoised]
        for k, earlier in enumerate(before[: self.order - 1]):
            gap = run.sigma - run.sigmas[run.index - k - 1]
            found.append((k + 1) * (found[-1] - earlier) / gap)
        run.memory["differences"] = found
        return found[1:]

    def weights(self, run: SamplerRun) -> list[float]:
        """Weights of D' and D'', k = 1 and 2: (σ' − σ)^k/k! + φ(σ')∫ (s − σ)^{k−1}/((k − 1)! φ(s)) ds from σ' to σ."""
        levels, measure = _quadrature(run.sigma_next, run.sigma)
        part = measure * float(noise_scale(self.phi, run.sigma_next)) / noise_scale(self.phi, levels)
        length = run.sigma_next - run.sigma
        return [length + float(part.sum()), length**2 / 2 + float(part @ (levels - run.sigma))]


def _quadrature(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Return levels between two, and weights of an integral over them; Gauss and Legendre's, in ln s."""
    import numpy as np

    nodes, measure = gauss_legendre(NODES)
    half = math.log(high / low) / 2
    levels = low * np.exp(half * (nodes + 1))
    return levels, half * measure * levels
