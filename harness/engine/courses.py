"""A training as it is asked for: who is trained on what, for how long, and what is recorded; for all trainers alike."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from harness.networks import TrainableNetwork
from harness.targets import Distribution
from harness.trainers import Recording
from harness.weightings import Weighting


@dataclass(frozen=True)
class Learner:
    """One network to be trained: its weighting, as a table over `harness.engine.levels.table_levels`, and its seed.

    Attributes:
        weighting: what adapts, where it is one that does.
        density: p at the levels of the table, shape (512,), float64; `omega` likewise.
        seed: of initialisation, points and noise.
    """

    weighting: Weighting
    density: Tensor
    omega: Tensor
    seed: int


@dataclass(frozen=True)
class Labels:
    """What is trained, in words: the labels of its components, besides the weighting's."""

    target: str
    network: str


@dataclass(frozen=True)
class Course:
    """A training as it is asked for, besides its trainer and whom it trains.

    Attributes:
        network: the shape that all networks share.
        target: where clean points come from.
        lengths: numbers of steps after which networks are kept, increasing; a shorter training is the beginning of a
            longer one, bit for bit.
        recording: what is recorded; None: nothing.
        labels: what a trajectory calls it all.
    """

    network: TrainableNetwork
    target: Distribution
    lengths: tuple[int, ...]
    recording: Recording | None
    labels: Labels
