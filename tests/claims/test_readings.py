"""Readings off curves and the tests put together of parts, on cases with a known answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from harness_claims import readings, verdicts
from harness_claims.claim import ClaimError


def test_steps_are_read_off_a_power_law_exactly() -> None:
    steps = np.array([10, 30, 100, 1000])
    reached, seen = readings.steps_to_reach(steps, 5.0 / steps, 5.0 / 217)
    assert seen
    assert reached == pytest.approx(217)


@pytest.mark.parametrize(("threshold", "answer"), [(1.0, 10.0), (1e-9, 1000.0)])
def test_steps_outside_the_records_are_not_seen(threshold: float, answer: float) -> None:
    assert readings.steps_to_reach([10, 1000], np.array([0.5, 0.1]), threshold) == (answer, False)


def test_a_crossing_goes_from_below_to_above() -> None:
    assert readings.crossing([0, 1, 2, 4], [2.0, -1.0, -1.0, 3.0]) == pytest.approx(2.5)
    assert math.isnan(readings.crossing([0, 1], [1.0, -1.0]))


def test_the_minimum_of_a_parabola_is_exact_on_uneven_points() -> None:
    x = np.array([0.0, 1.0, 1.5, 4.0])
    assert readings.minimum(x, 3 * (x - 1.7) ** 2 + 8) == pytest.approx(1.7)
    assert readings.minimum(x, x) == 0.0


def test_agreement_is_kendalls_tau_of_each_seed() -> None:
    x = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    y = np.array([[1.0, 3.0], [2.0, 1.0], [3.0, 2.0]])
    assert readings.agreement(x, y) == pytest.approx([1.0, -1 / 3])


def test_equal_seeds_are_decided_by_the_error_that_they_share() -> None:
    test = verdicts.t_test([1.0] * 4, 0.0, error=0.5)
    assert test.p_for == pytest.approx(0.02275, abs=1e-5)
    assert (test.low, test.high) == pytest.approx((1 - 0.97998, 1 + 0.97998), abs=1e-4)


def test_a_shared_error_adds_to_the_spread() -> None:
    """In quadrature, on the fewer degrees of freedom of the two."""
    from scipy.stats import t

    values = np.array([1.0, 3.0, 5.0, 7.0])
    own = values.std(ddof=1) / 2
    for freedom, fewer in ((7, 3), (2, 2)):
        test = verdicts.t_test(values, 2.0, error=own, freedom=freedom)
        assert test.p_for == pytest.approx(t.sf(2 / (own * 2**0.5), fewer))
        assert test.high - test.value == pytest.approx(t.isf(0.025, fewer) * own * 2**0.5)
    alone = verdicts.t_test([1.0] * 4, 0.0, error=0.5, freedom=7)
    assert (alone.p_for, alone.seeds) == (pytest.approx(t.sf(2, 7)), 8)


def test_equal_seeds_are_exact_only_where_the_value_is_arithmetic() -> None:
    exact = verdicts.t_test([0.1] * 3, 0.0, arithmetic=True)
    assert (exact.p_for, exact.p_against, exact.seeds, exact.exact) == (0.0, 1.0, 1, True)
    chance = verdicts.t_test([0.1] * 3, 0.0)
    assert (chance.p_for, chance.p_against, chance.seeds, chance.exact) == (1 / 8, 7 / 8, 3, False)
    assert chance.low is chance.high is None
    below = verdicts.t_test([0.1] * 3, 0.2)
    assert (below.p_for, below.p_against) == (7 / 8, 1 / 8)
    margin = verdicts.t_test([0.2] * 3, 0.2)
    assert (margin.p_for, margin.p_against) == (0.5, 0.5)


def test_the_slope_test_agrees_with_scipy() -> None:
    from scipy.stats import linregress

    rng = np.random.default_rng(0)
    x = rng.normal(size=9)
    y = 2 * x + rng.normal(size=9)
    test, known = verdicts.slope_test(x, y), linregress(x, y, alternative="greater")
    assert test.value == pytest.approx(known.slope)
    assert test.p_for == pytest.approx(known.pvalue)
    assert test.p_for + test.p_against == pytest.approx(1)


def test_a_straight_line_has_an_exact_slope() -> None:
    test = verdicts.slope_test([1.0, 2.0, 3.0], [0.1, 0.2, 0.3], 0.05)
    assert test.value == pytest.approx(0.1)
    assert test.p_for == 0.0
    with pytest.raises(ClaimError, match="three points"):
        verdicts.slope_test([1.0, 2.0], [1.0, 2.0])


def test_every_and_some_are_contraries() -> None:
    tests = [verdicts.t_test(values) for values in ([1.0, 2.0, 1.5], [0.1, -0.2, 0.3], [3.0, 3.1, 2.9])]
    whole = verdicts.every(tests)
    assert whole.p_for == max(t.p_for for t in tests)
    assert whole.p_against == pytest.approx(min(1.0, 3 * min(t.p_against for t in tests)))
    assert whole.value == pytest.approx(0.2 / 3)
    either = verdicts.some(tests)
    assert either.p_for == pytest.approx(3 * min(t.p_for for t in tests))
    assert either.p_against == max(t.p_against for t in tests)
    assert either.value == pytest.approx(3.0)


@pytest.mark.parametrize("seed", range(3))
def test_a_wrong_verdict_is_rarer_than_its_level(seed: int) -> None:
    """At the margin itself, where the null hypothesis is hardest to keep."""
    rng = np.random.default_rng(seed)
    tests = [verdicts.t_test(rng.normal(size=5)) for _ in range(20_000)]
    share = np.mean([test.p_for <= verdicts.ALPHA for test in tests])
    assert share == pytest.approx(verdicts.ALPHA, abs=4 * math.sqrt(verdicts.ALPHA / 20_000))
