"""Trainers: how a network is trained, as a value with settings of its own; and what is recorded on the way.

Every trainer minimises the same weighted loss over noise levels from σ_min to σ_max. `harness.engine.trainers` does
what these values say, and `harness.trajectories` is what it records. The trained network depends on the trainer and
on the number of steps; being recorded changes no bit of it. From a trainer's fields, their defaults and what they
allow follows the section [training] of a suite (`harness.suites.sections`).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PlainSerializer, PlainValidator, TypeAdapter, WithJsonSchema

from harness.errors import HarnessError

ObjectiveKind = Literal["fixed", "fresh"]
"""What a training minimises: one objective that stays as it was drawn, or new points at each step."""

Device = Literal["cpu", "cuda"]
"""Where networks are trained and evaluated."""

Precision = Literal["float32", "float64"]
"""In which arithmetic."""

NUMBER_BYTES: Mapping[Precision, int] = MappingProxyType({"float32": 4, "float64": 8})
"""What a number takes in each."""

STACK_BYTES = 2**30
"""Memory that a step of several stacked networks may take."""

POINTS_MULTIPLE = 32
"""Points that are computed together come in a multiple of this: vectorised arithmetic rounds what is left over
otherwise."""

RECORDED = 50
"""Recorded steps of a training that does not say how many."""


Rate = Annotated[float, Field(strict=True, gt=0)]
"""A step size, as a suite may write it."""

StepCount = Annotated[int, Field(strict=True, ge=1, le=10**7)]
"""A number of steps of training, likewise."""

PointCount = Annotated[int, Field(strict=True, ge=POINTS_MULTIPLE, le=10**6, multiple_of=POINTS_MULTIPLE)]
"""A number of points that are computed together, likewise."""


Decay = Annotated[float, Field(strict=True, ge=0, lt=1)]
"""The decay of a moving average, as a suite may write it."""

_DECAY, _DECAYS = TypeAdapter(Decay), TypeAdapter(tuple[Decay, ...])


def _decays(value: object) -> object:
    """Read one decay, or a list of several; of a list of one that one.

    Raises:
        ValueError: one is out of its range or listed twice, or there is none.
    """
    if not isinstance(value, (list, tuple)):
        return _DECAY.validate_python(value)
    found = _DECAYS.validate_python(tuple(value))
    if not found:
        raise ValueError("is empty; it should list at least one value")
    twice = next((each for i, each in enumerate(found) if each in found[:i]), None)
    if twice is not None:
        raise ValueError(f"{twice:g} is listed twice")
    return found if len(found) > 1 else found[0]


def _as_json(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _at_least(what: str, value: object, **least: int) -> None:
    for name, low in least.items():
        number = getattr(value, name)
        if number is not None and number < low:
            raise HarnessError(f"{what}: {name} = {number} is below {low}")


def _averages(what: str, decays: Sequence[float]) -> None:
    for decay in decays:
        if not 0 <= decay < 1:
            raise HarnessError(f"{what}: ema_decay = {decay:g} is not in [0, 1)")
    if not decays or len(set(decays)) < len(decays):
        raise HarnessError(f"{what}: ema_decay = {list(decays)} should list decays, each once")


def _positive(what: str, rate: float, name: str = "learning_rate") -> None:
    if not 0 < rate < math.inf:
        raise HarnessError(f"{what}: {name} = {rate:g} is not positive")


def _known(what: str, value: object, **known: object) -> None:
    for name, word in known.items():
        given = getattr(value, name)
        if given is not None and given != word:
            raise HarnessError(f"{what}: {name} = {given!r} is not known; it should be {word!r}")


@dataclass(frozen=True)
class Recording:
    """What is recorded of a training: its trajectory.

    Attributes:
        every: a step is recorded each `every` updates, besides the first and the last; None: about 50 in all.
        cells: of training on fresh noise: the log-spaced cells of levels in which the loss is gathered.
        probes: of a fixed objective: at so many recorded steps, evenly spaced, the loss is measured at perturbed
            parameters.
        radii: distances of these perturbations, as fractions of ‖θ_0‖ (learned parameters only).
        directions: random directions for each radius; one along −∇L is added.
    """

    every: int | None = None
    cells: int = 16
    probes: int = 0
    radii: tuple[float, ...] = (1e-3, 1e-2, 1e-1)
    directions: int = 4

    def __post_init__(self) -> None:
        """Refuse numbers that no recording can have.

        Raises:
            HarnessError: one line that names the number and the rule.
        """
        _at_least("recording", self, every=1, cells=2, probes=0, directions=0)
        if not all(0 < radius < math.inf for radius in self.radii):
            raise HarnessError(f"recording: radii = {list(self.radii)} must be positive")

    def steps(self, length: int) -> list[int]:
        """Return the steps that a training of so many updates records: each `every`-th, the first and the last."""
        every = self.every or -(-length // RECORDED)
        return sorted({*range(0, length, every), length})


@dataclass(frozen=True, kw_only=True)
class Trainer(ABC):
    """How to train. A subclass adds its settings, on all of which the trained network depends.

    Attributes:
        sigma_min: the lowest noise level trained on.
        sigma_max: the highest.
        device: on which networks are trained, and evaluated afterwards.
        precision: of networks, their points and the optimiser; sums over points are float64 in any.
    """

    sigma_min: float = 0.05
    sigma_max: float = 20.0
    device: Device = "cpu"
    precision: Precision = "float32"

    method: ClassVar[str]
    """What the settings in keys and in trajectories call it."""
    stacked: ClassVar[bool]
    """Whether networks of one shape may train together, in one unit."""
    objective: ClassVar[ObjectiveKind]
    """What is minimised."""
    recording: ClassVar[Recording | None]
    """What is recorded where nobody says: None, nothing."""
    held: ClassVar[float]
    """Times the outputs of its layers that a step holds at its peak."""
    fixed: ClassVar[frozenset[str]] = frozenset({"sigma_min", "sigma_max", "device", "precision"})
    """Fields that the section [training] of a suite does not have: the range is in [noise], and where and in which
    precision to compute is an option of a run."""

    def __post_init__(self) -> None:
        """Refuse numbers that no training can have.

        Raises:
            HarnessError: one line that names the number and the rule.
        """
        if not 0 < self.sigma_min < self.sigma_max < math.inf:
            raise HarnessError(f"trainer: sigma_min = {self.sigma_min:g}, sigma_max = {self.sigma_max:g} is no range")

    @property
    @abstractmethod
    def step_points(self) -> int:
        """Points at which one step evaluates the network."""

    @property
    def points_together(self) -> int:
        """Points of a step that are in memory at once."""
        return self.step_points

    def step_bytes(self, layer_outputs: int) -> int:
        """Return about what memory one step of one network takes, in bytes.

        Arguments:
            layer_outputs: what the network says of itself (`harness.networks.TrainableNetwork.layer_outputs`).
        """
        return int(self.held * self.points_together * layer_outputs * NUMBER_BYTES[self.precision])

    def together(self, layer_outputs: int) -> int:
        """Return how many networks may train stacked, for the memory of a step; at least one."""
        return max(1, STACK_BYTES // self.step_bytes(layer_outputs)) if self.stacked else 1

    @abstractmethod
    def seconds(self, steps: int, networks: int) -> float:
        """Return the estimated seconds that so many steps of so many networks take on one core."""

    @abstractmethod
    def recorded(self, recording: Recording, length: int) -> dict[str, Any]:
        """Return what of a recording applies to this training of a number of steps, as JSON values.

        Raises:
            HarnessError: it asks for what this training does not have.
        """

    @property
    def ema_decays(self) -> tuple[float, ...]:
        """The decays of the moving averages that one training keeps, a network each; none where it averages nothing."""
        return ()

    def averaging(self, ema_decay: float | None) -> Self:
        """Return the training that keeps one of these averages alone, to the same bits; itself where there is none."""
        return self

    def settings(self) -> dict[str, Any]:
        """Return all that a trained network depends on besides its length, as JSON values.

        A setting that is None is off, and left out: that there is one changes no key of what does without.
        """
        return {"method": self.method, **_given(self)}

    def chosen(self) -> dict[str, Any]:
        """Return what the section [training] of a suite says of it besides method and length, as JSON values."""
        return {name: _as_json(value) for name, value in _given(self).items() if name not in self.fixed}


def _given(trainer: Trainer) -> dict[str, Any]:
    """Return the fields of a trainer that are not None."""
    return {name: value for name, value in asdict(trainer).items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Adam(Trainer):
    """Practical training: Adam on fresh noise, with a moving average of the parameters.

    What is None is off.

    Attributes:
        learning_rate: constant, unless one of the next two says otherwise (`rate`).
        batch_size: points per step.
        ema_decay: of the moving average, approached as (1 + k)/(10 + k) in the first steps; 0: no average. Of several
            decays one training keeps an average each, to the bits that it has alone.
        warmup_steps: the steps in which the rate rises in a line.
        decay_steps: the steps after which it falls as the inverse square root.
        clip_norm: the largest ‖∇L‖ of one network's loss L = E ω‖σS + ξ‖²/d over its learned parameters; a longer
            gradient is shortened to it. Of each network alone, whatever it is stacked with.
        microbatch: most points of a step that are computed together; their gradients are summed, so that a step is that
            of the whole batch up to rounding, in less memory. A multiple of `POINTS_MULTIPLE`.
        augmentation: what is done to clean points: "flip" mirrors each image left to right with probability 1/2.
        autocast: mixed precision: products of matrices and convolutions of a training step take operands of this type
            (`harness.engine.mixed_precision`); all else, parameters and the optimiser too, stays in float32.
    """

    method: ClassVar[str] = "adam"
    stacked: ClassVar[bool] = True
    objective: ClassVar[ObjectiveKind] = "fresh"
    held: ClassVar[float] = 2.0  # measured: 1.2 to 1.9
    recording: ClassVar[Recording | None] = None

    learning_rate: Rate = 1e-3
    batch_size: Annotated[int, Field(strict=True, ge=1, le=10**6)] = 256
    ema_decay: Annotated[
        float | tuple[float, ...],
        PlainValidator(_decays),
        PlainSerializer(_as_json, return_type=Any),
        WithJsonSchema(_DECAY.json_schema() | {"type": ["number", "array"], "items": _DECAY.json_schema()}),
    ] = 0.999
    warmup_steps: StepCount | None = None
    decay_steps: StepCount | None = None
    clip_norm: Annotated[float, Field(strict=True, gt=0)] | None = None
    microbatch: Annotated[int, Field(strict=True, multiple_of=POINTS_MULTIPLE, ge=POINTS_MULTIPLE, le=10**6)] | None = (
        None
    )
    augmentation: Literal["flip"] | None = None
    autocast: Literal["bfloat16"] | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that no training can have; raises like `Trainer`."""
        super().__post_init__()
        _at_least("adam", self, batch_size=1, warmup_steps=1, decay_steps=1, microbatch=POINTS_MULTIPLE)
        _positive("adam", self.learning_rate)
        _averages("adam", self.ema_decays)
        if self.clip_norm is not None:
            _positive("adam", self.clip_norm, "clip_norm")
        if self.microbatch is not None and self.microbatch % POINTS_MULTIPLE:
            raise HarnessError(f"adam: microbatch = {self.microbatch} is no multiple of {POINTS_MULTIPLE}")
        _known("adam", self, augmentation="flip", autocast="bfloat16")
        if self.autocast is not None and self.precision != "float32":
            raise HarnessError(f"adam: autocast = {self.autocast!r} is for precision float32; this is {self.precision}")

    @property
    def ema_decays(self) -> tuple[float, ...]:
        """The decays of the moving averages that one training keeps, a network each."""
        return self.ema_decay if isinstance(self.ema_decay, tuple) else (self.ema_decay,)

    def averaging(self, ema_decay: float | None) -> Self:
        """Return the training that keeps one of these averages alone, to the same bits."""
        return self if ema_decay is None else replace(self, ema_decay=ema_decay)

    @property
    def step_points(self) -> int:
        """Points at which one step evaluates the network."""
        return self.batch_size

    @property
    def points_together(self) -> int:
        """Points of a step that are in memory at once."""
        return min(self.batch_size, self.microbatch or self.batch_size)

    def rate(self, step: int) -> float:
        """Return the learning rate of the update that follows so many others.

        With t = step + 1 it is `learning_rate` · min(t/`warmup_steps`, 1) / √max(t/`decay_steps`, 1). It does not ask
        how long the training is: a short one stays the beginning of a long one.

        References:
            Karras et al., Analyzing and Improving the Training Dynamics of Diffusion Models, arXiv 2312.02696, equation
            67, with the linear rise of its experiments.
        """
        rise = 1.0 if self.warmup_steps is None else min((step + 1) / self.warmup_steps, 1.0)
        fall = 1.0 if self.decay_steps is None else math.sqrt(max((step + 1) / self.decay_steps, 1.0))
        return self.learning_rate * rise / fall

    def seconds(self, steps: int, networks: int) -> float:
        """Return the estimated seconds that so many steps of so many networks take on one core."""
        return steps * networks * self.batch_size / 256 * 1.2e-3

    def recorded(self, recording: Recording, length: int) -> dict[str, Any]:
        """Return the recorded steps and the number of cells.

        Raises:
            HarnessError: there are probes; or the rate is not constant, as a trajectory says that it is.
        """
        if recording.probes:
            raise HarnessError("adam: probes are for gradient descent; fresh noise has no fixed loss to perturb")
        if self.warmup_steps or self.decay_steps:
            raise HarnessError("adam: a trajectory is of a constant rate; leave warmup_steps and decay_steps out")
        return {"steps": recording.steps(length), "cells": recording.cells}


