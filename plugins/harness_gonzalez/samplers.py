"""SEEDS: single-step solvers of the reverse equation whose stages share the noise of the step.

With h = ln(σ/s) the reverse equation takes x at σ to the level s by

    x(s) = (s/σ)² x + ∫_0^1 2h e^{−2(1 − r)h} D dr + W(s),    W(s') = (s'/s)² W(s) + s'√(1 − (s'/s)²) z,  W(σ) = 0.

Each stage is one more level between σ and σ' at which D is evaluated, along the same path W.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from harness.samplers import Sampler, SamplerRun

if TYPE_CHECKING:
    from torch import Tensor


class _Seeds(Sampler):
    """What the two have in common: noise, and an evaluation for each stage."""

    stages: ClassVar[int]

    @property
    def deterministic(self) -> bool:
        """Noise is drawn at every stage."""
        return False

    @property
    def claimed_order(self) -> float | None:
        """Weak order 2."""
        return 2

    def evaluations(self, steps: int) -> int:
        """An evaluation for each stage of each step."""
        return self.stages * steps

    def levels(self, run: SamplerRun) -> list[float]:
        """Levels of the stages, and σ': equal steps in ln σ."""
        ratio = run.sigma_next / run.sigma
        return [run.sigma * ratio ** (k / self.stages) for k in range(self.stages)] + [run.sigma_next]

    def path(self, run: SamplerRun) -> list[Tensor]:
        """W at each of the levels but the first, (n, d) each."""
        ratio = (run.sigma_next / run.sigma) ** (1 / self.stages)
        found: list[Tensor] = []
        for level in self.levels(run)[1:]:
            fresh = level * math.sqrt(1 - ratio**2) * run.noise()
            found.append(ratio**2 * found[-1] + fresh if found else fresh)
        return found


class Seeds2(_Seeds):
    """SEEDS with two stages: weak order 2, two evaluations a step."""

    name: ClassVar[str] = "seeds-2"
    formula: ClassVar[str] = (
        "x' = (σ'/σ)² x + (1 − (σ'/σ)²) D(y, m) + W(σ'),  y = (m/σ)² x + (1 − (m/σ)²) D(x, σ) + W(m),  m = √(σσ')"
    )
    source: ClassVar[str] = "Gonzalez et al., arXiv 2305.14267, SEEDS-2, in σ and for the denoiser"
    stages: ClassVar[int] = 2

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        sigma, middle, last = self.levels(run)
        noise, whole_noise = self.path(run)
        half, whole = (middle / sigma) ** 2, (last / sigma) ** 2
        y = half * x + (1 - half) * run.denoiser(x, sigma) + noise
        return whole * x + (1 - whole) * run.denoiser(y, middle) + whole_noise


class Seeds3(_Seeds):
    """SEEDS with three stages, at thirds in ln σ: weak order 2, three evaluations a step."""

    name: ClassVar[str] = "seeds-3"
    formula: ClassVar[str] = (
        "x' = (σ'/σ)² x + (1 − (σ'/σ)²) D + (3/2) φ(2h)(D_b − D) + W(σ'),  φ(H) = 1 − (1 − e^(−H))/H,  D_b at 2h/3"
    )
    source: ClassVar[str] = "Gonzalez et al., arXiv 2305.14267, SEEDS-3, in σ and for the denoiser"
    stages: ClassVar[int] = 3

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        sigma, a, b, _ = self.levels(run)
        noise = self.path(run)
        h = math.log(run.sigma / run.sigma_next)
        first = run.denoiser(x, sigma)

        def moved(part: float, weight: float, change: Tensor | None) -> Tensor:
            kernel = 2 * part * h
            y = math.exp(-kernel) * x - math.expm1(-kernel) * first
            return y if change is None else y + weight * (1 + math.expm1(-kernel) / kernel) * change

        y = moved(1 / 3, 0.0, None) + noise[0]
        y = moved(2 / 3, 2.0, run.denoiser(y, a) - first) + noise[1]
        return moved(1.0, 1.5, run.denoiser(y, b) - first) + noise[2]
