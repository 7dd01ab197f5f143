"""From a job to records that can be kept."""

import math

import pytest

from harness.engine import worker
from harness.records import Record


@pytest.mark.parametrize("value", [math.nan, math.inf, object()])
def test_a_result_that_cannot_be_kept_has_failed(value):
    # The parent would end on it, and with it every other row.
    told = worker.keepable(Record("k", "metric", {"x": value}))
    assert not told.ok
    assert "cannot be kept" in told.reason
    sound = Record("k", "metric", {"x": 1.0})
    assert worker.keepable(sound) is sound
