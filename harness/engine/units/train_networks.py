"""Training networks and writing their checkpoints, and what was recorded on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from harness.engine.checkpoints import write_checkpoint
from harness.engine.courses import Course, Labels, Learner
from harness.engine.laws import distribution
from harness.engine.payloads.training import FixedObjective, TrainingPayload
from harness.engine.trainers import train_by
from harness.records import Record
from harness.trajectories import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.engine.jobs import TrainJob, TrainMember
    from harness.engine.snapshots import Snapshot
    from harness.engine.trainers import Trained


def train_networks(job: TrainJob) -> list[Record]:
    """Return one record for each network and length, and one for each trajectory that is asked for.

    Of a network that diverged all have failed.
    """
    labels = Labels(job.target.label(), job.network.label())
    course = Course(job.network, distribution(job.target), job.lengths, job.recording, labels)
    trained = train_by(job.trainer, [_learner(member) for member in job.members], course)
    return [record for each in trained for record in _records(job.members[each.learner], each, job.folder)]


def _learner(member: TrainMember) -> Learner:
    density, omega = (torch.tensor(member.table[column]).double() for column in ("density", "omega"))
    return Learner(member.weighting, density, omega, member.seed)


def _records(member: TrainMember, trained: Trained, folder: Path) -> Iterator[Record]:
    key, snapshot, seconds = member.keys[trained.length], trained.snapshot, trained.seconds
    trajectory = member.trajectories[trained.length] if member.trajectories else None
    if snapshot.diverged is not None:
        reason = f"training diverged: the loss was not finite at step {snapshot.diverged + 1}"
        yield Record(key, "train", reason=reason, seconds=seconds)
        if trajectory is not None:
            yield Record(trajectory, "trajectory", reason=reason, seconds=seconds)
        return
    sha256 = write_checkpoint(folder / f"{key}.safetensors", snapshot.state)
    payload = TrainingPayload(sha256, snapshot.loss, _minimised(snapshot, member.seed))
    yield Record(key, "train", payload.to_json(), seconds=seconds)
    if trajectory is not None and snapshot.trajectory is not None:
        yield Record(trajectory, "trajectory", to_json(snapshot.trajectory), seconds=seconds)


def _minimised(snapshot: Snapshot, seed: int) -> FixedObjective | None:
    """Return the fixed objective that the loss is the minimum of, where it was one."""
    fixed = snapshot.objective
    return None if fixed is None else FixedObjective(snapshot.loss, seed, fixed.points, fixed.sigma, fixed.beta)
