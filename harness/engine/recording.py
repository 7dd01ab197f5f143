"""The trajectory of practical training: Adam on fresh noise, recorded without touching it.

Practical training minimises ½∫β̂(σ) E‖σS + ξ‖² dσ with ∫β̂ = 1, which the paper's objective (7) approximates by a sum.
Of a step's batch, in the same units,

    L ≈ (1/2B) Σ_b ω(σ_b) ‖σ_bS + ξ_b‖²,    E ω = 1

which is d/2 times the loss that is trained on, so that its gradient is recorded d/2 times as large too. Levels are
gathered in log-spaced cells: a cell's level loss is its share of the sum, its β the mass of β̂ on it, its σ its middle
(`harness.trajectories` has the rest). A step is recorded from its own batch, before the update; nothing is recorded
after the last one, whose batch is never drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from harness.descents import Descent
from harness.engine.gradient_descent import Labels, Learner, recorded_steps
from harness.engine.jobs import Training
from harness.engine.levels import LevelSampler, table_levels
from harness.engine.snapshots import Snapshot
from harness.engine.training import Member, Stack, train
from harness.targets import Distribution
from harness.trajectories import Trajectory, slowest_level


@dataclass(frozen=True)
class _Entry:
    """One recorded step of W networks: shapes (W, J) and (W,)."""

    level_loss: np.ndarray
    residual: np.ndarray
    beta: np.ndarray
    gradient: np.ndarray
    distance: np.ndarray


class Recorder:
    """Records a stack that trains, at each `record`-th step and the last."""

    def __init__(self, settings: Descent) -> None:
        steps = settings.steps
        self._marks = {min(step, steps - 1) for step in recorded_steps(steps, settings.record)}
        self._edges = table_levels(settings.sigma_min, settings.sigma_max, settings.levels + 1)
        self.sigma = (self._edges[1:] * self._edges[:-1]).sqrt().numpy()
        self._entries: dict[int, _Entry] = {}
        self._start: Tensor | None = None

    def __call__(
        self, step: int, stack: Stack, draw: LevelSampler, sigma: Tensor, omega: Tensor, squared: Tensor
    ) -> None:
        """Record a step whose gradient is known and whose update is still to come.

        Arguments:
            step: how many updates there were before.
            stack: the networks.
            draw: tells the mass of each network's β in the cells.
            sigma: levels of the batch, shape (W, B).
            omega: their weights, of mean 1, shape (W, B).
            squared: ‖σS + ξ‖², shape (W, B), without a graph.
        """
        if self._start is None:
            self._start = stack.parameters().clone()
        if step not in self._marks:
            return
        loss, residual = zip(*map(self._cells, sigma, omega.double(), squared.double()), strict=True)
        self._entries[step] = _Entry(
            np.stack(loss),
            np.stack(residual),
            draw.mass(self._edges).numpy(),
            stack.gradient().double().square().sum(-1).numpy(),
            (stack.parameters() - self._start).double().square().sum(-1).sqrt().numpy(),
        )

    def _cells(self, sigma: Tensor, omega: Tensor, squared: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Return each cell's share of the loss, and its mean residual, of one network."""
        count = len(self.sigma)
        cell = (torch.bucketize(sigma, self._edges) - 1).clamp(0, count - 1)
        loss = 0.5 * torch.bincount(cell, omega * squared, count) / len(sigma)
        total = torch.bincount(cell, squared.sqrt(), count)
        return loss.numpy(), (total / torch.bincount(cell, minlength=count)).numpy()

    def trajectory(self, row: int, seed: int, target: Distribution, settings: Descent, labels: Labels) -> Trajectory:
        """Return what was recorded of one network."""
        steps = sorted(self._entries)
        entries = [self._entries[step] for step in steps]
        level_loss = np.stack([e.level_loss[row] for e in entries])
        rates = np.stack([e.beta[row] for e in entries]) * self.sigma**2
        slowest = np.array([slowest_level(loss, rate) for loss, rate in zip(level_loss, rates, strict=True)])
        return Trajectory(
            target=labels.target,
            network=labels.network,
            weighting=labels.weighting,
            seed=seed,
            method="adam",
            dim=target.dim,
            points=settings.points,
            learning_rate=float(settings.learning_rate),
            sigma=self.sigma,
            beta=entries[-1].beta[row],
            rates=rates[-1],
            renewed=(),
            step=np.array(steps),
            loss=level_loss.sum(-1),
            level_loss=level_loss,
            residual=np.stack([e.residual[row] for e in entries]),
            gradient=(target.dim / 2) ** 2 * np.array([e.gradient[row] for e in entries]),
            slowest=slowest,
            rate=rates[np.arange(len(rates)), slowest],
            distance=np.array([e.distance[row] for e in entries]),
        )


def record_training(learner: Learner, target: Distribution, settings: Descent, labels: Labels) -> Snapshot:
    """Train one network with Adam; return it with its trajectory.

    Arguments as in `harness.engine.gradient_descent.descend`.
    """
    training = Training(
        levels=(settings.steps,),
        batch_size=settings.points,
        learning_rate=float(settings.learning_rate),
        ema_decay=settings.ema_decay,
        sigma_min=settings.sigma_min,
        sigma_max=settings.sigma_max,
    )
    recorder = Recorder(settings)
    member = Member(learner.weighting, learner.density, learner.omega, learner.seed)
    ((snapshot,),) = train(learner.network, target, [member], training, recorder)
    if snapshot.diverged is not None:
        return snapshot
    return replace(snapshot, trajectory=recorder.trajectory(0, learner.seed, target, settings, labels))
