"""Trials: carry to a worker what is tried of the work of each kind, as jobs carry the work itself.

`harness.engine.try_out` does what they say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.engine.courses import Course, Learner
    from harness.engine.jobs import CalibrateMetricsJob, EvaluateSamplesJob, MeasureTargetJob
    from harness.trainers import Precision, Trainer


@dataclass(frozen=True)
class TrainingTrial:
    """Train networks for as few steps as tell the pace.

    Attributes:
        learners: one for each network of the stack; their tables are not read.
        course: what they share.
        trainer: how they are trained; its device is that of all that is done with them.
        precision: in which they are evaluated.
    """

    learners: tuple[Learner[str], ...]
    course: Course
    trainer: Trainer
    precision: Precision = "float32"


@dataclass(frozen=True)
class TargetTrial:
    """Measure a target, at one level where it would take long."""

    job: MeasureTargetJob


@dataclass(frozen=True)
class ScoreErrorTrial:
    """Measure the score error of a network at a few levels; `training` makes the network."""

    training: TrainingTrial
    sigma_min: float
    sigma_max: float


@dataclass(frozen=True)
class EvaluationTrial:
    """Sample and measure on two short grids.

    Attributes:
        job: of the sampling; its grid, its network's checkpoint and the payloads that it builds on are made up here.
        training: makes the network; None for an oracle.
        sigma_min: the end of the grids.
        sigma_max: their start.
    """

    job: EvaluateSamplesJob
    training: TrainingTrial | None
    sigma_min: float
    sigma_max: float


@dataclass(frozen=True)
class HeldOutTrial:
    """Measure the metrics on a held-out sample, once and whole."""

    job: CalibrateMetricsJob


@dataclass(frozen=True)
class ReadyTrial:
    """Do nothing, as soon as there is a worker: who asks sees what that took."""


Trial = ReadyTrial | TrainingTrial | TargetTrial | ScoreErrorTrial | EvaluationTrial | HeldOutTrial
"""Anything that is timed."""
