"""Rows that were made elsewhere are judged by what was made here, and as often wrongly as is said."""

import math

import numpy as np
import pytest

from harness.api.row_comparison import apart
from harness.results.leaderboard import Estimate
from harness.results.statistics.intervals import t_interval


def estimate(values):
    found = t_interval(values)
    return Estimate(value=found.value, low=found.low, high=found.high, n_seeds=found.n)


def about(value, half, n_seeds=3):
    return Estimate(value=value, low=value - half, high=value + half, n_seeds=n_seeds)


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_another_draw_is_objected_to_in_5_percent_by_its_value_and_in_5_by_its_interval(seeds):
    rng = np.random.default_rng(seeds)
    total = 4_000
    found = [apart(*(estimate(list(rng.normal(3.0, 0.5, seeds))) for _ in range(2))) for _ in range(total)]
    by_interval = sum(each is not None and each.startswith("its interval") for each in found)
    by_value = sum(each is not None for each in found) - by_interval
    error = math.sqrt(0.05 * 0.95 / total)
    # Where both object the value is told: a short interval here does both, so fewer are told of the interval alone.
    assert abs(by_value / total - 0.05) < 3.5 * error
    assert by_interval / total < 0.05 + 3.5 * error
    assert by_interval > 0


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_rounding_is_no_difference_and_no_spread_leaves_nothing_else(seeds):
    rng = np.random.default_rng(seeds)
    values = list(rng.normal(3.0, 0.5, seeds))
    assert apart(estimate(values), estimate([each * (1 + 1e-8) for each in values])) is None
    equal = estimate([3.0] * seeds)
    assert apart(equal, estimate([3.0 + 1e-7] * seeds)) is None
    assert "when made again" in apart(equal, estimate([3.01] * seeds))


FORGED = {
    "no interval": Estimate(value=0.1, low=None, high=None, n_seeds=3),
    "no interval, and the right value": Estimate(value=1.0, low=None, high=None, n_seeds=3),
    "half an interval": Estimate(value=1.0, low=None, high=1.1, n_seeds=3),
    "another value": about(0.1, 0.1),
    "another value in a wide interval": about(0.1, 1e6),
    "a wide interval": about(1.0, 1e6),
    "a narrow interval": about(1.0, 1e-4),
    "fewer seeds": about(1.0, 0.1, n_seeds=1),
    "more seeds": about(1.0, 0.1, n_seeds=9),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_a_document_says_of_its_own_certainty_makes_nothing_agree(name):
    made = about(1.0, 0.1)
    assert apart(about(1.05, 0.2), made) is None
    assert apart(FORGED[name], made) is not None
