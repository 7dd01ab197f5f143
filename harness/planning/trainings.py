"""Units that tabulate weightings and train networks: the same for a suite and for whoever asks for one network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.engine.jobs import TableJob, TrainJob, TrainMember
from harness.planning.units import Stage, Unit, require

if TYPE_CHECKING:
    from harness.components import Component
    from harness.engine.jobs import Job
    from harness.networks import TrainableNetwork
    from harness.planning.units import Lookup
    from harness.targets import Target
    from harness.trainers import Recording, Trainer
    from harness.weightings import Weighting


@dataclass(frozen=True)
class Wanted:
    """One network to be trained.

    Attributes:
        weighting: what it is trained with; `table` is the key of its table.
        seed: of initialisation, points and noise.
        keys: of the network at each length.
        trajectories: of what is recorded on the way to each length; empty where nothing is.
        components: all that the training takes, the network and the weighting among them, by axis.
    """

    weighting: Weighting
    table: str
    seed: int
    keys: tuple[str, ...]
    trajectories: tuple[str, ...] = ()
    components: Mapping[str, Component] = field(default_factory=dict)


@dataclass(frozen=True)
class Shared:
    """What networks that are trained in one unit share.

    Attributes:
        target: what they are trained on.
        network: their shape.
        lengths: numbers of steps after which they are kept, increasing.
        trainer: how they are trained.
        recording: what is recorded; None: nothing.
    """

    target: Target
    network: TrainableNetwork
    lengths: tuple[int, ...]
    trainer: Trainer
    recording: Recording | None


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
        return TableJob(key, weighting, target, trainer.sigma_min, trainer.sigma_max, sigmas)

    return Unit(Stage.GROUNDWORK, (key,), job, 0.1, frozenset([grid] if grid else []))


def training_unit(shared: Shared, wanted: Sequence[Wanted], folder: Path) -> Unit:
    """Return the unit that trains networks and writes their checkpoints to a folder."""

    def job(find: Lookup) -> Job:
        # A weighting that could not be tabulated is left out: its rows say so already.
        found = [(each, find(each.table)) for each in wanted]
        members = tuple(
            TrainMember(each.keys, each.trajectories, each.weighting, table.payload, each.seed, each.components)
            for each, table in found
            if table is not None and table.ok
        )
        if not members:
            require(find, wanted[0].table, "weighting")
        return TrainJob(
            shared.network, shared.target, members, shared.trainer, shared.lengths, shared.recording, folder
        )

    keys = tuple(key for each in wanted for key in (*each.keys, *each.trajectories))
    cost = shared.trainer.seconds(shared.lengths[-1], len(wanted))
    return Unit(Stage.TRAINING, keys, job, cost, networks=len(wanted))
