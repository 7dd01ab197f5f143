"""Descents: trainings that are recorded on their way, as units of work beside those of suites.

A request names one target, network and weighting and several seeds; each seed is one unit, which depends on nothing
else. Two requests that ask for the same training share its record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.claims import ClaimError
from harness.components import ComponentError, digest
from harness.jobs import DescentJob, DescentRequest, Job
from harness.keys import engine
from harness.plan import Find, Unit, trainable
from harness.trajectories import Trajectory, from_json

if TYPE_CHECKING:
    from harness.components import Component
    from harness.registry import Registry
    from harness.store import Record, Store
    from harness.targets import Target
    from harness.weightings import Weighting

TRAINING = 1
"""The stage of the plan that a descent belongs to."""

SECONDS = 600.0
"""A descent may take so long."""


class Descents:
    """The units of several requests.

    Arguments:
        requests: by a name that errors begin with.
        registry: where their components come from.
        folder: where checkpoints lie.

    Raises:
        ClaimError: a component is unknown, malformed, or stands for several.
    """

    limit = SECONDS

    def __init__(self, requests: Mapping[str, DescentRequest], registry: Registry, folder: Path) -> None:
        self._registry = registry
        self._folder = folder
        self._requests = requests
        self._jobs: dict[str, dict[str, DescentJob]] = {name: self._made(name, r) for name, r in requests.items()}

    def trajectories(self, name: str, store: Store) -> tuple[list[Trajectory], dict[str, float]]:
        """Return the trajectories of a request, one for each seed, and the seconds that each took, by key.

        Raises:
            ClaimError: a training failed or was not done.
        """
        jobs = self._jobs[name]
        records = store.get(jobs)
        for key, job in jobs.items():
            reason = records[key].reason if key in records else "was not computed"
            if reason is not None:
                what = f"{job.target.label()} · {job.network.label()} · {job.weighting.label()}, seed {job.seed}"
                raise ClaimError(f"{name}: {what}: {reason}")
        return [_trajectory(records[key]) for key in jobs], {key: records[key].seconds for key in jobs}

    def check_sources(self) -> None:
        """Descents read the files of targets once, in the worker; their keys hold the files' digests."""

    def trained_keys(self) -> list[str]:
        """Return no key: a trajectory stands for itself, whatever became of its checkpoint."""
        return []

    def groundwork(self, missing: Callable[[str], bool]) -> list[Unit]:
        """Return the descents that are missing: they wait for nothing."""
        return []

    def work(self, find: Find, missing: Callable[[str], bool]) -> list[Unit]:
        """Return the descents that are missing."""
        jobs = {key: job for made in self._jobs.values() for key, job in made.items()}
        return [_unit(key, job) for key, job in jobs.items() if missing(key)]

    def contents(self, find: Find, command: str) -> dict[str, Any]:
        """Return the keys of the records of each request."""
        return {"command": command, "descents": {name: list(jobs) for name, jobs in self._jobs.items()}}

    def _made(self, name: str, request: DescentRequest) -> dict[str, DescentJob]:
        target = cast("Target", self._one(name, "target", request.target))
        network = trainable(self._one(name, "network", request.network))
        weighting = cast("Weighting", self._one(name, "weighting", request.weighting))
        parts = [self._registry.reference(each)["digest"] for each in (target, network, weighting)]
        settings = asdict(request.settings)
        found = {}
        for seed in request.seeds:
            key = digest(engine(), "descent", *parts, seed, settings)
            found[key] = DescentJob(key, target, network, weighting, seed, request.settings, self._folder)
        return found

    def _one(self, name: str, axis: str, form: str) -> Component:
        try:
            made = self._registry.parse(axis, form)
        except ComponentError as error:
            raise ClaimError(f"{name}: {error}") from error
        if len(made) != 1:
            raise ClaimError(f"{name}: {form!r} stands for {len(made)} {axis}s; a descent has one")
        return made[0]


def _unit(key: str, job: DescentJob) -> Unit:
    settings = job.settings

    def make(find: Find) -> Job:
        return job

    return Unit(TRAINING, (key,), make, settings.steps * settings.points * settings.levels * 1e-5)


def _trajectory(record: Record) -> Trajectory:
    return from_json(record.payload["trajectory"])
