"""Worker: does a job, by the module of its kind in `harness.engine.units`, and returns the records that it makes.

Everything that runs a plugin's numerics runs here, under the time limit of its unit. A job carries the components and
the values of the records that it builds on; nothing here knows of suites, plans or databases. What a unit
writes besides its records, a checkpoint say, goes to the blobs that its job carries; records go back to the parent.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from harness.engine import jobs
from harness.engine.units.calibrate_metrics import calibrate_metrics
from harness.engine.units.evaluate_samples import check_repeats, evaluate_samples
from harness.engine.units.fit_metric import fit_metric
from harness.engine.units.lay_out_grid import lay_out_grid
from harness.engine.units.measure_losses import measure_losses
from harness.engine.units.measure_score_errors import measure_score_errors
from harness.engine.units.measure_target import measure_target
from harness.engine.units.tabulate_weighting import tabulate_weighting
from harness.engine.units.train_networks import train_networks
from harness.errors import one_line
from harness.records import Record

FUNCTIONS: dict[type, Callable[[Any], list[Record]]] = {
    jobs.MeasureTargetJob: measure_target,
    jobs.TabulateWeightingJob: tabulate_weighting,
    jobs.LayOutGridJob: lay_out_grid,
    jobs.TrainNetworksJob: train_networks,
    jobs.MeasureScoreErrorsJob: measure_score_errors,
    jobs.MeasureLossesJob: measure_losses,
    jobs.FitMetricJob: fit_metric,
    jobs.EvaluateSamplesJob: evaluate_samples,
    jobs.CalibrateMetricsJob: calibrate_metrics,
}
"""What does each kind of job."""


def perform(job: jobs.Job) -> list[Record]:
    """Do a unit of work: return the records it makes, in the process that calls.

    Raises:
        TypeError: what is given is no job.
        HarnessError: the unit failed as a whole; the functions in `harness.engine.units` say by which errors.
    """
    if type(job) not in FUNCTIONS:
        raise TypeError(f"{type(job).__name__} is no job")
    return FUNCTIONS[type(job)](job)


def work(job: jobs.Job) -> list[Record]:
    """Do a unit of work; a record whose payload is no JSON value has failed; raises like `perform`."""
    return [keepable(record) for record in perform(job)]


def work_of_strangers(job: jobs.Job) -> list[Record]:
    """Do a unit of work in which foreign components take part: as `work`, and what they say is held against them.

    Raises:
        ContractError: a sampler that says it is deterministic is not. Else like `perform`.
    """
    records = work(job)
    if isinstance(job, jobs.EvaluateSamplesJob):
        check_repeats(job)
    return records


def keepable(record: Record) -> Record:
    """Return the record, or in its place a failed one where its payload is no JSON value."""
    try:
        json.dumps(record.payload, allow_nan=False)
    except (TypeError, ValueError) as error:
        return Record(record.key, record.kind, reason=f"{record.kind}: its result cannot be kept: {one_line(error)}")
    return record
