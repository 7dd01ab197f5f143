"""Units that tabulate weightings and train networks: the same for a suite and for whoever asks for one network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.engine.jobs import TabulateWeightingJob, TrainNetworksJob
from harness.planning.keys import unit
from harness.planning.units import Stage, Unit, require
from harness.unfinished import EVERY, UNFINISHED, UnfinishedFolder

if TYPE_CHECKING:
    from pathlib import Path

    from harness.blobs import Blobs
    from harness.engine.courses import Course, Learner
    from harness.engine.jobs import Job
    from harness.planning.units import Lookup
    from harness.targets import Target
    from harness.trainers import Trainer
    from harness.weightings import Weighting


def table_unit(key: str, weighting: Weighting, target: Target, trainer: Trainer, grid: str | None = None) -> Unit:
    """Return the unit that tabulates a weighting over the levels of a training.

    Arguments:
        key: of the table.
        weighting: what is tabulated.
        target: for which.
        trainer: over whose range of levels.
        grid: key of the grid that a `GridWeighting` is made for.
    """

    def job(find: Lookup) -> Job:
        sigmas = None if grid is None else tuple(require(find, grid, "time discretization")["sigmas"])
        return TabulateWeightingJob(key, weighting, target, trainer.sigma_min, trainer.sigma_max, sigmas)

    return Unit(Stage.GROUNDWORK, (key,), job, 0.1, frozenset([grid] if grid else []))


def training_unit(
    learners: Sequence[Learner[str]],
    course: Course,
    trainer: Trainer,
    blobs: Blobs,
    unfinished: UnfinishedFolder | None = None,
) -> Unit:
    """Return the unit that trains networks and writes their checkpoints.

    Arguments:
        learners: one for each network, with the key of its weighting's table.
        course: what they share.
        trainer: how they are trained.
        blobs: where the checkpoints are written.
        unfinished: where states are kept on the way, and found; None: nowhere.
    """

    def job(find: Lookup) -> Job:
        # A weighting that could not be tabulated is left out: its rows say so already.
        found = [(each, find(each.table)) for each in learners]
        able = tuple(each.with_table(table.payload) for each, table in found if table is not None and table.ok)
        if not able:
            require(find, learners[0].table, "weighting")
        return TrainNetworksJob(able, course, trainer, blobs, unfinished)

    keys = tuple(key for each in learners for key in (*each.keys, *each.trajectories) if key is not None)
    cost = trainer.seconds(course.lengths[-1], len(learners))
    return Unit(Stage.TRAINING, keys, job, cost, networks=len(learners))


def unfinished_states(directory: Path, every: float = EVERY) -> UnfinishedFolder:
    """Return where in a result directory trainings of the code that is installed keep their states.

    Arguments:
        directory: of the results.
        every: seconds after which they do.
    """
    return UnfinishedFolder(directory / UNFINISHED, unit("train_networks"), every)
