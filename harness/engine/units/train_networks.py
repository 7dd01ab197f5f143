"""Training networks and writing their checkpoints."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch

from harness.engine.checkpoints import write_checkpoint
from harness.engine.gradient_descent import Labels, Learner, descend
from harness.engine.laws import distribution
from harness.engine.levels import table_levels
from harness.engine.recording import record_training
from harness.engine.tabulate import tabulate
from harness.engine.training import Member, train
from harness.records import Record
from harness.trajectories import to_json

if TYPE_CHECKING:
    from pathlib import Path

    from harness.descents import Descent
    from harness.engine.jobs import DescentJob, TrainJob
    from harness.engine.snapshots import Snapshot


def train_networks(job: TrainJob) -> list[Record]:
    """Return one record for each network and training level; a network that diverged has a failed one."""
    if job.training.descent is not None:
        return _run_descents(job, job.training.descent)
    members = [
        Member(m.weighting, torch.tensor(m.table["density"]).double(), torch.tensor(m.table["omega"]).double(), m.seed)
        for m in job.members
    ]
    records = []
    start = time.perf_counter()
    for index, snapshots in enumerate(train(job.network, distribution(job.target), members, job.training)):
        # A member's share: what this network would take of a stack whose members cost alike.
        seconds = (time.perf_counter() - start) / len(members)
        for member, snapshot in zip(job.members, snapshots, strict=True):
            records.append(_checkpoint(member.keys[index], snapshot, seconds, job.folder))
    return records


def _run_descents(job: TrainJob, settings: Descent) -> list[Record]:
    """Do a training job by gradient descent, one network after the other."""
    law = distribution(job.target)
    records = []
    for m in job.members:
        density, omega = (torch.tensor(m.table[column]).double() for column in ("density", "omega"))
        learner = Learner(job.network, m.weighting, density, omega, m.seed)
        labels = Labels(job.target.label(), job.network.label(), m.weighting.label())
        start = time.perf_counter()
        snapshots = descend(learner, law, settings, labels, job.training.levels)
        for key, snapshot in zip(m.keys, snapshots, strict=True):
            records.append(_checkpoint(key, snapshot, time.perf_counter() - start, job.folder))
    return records


def run_descent(job: DescentJob) -> list[Record]:
    """Return one record with the trajectory; its checkpoint is written like a trained network's."""
    law = distribution(job.target)
    levels = table_levels(job.settings.sigma_min, job.settings.sigma_max)
    table = tabulate(job.weighting, levels, law.sigma_data)
    density, omega = torch.from_numpy(table.density), torch.from_numpy(table.omega)
    learner = Learner(job.network, job.weighting, density, omega, job.seed)
    labels = Labels(job.target.label(), job.network.label(), job.weighting.label())
    start = time.perf_counter()
    if job.settings.method == "adam":
        snapshot = record_training(learner, law, job.settings, labels)
    else:
        (snapshot,) = descend(learner, law, job.settings, labels)
    return [_checkpoint(job.key, snapshot, time.perf_counter() - start, job.folder, "trajectory")]


def _checkpoint(key: str, snapshot: Snapshot, seconds: float, folder: Path, kind: str = "train") -> Record:
    if snapshot.diverged is not None:
        reason = f"training diverged: the loss was not finite at step {snapshot.diverged + 1}"
        return Record(key, kind, reason=reason, seconds=seconds)
    payload: dict[str, Any] = {
        "sha256": write_checkpoint(folder / f"{key}.safetensors", snapshot.state),
        "loss": snapshot.loss,
    }
    if snapshot.trajectory is not None:
        payload["trajectory"] = to_json(snapshot.trajectory)
        # What the loss is the minimum of, for whoever splits the score error; the points follow from the seed.
        names = ("seed", "points", "sigma", "beta")
        payload["objective"] = {"loss": snapshot.loss, **{name: payload["trajectory"][name] for name in names}}
    return Record(key, kind, payload, seconds=seconds)
