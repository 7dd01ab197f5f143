"""What a unit of work is told: the components, and the values of the records that it builds on.

Jobs travel to a worker; `harness.engine.worker` does them. They know nothing of suites, plans or databases, and
import what they carry for its types alone: a change of one contract changes no unit that does not run it. Each carries
all components of the design that its unit takes, by axis (`components`); those that a unit builds on have a field too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from harness.bounds import Bound
    from harness.components import Component
    from harness.initial_laws import InitialLaw
    from harness.metrics import Metric, SampleMetric
    from harness.networks import OracleNetwork, TrainableNetwork
    from harness.noise_schedules import NoiseSchedule
    from harness.samplers import Sampler
    from harness.targets import Target
    from harness.time_discretizations import TimeDiscretization
    from harness.trainers import Recording, Trainer
    from harness.weightings import Weighting

Payload = Mapping[str, Any]
"""What a record holds: JSON values."""


@dataclass(frozen=True)
class ArithmeticJob:
    """Tell which arithmetic is in force where the work is done."""


@dataclass(frozen=True)
class InformationJob:
    """Measure a target: its scale, its Fisher information, and how many points are held out."""

    key: str
    target: Target
    sigma_min: float
    sigma_max: float


@dataclass(frozen=True)
class TableJob:
    """Tabulate a weighting for one target; `sigmas` is the grid that a `GridWeighting` is made for."""

    key: str
    weighting: Weighting
    target: Target
    sigma_min: float
    sigma_max: float
    sigmas: tuple[float, ...] | None = None


@dataclass(frozen=True)
class GridJob:
    """Lay out a grid, with what of the rest it asks for.

    Attributes:
        information: payload of the target's record.
        network: an oracle, whose score error is known.
        score_error: payload of a trained network's record.
    """

    key: str
    discretization: TimeDiscretization
    schedule: NoiseSchedule
    steps: int
    sigma_min: float
    sigma_max: float
    target: Target | None = None
    information: Payload | None = None
    sampler: Sampler | None = None
    network: OracleNetwork | None = None
    score_error: Payload | None = None
    components: Mapping[str, Component] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainMember:
    """One network to be trained.

    Attributes:
        keys: of the network's record at each length.
        trajectories: of the record of what was watched on the way to each length; empty where nothing is recorded.
        weighting: what it is trained with; `table` is the payload of its record.
        seed: of initialisation, points and noise.
    """

    keys: tuple[str, ...]
    trajectories: tuple[str, ...]
    weighting: Weighting
    table: Payload
    seed: int
    components: Mapping[str, Component] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainJob:
    """Train one network, or several of one shape, and write the checkpoints.

    Attributes:
        network: their shape.
        target: what they are trained on.
        members: one for each network.
        trainer: how they are trained.
        lengths: numbers of steps after which a network is kept, increasing; a shorter training is a prefix of a longer.
        recording: what is recorded on the way; None: nothing.
        folder: where checkpoints lie.
    """

    network: TrainableNetwork
    target: Target
    members: tuple[TrainMember, ...]
    trainer: Trainer
    lengths: tuple[int, ...]
    recording: Recording | None
    folder: Path


@dataclass(frozen=True)
class TrainedNetwork:
    """Where a trained network lies, and what it was trained with."""

    network: TrainableNetwork
    path: Path
    sha256: str
    components: Mapping[str, Component] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class ErrorJob:
    """Measure the score error of networks on one target; a key for each."""

    target: Target
    networks: tuple[tuple[str, TrainedNetwork], ...]
    sigma_min: float
    sigma_max: float


@dataclass(frozen=True)
class EvaluateJob:
    """Sample one combination with one seed and measure what comes out.

    Attributes:
        key: of the sampling record.
        network: an oracle, or where the trained network lies.
        information: payload of the target's record.
        score_error: payload of the network's record; None for an oracle.
        weighting: payload of the table that the network was trained with; None for an oracle.
        count: number of samples asked for; held-out data may allow fewer.
        metrics: metrics to measure, by the key of their record.
        bounds: bounds to compute, by the key of their record.
        training: payload of the trajectory of the network's training, where it was recorded.
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


@dataclass(frozen=True)
class CalibrateJob:
    """Measure sample metrics on a held-out sample in place of a generated one; a key for each metric."""

    target: Target
    metrics: Sequence[tuple[str, SampleMetric]]
    seed: int
    count: int
    sigma_min: float


Job = ArithmeticJob | InformationJob | TableJob | GridJob | TrainJob | ErrorJob | EvaluateJob | CalibrateJob
"""Any unit of work."""
