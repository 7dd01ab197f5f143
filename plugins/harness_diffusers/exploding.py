"""Schedulers whose points are x itself, after Karras et al., arXiv 2206.00364, and Crowson's k-diffusion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from harness_diffusers.coordinates import SIGMA_DATA, NoiseOrVelocity, NoiseVelocityOrSample, Prediction
from harness_diffusers.schedulers import SchedulerSampler, put, table, twice

if TYPE_CHECKING:
    from harness.samplers import SamplerRun


class DiffusersEuler(SchedulerSampler):
    """`EulerDiscreteScheduler`: Euler's method; its churn is 0."""

    name: ClassVar[str] = "diffusers-euler"
    formula: ClassVar[str] = "x' = x + (σ' − σ)(x − D)/σ"
    source: ClassVar[str] = "diffusers, EulerDiscreteScheduler"
    scheduler_name: ClassVar[str] = "EulerDiscreteScheduler"
    order_of_method: ClassVar[float | None] = 1
    prediction: NoiseVelocityOrSample = "epsilon"


class DiffusersEulerAncestral(SchedulerSampler):
    """`EulerAncestralDiscreteScheduler`: Euler's method to a lower level, and noise up to the next."""

    name: ClassVar[str] = "diffusers-euler-ancestral"
    formula: ClassVar[str] = "x' = x + (σ_d − σ)(x − D)/σ + σ_u z, σ_u² = σ'²(σ² − σ'²)/σ², σ_d² = σ'² − σ_u²"
    source: ClassVar[str] = "diffusers, EulerAncestralDiscreteScheduler"
    scheduler_name: ClassVar[str] = "EulerAncestralDiscreteScheduler"
    draws_noise: ClassVar[bool] = True
    order_of_method: ClassVar[float | None] = 1
    prediction: NoiseOrVelocity = "epsilon"


class DiffusersHeun(SchedulerSampler):
    """`HeunDiscreteScheduler`: Heun's method, two evaluations a step."""

    name: ClassVar[str] = "diffusers-heun"
    formula: ClassVar[str] = "x' = x + (σ' − σ)(e(x, σ) + e(y, σ'))/2, y = x + (σ' − σ) e(x, σ), e = (x − D)/σ"
    source: ClassVar[str] = "diffusers, HeunDiscreteScheduler"
    scheduler_name: ClassVar[str] = "HeunDiscreteScheduler"
    order_of_method: ClassVar[float | None] = 2
    evaluations_per_step: ClassVar[int] = 2
    prediction: NoiseVelocityOrSample = "epsilon"

    def evaluated(self, run: SamplerRun) -> list[float]:
        """Return both ends of the step."""
        return [run.sigma, run.sigma_next]

    def place(self, scheduler: Any, levels: Sequence[float]) -> None:
        """Put each level but the first into the table twice."""
        sigmas = table(levels)
        put(scheduler, twice(sigmas), 2 * (len(levels) - 1))


class DiffusersKdpm2(SchedulerSampler):
    """`KDPM2DiscreteScheduler`: the method of the middle in ln σ, two evaluations a step."""

    name: ClassVar[str] = "diffusers-kdpm2"
    formula: ClassVar[str] = "x' = x + (σ' − σ) e(y, m), y = x + (m − σ) e(x, σ), m = √(σσ')"
    source: ClassVar[str] = "diffusers, KDPM2DiscreteScheduler, after Crowson's DPM2"
    scheduler_name: ClassVar[str] = "KDPM2DiscreteScheduler"
    order_of_method: ClassVar[float | None] = 2
    evaluations_per_step: ClassVar[int] = 2
    prediction: NoiseOrVelocity = "epsilon"

    def evaluated(self, run: SamplerRun) -> list[float]:
        """Return the start and the middle of the step."""
        return [run.sigma, math.sqrt(run.sigma * run.sigma_next)]

    def place(self, scheduler: Any, levels: Sequence[float]) -> None:
        """Put the levels and the middles into their tables."""
        sigmas = table(levels)
        put(scheduler, twice(sigmas), 2 * (len(levels) - 1))
        middles = (sigmas[1:] * sigmas[:-1]).sqrt()
        scheduler.sigmas_interpol = twice(_with_first(sigmas, middles))


def _with_first(sigmas: Any, middles: Any) -> Any:
    """Return a table of N+1: what is never read, and N middles."""
    import torch

    return torch.cat([sigmas[:1], middles])