@dataclass(frozen=True, kw_only=True)
class GradientDescent(Trainer):
    """The paper's training: full-batch gradient descent on a fixed objective (`harness.engine.objective`).

    Attributes:
        learning_rate: the step size h, constant; "auto" is `harness.engine.gradient_descent.SAFE`/λ_max of the Hessian
            at the start.
        points: n, the points of the objective.
        levels: N, its noise levels, log-spaced with both ends.
        precision: of all arithmetic.
    """

    method: ClassVar[str] = "gradient-descent"
    stacked: ClassVar[bool] = False
    objective: ClassVar[ObjectiveKind] = "fixed"
    held: ClassVar[float] = 5.0  # measured: 3 to 5; the curvature at the start is a derivative of the gradient
    recording: ClassVar[Recording | None] = Recording()
    learning_rate: Rate | Literal["auto"] = "auto"
    points: Annotated[int, Field(strict=True, ge=1, le=10**5)] = 32
    levels: Annotated[int, Field(strict=True, ge=2, le=1000)] = 16
    precision: Precision = "float64"

    def __post_init__(self) -> None:
        """Refuse numbers that no training can have; raises like `Trainer`."""
        super().__post_init__()
        _at_least("gradient descent", self, points=1, levels=2)
        if self.learning_rate != "auto":
            _positive("gradient descent", self.learning_rate)

    @property
    def step_points(self) -> int:
        """Points at which one step evaluates the network: each at each level."""
        return self.points * self.levels

    def seconds(self, steps: int, networks: int) -> float:
        """Return the estimated seconds that so many steps of so many networks take on one core (measured, `relu`)."""
        return steps * networks * self.step_points * 1e-5

    def recorded(self, recording: Recording, length: int) -> dict[str, Any]:
        """Return the recorded steps and the perturbations, where there are any."""
        settings: dict[str, Any] = {"steps": recording.steps(length), "probes": recording.probes}
        if recording.probes:
            settings |= {"radii": list(recording.radii), "directions": recording.directions}
        return settings


TRAINERS: Mapping[str, type[Trainer]] = MappingProxyType({cls.method: cls for cls in (Adam, GradientDescent)})
"""The trainers by method; the first where a suite names none."""


@dataclass(frozen=True)
class TrajectoryRequest:
    """Networks whose training is wanted for its trajectory: one for each seed, components in short form.

    Attributes:
        target: of the training, as a suite writes it; `network` and `weighting` likewise.
        seeds: of initialisation, points and noise.
        steps: number of updates.
        trainer: how they are trained.
        recording: what is recorded.
    """

    target: str
    network: str
    weighting: str
    seeds: tuple[int, ...]
    steps: int
    trainer: Trainer
    recording: Recording

    def __post_init__(self) -> None:
        """Refuse a training of no step, and a recording of what it does not have.

        Raises:
            HarnessError: one line that names the number and the rule.
        """
        _at_least("training", self, steps=1)
        self.trainer.recorded(self.recording, self.steps)
        if len(self.trainer.ema_decays) > 1:
            raise HarnessError("training: a trajectory is of a training with one ema_decay; give one")
