"""Snapshots: hold a network as training leaves it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from harness.trajectories import Trajectory

State = dict[str, Tensor]


@dataclass(frozen=True)
class FixedObjective:
    """What is kept of a `harness.engine.objective.Objective`, as it was at the end.

    Attributes:
        sigma: its levels, shape (N,).
        beta: their weights, shape (N,).
        points: n.
    """

    sigma: np.ndarray
    beta: np.ndarray
    points: int


@dataclass(frozen=True)
class Snapshot:
    """A network after some training.

    Attributes:
        state: the module's parameters (their moving average) and buffers.
        loss: mean of the weighted loss per coordinate over the last tenth of the steps; of gradient descent
            (`harness.engine.gradient_descent`) the objective at the end.
        diverged: the first step at which the loss was not finite, or None.
        objective: what was minimised, where it was a fixed objective.
        trajectory: the way there, where it was recorded.
        earlier: seconds that it took in runs that were cut off.
    """

    state: dict[str, Tensor]
    loss: float
    diverged: int | None
    objective: FixedObjective | None = None
    trajectory: Trajectory | None = None
    earlier: float = 0.0

    def kept(self) -> State:
        """Return one that has neither objective nor trajectory as tensors."""
        numbers = [self.loss, math.nan if self.diverged is None else self.diverged, self.earlier]
        return {"numbers": torch.tensor(numbers, dtype=torch.float64)} | {f"of.{k}": v for k, v in self.state.items()}

    @classmethod
    def restored(cls, kept: State) -> Snapshot:
        """Return the snapshot of which these are the tensors."""
        loss, diverged, earlier = kept["numbers"].tolist()
        state = {name.removeprefix("of."): value for name, value in kept.items() if name != "numbers"}
        return cls(state, loss, None if math.isnan(diverged) else int(diverged), earlier=earlier)
