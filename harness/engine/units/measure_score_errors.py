"""Measure score errors: measures e(σ) of trained networks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.engine.curves import score_error_to_json
from harness.engine.denoisers import denoiser_from_checkpoint
from harness.engine.laws import distribution
from harness.engine.measurement import measure_score_error
from harness.engine.modules import DTYPES
from harness.records import Record

if TYPE_CHECKING:
    from harness.engine.jobs import MeasureScoreErrorsJob


def measure_score_errors(job: MeasureScoreErrorsJob) -> list[Record]:
    """Return one record for each network, also where its output is not finite: its curve then says so.

    Raises:
        BlobError: a checkpoint is not what training wrote: the run ends.
        Exception: whatever the target or a network raises.
    """
    law = distribution(job.target)
    denoisers = [denoiser_from_checkpoint(trained, law.data) for _, trained in job.networks]
    first = job.networks[0][1]
    dtype, labelled = DTYPES[first.precision], first.network.conditional
    start = time.perf_counter()
    span = job.sigma_min, job.sigma_max
    curves = measure_score_error(law, denoisers, *span, seed=law.stream, dtype=dtype, labelled=labelled)
    seconds = (time.perf_counter() - start) / len(denoisers)
    return [
        Record(key, "score error", score_error_to_json(curve), seconds=seconds)
        for (key, _), curve in zip(job.networks, curves, strict=True)
    ]
