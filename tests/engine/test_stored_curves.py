"""Stored curves: what a unit builds on is what was measured, or what an oracle states, checked."""

import numpy as np
import pytest
from harness_oracles.networks import Inexact
from harness_synthetic.targets import Gaussian, Ring

from harness.engine.curves import MeasuredScoreError, information_to_json, score_error_to_json
from harness.engine.measurement import measure_information
from harness.engine.stored_curves import stored_information, stored_score_error
from harness.errors import ContractError, HarnessError


def test_information_is_that_of_the_record():
    law = Ring().distribution()
    measured = measure_information(law, 0.1, 5.0, samples=16, level_count=8)
    u = np.array([0.1, 2.0])
    found = stored_information(Ring(), {"information": information_to_json(measured)})
    assert np.array_equal(found.fisher(u), measured.fisher(u))
    closed = Gaussian(dim=2).distribution().closed_information()
    with pytest.raises(HarnessError, match="does not fit"):
        stored_information(Ring(), {"information": information_to_json(closed)})


def test_a_record_comes_before_an_oracle_and_one_of_them_must_be():
    curve = MeasuredScoreError(np.array([0.1, 1.0, 4.0]), np.array([[0.3, 0.2, 0.1]]))
    sigma = np.array([0.2, 2.0])
    assert np.array_equal(stored_score_error(None, score_error_to_json(curve), 2)(sigma), curve(sigma))
    oracle = Inexact(size=0.3)
    np.testing.assert_allclose(stored_score_error(oracle, None, 2)(sigma)[0], oracle.score_error(sigma, 2))
    with pytest.raises(TypeError, match="needs its measured score error"):
        stored_score_error(None, None, 2)


def test_an_oracle_is_checked_at_each_call():
    class Negative(Inexact):
        def score_error(self, sigma, dim):
            sigma *= 0
            return sigma - 1

    sigma = np.array([0.2, 2.0])
    with pytest.raises(ContractError, match="must not be negative"):
        stored_score_error(Negative(), None, 2)(sigma)
    assert sigma.tolist() == [0.2, 2.0]
