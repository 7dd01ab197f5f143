"""Jobs: carry to a worker what a unit of work needs, components and the values of the records that it builds on.

A job is named after the function that does it: `harness.engine.units.measure_target` does a `MeasureTargetJob`. Jobs
know nothing of suites, plans or databases, and import what they carry for its types alone: a change of one contract
changes no unit that does not run it. Each carries all components of the design that its unit takes, by axis
(`components`); those that a unit builds on have a field too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from harness.blobs import Blob, Blobs
    from harness.bounds import Bound
    from harness.components import Component
    from harness.engine.courses import Course, Learner
    from harness.errors import FitFailed, NotApplicable
    from harness.initial_laws import InitialLaw
    from harness.metrics import FittedMetric, Metric, SampleMetric
    from harness.networks import OracleNetwork, TrainableNetwork
    from harness.noise_schedules import NoiseSchedule
    from harness.samplers import Sampler
    from harness.targets import Target
    from harness.time_discretizations import TimeDiscretization
    from harness.trainers import Device, Precision, Trainer
    from harness.unfinished import UnfinishedFolder
    from harness.weightings import Weighting

Payload = Mapping[str, Any]
"""What a record holds: JSON values."""


@dataclass(frozen=True)
class MeasureTargetJob:
    """Measure a target: its scale, its Fisher information, and how many points are held out."""

    key: str
    target: Target
    sigma_min: float
    sigma_max: float


@dataclass(frozen=True)
class TabulateWeightingJob:
    """Tabulate a weighting for one target; `sigmas` is the grid that a `GridWeighting` is made for."""

    key: str
    weighting: Weighting
    target: Target
    sigma_min: float
    sigma_max: float
    sigmas: tuple[float, ...] | None = None


@dataclass(frozen=True)
class LayOutGridJob:
    """Lay out a grid, with what of the rest it asks for.

    Attributes:
        information: payload of the target's record.
        labelled: whether the grid is for a network that is given labels, and so is J.
        network: an oracle, whose score error is known.
        score_error: payload of a trained network's record.
        losses: payload of the record of its held-out losses.
    """

    key: str
    discretization: TimeDiscretization
    schedule: NoiseSchedule
    steps: int
    sigma_min: float
    sigma_max: float
    target: Target | None = None
    information: Payload | None = None
    labelled: bool = False
    sampler: Sampler | None = None
    network: OracleNetwork | None = None
    score_error: Payload | None = None
    losses: Payload | None = None
    components: Mapping[str, Component] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainNetworksJob:
    """Train one network, or several of one shape, and write their checkpoints.

    Attributes:
        learners: one for each network, with the payload of its weighting's table.
        course: what they share.
        trainer: how they are trained.
        blobs: where the checkpoints are written.
        unfinished: where states are kept on the way, and found; None: nowhere.
    """

    learners: tuple[Learner[Payload], ...]
    course: Course
    trainer: Trainer
    blobs: Blobs
    unfinished: UnfinishedFolder | None = None


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network: its checkpoint, what it was trained with, and where and in which precision it is evaluated."""

    network: TrainableNetwork
    blob: Blob
    components: Mapping[str, Component] = field(default_factory=dict, hash=False)
    device: Device = "cpu"
    precision: Precision = "float32"


@dataclass(frozen=True)
class MeasureScoreErrorsJob:
    """Measure the score error of networks on one target; a key for each."""

    target: Target
    networks: tuple[tuple[str, TrainedNetwork], ...]
    sigma_min: float
    sigma_max: float


@dataclass(frozen=True)
class MeasureLossesJob:
    """Measure the losses of networks on the held-out points of one target; a key for each."""

    target: Target
    networks: tuple[tuple[str, TrainedNetwork], ...]
    sigma_min: float
    sigma_max: float


@dataclass(frozen=True)
class FitMetricJob:
    """Fit a metric to a target; `blobs` is where what is fitted is written."""

    key: str
    metric: FittedMetric
    target: Target
    blobs: Blobs


Fit: TypeAlias = "Blob | NotApplicable | FitFailed"
"""What became of a `FitMetricJob`, for a unit that builds on it: the blob, or why there is none."""


@dataclass(frozen=True)
class EvaluateSamplesJob:
    """Sample one combination with one seed and measure what comes out.

    Attributes:
        key: of the sampling record.
        network: an oracle, or where the trained network lies.
        information: payload of the target's record.
        score_error: payload of the network's record; None for an oracle, and where nothing here asks for it.
        weighting: payload of the table that the network was trained with; None for an oracle.
        count: number of samples; held-out data may allow fewer.
        metrics: metrics to measure, by the key of their record.
        bounds: bounds to compute, by the key of their record.
        training: payload of the trajectory of the network's training, where it was recorded.
        fits: of each fitted metric, by the key of its record.
        losses: payload of the held-out losses of the network, where the sampler reads them.
    """

    key: str
    target: Target
    network: OracleNetwork | TrainedNetwork
    sampler: Sampler
    initial_law: InitialLaw
    sigmas: tuple[float, ...]
    seed: int
    count: int
    information: Payload
    score_error: Payload | None
    weighting: Payload | None
    metrics: Mapping[str, Metric]
    bounds: Mapping[str, Bound]
    training: Payload | None = None
    components: Mapping[str, Component] = field(default_factory=dict)
    fits: Mapping[str, Fit] = field(default_factory=dict)
    losses: Payload | None = None


@dataclass(frozen=True)
class CalibrateMetricsJob:
    """Measure metrics of samples on a held-out sample in place of a generated one; a key for each metric.

    `fits` has that of each fitted metric, by the same key.
    """

    target: Target
    metrics: Sequence[tuple[str, SampleMetric | FittedMetric]]
    seed: int
    count: int
    sigma_min: float
    fits: Mapping[str, Fit] = field(default_factory=dict)


Job = (
    MeasureTargetJob
    | TabulateWeightingJob
    | LayOutGridJob
    | TrainNetworksJob
    | MeasureScoreErrorsJob
    | MeasureLossesJob
    | FitMetricJob
    | EvaluateSamplesJob
    | CalibrateMetricsJob
)
"""Any unit of work."""
