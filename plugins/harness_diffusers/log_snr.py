"""Schedulers that solve in log signal-to-noise ratio, on z = x/√(1 + σ²): DPM-Solver, UniPC, DEIS."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from harness_diffusers.coordinates import Coordinates, NoiseVelocityOrSample
from harness_diffusers.schedulers import SchedulerSampler


class _LogSnr(SchedulerSampler):
    """A multistep solver of some order."""

    coordinates: ClassVar[Coordinates] = "preserving"
    order: int = Field(2, ge=1, le=3, description="solver_order: evaluations that a step looks at")
    prediction: NoiseVelocityOrSample = "epsilon"

    @property
    def claimed_order(self) -> float | None:
        """The solver's order, as it is named."""
        return self.order

    def options(self, steps: int) -> dict[str, Any]:
        """The order and the prediction."""
        return super().options(steps) | {"solver_order": self.order}


class DiffusersDpmMultistep(_LogSnr):
    """`DPMSolverMultistepScheduler`: DPM-Solver and DPM-Solver++, one evaluation a step."""

    name: ClassVar[str] = "diffusers-dpm-multistep"
    formula: ClassVar[str] = "DPM-Solver (of ε) or DPM-Solver++ (of D) of 1, 2 or 3 evaluations in ln(1/σ)"
    source: ClassVar[str] = "diffusers, DPMSolverMultistepScheduler"
    scheduler_name: ClassVar[str] = "DPMSolverMultistepScheduler"
    algorithm: Literal["dpmsolver++", "dpmsolver", "sde-dpmsolver++", "sde-dpmsolver"] = Field(
        "dpmsolver++", description="algorithm_type"
    )
    form: Literal["midpoint", "heun"] = Field("midpoint", description="solver_type, of order 2")
    lower_order_final: bool = Field(True, description="whether the last steps of fewer than 15 are of lower order")

    @property
    def deterministic(self) -> bool:
        """Whether it follows the flow."""
        return not self.algorithm.startswith("sde")

    def options(self, steps: int) -> dict[str, Any]:
        """The solver; the last level is the grid's own."""
        return super().options(steps) | {
            "algorithm_type": self.algorithm,
            "solver_type": self.form,
            "lower_order_final": self.lower_order_final,
            "final_sigmas_type": "sigma_min",
        }


class DiffusersDpmSinglestep(_LogSnr):
    """`DPMSolverSinglestepScheduler`: steps of order 1, 2 and 3 by turns, that begin at the same point."""

    name: ClassVar[str] = "diffusers-dpm-singlestep"
    formula: ClassVar[str] = "one step of order p over each p steps of the grid, of evaluations at all of them"
    source: ClassVar[str] = "diffusers, DPMSolverSinglestepScheduler"
    scheduler_name: ClassVar[str] = "DPMSolverSinglestepScheduler"
    algorithm: Literal["dpmsolver++", "dpmsolver", "sde-dpmsolver++"] = Field(
        "dpmsolver++", description="algorithm_type"
    )
    form: Literal["midpoint", "heun"] = Field("midpoint", description="solver_type")
    lower_order_final: bool = Field(False, description="whether the last step is of order 1")

    @property
    def deterministic(self) -> bool:
        """Whether it follows the flow."""
        return not self.algorithm.startswith("sde")

    def options(self, steps: int) -> dict[str, Any]:
        """The solver; the last level is the grid's own."""
        return super().options(steps) | {
            "algorithm_type": self.algorithm,
            "solver_type": self.form,
            # The library sets it where the steps do not come out even, and warns.
            "lower_order_final": self.lower_order_final or steps % self.order != 0,
            "final_sigmas_type": "sigma_min",
        }


class DiffusersUniPC(_LogSnr):
    """`UniPCMultistepScheduler`: a predictor, and a corrector that uses the next evaluation."""

    name: ClassVar[str] = "diffusers-unipc"
    formula: ClassVar[str] = (
        "UniPC-p: DPM-Solver++ of p evaluations, corrected by the one at its end, B(h) = h or e^h − 1"
    )
    source: ClassVar[str] = "diffusers, UniPCMultistepScheduler; Zhao et al., arXiv 2302.04867"
    scheduler_name: ClassVar[str] = "UniPCMultistepScheduler"
    form: Literal["bh2", "bh1"] = Field("bh2", description="solver_type: B(h) = e^h − 1, or h")
    predict_x0: bool = Field(True, description="whether D is extrapolated, or ε")
    lower_order_final: bool = Field(True, description="whether the last steps are of lower order")

    @property
    def claimed_order(self) -> float | None:
        """One more than the predictor's, by the corrector."""
        return self.order + 1

    def options(self, steps: int) -> dict[str, Any]:
        """The solver; the last level is the grid's own."""
        return super().options(steps) | {
            "solver_type": self.form,
            "predict_x0": self.predict_x0,
            "lower_order_final": self.lower_order_final,
            "final_sigmas_type": "sigma_min",
        }


class DiffusersDeis(_LogSnr):
    """`DEISMultistepScheduler`: ε extrapolated in ln σ, integrated in σ."""

    name: ClassVar[str] = "diffusers-deis"
    formula: ClassVar[str] = "x' = x + Σ_j e_{−j} ∫_σ^σ' ℓ_j(ln s) ds, ℓ_j Lagrange's polynomials in ln σ"
    source: ClassVar[str] = "diffusers, DEISMultistepScheduler; Zhang and Chen, arXiv 2204.13902"
    scheduler_name: ClassVar[str] = "DEISMultistepScheduler"
    lower_order_final: bool = Field(True, description="whether the last steps of fewer than 15 are of lower order")

    def options(self, steps: int) -> dict[str, Any]:
        """The solver."""
        return super().options(steps) | {"lower_order_final": self.lower_order_final}
