"""Measure target: measures its scale, its Fisher information J(u) and its least loss c(σ); keeps pictures of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.engine.checks import check_distribution, check_information
from harness.engine.laws import distribution
from harness.engine.measurement import measure_information
from harness.engine.payloads import target
from harness.engine.pictures import target_pictures
from harness.records import Record

if TYPE_CHECKING:
    from harness.engine.jobs import MeasureTargetJob


def measure_target(job: MeasureTargetJob) -> list[Record]:
    """Return one record with the target's numbers and its J(u): where it has labels, also that of points given theirs.

    Raises:
        ContractError: the distribution or its closed form is not what the contract of targets says, or raised.
    """
    law = distribution(job.target)
    check_distribution(law, job.target)
    span = job.sigma_min, job.sigma_max
    information = measure_information(law, *span, seed=law.stream)
    check_information(information, job.target, law.dim, job.sigma_min, job.sigma_max)
    labelled = measure_information(law, *span, seed=law.stream, labelled=True) if law.classes else None
    if labelled is not None:
        check_information(labelled, job.target, law.dim, job.sigma_min, job.sigma_max, "of points given their labels")
    payload = target.to_json(law, information, labelled, job.sigma_min, job.sigma_max, target_pictures(law))
    return [Record(job.key, "target", payload)]
