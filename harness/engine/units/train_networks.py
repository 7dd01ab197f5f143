"""Train networks: trains them, writes their checkpoints, and keeps what was recorded on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from harness.engine.checkpoints import write_state
from harness.engine.courses import LevelTable
from harness.engine.payloads.training import ObjectivePayload, TrainingPayload
from harness.engine.trainers import train_by
from harness.records import Record
from harness.trajectories import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.blobs import Blobs
    from harness.engine.courses import Learner
    from harness.engine.jobs import Payload, TrainNetworksJob
    from harness.engine.snapshots import Snapshot
    from harness.engine.trainers import Trained


def train_networks(job: TrainNetworksJob) -> list[Record]:
    """Return one record for each network, length and moving average, and one for each trajectory that is asked for.

    Of a network that diverged all have failed.

    Raises:
        DiskError: a checkpoint, or a state on the way, cannot be written: the run ends.
        ContractError: a learned weighting or a network returned what its contract forbids, or raised.
        NotApplicable: a network, a weighting or the way to train is not made for what it is given.
        HarnessError: gradient descent finds no step size, or the weighting is 0 at all levels of the objective.
    """
    learners = [learner.with_table(_level_table(learner.table)) for learner in job.learners]
    trained = train_by(job.trainer, learners, job.course, job.unfinished)
    averages = max(1, len(job.trainer.ema_decays))
    return [record for each in trained for record in _records(job.learners[each.learner], each, averages, job.blobs)]


def _level_table(payload: Payload) -> LevelTable:
    return LevelTable(*(torch.tensor(payload[column]).double() for column in ("density", "omega")))


def _records(learner: Learner[Payload], trained: Trained, averages: int, blobs: Blobs) -> Iterator[Record]:
    key, snapshot, seconds = (
        learner.keys[averages * trained.length + trained.average],
        trained.snapshot,
        trained.seconds,
    )
    # What is recorded on the way is the same for all averages.
    trajectory = learner.trajectories[trained.length] if learner.trajectories and not trained.average else None
    if snapshot.diverged is not None:
        reason = f"training diverged: the loss was not finite at step {snapshot.diverged + 1}"
        if key is not None:
            yield Record(key, "network", reason=reason, seconds=seconds)
        if trajectory is not None:
            yield Record(trajectory, "trajectory", reason=reason, seconds=seconds)
        return
    if key is not None:
        sha256 = write_state(blobs, snapshot.state)
        payload = TrainingPayload(sha256, snapshot.loss, _minimised(snapshot, learner.seed))
        yield Record(key, "network", payload.to_json(), seconds=seconds)
    if trajectory is not None and snapshot.trajectory is not None:
        yield Record(trajectory, "trajectory", to_json(snapshot.trajectory), seconds=seconds)


def _minimised(snapshot: Snapshot, seed: int) -> ObjectivePayload | None:
    """Return the fixed objective that the loss is the minimum of, where it was one."""
    fixed = snapshot.objective
    return None if fixed is None else ObjectivePayload(snapshot.loss, seed, fixed.points, fixed.sigma, fixed.beta)
