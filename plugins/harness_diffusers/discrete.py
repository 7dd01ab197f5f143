"""Schedulers that step between training times, on z = x/√(1 + σ²): their training times are made the grid's levels.

Time k of N+1 is the level σ_{N−k}; all N+1 are visited but the last step, to σ = 0, is not taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from harness_diffusers.coordinates import Coordinates, NoiseOrVelocity, NoiseVelocityOrSample, Prediction
from harness_diffusers.schedulers import SchedulerSampler, table

if TYPE_CHECKING:
    from harness.samplers import SamplerRun


class _Discrete(SchedulerSampler):
    """A scheduler that reads ᾱ of training times."""

    coordinates: ClassVar[Coordinates] = "preserving"

    def place(self, scheduler: Any, levels: Sequence[float]) -> None:
        """Put ᾱ = 1/(1 + σ²) into the table, all of whose times are visited."""
        scheduler.alphas_cumprod = 1 / (1 + table(levels).flip(0) ** 2)
        scheduler.set_timesteps(len(levels))

    def times(self, run: SamplerRun) -> list[Any]:
        """Return the training time of the current level."""
        return [run.steps - run.index]


class DiffusersDdim(_Discrete):
    """`DDIMScheduler`: DDIM with noise η."""

    name: ClassVar[str] = "diffusers-ddim"
    formula: ClassVar[str] = "x' = D + √(σ'² − s²)(x − D)/σ + s z, s = η σ'√(1 − σ'²/σ²)"
    source: ClassVar[str] = "diffusers, DDIMScheduler; Song et al., arXiv 2010.02502"
    scheduler_name: ClassVar[str] = "DDIMScheduler"
    order_of_method: ClassVar[float | None] = 1
    eta: float = Field(0.0, ge=0, le=1, description="noise η: 0 none, 1 that of DDPM")
    prediction: NoiseVelocityOrSample = "epsilon"

    @property
    def deterministic(self) -> bool:
        """Whether no noise is drawn."""
        return self.eta == 0

    def options(self, steps: int) -> dict[str, Any]:
        """The prediction; points are not clipped."""
        return super().options(steps) | {"clip_sample": False}

    def step_options(self) -> dict[str, Any]:
        """The noise."""
        return {"eta": self.eta}


class DiffusersDdpm(_Discrete):
    """`DDPMScheduler`: the steps of DDPM, with the smaller or the larger of its variances."""

    name: ClassVar[str] = "diffusers-ddpm"
    formula: ClassVar[str] = "z' = mean of p(z_{k−1} | z_k, D) + √v ξ, v the variance of that law, or β_k"
    source: ClassVar[str] = "diffusers, DDPMScheduler; Ho et al., arXiv 2006.11239"
    scheduler_name: ClassVar[str] = "DDPMScheduler"
    draws_noise: ClassVar[bool] = True
    order_of_method: ClassVar[float | None] = 1
    variance: Literal["fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log"] = Field(
        "fixed_small", description="variance_type"
    )
    prediction: NoiseVelocityOrSample = "epsilon"

    def options(self, steps: int) -> dict[str, Any]:
        """The prediction and the variance; points are not clipped."""
        return super().options(steps) | {"variance_type": self.variance, "clip_sample": False}


class DiffusersPndm(_Discrete):
    """`PNDMScheduler` without its Runge-Kutta start: Adams and Bashforth's weights of equal steps, on DDIM's map."""

    name: ClassVar[str] = "diffusers-pndm"
    formula: ClassVar[str] = "DDIM with ε replaced by (55ε − 59ε₋₁ + 37ε₋₂ − 9ε₋₃)/24; the first step evaluates twice"
    source: ClassVar[str] = "diffusers, PNDMScheduler with skip_prk_steps; Liu et al., arXiv 2202.09778"
    scheduler_name: ClassVar[str] = "PNDMScheduler"
    order_of_method: ClassVar[float | None] = 2  # as its source proves of it
    prediction: NoiseOrVelocity = "epsilon"

    def options(self, steps: int) -> dict[str, Any]:
        """The prediction; no Runge-Kutta steps, whose middles the grid does not have."""
        return super().options(steps) | {"skip_prk_steps": True}

    def evaluations(self, steps: int) -> int:
        """One a step, and one more in the first."""
        return steps + 1

    def evaluated(self, run: SamplerRun) -> list[float]:
        """Return the start of the step; of the first, both ends."""
        return [run.sigma, run.sigma_next] if run.index == 0 else [run.sigma]

    def times(self, run: SamplerRun) -> list[Any]:
        """Return the training times of what is evaluated."""
        return [run.steps - run.index - k for k in range(len(self.evaluated(run)))]


class DiffusersIpndm(SchedulerSampler):
    """`IPNDMScheduler`: Adams and Bashforth's weights of equal steps, started at lower order."""

    name: ClassVar[str] = "diffusers-ipndm"
    formula: ClassVar[str] = "DDIM with ε replaced by (55ε − 59ε₋₁ + 37ε₋₂ − 9ε₋₃)/24, started by lower orders"
    source: ClassVar[str] = "diffusers, IPNDMScheduler; Zhang and Chen, arXiv 2204.13902"
    scheduler_name: ClassVar[str] = "IPNDMScheduler"
    coordinates: ClassVar[Coordinates] = "preserving"
    predicts: ClassVar[Prediction] = "v_prediction"
    order_of_method: ClassVar[float | None] = 4  # as its weights are named

    def training(self, levels: Sequence[float]) -> dict[str, Any]:
        """Nothing: the levels are put into its table."""
        return {"num_train_timesteps": len(levels)}

    def place(self, scheduler: Any, levels: Sequence[float]) -> None:
        """Put σ/√(1 + σ²) and 1/√(1 + σ²) into the tables that it calls betas and alphas."""
        import torch

        sigmas = table(levels)
        scheduler.alphas = (1 + sigmas**2).rsqrt()
        scheduler.betas = sigmas * scheduler.alphas
        scheduler.timesteps = torch.arange(len(levels) - 1, dtype=torch.float64)
        scheduler.set_begin_index(0)
