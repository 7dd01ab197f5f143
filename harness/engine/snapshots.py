"""Snapshots: hold a network as training leaves it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
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
    """

    state: dict[str, Tensor]
    loss: float
    diverged: int | None
    objective: FixedObjective | None = None
    trajectory: Trajectory | None = None
