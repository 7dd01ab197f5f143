"""Schedulers of flow matching, on z = x/(1 + σ) at time t = σ/(1 + σ), whose network predicts the velocity ε − D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from harness_diffusers.coordinates import Coordinates, Prediction
from harness_diffusers.schedulers import SchedulerSampler, put, table

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

    @property
    def claimed_order(self) -> float | None:
        """One."""
        return 1

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

    @property
    def claimed_order(self) -> float | None:
        """Two."""
        return 2

    def evaluations(self, steps: int) -> int:
        """Two a step."""
        return 2 * steps

    def evaluated(self, run: SamplerRun) -> list[float]:
        """Return both ends of the step."""
        return [run.sigma, run.sigma_next]

    def place(self, scheduler: Any, levels: Sequence[float]) -> None:
        """Put each time but the first into the table twice."""
        import torch

        sigmas = table(levels)
        times = sigmas / (1 + sigmas)
        put(scheduler, torch.cat([times[:1], times[1:].repeat_interleave(2)]), 2 * (len(levels) - 1))
