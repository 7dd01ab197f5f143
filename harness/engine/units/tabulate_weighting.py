"""Tabulate weighting: makes the table of one for one target, as training uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.engine.laws import distribution
from harness.engine.levels import table_levels
from harness.engine.tabulate import tabulate
from harness.records import Record
from harness.weighting_tables import table_to_json

if TYPE_CHECKING:
    from harness.engine.jobs import TabulateWeightingJob


def tabulate_weighting(job: TabulateWeightingJob) -> list[Record]:
    """Return one record with the checked density and weight.

    Raises:
        ContractError: the weighting returned what its contract forbids, or raised.
    """
    levels = table_levels(job.sigma_min, job.sigma_max)
    table = tabulate(job.weighting, levels, distribution(job.target).sigma_data, job.sigmas)
    return [Record(job.key, "weighting table", table_to_json(table))]
