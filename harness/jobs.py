"""What a unit of work is told: the components, and the values of the records that it builds on.

Jobs travel to a worker; `harness.stages` does them. They know nothing of suites, plans or databases.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.bounds import Bound
from harness.errors import HarnessError
from harness.initial_laws import InitialLaw
from harness.metrics import Metric, SampleMetric
from harness.networks import OracleNetwork, TrainableNetwork
from harness.noise_schedules import NoiseSchedule
from harness.samplers import Sampler
from harness.targets import Target
from harness.time_discretizations import TimeDiscretization
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


@dataclass(frozen=True)
class Descent:
    """How to train one network and record the way: the paper's gradient descent, or the practical Adam.

    Attributes:
        points: n, the points of the fixed objective; for Adam, the points of each step.
        levels: N, the noise levels of the fixed objective, log-spaced with both ends; for Adam, the cells in which
            the loss is recorded.
        steps: number of updates.
        learning_rate: the step size h, constant; "auto" is `harness.descent.SAFE`/λ_max of the Hessian at the start.
        sigma_min: the lowest noise level.
        sigma_max: the highest.
        record: a step is recorded each `record` updates, besides the first and the last; None: about 50 in all.
        probes: at so many recorded steps, evenly spaced, the loss is measured at perturbed parameters.
        radii: distances of these perturbations, as fractions of ‖θ_0‖ (learned parameters only).
        directions: random directions for each radius; one along −∇L is added.
        precision: of all arithmetic of gradient descent; Adam runs in float32.
        method: which of the two.
        ema_decay: of the moving average that Adam's network is; gradient descent has none.
    """

    points: int
    levels: int
    steps: int
    learning_rate: float | Literal["auto"] = "auto"
    sigma_min: float = 0.05
    sigma_max: float = 20.0
    record: int | None = 1
    probes: int = 0
    radii: tuple[float, ...] = (1e-3, 1e-2, 1e-1)
    directions: int = 4
    precision: Literal["float32", "float64"] = "float64"
    method: Literal["gradient-descent", "adam"] = "gradient-descent"
    ema_decay: float = 0.999

    def __post_init__(self) -> None:
        """Refuse numbers that no training can have.

        Raises:
            HarnessError: one line that names the number and the rule.
        """
        adam = self.method == "adam"
        least = {"points": 1, "levels": 2, "steps": 1, "record": 1, "probes": 0, "directions": 0}
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and value < low:
                raise HarnessError(f"descent: {name} = {value} is below {low}")
        if not 0 < self.sigma_min < self.sigma_max < math.inf:
            raise HarnessError(f"descent: sigma_min = {self.sigma_min:g}, sigma_max = {self.sigma_max:g} is no range")
        if self.learning_rate == "auto":
            if adam:
                raise HarnessError('descent: learning_rate = "auto" is for gradient descent; give Adam a number')
        elif not 0 < self.learning_rate < math.inf:
            raise HarnessError(f"descent: learning_rate = {self.learning_rate:g} is not positive")
        if adam and self.probes:
            raise HarnessError("descent: probes are for gradient descent; Adam has no fixed loss to perturb")
        if not all(0 < radius < math.inf for radius in self.radii):
            raise HarnessError(f"descent: radii = {list(self.radii)} must be positive")


@dataclass(frozen=True)
class DescentRequest:
    """Networks whose training is wanted for its trajectory: one for each seed, components in short form."""

    target: str
    network: str
    weighting: str
    seeds: tuple[int, ...]
    settings: Descent


@dataclass(frozen=True)
class DescentJob:
    """Train one network, write its checkpoint and keep its trajectory."""

    key: str
    target: Target
    network: TrainableNetwork
    weighting: Weighting
    seed: int
    settings: Descent
    folder: Path


@dataclass(frozen=True)
class Training:
    """How to train.

    Attributes:
        levels: numbers of steps after which a network is kept, increasing; a shorter training is a prefix of a longer.
        batch_size: points per step.
        learning_rate: of Adam, constant.
        ema_decay: of the moving average, approached as (1 + k)/(10 + k) in the first steps.
        sigma_min: the lowest noise level trained on.
        sigma_max: the highest.
        descent: gradient descent on a fixed objective in place of Adam; its `steps` are the last of `levels`, and
            batch size, learning rate and moving average above say nothing.
    """

    levels: tuple[int, ...]
    batch_size: int
    learning_rate: float
    ema_decay: float
    sigma_min: float
    sigma_max: float
    descent: Descent | None = None


@dataclass(frozen=True)
class TrainMember:
    """One network of a stack to be trained; a key for each training level."""

    keys: tuple[str, ...]
    weighting: Weighting
    table: Payload
    seed: int


@dataclass(frozen=True)
class TrainJob:
    """Train a stack and write its checkpoints."""

    network: TrainableNetwork
    target: Target
    members: tuple[TrainMember, ...]
    training: Training
    folder: Path


@dataclass(frozen=True)
class TrainedNetwork:
    """Where a trained network lies."""

    network: TrainableNetwork
    path: Path
    sha256: str


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


@dataclass(frozen=True)
class CalibrateJob:
    """Measure sample metrics on a held-out sample in place of a generated one; a key for each metric."""

    target: Target
    metrics: Sequence[tuple[str, SampleMetric]]
    seed: int
    count: int
    sigma_min: float


Job = (
    ArithmeticJob | InformationJob | TableJob | GridJob | TrainJob | DescentJob | ErrorJob | EvaluateJob | CalibrateJob
)
"""Any unit of work."""
