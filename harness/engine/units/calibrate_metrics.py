"""Calibrate metrics: measures them on held-out points in place of generated ones, as a perfect generator would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.engine.laws import distribution
from harness.engine.metric_values import reference_sample
from harness.engine.payloads.measured import measurement_to_json, said
from harness.records import Record, failed

if TYPE_CHECKING:
    from torch import Tensor

    from harness.engine.jobs import CalibrateMetricsJob
    from harness.metrics import SampleMetric


def calibrate_metrics(job: CalibrateMetricsJob) -> list[Record]:
    """Return one record for each metric: its value for a perfect generator.

    A metric that raises, or returns what its contract forbids, fails its own record alone.

    Raises:
        Exception: whatever the target raises where it is built or draws held-out points.
    """
    law = distribution(job.target)
    reference = reference_sample(law, job.count, job.sigma_min, job.seed, part=0)
    perfect = reference_sample(law, job.count, job.sigma_min, job.seed, part=1)
    return [_calibration_record(key, metric, perfect, reference) for key, metric in job.metrics]


def _calibration_record(key: str, metric: SampleMetric, perfect: Tensor, reference: Tensor) -> Record:
    try:
        payload = measurement_to_json(said(lambda: metric.compare(perfect.clone(), reference.clone())))
    except Exception as error:
        return failed(key, "calibration", f"metric {metric.label()}", error)
    return Record(key, "calibration", payload)
