"""Trajectories: what is recorded of a training on its way, and how it is kept.

In the units of the paper's objective, L(θ) = (1/2n) Σ_i Σ_j β_j ‖σ_j S(θ; σ_j, x_i + σ_jξ_ij) + ξ_ij‖² with Σ β_j = 1:

    level_loss_j = (β_j/2n) Σ_i ‖σ_jS + ξ_ij‖²      L = Σ_j level_loss_j
    residual_j   = (1/n) Σ_i ‖σ_jS + ξ_ij‖
    r_j          = β_j σ_j²                         the rate of level j (`harness.engine.objective`)
    j*           = the level of the largest r_j among those whose level_loss is within `TIE` of the largest

Training on fresh noise has no fixed objective: there L is the loss of the step's batch, and j stands for a cell of
levels. Source: Wang, He, Tao, arXiv 2406.12839, eq. (7) and Theorem 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np

from harness.trainers import ObjectiveKind

TIE = 0.01
"""Level losses within this fraction of the largest count as the largest: it costs the theorem's constant no more."""


def slowest_level(level_loss: np.ndarray, rates: np.ndarray) -> int:
    """Return j*: of the levels whose loss is within `TIE` of the largest, that of the largest rate.

    Of equal rates the lowest level is taken. Both arguments have shape (J,); a NaN loss (a cell without a point)
    is no candidate.
    """
    known = np.nan_to_num(level_loss, nan=-np.inf)
    candidates = known >= (1 - TIE) * known.max()
    return int(np.where(candidates, rates, -np.inf).argmax())


@dataclass(frozen=True)
class Probes:
    """Perturbations θ' = θ + ωΔ at some steps of a training, all arrays of shape (M,).

    Attributes:
        step: where on the way θ is.
        along_gradient: whether Δ = −∇L/‖∇L‖; otherwise a random direction.
        distance: ω = ‖θ' − θ‖.
        loss: L(θ).
        loss_there: L(θ').
        slope: ⟨∇L(θ), θ' − θ⟩.
    """

    step: np.ndarray
    along_gradient: np.ndarray
    distance: np.ndarray
    loss: np.ndarray
    loss_there: np.ndarray
    slope: np.ndarray


@dataclass(frozen=True)
class Trajectory:
    """What one training recorded: K recorded steps, J levels.

    Attributes:
        target: label of the target; `network` and `weighting` likewise.
        seed: of the initialisation, the points and the noise.
        method: of the trainer, as `harness.trainers` calls it.
        objective: what was minimised.
        dim: the dimension d.
        points: n, the points of the objective, or of a batch.
        learning_rate: the step size h that was used, constant.
        sigma: noise levels, shape (J,), increasing; of a batch, the middles of the cells.
        beta: weights of the levels, of sum 1, shape (J,), at the end; of a batch, the mass of β in each cell.
        rates: r_j, shape (J,), at the end.
        renewed: steps after which a learned weighting renewed the β of gradient descent; empty where it stayed fixed.
        step: recorded steps, shape (K,), increasing; step k is after k updates, 0 the start.
        loss: L, shape (K,).
        level_loss: the terms of L, shape (K, J).
        residual: mean ‖σS + ξ‖ at each level, shape (K, J); NaN in a cell without a point.
        gradient: ‖∇L‖², the learned parameters' alone, shape (K,).
        slowest: j*, shape (K,).
        rate: r_{j*}, by the weights of that step, shape (K,).
        distance: ‖θ − θ_0‖, shape (K,).
        probes: perturbations, where they were measured.
    """

    target: str
    network: str
    weighting: str
    seed: int
    method: str
    objective: ObjectiveKind
    dim: int
    points: int
    learning_rate: float
    sigma: np.ndarray
    beta: np.ndarray
    rates: np.ndarray
    renewed: tuple[int, ...]
    step: np.ndarray
    loss: np.ndarray
    level_loss: np.ndarray
    residual: np.ndarray
    gradient: np.ndarray
    slowest: np.ndarray
    rate: np.ndarray
    distance: np.ndarray
    probes: Probes | None = None

    @property
    def fixed(self) -> bool:
        """Whether one objective was minimised from start to end."""
        return self.objective == "fixed" and not self.renewed

    def thinned(self, most: int) -> Self:
        """Return the trajectory with about `most` recorded steps at even distances, the first and the last kept."""
        count = len(self.step)
        kept = np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))
        return replace(self, **{name: getattr(self, name)[kept] for name in _PER_STEP})


_PER_STEP = ("step", "loss", "level_loss", "residual", "gradient", "slowest", "rate", "distance")
_INTEGERS = ("step", "slowest")
_OBJECTIVES: Mapping[str, ObjectiveKind] = {"adam": "fresh", "gradient-descent": "fixed"}
"""What trainers minimised when their trajectories did not say it, by method."""


def to_json(trajectory: Trajectory) -> dict[str, Any]:
    """Return a trajectory as JSON values, null where a number is not finite."""
    values = {each.name: _plain(getattr(trajectory, each.name)) for each in fields(trajectory)}
    if trajectory.probes is not None:
        values["probes"] = {each.name: _plain(getattr(trajectory.probes, each.name)) for each in fields(Probes)}
    return values


def from_json(payload: Mapping[str, Any]) -> Trajectory:
    """Rebuild what `to_json` gave, bit for bit; also from an earlier version, which did not name the objective.

    Raises:
        KeyError: a field is missing.
    """
    known = payload if "objective" in payload else {**payload, "objective": _OBJECTIVES[payload["method"]]}
    values = {each.name: known[each.name] for each in fields(Trajectory)}
    for name in (*_PER_STEP, "sigma", "beta", "rates"):
        values[name] = _array(values[name], int if name in _INTEGERS else float)
    values["renewed"] = tuple(values["renewed"])
    if values["probes"] is not None:
        types = {"step": int, "along_gradient": bool}
        probes = {each.name: values["probes"][each.name] for each in fields(Probes)}
        values["probes"] = Probes(**{name: _array(column, types.get(name, float)) for name, column in probes.items()})
    return Trajectory(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _finite(value.tolist())
    return list(value) if isinstance(value, tuple) else value


def _finite(value: Any) -> Any:
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _array(values: Any, kind: type) -> np.ndarray:
    return np.array(values, dtype=kind)
