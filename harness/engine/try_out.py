"""Try out: short runs of the work of each kind, timed, from which a plan knows what the whole takes.

What is timed is the work itself, by the functions that do it: a training for a few steps, a sampling with its metrics
on grids of a few steps. Curves that the work reads but does not look at are made up. A trial returns seconds of
processor time on one core, whatever else keeps the machine busy; what they are multiplied with is for who asks
(`harness.planning.costs`).
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import singledispatch
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.blobs import Blob, BlobFolder
from harness.engine import curves
from harness.engine.checkpoints import write_state
from harness.engine.courses import LevelTable
from harness.engine.denoisers import denoiser_from_checkpoint
from harness.engine.jobs import TrainedNetwork
from harness.engine.laws import distribution
from harness.engine.levels import TABLE, table_levels
from harness.engine.measurement import (
    NODES,
    REPLICATES,
    information_levels,
    measure_information,
    measure_score_error,
    noised_points,
)
from harness.engine.modules import DTYPES
from harness.engine.payloads import losses as losses_payload
from harness.engine.payloads import target as target_payload
from harness.engine.trainers import train_by
from harness.engine.trials import (
    EvaluationTrial,
    HeldOutTrial,
    ReadyTrial,
    ScoreErrorTrial,
    TargetTrial,
    TrainingTrial,
)
from harness.engine.units.calibrate_metrics import calibrate_metrics
from harness.engine.units.evaluate_samples import evaluate_samples
from harness.errors import HarnessError
from harness.loss_curve import LossCurve
from harness.networks import OracleNetwork
from harness.weighting_tables import WeightingTable, table_to_json

if TYPE_CHECKING:
    from harness.engine.jobs import EvaluateSamplesJob
    from harness.engine.trials import Trial
    from harness.information import Information
    from harness.targets import Distribution
    from harness.trainers import Trainer

ENOUGH = 0.5
"""Seconds of work from which its pace is known."""

NUMBER = 8
"""Bytes of a coordinate of a point, which is a float64."""

FEW, MORE = 2, 4
"""Steps of the two grids from which it is known what a step takes."""


@singledispatch
def try_out(trial: Trial) -> tuple[float, ...]:
    """Return the seconds of a trial: at the start, and for each step, level or network beyond, as its kind has them.

    That of a target tells its size in bytes besides, that of a training the size of one of its networks.

    Raises:
        TypeError: what is given is no trial.
        Exception: whatever the work that is timed raises.
    """
    raise TypeError(f"{type(trial).__name__} is no trial")


@try_out.register
def _(trial: ReadyTrial) -> tuple[float, ...]:
    return ()


@try_out.register
def _(trial: TrainingTrial) -> tuple[float, ...]:
    """Return what a training of all its networks takes before its first step has ended and for each step, and the bytes
    of one network's parameters.
    """
    last = trial.course.lengths[-1]
    lengths = (*(2**k for k in range(max(last - 1, 1).bit_length()) if 2**k < last), last)
    learners = [learner.with_table(_flat_table(trial.trainer)) for learner in trial.learners]
    start = time.process_time()
    ends: list[float] = []
    size = 0.0
    for trained in train_by(trial.trainer, learners, replace(trial.course, lengths=lengths, recording=None)):
        if trained.learner == trained.average == 0:
            ends.append(time.process_time() - start)
            size = float(sum(tensor.nbytes for tensor in trained.snapshot.state.values()))
            if ends[-1] - ends[0] > ENOUGH:
                break
    pace = (ends[-1] - ends[0]) / max(lengths[len(ends) - 1] - lengths[0], 1)
    return max(ends[0] - pace, 0.0), pace, size


@try_out.register
def _(trial: TargetTrial) -> tuple[float, ...]:
    """Return what building a target takes, what measuring it does, and the bytes of its training rows as numbers."""
    import torch

    job, start = trial.job, time.process_time()
    law = distribution(job.target)
    built, size = time.process_time() - start, float(NUMBER * law.size * law.dim)
    if law.closed_information() is not None:
        return built, 0.0, size
    count = REPLICATES * (noised_points(law) if law.finite else 1024)
    generator, sigma = torch.Generator().manual_seed(0), math.sqrt(job.sigma_min * job.sigma_max)
    points = law.sample(count, generator)
    points += sigma * torch.randn(points.shape, generator=generator, dtype=points.dtype)
    level = _seconds(lambda: law.moments(points, sigma))
    levels = len(information_levels(job.sigma_min, job.sigma_max)) + NODES
    if levels * level < ENOUGH:
        return built, _seconds(lambda: measure_information(law, job.sigma_min, job.sigma_max)), size
    return built, levels * level, size


@try_out.register
def _(trial: ScoreErrorTrial) -> tuple[float, ...]:
    """Return what a level takes of the exact denoiser, and of each network."""
    with tempfile.TemporaryDirectory() as folder:
        trained = _made(trial.training, Path(folder))
        law = distribution(trial.training.course.target)
        network = denoiser_from_checkpoint(trained, law.data)
    ends, levels = (trial.sigma_min, trial.sigma_max), 2
    dtype, labelled = DTYPES[trained.precision], trained.network.conditional

    def measured(count: int) -> float:
        networks = [network] * count
        return _seconds(
            lambda: measure_score_error(law, networks, *ends, level_count=levels, dtype=dtype, labelled=labelled)
        )

    one, two = (measured(count) / levels for count in (1, 2))
    each = max(two - one, 0.0)
    return max(one - each, 0.0), each


@try_out.register
def _(trial: EvaluationTrial) -> tuple[float, ...]:
    """Return what a sampling takes with all that is measured of it, without steps, and for each step of its grid."""
    job = trial.job
    law = distribution(job.target)
    ends = (trial.sigma_min, trial.sigma_max)
    known = replace(job, information=_information(law, *ends), weighting=table_to_json(_flat(*ends)))
    known = replace(known, losses=_losses(law, *ends))
    with tempfile.TemporaryDirectory() as folder:
        if trial.training is not None:
            network = _made(trial.training, Path(folder))
            known = replace(known, network=network, score_error=_score_error(law, *ends))
        elif isinstance(job.network, OracleNetwork):
            known = replace(known, weighting=None, score_error=None)
        few, more = (_seconds(lambda n=n: evaluate_samples(_on_grid(known, n, *ends))) for n in (FEW, MORE))  # type: ignore[misc]
    pace = max(more - few, 0.0) / (MORE - FEW)
    return max(few - FEW * pace, 0.0), pace


@try_out.register
def _(trial: HeldOutTrial) -> tuple[float, ...]:
    """Return what the metrics take on a held-out sample."""
    return (_seconds(lambda: calibrate_metrics(trial.job)),)


def _seconds(work: Callable[[], object]) -> float:
    """Return what a piece of work takes: of the second time where that is short, for the first builds and imports."""
    taken = 0.0
    for _ in range(3):
        start = time.process_time()
        work()
        taken = time.process_time() - start
        if taken > ENOUGH:
            break
    return taken


def _made(trial: TrainingTrial, folder: Path) -> TrainedNetwork:
    """Return one network of a training after one step, its checkpoint in a folder.

    Raises:
        HarnessError: it diverged at once.
    """
    learner = trial.learners[0]
    course = replace(trial.course, lengths=(1,), recording=None)
    trained, *_ = train_by(trial.trainer, [learner.with_table(_flat_table(trial.trainer))], course)
    if trained.snapshot.diverged is not None:
        raise HarnessError(f"network {trial.course.network.label()}: its first step of training is not finite")
    blobs = BlobFolder(folder)
    blob = Blob(write_state(blobs, trained.snapshot.state), blobs)
    return TrainedNetwork(trial.course.network, blob, learner.components, trial.trainer.device, trial.precision)


def _flat(sigma_min: float, sigma_max: float) -> WeightingTable:
    """Return the table of a weighting that is the same at all levels: training costs alike by any."""
    levels = table_levels(sigma_min, sigma_max).numpy()
    return WeightingTable(levels, 1 / levels, np.ones(TABLE))


def _flat_table(trainer: Trainer) -> LevelTable:
    import torch

    table = _flat(trainer.sigma_min, trainer.sigma_max)
    return LevelTable(torch.from_numpy(table.density), torch.from_numpy(table.omega))


def _information(law: Distribution, sigma_min: float, sigma_max: float) -> dict[str, object]:
    """Return the payload of a target: where it has no closed form, with the J(u) of a Gaussian of its deviation."""
    known: Information | None = law.closed_information()
    if known is None:
        u = information_levels(sigma_min, sigma_max)
        values = np.tile(law.dim * u / (u + law.sigma_data**2), (REPLICATES, 1))
        known = curves.MeasuredInformation(law.dim, law.second_moment, u, values, np.zeros(REPLICATES))
    return target_payload.to_json(law, known, known if law.classes else None, sigma_min, sigma_max)


def _score_error(law: Distribution, sigma_min: float, sigma_max: float) -> dict[str, object]:
    """Return the payload of a network whose error is a hundredth of the noise at all levels."""
    sigma = np.geomspace(sigma_min, sigma_max, 8)
    values = np.full((REPLICATES, len(sigma)), 0.01 * law.dim)
    return curves.score_error_to_json(curves.MeasuredScoreError(sigma, values))


def _losses(law: Distribution, sigma_min: float, sigma_max: float) -> dict[str, object]:
    """Return the payload of the losses of the best denoiser of a Gaussian of the target's deviation."""
    sigma = np.geomspace(sigma_min, sigma_max, 8)
    least = law.dim * sigma**2 * law.sigma_data**2 / (sigma**2 + law.sigma_data**2)
    return losses_payload.to_json(LossCurve(law.dim, sigma, least))


def _on_grid(job: EvaluateSamplesJob, steps: int, sigma_min: float, sigma_max: float) -> EvaluateSamplesJob:
    """Return a sampling on log-spaced levels."""
    return replace(job, sigmas=tuple(np.geomspace(sigma_max, sigma_min, steps + 1).tolist()))
