"""Metric values: the points that metrics compare with, and numbers that can be kept."""

import json
import math

import pytest
import torch
from harness_synthetic.targets import Gaussian

from harness.engine.metric_values import reference_sample
from harness.engine.payloads.measured import measurement_to_json
from harness.errors import ContractError, NotApplicable
from harness.metrics import Measurement

LAW = Gaussian(dim=2).distribution()


def test_the_reference_is_the_same_for_a_seed_and_noised_to_the_last_level():
    exact, noised = (reference_sample(LAW, 50, sigma, 3, part=0) for sigma in (0.0, 0.5))
    assert torch.equal(noised, reference_sample(LAW, 50, 0.5, 3, part=0))
    assert float((noised - exact).std()) == pytest.approx(0.5, rel=0.25)
    for other in (reference_sample(LAW, 50, 0.0, 4, part=0), reference_sample(LAW, 50, 0.0, 3, part=1)):
        assert not torch.equal(other, exact)


def test_what_a_metric_returns_survives_json():
    kept = json.loads(json.dumps(measurement_to_json(Measurement(0.1, 0.2)), allow_nan=False))
    assert (kept["value"], kept["standard_error"], kept["freedom"]) == (0.1, 0.2, None)
    assert measurement_to_json(NotApplicable("no path")) == {"not_applicable": "no path"}


def test_what_is_no_measurement_is_refused():
    with pytest.raises(ContractError, match=r"^returned float; it must be a harness\.metrics\.Measurement$"):
        measurement_to_json(1.0)


@pytest.mark.parametrize("broken", [Measurement(math.nan, 0.1), Measurement(1.0, math.inf)])
def test_a_number_that_is_not_finite_is_refused(broken):
    with pytest.raises(ContractError, match="must be finite"):
        measurement_to_json(broken)
