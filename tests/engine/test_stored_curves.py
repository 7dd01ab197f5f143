"""Stored curves: what a unit builds on is what was measured, or what an oracle states, checked."""

import numpy as np
import pytest
from harness_oracles.networks import Inexact
from harness_synthetic.targets import Gaussian, Ring

from harness.engine.curves import MeasuredInformation, MeasuredScoreError, information_to_json, score_error_to_json
from harness.engine.measurement import measure_information
from harness.engine.stored_curves import stored_information, stored_score_error
from harness.errors import ContractError, HarnessError

LEVELS = [[0.3, 0.2], [0.2, 0.1]]
"""Values of two curves at two levels."""


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
        stored_score_error(None, None, 2)(sigma)


def test_an_oracle_is_checked_at_each_call():
    class Negative(Inexact):
        def score_error(self, sigma, dim):
            sigma *= 0
            return sigma - 1

    sigma = np.array([0.2, 2.0])
    with pytest.raises(ContractError, match="must not be negative"):
        stored_score_error(Negative(), None, 2)(sigma)
    assert sigma.tolist() == [0.2, 2.0]


class TestKept:
    def test_what_says_the_same_is_one_curve_and_what_does_not_is_another(self):
        payloads = [score_error_to_json(MeasuredScoreError(np.array([0.1, 4.0]), np.array([row]))) for row in LEVELS]
        found = [stored_score_error(None, payload, 2) for payload in (*payloads, dict(payloads[0]))]
        assert found[0] is found[2]
        sigma = np.array([0.1, 4.0])
        np.testing.assert_allclose([(each(sigma) * sigma**2)[0] for each in found[:2]], LEVELS)

    def test_information_given_labels_is_not_that_of_all_points(self):
        payload = {
            name: information_to_json(MeasuredInformation(2, 1.0, np.array([0.1, 4.0]), np.array([row]), np.zeros(1)))
            for name, row in zip(("information", "information_given_labels"), LEVELS, strict=True)
        }
        found = [
            stored_information(Ring(), payload, labelled=labelled).fisher(np.ones(1)) for labelled in (False, True)
        ]
        assert found[0] != found[1]

    def test_nobody_can_change_what_the_next_one_is_given(self):
        information = MeasuredInformation(2, 1.0, np.array([0.1, 4.0]), np.array([LEVELS[0]]), np.zeros(1))
        error = MeasuredScoreError(np.array([0.1, 4.0]), np.array([LEVELS[0]]))
        initial = information.initialization(4.0)
        for array in (initial, information.values, information.u, error.values, error.sigma):
            with pytest.raises(ValueError, match="read-only"):
                array += 1
