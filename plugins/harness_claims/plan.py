"""The descents of a claim as units of work, beside those of suites.

A request names its components in short form: one target, network and weighting, and several seeds. Each seed is one
unit and depends on no other. Keys are those that a suite has for the same networks, so that whoever asks again finds
the records: the network, and the trajectory as `harness.trajectories.from_json` reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel

from harness.axes import taken_by
from harness.blobs import BlobFolder
from harness.components import Component, ComponentError, describe_axis
from harness.engine.courses import Course, Learner
from harness.errors import HarnessError
from harness.networks import TrainableNetwork
from harness.planning import keys
from harness.planning.splits import SeedTargets
from harness.planning.trainings import table_unit, training_unit
from harness.results.reader import read_trajectories
from harness.weightings import GridWeighting
from harness_claims.claim import ClaimError

if TYPE_CHECKING:
    from harness.planning.units import Lookup, Unit
    from harness.registry.registry import Registry
    from harness.store import Store
    from harness.targets import Target
    from harness.trainers import Trainer, TrajectoryRequest
    from harness.trajectories import Trajectory
    from harness.weightings import Weighting


@dataclass(frozen=True)
class Descents:
    """The networks of one request: one for each seed, each with its course, on the target that the seed has."""

    learners: tuple[Learner[str], ...]
    courses: tuple[Course, ...]
    target: Target
    trainer: Trainer


def descents(request: TrajectoryRequest, registry: Registry) -> Descents:
    """Return what a request asks for, with the keys that its records have, whoever asks.

    Arguments:
        request: what is wanted.
        registry: where its components come from.

    Raises:
        HarnessError: a component is unknown, stands for several, is a network that is not trained, or a weighting made
            for a grid.
    """
    target, components = cast("Target", _one("target", request.target, registry)), _taken(request, registry)
    network, weighting = components["network"], components["weighting"]
    if not isinstance(network, TrainableNetwork):
        raise HarnessError(f"descent: network {request.network!r} is not one that is trained")
    if isinstance(weighting, GridWeighting):
        raise HarnessError(f"descent: weighting {request.weighting!r} is made for a grid; a descent has none")
    trainer, steps, recording = request.trainer, request.steps, request.recording
    known = {axis: _part(component, registry) for axis, component in components.items()}
    learners, courses, targets = [], [], SeedTargets()
    for seed in request.seeds:
        own = targets.of(target, seed)
        part = _part(own, registry)
        table = keys.table(known["weighting"], part, (trainer.sigma_min, trainer.sigma_max))
        key = keys.trained(table, part, known, seed, steps, trainer)
        watched = keys.trajectory(key, trainer, recording, steps)
        learners.append(Learner(cast("Weighting", weighting), table, seed, (key,), (watched,), components))
        courses.append(Course(own, network, (steps,), recording))
    return Descents(tuple(learners), tuple(courses), target, trainer)


def _taken(request: TrajectoryRequest, registry: Registry) -> dict[str, Component]:
    """Return what the training takes, by axis: what the request does not name is what a suite has by default."""
    named = {"network": request.network, "weighting": request.weighting}
    forms = {axis.name: named.get(axis.name) or "".join(axis.default or ()) for axis in taken_by("training").values()}
    return {axis: _one(axis, form, registry) for axis, form in forms.items()}


def _part(component: Component, registry: Registry) -> str:
    return keys.part(component, registry.reference(component).digest)


def _one(axis: str, form: str, registry: Registry) -> Component:
    try:
        made = registry.parse(axis, form)
    except ComponentError as error:
        raise HarnessError(f"descent: {error}") from error
    if len(made) != 1:
        raise HarnessError(f"descent: {describe_axis(type(made[0]))} {form!r} stands for {len(made)}; name one")
    return made[0]


class DescentsKept(BaseModel):
    """What a result directory keeps of several requests: what was typed, and the keys of each one's trajectories."""

    command: str
    descents: dict[str, list[str]]


class DescentsPlan:
    """The units of several requests.

    Arguments:
        requests: by a name that errors begin with.
        registry: where their components come from.
        folder: where checkpoints lie.

    Raises:
        ClaimError: a component is unknown, stands for several, or is a network that is not trained.
    """

    limit = 600.0

    def __init__(self, requests: Mapping[str, TrajectoryRequest], registry: Registry, folder: Path) -> None:
        self._registry = registry
        self._blobs = BlobFolder(folder)
        self._asked: dict[str, Descents] = {}
        for name, request in requests.items():
            try:
                self._asked[name] = descents(request, registry)
            except HarnessError as error:
                raise ClaimError(f"{name}: {error}") from error
        targets = dict.fromkeys(each.target for each in self._asked.values())
        self._readers = {target: self._digest(target) for target in targets if target.content_digest()}

    def _digest(self, target: Target) -> str:
        return self._registry.reference(target).digest

    def trajectories(self, name: str, store: Store) -> tuple[list[Trajectory], dict[str, float]]:
        """Return the trajectories of a request, one for each seed, and the seconds that each took, by key.

        Raises:
            ClaimError: a training failed or was not done.
        """
        target, learners, (course, *_) = self._asked[name].target, self._asked[name].learners, self._asked[name].courses
        found = read_trajectories([each.trajectories[0] for each in learners], store)
        for each in learners:
            entry = found[each.trajectories[0]]
            reason = "was not computed" if entry.missing else entry.reason
            if reason is not None:
                labels = " · ".join(part.label() for part in (target, course.network, each.weighting))
                raise ClaimError(f"{name}: {labels}, seed {each.seed}: {reason}")
        seconds = {entry.key: entry.seconds for entry in found.values()}
        return [found[each.trajectories[0]].require() for each in learners], seconds

    @property
    def length(self) -> int:
        """Steps of the longest training."""
        return max(course.lengths[-1] for each in self._asked.values() for course in each.courses)

    def check_sources(self) -> None:
        """See that the files that targets read are still the ones that the keys were made for.

        Raises:
            ClaimError: one has changed, so that what was computed may belong to another key.
        """
        for target, digest in self._readers.items():
            if self._digest(target) != digest:
                raise ClaimError(f"target {target.label()} changed while it was read; run the same command again")

    def blob_keys(self) -> list[str]:
        """Return no key: a trajectory is all that is wanted, whatever becomes of the checkpoint."""
        return []

    def groundwork(self, missing: Callable[[str], bool]) -> list[Unit]:
        """Return the tables of weightings that are missing, of networks that are."""
        units: dict[str, Unit] = {}
        for each, course, trainer in self._missing(missing):
            if missing(each.table):
                units[each.table] = table_unit(each.table, each.weighting, course.target, trainer)
        return list(units.values())

    def work(self, find: Lookup, missing: Callable[[str], bool]) -> list[Unit]:
        """Return the descents that are missing, each by itself: none depends on another."""
        units: dict[str, Unit] = {}
        for each, course, trainer in self._missing(missing):
            units[each.trajectories[0]] = training_unit([each], course, trainer, self._blobs)
        return list(units.values())

    def _missing(self, missing: Callable[[str], bool]) -> list[tuple[Learner[str], Course, Trainer]]:
        return [
            (each, course, asked.trainer)
            for asked in self._asked.values()
            for each, course in zip(asked.learners, asked.courses, strict=True)
            if missing(each.trajectories[0])
        ]

    def contents(self, find: Lookup, command: str) -> DescentsKept:
        """Return the keys of each request's records."""
        keys = {name: [each.trajectories[0] for each in asked.learners] for name, asked in self._asked.items()}
        return DescentsKept(command=command, descents=keys)
