"""Calibrate metrics: measures them on held-out points in place of generated ones, as a perfect generator would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.engine.fits import fitted, read_fits
from harness.engine.laws import distribution
from harness.engine.metric_values import labelled_sample, reference_sample
from harness.engine.payloads.measured import measurement_to_json, said
from harness.errors import FitFailed
from harness.metrics import FittedMetric, LabelledMetric
from harness.records import Record, failed

if TYPE_CHECKING:
    from harness.engine.jobs import CalibrateMetricsJob
    from harness.errors import NotApplicable
    from harness.metrics import Measurement, SampleMetric


def calibrate_metrics(job: CalibrateMetricsJob) -> list[Record]:
    """Return one record for each metric: its value for a perfect generator.

    A metric that raises, or returns what its contract forbids, fails its own record alone.

    Raises:
        BlobError: what a metric was fitted is not what was written: the run ends.
        Exception: whatever the target raises where it is built or draws held-out points.
    """
    held_out = _HeldOut(job)
    return [_calibration_record(key, metric, held_out) for key, metric in job.metrics]


class _HeldOut:
    """The points that a perfect generator is measured by; each metric has copies of its own."""

    def __init__(self, job: CalibrateMetricsJob) -> None:
        self._fits = read_fits(job.fits)
        self._law = distribution(job.target)
        self._sample = job.count, job.sigma_min, job.seed
        self._reference = reference_sample(self._law, *self._sample, part=0)
        self._perfect = reference_sample(self._law, *self._sample, part=1)

    def compared(self, key: str, metric: SampleMetric | FittedMetric) -> Measurement | NotApplicable:
        """Return what a metric says of the stand-in for a perfect generator; `key` is that of its record."""
        if not isinstance(metric, FittedMetric):
            return metric.compare(self._perfect.clone(), self._reference.clone())
        state = fitted(self._fits[key])
        if isinstance(metric, LabelledMetric):
            return metric.compare_labelled(*labelled_sample(self._law, *self._sample, part=1), state)
        return metric.compare(self._perfect.clone(), self._reference.clone(), state)


def _calibration_record(key: str, metric: SampleMetric | FittedMetric, held_out: _HeldOut) -> Record:
    try:
        payload = measurement_to_json(said(lambda: held_out.compared(key, metric)))
    except FitFailed as error:
        return Record(key, "calibration", reason=str(error))
    except Exception as error:
        return failed(key, "calibration", f"metric {metric.label()}", error)
    return Record(key, "calibration", payload)
