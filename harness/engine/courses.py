"""Courses: carry a training from the plan through the job to its trainer, whichever that is.

A `Learner` is one network to be trained, a `Course` what all of a unit share; the trainer says how.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from torch import Tensor

    from harness.components import Component
    from harness.networks import TrainableNetwork
    from harness.targets import Target
    from harness.trainers import Recording
    from harness.weightings import Weighting

T = TypeVar("T", covariant=True)
U = TypeVar("U")


class LevelTable(NamedTuple):
    """A weighting as trainers use it: p and ω at `harness.engine.levels.table_levels`, shapes (512,), float64."""

    density: Tensor
    omega: Tensor


@dataclass(frozen=True)
class Learner(Generic[T]):
    """One network to be trained.

    Attributes:
        weighting: what it is trained with.
        table: the weighting's: in a plan the key of its record, in a job its payload, for a trainer a `LevelTable`.
        seed: of initialisation, points and noise.
        keys: of the network's record at each length, and there of each moving average that its trainer keeps; None of
            one that is not wanted.
        trajectories: of the record of what is recorded on the way to each length; empty where nothing is.
        components: all that the training takes, the network and the weighting among them, by axis.
    """

    weighting: Weighting
    table: T
    seed: int
    keys: tuple[str | None, ...] = ()
    trajectories: tuple[str, ...] = ()
    components: Mapping[str, Component] = field(default_factory=dict)

    @property
    def last_key(self) -> str:
        """The last of the keys that are wanted."""
        return next(key for key in reversed(self.keys) if key is not None)

    def with_table(self, table: U) -> Learner[U]:
        """Return the same network with its table in another form."""
        return Learner(self.weighting, table, self.seed, self.keys, self.trajectories, self.components)


@dataclass(frozen=True)
class Course:
    """What networks that are trained in one unit share, besides their trainer.

    Attributes:
        target: where clean points come from.
        network: their shape.
        lengths: numbers of steps after which a network is kept, increasing; a shorter training is the beginning of a
            longer one, bit for bit.
        recording: what is recorded; None: nothing.
    """

    target: Target
    network: TrainableNetwork
    lengths: tuple[int, ...]
    recording: Recording | None
