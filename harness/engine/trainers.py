"""Trainers: run any of `harness.trainers`, from networks to be trained to networks at each length."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import singledispatch

from harness.engine.adam_recording import train_recorded
from harness.engine.courses import Course, Learner, LevelTable
from harness.engine.gradient_descent import descend
from harness.engine.snapshots import Snapshot
from harness.trainers import Adam, GradientDescent, Trainer
from harness.unfinished import UnfinishedFolder


@dataclass(frozen=True)
class Trained:
    """One network at one length, and there of one moving average.

    Attributes:
        learner: which of the learners, by its place.
        length: which of the lengths, by its place.
        snapshot: the network.
        seconds: that it took from the start, alone, on one core.
        average: which of the trainer's moving averages, by the place of its decay; 0 where it averages nothing.
    """

    learner: int
    length: int
    snapshot: Snapshot
    seconds: float
    average: int = 0


@singledispatch
def train_by(
    trainer: Trainer,
    learners: Sequence[Learner[LevelTable]],
    course: Course,
    unfinished: UnfinishedFolder | None = None,
) -> Iterator[Trained]:
    """Train networks; yield each at each length, in any order.

    Arguments:
        trainer: how they are trained.
        learners: one for each network.
        course: what they share.
        unfinished: where a trainer that can be cut off keeps the states of networks, and finds them; None: nowhere.

    Raises:
        DiskError: a state cannot be written.
        TypeError: there is no engine for this kind of trainer.
        HarnessError: no automatic step size, or a weighting that is 0 at all levels of the objective.
        ContractError: a learned weighting or a network broke its contract.
        NotApplicable: one of them is not made for this training.
    """
    raise TypeError(f"{type(trainer).__name__} is no trainer that the engine knows")


@train_by.register
def _(
    trainer: Adam, learners: Sequence[Learner[LevelTable]], course: Course, unfinished: UnfinishedFolder | None = None
) -> Iterator[Trained]:
    start = time.perf_counter()
    for length, snapshots in enumerate(train_recorded(learners, trainer, course, unfinished)):
        # A learner's share: what this network would take of a stack whose members cost alike.
        seconds = (time.perf_counter() - start) / len(learners)
        for place, snapshot in enumerate(snapshots):
            learner, average = divmod(place, len(trainer.ema_decays))
            yield Trained(learner, length, snapshot, snapshot.earlier + seconds, average)


@train_by.register
def _(
    trainer: GradientDescent,
    learners: Sequence[Learner[LevelTable]],
    course: Course,
    unfinished: UnfinishedFolder | None = None,
) -> Iterator[Trained]:
    for number, learner in enumerate(learners):
        start = time.perf_counter()
        for length, snapshot in enumerate(descend(learner, trainer, course)):
            yield Trained(number, length, snapshot, time.perf_counter() - start)
