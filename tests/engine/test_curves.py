"""The curves J(u) and e(σ): their range, and JSON that gives them back bit for bit."""

import json

import numpy as np
import pytest
import torch
from harness_oracles.networks import Inexact
from harness_synthetic.targets import Gaussian

from harness.engine.curves import (
    ExactScoreError,
    MeasuredScoreError,
    information_from_json,
    information_to_json,
    score_error_from_json,
    score_error_to_json,
)
from harness.engine.measurement import measure_information
from harness.errors import HarnessError
from harness.mixtures import IsotropicMixture, MixtureDistribution

MEANS = torch.tensor([[-1.0], [0.2], [1.5]], dtype=torch.float64)


LINE = MixtureDistribution(IsotropicMixture(MEANS, torch.tensor([0.01, 0.04, 0.09]), torch.tensor([0.5, 0.3, 0.2])))


@pytest.fixture(scope="module")
def line():
    return measure_information(LINE, 0.05, 20.0, samples=64)


def test_levels_outside_the_measured_range_are_refused(line):
    assert line.fisher(np.array([400.0 * (1 + 1e-9)])).shape == (8, 1)
    with pytest.raises(HarnessError, match="outside the measured range"):
        line.fisher(np.array([500.0]))
    with pytest.raises(HarnessError, match="outside the measured range"):
        line.initialization(1e-5)


def test_curves_survive_json_bit_for_bit(line):
    target = Gaussian(dim=2, mean=1.0).distribution()
    closed = measure_information(target, 0.1, 5.0)
    assert closed.replicates == 1
    text = json.dumps(information_to_json(closed))
    assert information_from_json(json.loads(text), target).fisher(np.ones(1)) == closed.fisher(np.ones(1))
    with pytest.raises(HarnessError, match="does not fit"):
        information_from_json(json.loads(text), LINE)
    u = np.geomspace(300.0, 0.003, 9)
    again = information_from_json(json.loads(json.dumps(information_to_json(line))), LINE)
    assert np.array_equal(again.fisher_integral(u), line.fisher_integral(u))
    assert np.array_equal(again.initialization(3.0), line.initialization(3.0))
    error = MeasuredScoreError(np.array([0.1, 1.0, 4.0]), np.array([[0.3, 1 / 3, 0.1], [0.2, 0.1, 0.7]]))
    back = score_error_from_json(json.loads(json.dumps(score_error_to_json(error))))
    assert np.array_equal(back(np.array([0.2, 2.0])), error(np.array([0.2, 2.0])))


def test_exact_score_error_has_one_replicate():
    error = ExactScoreError(lambda sigma: Inexact().score_error(sigma, 4))
    assert error.replicates == 1
    np.testing.assert_allclose(error(np.array([0.5, 2.0])), [[0.16, 0.01]])


@pytest.mark.parametrize("shift", [0.0, -1.0])
def test_replicates_are_interpolated_as_each_alone_bit_for_bit(shift):
    """All positive at once, and where some reach below 0 row by row."""
    rng, sigma = np.random.default_rng(0), np.geomspace(0.05, 20, 15)
    values, levels = np.exp(rng.normal(size=(6, 15))) + shift, np.geomspace(20, 0.05, 19)
    together = MeasuredScoreError(sigma, values)(levels)
    alone = [MeasuredScoreError(sigma, row[None])(levels)[0] for row in values]
    assert (values > 0).all() == (shift == 0)
    assert together.tobytes() == np.stack(alone).tobytes()
