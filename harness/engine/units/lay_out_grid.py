"""Lay out grid: lays out noise levels by a rule, with what of the rest the rule needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.engine.checks import blamed, check_grid, check_schedule
from harness.engine.laws import distribution
from harness.engine.payloads import grid
from harness.engine.stored_curves import stored_information, stored_population, stored_score_error
from harness.errors import NotApplicable
from harness.records import Record
from harness.time_discretizations import GridRequest

if TYPE_CHECKING:
    from harness.engine.jobs import LayOutGridJob, Payload
    from harness.information import Information
    from harness.targets import Target


def lay_out_grid(job: LayOutGridJob) -> list[Record]:
    """Return one record with the checked levels.

    Raises:
        ContractError: the schedule, the rule or an oracle returned what its contract forbids, or raised.
        NotApplicable: it is for a network that is given labels, and the target has none.
    """
    information = None
    if job.information is not None and job.target is not None:
        information = _information(job.target, job.information, labelled=job.labelled)
    check_schedule(job.schedule, job.sigma_min, job.sigma_max)
    error = None
    if job.target is not None and (job.network is not None or job.score_error is not None):
        error = stored_score_error(job.network, job.score_error, distribution(job.target).dim)
    rule = job.discretization
    law = distribution(job.target) if rule.needs_law and job.target is not None else None
    request = GridRequest(
        job.steps,
        job.sigma_min,
        job.sigma_max,
        job.schedule,
        information,
        job.sampler,
        error,
        law,
        stored_population(job.losses),
    )
    with blamed(rule, "levels"):
        levels = check_grid(rule.levels(request), rule, job.steps, job.sigma_min, job.sigma_max)
    return [Record(job.key, "grid", grid.to_json(levels))]


def _information(target: Target, payload: Payload, *, labelled: bool) -> Information:
    if labelled and not distribution(target).classes:
        raise NotApplicable("the network is given labels, and the target has none")
    return stored_information(target, payload, labelled=labelled)
