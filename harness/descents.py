"""Descents: networks trained for their trajectory, by request rather than by a suite.

A request names its components in short form; each seed is one unit of work, with a key of its own, so that whoever
asks again finds the record. Its payload is {"sha256", "loss", "trajectory"}, the trajectory as
`harness.trajectories.from_json` reads it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.components import Component, ComponentError, describe_axis
from harness.errors import HarnessError
from harness.jobs import DescentJob, DescentRequest
from harness.keys import descent
from harness.networks import TrainableNetwork
from harness.plan import DESCENT_COST
from harness.weightings import GridWeighting

if TYPE_CHECKING:
    from harness.plugins import Registry
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
