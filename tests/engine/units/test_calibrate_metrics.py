"""Calibrate metrics: held-out points in place of generated ones; a metric fails its own record alone."""

import re
from typing import ClassVar

import torch
from harness_synthetic.targets import Ring

from harness.engine.jobs import CalibrateMetricsJob
from harness.engine.metric_values import reference_sample
from harness.engine.units.calibrate_metrics import calibrate_metrics
from harness.metrics import Measurement, SampleMetric


class Gap(SampleMetric):
    """The distance of the means; it spoils the samples that it was given."""

    name: ClassVar[str] = "gap"

    def compare(self, generated, reference):
        value = float((generated.mean(0) - reference.mean(0)).norm())
        generated.zero_()
        return Measurement(value, 0.0)


class Failing(SampleMetric):
    name: ClassVar[str] = "failing"

    def compare(self, generated, reference):
        raise RuntimeError("no value\ntoday")


def test_a_metric_that_fails_takes_no_other_with_it():
    job = CalibrateMetricsJob(Ring(), [("a", Gap()), ("f", Failing()), ("b", Gap())], 3, 40, 0.1)
    records = {record.key: record for record in calibrate_metrics(job)}
    assert {record.kind for record in records.values()} == {"calibration"}
    reason = r"metric failing: RuntimeError: no value today \(.*test_calibrate_metrics\.py, line \d+\)"
    assert re.fullmatch(reason, records["f"].reason)
    assert "in compare" in records["f"].payload["traceback"]
    reference, perfect = (reference_sample(Ring().distribution(), 40, 0.1, 3, part) for part in (0, 1))
    expected = float((perfect.mean(0) - reference.mean(0)).norm())
    assert records["a"].payload == records["b"].payload
    assert records["a"].payload["value"] == expected
    assert not torch.equal(reference, perfect)
