"""The descents of a claim as units of work, beside those of suites.

A request names its components in short form: one target, network and weighting, and several seeds. Each seed is one
unit, which depends on nothing else and has a key of its own, so that whoever asks again finds the record. Its payload
is {"sha256", "loss", "trajectory"}, the trajectory as `harness.trajectories.from_json` reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.components import Component, ComponentError, describe_axis
from harness.descents import DescentRequest
from harness.engine.jobs import DescentJob, Job
from harness.errors import HarnessError
from harness.networks import TrainableNetwork
from harness.planning.keys import descent
from harness.planning.plan import DESCENT_COST
from harness.planning.units import Find, Unit
from harness.trajectories import Trajectory, from_json
from harness.weightings import GridWeighting
from harness_claims.claim import ClaimError

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.store import Store
    from harness.targets import Target
    from harness.weightings import Weighting


def descent_jobs(request: DescentRequest, registry: Registry, folder: Path) -> list[DescentJob]:
    """Return one job for each seed, in their order.

    Arguments:
        request: what is wanted.
        registry: where its components come from.
        folder: where checkpoints lie.

    Raises:
        HarnessError: a component is unknown, stands for several, is a network that is not trained, or a weighting made
            for a grid.
    """
    target, network, weighting = (
        _one(axis, getattr(request, axis), registry) for axis in ("target", "network", "weighting")
    )
    if not isinstance(network, TrainableNetwork):
        raise HarnessError(f"descent: network {request.network!r} is not one that is trained")
    if isinstance(weighting, GridWeighting):
        raise HarnessError(f"descent: weighting {request.weighting!r} is made for a grid; a descent has none")
    digests = [str(registry.reference(each)["digest"]) for each in (target, network, weighting)]
    return [
        DescentJob(
            key=descent(digests[0], digests[1], digests[2], seed, request.settings),
            target=cast("Target", target),
            network=network,
            weighting=cast("Weighting", weighting),
            seed=seed,
            settings=request.settings,
            folder=folder,
        )
        for seed in request.seeds
    ]


def descent_cost(request: DescentRequest) -> float:
    """Return the estimated seconds of one seed on one core; of a network of ordinary size."""
    settings = request.settings
    points = settings.points * (settings.levels if settings.method == "gradient-descent" else 1)
    return 1.0 + settings.steps * points * DESCENT_COST


def _one(axis: str, form: str, registry: Registry) -> Component:
    try:
        made = registry.parse(axis, form)
    except ComponentError as error:
        raise HarnessError(f"descent: {error}") from error
    if len(made) != 1:
        raise HarnessError(f"descent: {describe_axis(type(made[0]))} {form!r} stands for {len(made)}; name one")
    return made[0]


TRAINING = 1
"""The stage of a plan that a descent belongs to."""


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

    def __init__(self, requests: Mapping[str, DescentRequest], registry: Registry, folder: Path) -> None:
        self._registry = registry
        self._units: dict[str, Unit] = {}
        self._jobs: dict[str, list[DescentJob]] = {}
        for name, request in requests.items():
            try:
                self._jobs[name] = descent_jobs(request, registry, folder)
            except HarnessError as error:
                raise ClaimError(f"{name}: {error}") from error
            cost = descent_cost(request)
            self._units |= {job.key: _unit(job, cost) for job in self._jobs[name]}
        targets = dict.fromkeys(job.target for jobs in self._jobs.values() for job in jobs)
        self._readers = {target: self._digest(target) for target in targets if target.content_digest()}

    def _digest(self, target: Target) -> str:
        return str(self._registry.reference(target)["digest"])

    def trajectories(self, name: str, store: Store) -> tuple[list[Trajectory], dict[str, float]]:
        """Return the trajectories of a request, one for each seed, and the seconds that each took, by key.

        Raises:
            ClaimError: a training failed or was not done.
        """
        jobs = self._jobs[name]
        records = store.get([job.key for job in jobs])
        for job in jobs:
            reason = records[job.key].reason if job.key in records else "was not computed"
            if reason is not None:
                what = f"{job.target.label()} · {job.network.label()} · {job.weighting.label()}, seed {job.seed}"
                raise ClaimError(f"{name}: {what}: {reason}")
        found = [from_json(records[job.key].payload["trajectory"]) for job in jobs]
        return found, {job.key: records[job.key].seconds for job in jobs}

    def check_sources(self) -> None:
        """See that the files that targets read are still the ones that the keys were made for.

        Raises:
            ClaimError: one has changed, so that what was computed may belong to another key.
        """
        for target, digest in self._readers.items():
            if self._digest(target) != digest:
                raise ClaimError(f"target {target.label()} changed while it was read; run the same command again")

    def trained_keys(self) -> list[str]:
        """Return no key: a trajectory is all that is wanted, whatever becomes of the checkpoint."""
        return []

    def groundwork(self, missing: Callable[[str], bool]) -> list[Unit]:
        """Return nothing: descents wait for nothing."""
        return []

    def work(self, find: Find, missing: Callable[[str], bool]) -> list[Unit]:
        """Return the descents that are missing."""
        return [unit for key, unit in self._units.items() if missing(key)]

    def contents(self, find: Find, command: str) -> dict[str, Any]:
        """Return the keys of each request's records."""
        return {"command": command, "descents": {name: [job.key for job in jobs] for name, jobs in self._jobs.items()}}


def _unit(job: DescentJob, cost: float) -> Unit:
    def make(find: Find) -> Job:
        return job

    return Unit(TRAINING, (job.key,), make, cost)
