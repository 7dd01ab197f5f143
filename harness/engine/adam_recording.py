"""Adam recording: takes the trajectory of practical training, Adam on fresh noise, without touching it.

Practical training minimises ½∫β̂(σ) E‖σS + ξ‖² dσ with ∫β̂ = 1, which the paper's objective (7) approximates by a sum.
Of a step's batch, in the same units,

    L ≈ (1/2B) Σ_b ω(σ_b) ‖σ_bS + ξ_b‖²,    E ω = 1

which is d/2 times the loss that is trained on, so that its gradient is recorded d/2 times as large too. Levels are
gathered in log-spaced cells: a cell's level loss is its share of the sum, its β the mass of β̂ on it, its σ its middle
(`harness.trajectories` has the rest). A step is recorded from its own batch, before the update; nothing is recorded
after the last one, whose batch is never drawn. A cell into which no level of the batch fell has a level loss of 0 and
no residual: NaN, which JSON holds as null. No metric or bound reads residuals, and claims only those of gradient
descent, which has points at every level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from harness.engine.adam import Stack, side_by_side, stacks, train
from harness.engine.courses import Course, Learner, LevelTable
from harness.engine.laws import distribution
from harness.engine.levels import LevelSampler, table_levels
from harness.engine.snapshots import Snapshot
from harness.trainers import Adam, Recording
from harness.trajectories import Trajectory, slowest_level

if TYPE_CHECKING:
    from harness.unfinished import UnfinishedFolder


@dataclass(frozen=True)
class _Entry:
    """One recorded step of W networks: shapes (W, J) and (W,)."""

    level_loss: np.ndarray
    residual: np.ndarray
    beta: np.ndarray
    gradient: np.ndarray
    distance: np.ndarray


class Recorder:
    """Records a stack that trains, at the steps that a recording marks for each of some lengths."""

    def __init__(self, trainer: Adam, recording: Recording, lengths: Sequence[int]) -> None:
        self._trainer = trainer
        # After the last step nothing is drawn: what is marked there is the step before it.
        self._marks = {n: sorted({min(step, n - 1) for step in recording.steps(n)}) for n in lengths}
        self._wanted = set().union(*self._marks.values())
        self._edges = table_levels(trainer.sigma_min, trainer.sigma_max, recording.cells + 1)
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
        if step not in self._wanted:
            return
        loss, residual = zip(*map(self._cells, sigma, omega.double(), squared.double()), strict=True)
        self._entries[step] = _Entry(
            np.stack(loss),
            np.stack(residual),
            draw.mass(self._edges).numpy(),
            stack.gradient().double().square().sum(-1).cpu().numpy(),
            (stack.parameters() - self._start).double().square().sum(-1).sqrt().cpu().numpy(),
        )

    def _cells(self, sigma: Tensor, omega: Tensor, squared: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Return each cell's share of the loss, and its mean residual, NaN in an empty one, of one network."""
        count = len(self.sigma)
        cell = (torch.bucketize(sigma, self._edges) - 1).clamp(0, count - 1)
        loss = 0.5 * torch.bincount(cell, omega * squared, count) / len(sigma)
        total = torch.bincount(cell, squared.sqrt(), count)
        return loss.numpy(), (total / torch.bincount(cell, minlength=count)).numpy()

    def recorded(
        self, row: int, learner: Learner[LevelTable], length: int, snapshot: Snapshot, course: Course
    ) -> Snapshot:
        """Return one network with what was recorded of it on its way to a length; as it is where it diverged."""
        if snapshot.diverged is not None:
            return snapshot
        return replace(snapshot, trajectory=self._trajectory(row, learner, self._marks[length], course))

    def _trajectory(self, row: int, learner: Learner[LevelTable], steps: list[int], course: Course) -> Trajectory:
        dim = distribution(course.target).dim
        entries = [self._entries[step] for step in steps]
        level_loss = np.stack([e.level_loss[row] for e in entries])
        rates = np.stack([e.beta[row] for e in entries]) * self.sigma**2
        slowest = np.array([slowest_level(loss, rate) for loss, rate in zip(level_loss, rates, strict=True)])
        return Trajectory(
            target=course.target.label(),
            network=course.network.label(),
            weighting=learner.weighting.label(),
            seed=learner.seed,
            method=Adam.method,
            objective=Adam.objective,
            dim=dim,
            points=self._trainer.batch_size,
            learning_rate=float(self._trainer.learning_rate),
            sigma=self.sigma,
            beta=entries[-1].beta[row],
            rates=rates[-1],
            renewed=(),
            step=np.array(steps),
            loss=level_loss.sum(-1),
            level_loss=level_loss,
            residual=np.stack([e.residual[row] for e in entries]),
            gradient=(dim / 2) ** 2 * np.array([e.gradient[row] for e in entries]),
            slowest=slowest,
            rate=rates[np.arange(len(rates)), slowest],
            distance=np.array([e.distance[row] for e in entries]),
        )


def train_recorded(
    learners: Sequence[Learner[LevelTable]], trainer: Adam, course: Course, unfinished: UnfinishedFolder | None = None
) -> Iterator[list[Snapshot]]:
    """Train networks; yield all of them at each length of the course, with their trajectories where recorded.

    Of each there is one for each decay of the trainer's moving averages, which share a trajectory.
    States are kept in `unfinished`, and taken from there, where nothing is recorded: what was is no part of them.
    """
    # A recorder is shown one stack.
    parts = stacks(course.network, distribution(course.target), learners, trainer)
    return side_by_side([_recorded(part, trainer, course, unfinished) for part in parts])


def _recorded(
    learners: Sequence[Learner[LevelTable]], trainer: Adam, course: Course, unfinished: UnfinishedFolder | None
) -> Iterator[list[Snapshot]]:
    recorder = None if course.recording is None else Recorder(trainer, course.recording, course.lengths)
    law = distribution(course.target)
    place = unfinished if recorder is None else None
    by_length = train(course.network, law, learners, trainer, course.lengths, recorder, place)
    for length, snapshots in zip(course.lengths, by_length, strict=True):
        if recorder is None:
            yield snapshots
        else:
            rows = (place // len(trainer.ema_decays) for place in range(len(snapshots)))
            pairs = zip(rows, snapshots, strict=True)
            yield [recorder.recorded(row, learners[row], length, snapshot, course) for row, snapshot in pairs]
