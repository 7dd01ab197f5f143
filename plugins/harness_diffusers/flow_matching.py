"""Schedulers of flow matching, on z = x/(1 + σ) at time t = σ/(1 + σ), whose network predicts the velocity ε − D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from harness_diffusers.coordinates import Coordinates, Prediction
from harness_diffusers.schedulers import SchedulerSampler, put, table, twice

if TYPE_CHECKING:
    from harness.samplers import SamplerRun


class DiffusersFlowEuler(SchedulerSampler):
    """`FlowMatchEulerDiscreteScheduler`: Euler's method along straight paths."""

    name: ClassVar[str] = "diffusers-flow-euler"
    formula: ClassVar[str] = "z' = z + (t' − t)(ε − D), t = σ/(1 + σ)"
    source: ClassVar[str] = "diffusers, FlowMatchEulerDiscreteScheduler"
    scheduler_name: ClassVar[str] = "FlowMatchEulerDiscreteScheduler"
    coordinates: ClassVar[Coordinates] = "flow"
    predicts: ClassVar[Prediction] = "velocity"
    order_of_method: ClassVar[float | None] = 1

    def training(self, levels: Sequence[float]) -> dict[str, Any]:
        """Nothing: the levels are put into its table."""
        return {}

    def place(self, scheduler: Any, levels: Sequence[float]) -> None:
        """Put the times into the table, which calls them sigmas."""
        sigmas = table(levels)
        put(scheduler, sigmas / (1 + sigmas), len(levels) - 1)


class DiffusersFlowHeun(DiffusersFlowEuler):
    """`FlowMatchHeunDiscreteScheduler`: Heun's method along straight paths, two evaluations a step."""

    name: ClassVar[str] = "diffusers-flow-heun"
    formula: ClassVar[str] = "z' = z + (t' − t)(u(z, t) + u(y, t'))/2, y = z + (t' − t) u(z, t), u = ε − D"
    source: ClassVar[str] = "diffusers, FlowMatchHeunDiscreteScheduler"
    scheduler_name: ClassVar[str] = "FlowMatchHeunDiscreteScheduler"
    order_of_method: ClassVar[float | None] = 2
    evaluations_per_step: ClassVar[int] = 2

    def evaluated(self, run: SamplerRun) -> list[float]:
        """Return both ends of the step."""
        return [run.sigma, run.sigma_next]

    def place(self, scheduler: Any, levels: Sequence[float]) -> None:
        """Put each time but the first into the table twice."""
        sigmas = table(levels)
        put(scheduler, twice(sigmas / (1 + sigmas)), 2 * (len(levels) - 1))
