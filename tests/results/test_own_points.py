"""What seeds with splits of their own share: the variance of a mean over seeds, from their spread and what it lacks."""

import numpy as np
import pytest
from harness_data.folds import places

from harness.metrics import GROUPS, Measurement, group_means
from harness.results.own_points import of_own_points
from harness.results.statistics.comparisons import rank_sets
from harness.results.statistics.intervals import mean_interval

ROWS, FOLDS = 160, 5


def common(seeds):
    sets = [set(places("p", ROWS, None, FOLDS, seed)[0]) for seed in seeds]
    pairs = [len(a & b) / len(a) for i, a in enumerate(sets) for b in sets[i + 1 :]]
    return float(np.mean(pairs))


def draw(rng, seeds, networks):
    """The measurements of two designs: each row has a difference of its own, each seed a pair of networks."""
    own = rng.normal(0, 1, ROWS)
    found = []
    for seed in seeds:
        held_out = places("p", ROWS, None, FOLDS, seed)[0]
        values = own[held_out] + rng.normal(0, networks)
        error = values.std(ddof=1) / len(values) ** 0.5
        found.append(Measurement(float(values.mean()), float(error), shared=True, groups=group_means(values)))
    return found


@pytest.mark.parametrize("seeds", [range(5), range(10), range(20), (0, 1, 5), (0, 5, 10)])
@pytest.mark.parametrize("networks", [0.0, 0.3])
def test_spread_and_groups_add_up_to_the_variance_of_the_mean(seeds, networks):
    rng, share = np.random.default_rng(1), common(seeds)
    means, estimates = [], []
    for _ in range(3000):
        measured = of_own_points(draw(rng, seeds, networks), share)
        values = np.array([m.value for m in measured])
        estimate = values.var(ddof=1) / len(values)
        if measured[0].groups:
            mean_of_groups = np.mean([m.groups for m in measured], axis=0)
            estimate += mean_of_groups.var(ddof=1) / len(mean_of_groups)
        means.append(values.mean())
        estimates.append(estimate)
    assert np.mean(estimates) == pytest.approx(np.var(means), rel=0.12)


def covered(seeds, networks, repetitions=1500):
    rng, share, hits = np.random.default_rng(2), common(seeds), []
    for _ in range(repetitions):
        measured = of_own_points(draw(rng, seeds, networks), share)
        _, low, high = mean_interval(measured, overlap=share)
        hits.append(low <= 0 <= high)
    return np.mean(hits)


@pytest.mark.parametrize("seeds", [range(3), range(5), range(10), range(20), (0, 5, 10)])
def test_intervals_of_a_mean_cover_it(seeds):
    for networks in (0.0, 0.2):
        assert 0.935 <= covered(seeds, networks) <= 0.985


def test_without_points_in_common_groups_say_nothing_that_seeds_do_not():
    measured = [Measurement(1.0, 0.2, shared=True, groups=(0.5, 1.5)), None, Measurement(2.0, 0.2, groups=(1.0, 3.0))]
    alone = of_own_points(measured, 0.0)
    assert alone == [Measurement(1.0, 0.2), None, Measurement(2.0, 0.2)]
    # With all of them in common the groups of S seeds are the same points: each S times as much as of one.
    whole = of_own_points(measured, 1.0)
    assert [m.groups for m in whole if m] == [
        pytest.approx((1 - 0.5 * 3**0.5, 1 + 0.5 * 3**0.5)),
        pytest.approx((2 - 3**0.5, 2 + 3**0.5)),
    ]
    assert not any(m.shared for m in whole if m)


@pytest.mark.parametrize("seeds", [range(5), range(10)])
def test_two_designs_of_one_mean_are_told_apart_in_one_of_twenty_runs(seeds):
    """By rank sets: with all points of all seeds in common, or none, the error would be far off."""
    rng, share, wrong = np.random.default_rng(3), common(seeds), []
    for _ in range(400):
        measured = of_own_points(draw(rng, seeds, 0.1), share)
        values = np.array([[5.0] * len(measured), [5.0 + m.value for m in measured]])
        groups = None
        if measured[0].groups:
            groups = np.array([[(5.0,) * GROUPS] * len(measured), [[5.0 + g for g in m.groups] for m in measured]])
        sets = rank_sets(values, np.zeros_like(values), ["a", "b"], compared_by="difference", groups=groups)
        wrong.append(sets.low.max() > 1)
    assert 0.01 <= np.mean(wrong) <= 0.085
