"""Fit metric: fits a metric to a target, and writes what it fitted as a blob."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

from harness.engine.checkpoints import write_state
from harness.engine.checks import check_fit
from harness.engine.laws import distribution
from harness.engine.payloads.fit import FitPayload
from harness.engine.random_streams import seed_from
from harness.errors import NotApplicable
from harness.records import NOT_APPLICABLE, Record, failed

if TYPE_CHECKING:
    from harness.engine.jobs import FitMetricJob
    from harness.engine.snapshots import State


def fit_metric(job: FitMetricJob) -> list[Record]:
    """Return one record: with the digest of what was fitted, or with why the metric does not apply to the target.

    Where the metric raises, or returns what its contract forbids, the record has failed.

    Raises:
        DiskError: the blob cannot be written: the run ends.
    """
    start = time.perf_counter()
    try:
        state, notes = _fitted(job)
    except NotApplicable as error:
        return [Record(job.key, "fit", NOT_APPLICABLE, error.reason)]
    except Exception as error:
        return [failed(job.key, "fit", f"metric {job.metric.label()}: fit", error)]
    payload = FitPayload(write_state(job.blobs, state), notes)
    return [Record(job.key, "fit", payload.to_json(), seconds=time.perf_counter() - start)]


def _fitted(job: FitMetricJob) -> tuple[State, tuple[str, ...]]:
    """Return the tensors of the fit and its notes; metrics that fit alike have the same tensors."""
    seed = seed_from("fit")
    law = distribution(job.target)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state = job.metric.fit(law, torch.Generator().manual_seed(seed))
    return check_fit(state, job.metric)
