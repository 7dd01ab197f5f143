"""The payload of a trained network: the digest of its checkpoint, and the fixed objective that it minimised, if any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np


@dataclass(frozen=True)
class ObjectivePayload:
    """A fixed objective as it was at the end of its descent, for whoever splits the score error.

    Attributes:
        loss: of the trained network.
        seed: of the training, from which the points follow.
        points: n.
        sigma: its levels, shape (N,).
        beta: their weights, shape (N,).
    """

    loss: float
    seed: int
    points: int
    sigma: np.ndarray
    beta: np.ndarray


@dataclass(frozen=True)
class TrainingPayload:
    """What the record of a trained network holds.

    Attributes:
        sha256: digest of its checkpoint.
        loss: at the end of training (`harness.engine.snapshots.Snapshot`).
        objective: what was minimised, where it was one fixed objective.
    """

    sha256: str
    loss: float
    objective: ObjectivePayload | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        payload: dict[str, Any] = {"sha256": self.sha256, "loss": self.loss}
        if self.objective is not None:
            arrays = {"sigma": self.objective.sigma.tolist(), "beta": self.objective.beta.tolist()}
            numbers = {"loss": self.objective.loss, "seed": self.objective.seed, "points": self.objective.points}
            payload["objective"] = {**numbers, **arrays}
        return payload

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> Self:
        """Rebuild what `to_json` gave, bit for bit.

        Raises:
            KeyError: a field is missing.
        """
        fixed = payload.get("objective")
        if fixed is None:
            return cls(payload["sha256"], payload["loss"])
        sigma, beta = (np.array(fixed[name], dtype=np.float64) for name in ("sigma", "beta"))
        objective = ObjectivePayload(float(fixed["loss"]), int(fixed["seed"]), int(fixed["points"]), sigma, beta)
        return cls(payload["sha256"], payload["loss"], objective)
