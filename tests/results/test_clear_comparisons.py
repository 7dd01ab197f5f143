"""Rank sets of many rows: bisection gives what all pairs give, to the last rank."""

import numpy as np
import pytest

from harness.results.statistics import clear_comparisons, comparisons
from harness.results.statistics.comparisons import EVERY, Compared, _exact_differences, _Spread, holm, rank_sets
from harness.results.statistics.scales import Scale


def by_all_pairs(values, errors, networks, compared_by="ratio"):
    """Rank sets by all comparisons of each row, one row after the other."""
    n = len(values)
    means = Compared.of(values, errors, networks, compared_by=compared_by).order
    stable = Scale.of(values, compared_by)(values)
    spread = _Spread.of(stable, networks)
    low, high = np.empty(n, dtype=int), np.empty(n, dtype=int)
    for i in range(n):
        significant = holm(_exact_differences(values, errors, i, spread.p_values(i)), i)
        low[i] = 1 + int((significant & (means < means[i])).sum())
        high[i] = n - int((significant & (means > means[i])).sum())
    return 1 + (means[None, :] < means[:, None]).sum(1), low, high


def drawn(rng, n, seeds=3, spread=1.0, scatter=0.1, networks=1):
    """Values of rows with errors of several sizes and effects of seeds and networks; their errors, and networks."""
    network = rng.integers(0, networks, n)
    shared = 0.1 * rng.normal(size=(networks, seeds))[network]
    own = scatter * np.exp(0.7 * rng.normal(size=(n, 1))) * rng.standard_t(4, size=(n, seeds))
    values = np.exp(rng.normal(0, spread, (n, 1)) + shared + own)
    return values, 0.03 * values, network.tolist()


def holed(rng, values):
    found = np.where(rng.random(values.shape) < 0.02, np.nan, values)
    found[:, 0] = np.where(np.isnan(found).all(1), 1.0, found[:, 0])
    return found


CASES = {
    "hardly different": lambda rng, v: v,
    "around zero": lambda rng, v: v - np.median(v),
    "values missing": holed,
    "some tie": lambda rng, v: np.concatenate([v[: len(v) // 2], v[: len(v) - len(v) // 2]]),
    "some differ by the same in every seed": lambda rng, v: np.concatenate([v[:-20], v[:20] + 0.5]),
    "of very different sizes": lambda rng, v: v * 10.0 ** rng.integers(-6, 7, (len(v), 1)),
}


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Bisect also where it would not pay."""
    monkeypatch.setattr(comparisons, "MANY_ROWS", 2)
    monkeypatch.setattr(comparisons, "MOST_PLAIN", 0.0)


class TestWhatAllPairsGive:
    @pytest.mark.parametrize("case", CASES)
    @pytest.mark.parametrize("compared_by", ["ratio", pytest.param("difference", marks=pytest.mark.slow)])
    def test_in_every_case(self, case, compared_by):
        rng = np.random.default_rng(0)
        for n, spread, networks in ((30, 1.0, 1), (200, 0.05, 4), (600, 1.0, 30)):
            values, errors, labels = drawn(rng, n, spread=spread, networks=networks)
            values = CASES[case](rng, values)
            found = rank_sets(values, errors, labels, compared_by=compared_by)
            for one, other in zip(
                (found.rank, found.low, found.high), by_all_pairs(values, errors, labels, compared_by), strict=True
            ):
                np.testing.assert_array_equal(one, other)

    @pytest.mark.parametrize("exact", [0.0, 0.3])
    def test_with_one_seed(self, exact):
        rng = np.random.default_rng(1)
        values, errors, labels = drawn(rng, 500, seeds=1)
        errors[rng.random(500) < exact] = 0.0
        values[10:20] = values[10]
        found = rank_sets(values, errors, labels)
        for one, other in zip((found.rank, found.low, found.high), by_all_pairs(values, errors, labels), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_where_the_means_are_not_in_the_order_of_positions(self):
        """One seed far out: the mean is above, and the mean logarithm below."""
        rng = np.random.default_rng(2)
        values, errors, labels = drawn(rng, 400, spread=0.3, scatter=0.02)
        values[::7, 2] *= 30
        values[::7, :2] /= 8
        found = rank_sets(values, errors, labels)
        for one, other in zip((found.rank, found.low, found.high), by_all_pairs(values, errors, labels), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_with_few_pairs_at_a_time(self, monkeypatch):
        monkeypatch.setattr(clear_comparisons, "PAIRS", 100)
        values, errors, labels = drawn(np.random.default_rng(3), 300, networks=5)
        found = rank_sets(values, errors, labels)
        np.testing.assert_array_equal(found.low, by_all_pairs(values, errors, labels)[1])


def test_few_pairs_are_left_for_exact_comparison(monkeypatch):
    """The work of many rows: far less than n² where networks are many."""
    values, errors, labels = drawn(np.random.default_rng(4), 2000, networks=100)
    looked, exact = [], Compared.p_values

    def counted(self, i, j=EVERY, **given):
        p = exact(self, i, j, **given)
        looked.append(p.size)
        return p

    monkeypatch.setattr(Compared, "p_values", counted)
    rank_sets(values, errors, labels)
    assert sum(looked) < 0.15 * 2000**2


@pytest.mark.parametrize(("networks", "most"), [(1, 0.15), (4, 0.25)])
def test_nor_are_all_pairs_of_one_network(monkeypatch, networks, most):
    """Of few networks, each with many rows: four hold a quarter of all pairs."""
    values, errors, labels = drawn(np.random.default_rng(5), 4000, networks=networks)
    looked, exact = [], _Spread.p_values

    def counted(self, i, j=EVERY, **given):
        p = exact(self, i, j, **given)
        looked.append(p.size)
        return p

    monkeypatch.setattr(_Spread, "p_values", counted)
    rank_sets(values, errors, labels)
    assert sum(looked) < most * 4000**2


def test_rows_that_tie_in_two_seeds_by_chance_are_plain():
    values = np.random.default_rng(6).normal(size=(50, 3))
    values[1, :2] = values[0, :2] + 1.0
    values[3] = values[2] + 1.0
    assert np.flatnonzero(comparisons._may_be_silent(values)).tolist() == [2, 3]
