"""Samplers that remember evaluations: the library runs them over a whole grid, so that each step here runs it so far.

Of the evaluations of earlier steps what was found is given again: each point is evaluated once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from harness.samplers import SamplerRun
from harness_azula.library import library_sampler, on_levels, scale
from harness_azula.single_step import AzulaSampler

if TYPE_CHECKING:
    from torch import Tensor


class _Multistep(AzulaSampler):
    """A multistep method of some order."""

    order: int = Field(2, ge=1, le=4, description="evaluations that a step looks at")

    @property
    def claimed_order(self) -> float | None:
        """As many as a step looks at."""
        return self.order

    def options(self) -> dict[str, Any]:
        """The order."""
        return {"order": self.order}

    def sample(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Take the points x at σ_0 down the whole grid by one call of the library, shape (n, d)."""
        return self._run(run, x, run.denoiser, run.steps)

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d), of the run that began with the first step's x."""
        start = run.memory.setdefault("start", x)
        known: list[Tensor] = run.memory.setdefault("known", [])
        replayed = iter(known[:])

        def denoiser(points: Tensor, sigma: float) -> Tensor:
            before = next(replayed, None)
            if before is not None:
                return before
            known.append(run.denoiser(points, sigma))
            return known[-1]

        return self._run(run, start, denoiser, run.index + 1)

    def _run(self, run: SamplerRun, x: Tensor, denoiser: Any, steps: int) -> Tensor:
        """Return what some steps from σ_0 on make of x."""
        levels = run.sigmas[: steps + 1]
        sampler = on_levels(library_sampler(self.sampler_name, denoiser, self.coordinates, self.options()), levels)
        z = sampler(x * scale(self.coordinates, levels[0]))
        moved: Tensor = (z / scale(self.coordinates, levels[-1])).to(x.dtype)
        return moved


class AzulaZab(_Multistep):
    """`zABSampler`: Adams and Bashforth's method of the noise prediction, in σ."""

    name: ClassVar[str] = "azula-zab"
    formula: ClassVar[str] = "x' = x + Σ_j e_{−j} ∫_σ^σ' ℓ_j(s) ds, ℓ_j Lagrange's polynomials in σ"
    source: ClassVar[str] = "azula, zABSampler; Zhang and Chen, arXiv 2204.13902"
    sampler_name: ClassVar[str] = "zABSampler"


class AzulaVab(_Multistep):
    """`vABSampler`: Adams and Bashforth's method of the velocity, in t = σ/(1 + σ)."""

    name: ClassVar[str] = "azula-vab"
    formula: ClassVar[str] = "z' = z + Σ_j u_{−j} ∫_t^t' ℓ_j(s) ds, z = x/(1 + σ), u = e − D, ℓ_j in t"
    source: ClassVar[str] = "azula, vABSampler"
    sampler_name: ClassVar[str] = "vABSampler"


class AzulaZeab(_Multistep):
    """`zEABSampler`: exponential method of the noise prediction, in ln σ."""

    name: ClassVar[str] = "azula-zeab"
    formula: ClassVar[str] = "x' = x + Σ_j e_{−j} ∫ e^s ℓ_j(s) ds, s = ln σ"
    source: ClassVar[str] = "azula, zEABSampler; Lu et al., arXiv 2206.00927"
    sampler_name: ClassVar[str] = "zEABSampler"


class AzulaXeab(_Multistep):
    """`xEABSampler`: exponential method of the denoiser, in ln σ."""

    name: ClassVar[str] = "azula-xeab"
    formula: ClassVar[str] = "x' = (σ'/σ) x − σ' Σ_j D_{−j} ∫ e^(−s) ℓ_j(s) ds, s = ln σ"
    source: ClassVar[str] = "azula, xEABSampler; Lu et al., arXiv 2211.01095"
    sampler_name: ClassVar[str] = "xEABSampler"


class AzulaReab(_Multistep):
    """`REABSampler`: exponential method about the flow of data of variance one."""

    name: ClassVar[str] = "azula-reab"
    formula: ClassVar[str] = "x' = r x + √(1 + σ'²) Σ_j f_{−j} ∫ e^s/(1 + e^(2s)) ℓ_j(s) ds, r² = (1 + σ'²)/(1 + σ²)"
    source: ClassVar[str] = "azula, REABSampler; Zheng et al., arXiv 2310.13268"
    sampler_name: ClassVar[str] = "REABSampler"
