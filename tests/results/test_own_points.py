"""What seeds with splits of their own share: the variance of a mean over seeds, from their spread and what it lacks."""

import numpy as np
import pytest
from harness_data.folds import places

from harness.metrics import GROUPS, Measurement, group_means
from harness.results.own_points import of_own_points
from harness.results.statistics.comparisons import rank_sets
from harness.results.statistics.intervals import mean_interval

ROWS, FOLDS = 160, 5


def held_out(seeds):
    return [places("p", ROWS, None, FOLDS, seed)[0] for seed in seeds]


def common(seeds):
    sets = [set(points) for points in held_out(seeds)]
    pairs = [len(a & b) / len(a) for i, a in enumerate(sets) for b in sets[i + 1 :]]
    return float(np.mean(pairs))


def draws(rng, seeds, networks, repetitions):
    """Runs of two designs, as measured: each row has a difference of its own, each seed a pair of networks."""
    own = rng.normal(0, 1, (repetitions, ROWS))
    points = [own[:, places] + rng.normal(0, networks, (repetitions, 1)) for places in held_out(seeds)]
    # As many points as groups: each is a group.
    assert group_means(points[0][0]) == pytest.approx(tuple(points[0][0]))
    found = [
        (v.mean(axis=1).tolist(), (v.std(axis=1, ddof=1) / v.shape[1] ** 0.5).tolist(), v.tolist()) for v in points
    ]
    for k in range(repetitions):
        yield [Measurement(mean[k], error[k], shared=True, groups=tuple(v[k])) for mean, error, v in found]


@pytest.mark.parametrize("seeds", [range(5), range(10), range(20), (0, 1, 5), (0, 5, 10)])
@pytest.mark.parametrize("networks", [0.0, 0.3])
def test_spread_and_groups_add_up_to_the_variance_of_the_mean(seeds, networks):
    estimates, share = [], common(seeds)
    for run in draws(np.random.default_rng(1), seeds, networks, 1000):
        measured = of_own_points(run, share)
        estimate = np.var([m.value for m in measured], ddof=1) / len(measured)
        if measured[0].groups:
            mean_of_groups = np.mean([m.groups for m in measured], axis=0)
            estimate += mean_of_groups.var(ddof=1) / len(mean_of_groups)
        estimates.append(estimate)
    # Each row counts as often as it is held out, each pair of networks once.
    counts = np.bincount(np.concatenate(held_out(seeds)), minlength=ROWS)
    variance = np.sum((counts / counts.sum()) ** 2) + networks**2 / len(seeds)
    error = np.std(estimates) / len(estimates) ** 0.5
    assert 4 * error < 0.15 * variance
    assert np.mean(estimates) == pytest.approx(variance, abs=4 * error)


def covered(seeds, networks, repetitions=1500):
    share, hits = common(seeds), []
    for run in draws(np.random.default_rng(2), seeds, networks, repetitions):
        _, low, high = mean_interval(of_own_points(run, share), overlap=share)
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
    share, wrong = common(seeds), []
    for run in draws(np.random.default_rng(3), seeds, 0.1, 400):
        measured = of_own_points(run, share)
        values = np.array([[5.0] * len(measured), [5.0 + m.value for m in measured]])
        groups = None
        if measured[0].groups:
            groups = np.array([[(5.0,) * GROUPS] * len(measured), [[5.0 + g for g in m.groups] for m in measured]])
        sets = rank_sets(values, np.zeros_like(values), ["a", "b"], compared_by="difference", groups=groups)
        wrong.append(sets.low.max() > 1)
    assert 0.01 <= np.mean(wrong) <= 0.085