class DiffusersKdpm2Ancestral(DiffusersKdpm2):
    """`KDPM2AncestralDiscreteScheduler`: the same to a lower level, and noise up to the next."""

    name: ClassVar[str] = "diffusers-kdpm2-ancestral"
    formula: ClassVar[str] = (
        "x' = x + (σ_d − σ) e(y, m) + σ_u z, m = √(σσ_d), σ_u² = σ'²(σ² − σ'²)/σ², σ_d² = σ'² − σ_u²"
    )
    source: ClassVar[str] = "diffusers, KDPM2AncestralDiscreteScheduler, after Crowson's DPM2 with ancestral noise"
    scheduler_name: ClassVar[str] = "KDPM2AncestralDiscreteScheduler"
    draws_noise: ClassVar[bool] = True
    order_of_method: ClassVar[float | None] = 1  # that of the ancestral split, whatever solves the flow's part

    def evaluated(self, run: SamplerRun) -> list[float]:
        """Return the start and the middle √(σσ_d) of the flow's part of the step, which is σ' as σ_d = σ'²/σ."""
        return [run.sigma, run.sigma_next]

    def place(self, scheduler: Any, levels: Sequence[float]) -> None:
        """Put the levels, the middles and the two parts of a step into their tables."""
        import torch

        sigmas = table(levels)
        put(scheduler, twice(sigmas), 2 * (len(levels) - 1))
        start, end = sigmas[:-1], sigmas[1:]
        up = end * (start**2 - end**2).sqrt() / start
        down = (end**2 - up**2).sqrt()
        for name, values in (("up", up), ("down", down), ("interpol", (start * down).sqrt())):
            setattr(scheduler, f"sigmas_{name}", twice(torch.cat([values, values[-1:]])))


class DiffusersLms(SchedulerSampler):
    """`LMSDiscreteScheduler`: linear multistep with the weights of the levels, found by quadrature."""

    name: ClassVar[str] = "diffusers-lms"
    formula: ClassVar[str] = "x' = x + Σ_j e_{−j} ∫_σ^σ' ℓ_j(s) ds, ℓ_j Lagrange's polynomials in σ"
    source: ClassVar[str] = "diffusers, LMSDiscreteScheduler"
    scheduler_name: ClassVar[str] = "LMSDiscreteScheduler"
    prediction: NoiseVelocityOrSample = "epsilon"
    order: int = Field(4, ge=1, le=4, description="evaluations that a step looks at")

    @property
    def claimed_order(self) -> float | None:
        """As many as a step looks at."""
        return self.order

    def step_options(self) -> dict[str, Any]:
        """The order."""
        return {"order": self.order}

    def place(self, scheduler: Any, levels: Sequence[float]) -> None:
        """Put the levels into the table, and forget what was evaluated."""
        super().place(scheduler, levels)
        scheduler.derivatives = []


class _Edm(SchedulerSampler):
    """A scheduler for a network in EDM's preconditioning."""

    predicts: ClassVar[Prediction] = "edm"

    def training(self, levels: Sequence[float]) -> dict[str, Any]:
        """The two ends, and σ_data."""
        return {"sigma_min": levels[-1], "sigma_max": levels[0], "sigma_data": SIGMA_DATA}


class DiffusersEdmEuler(_Edm):
    """`EDMEulerScheduler`: Euler's method of EDM; churn 0."""

    name: ClassVar[str] = "diffusers-edm-euler"
    formula: ClassVar[str] = "x' = x + (σ' − σ)(x − D)/σ"
    source: ClassVar[str] = "diffusers, EDMEulerScheduler"
    scheduler_name: ClassVar[str] = "EDMEulerScheduler"
    order_of_method: ClassVar[float | None] = 1


class DiffusersEdmDpmMultistep(_Edm):
    """`EDMDPMSolverMultistepScheduler`: multistep DPM-Solver++ in EDM's convention."""

    name: ClassVar[str] = "diffusers-edm-dpm-multistep"
    formula: ClassVar[str] = "DPM-Solver++ of 1, 2 or 3 evaluations in ln(1/σ); of the flow or of the reverse equation"
    source: ClassVar[str] = "diffusers, EDMDPMSolverMultistepScheduler"
    scheduler_name: ClassVar[str] = "EDMDPMSolverMultistepScheduler"
    order: int = Field(2, ge=1, le=3, description="solver_order: evaluations that a step looks at")
    algorithm: Literal["dpmsolver++", "sde-dpmsolver++"] = Field("dpmsolver++", description="algorithm_type")
    form: Literal["midpoint", "heun"] = Field("midpoint", description="solver_type, of order 2")
    lower_order_final: bool = Field(True, description="whether the last steps of fewer than 15 are of lower order")

    @property
    def deterministic(self) -> bool:
        """Whether it follows the flow."""
        return not self.algorithm.startswith("sde")

    @property
    def claimed_order(self) -> float | None:
        """The solver's order, as it is named."""
        return self.order

    def options(self, steps: int) -> dict[str, Any]:
        """The solver; the last level is the grid's own."""
        return {
            "solver_order": self.order,
            "algorithm_type": self.algorithm,
            "solver_type": self.form,
            "lower_order_final": self.lower_order_final,
            "final_sigmas_type": "sigma_min",
        }
