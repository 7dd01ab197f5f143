"""Intervals and sets: known values, and coverage measured by simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from harness.metrics import Measurement
from harness.results.statistics.comparisons import Compared, rank_sets
from harness.results.statistics.effect_sizes import choice_effects, interaction
from harness.results.statistics.intervals import _average, _deviation, mean_interval
from harness.results.statistics.kendall import _pairs, kendall
from harness.results.statistics.scales import Scale
from harness.results.statistics.variances import moderated, prior_variance, residual_variances


def exact(values):
    return [Measurement(v, 0.0) for v in values]


def sets(values, networks=None, errors=0.0, **given):
    values = np.asarray(values, dtype=float)
    return rank_sets(values, np.full_like(values, errors), networks, **given)


class TestMeanInterval:
    def test_it_is_students(self):
        sample = [0.3, 0.1, 0.7]
        low, high = stats.t.interval(0.95, 2, np.mean(sample), stats.sem(sample))
        assert mean_interval(exact(sample)) == pytest.approx((np.mean(sample), low, high))

    def test_one_seed_has_the_interval_of_its_own_error(self):
        assert mean_interval([Measurement(2.0, 0.5)]) == pytest.approx((2.0, 2 - 0.98, 2 + 0.98), abs=1e-4)

    def test_shared_work_says_nothing_of_the_error_within_a_run(self):
        shared = [Measurement(0.1, 0.02)] * 3
        assert mean_interval(shared) == pytest.approx((0.1, 0.1 - 0.0392, 0.1 + 0.0392), abs=1e-5)
        assert mean_interval(exact([0.1] * 3)) == (0.1, 0.1, 0.1)

    def test_remaining_bias_widens_it(self):
        value, low, high = mean_interval([Measurement(1.0, 0.0, -0.1), Measurement(1.0, 0.0, 0.3)])
        assert (value, low, high) == pytest.approx((1.0, 0.8, 1.2))

    def test_it_ends_at_what_is_possible(self):
        assert mean_interval([Measurement(0.1, 0.5)], least=0.0)[1] == 0
        assert mean_interval([Measurement(0.1, 0.01)], least=0.0)[1] == pytest.approx(0.0804, abs=1e-4)
        # An estimate below is left, and with it its own interval.
        value, low, high = mean_interval([Measurement(-0.1, 0.5)], least=0.0)
        assert (value, low) == (-0.1, -0.1)
        assert high == pytest.approx(0.88, abs=1e-3)

    @pytest.mark.parametrize("drawn", [10, 25, 40])
    def test_it_covers_where_seeds_draw_from_the_same_points(self, drawn):
        """Means of n of N = 40 points, which are drawn anew each time."""
        rng, covered = np.random.default_rng(drawn), 0
        for _ in range(1000):
            points = rng.normal(1, 3, 40)
            seeds = [rng.permutation(points)[:drawn] for _ in range(4)]
            values = [Measurement(s.mean(), s.std(ddof=1) / drawn**0.5, freedom=drawn - 1) for s in seeds]
            _, low, high = mean_interval(values, overlap=drawn / 40)
            covered += low <= 1 <= high
        assert 0.93 <= covered / 1000 <= 0.985

    def test_it_covers(self):
        rng = np.random.default_rng(0)
        covered = [
            low <= 1 <= high for _, low, high in (mean_interval(exact(rng.normal(1, 3, 3))) for _ in range(2000))
        ]
        assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


class TestFewNumbers:
    def test_they_have_the_bits_of_numpy(self):
        rng = np.random.default_rng(0)
        for size in [*range(2, 12)] * 50:
            sample = rng.normal(size=size) * 10.0 ** rng.integers(-9, 10)
            assert _average(sample.tolist()) == sample.mean()
            assert _deviation(sample.tolist()) == sample.std(ddof=1)


class TestModeration:
    def test_prior_is_recovered(self):
        rng = np.random.default_rng(1)
        scale, prior, freedom = 0.04, 6.0, 4
        true = scale * prior / rng.chisquare(prior, 20_000)
        found = prior_variance(true * rng.chisquare(freedom, true.size) / freedom, np.full(true.size, freedom))
        assert found == pytest.approx((scale, prior), rel=0.05)

    def test_equal_variances_are_pooled(self):
        rng = np.random.default_rng(2)
        variances = 0.3 * rng.chisquare(2, 400) / 2
        found = moderated(variances, np.full(400, 2.0), pooled=798)
        assert found.variance.std() < 0.1 * variances.std()
        assert found.variance.mean() == pytest.approx(0.3, rel=0.15)
        assert found.freedom.max() <= 798

    def test_moderated_differences_have_students_law(self):
        """A mean over its moderated error, of rows whose variances follow the prior: uniform p-values."""
        rng = np.random.default_rng(3)
        variance = 0.1 * 5 / rng.chisquare(5, 4000)
        values = np.sqrt(variance)[:, None] * rng.normal(size=(4000, 3))
        found = moderated(*residual_variances(values, np.zeros(4000, dtype=int)))
        p = 2 * stats.t.sf(np.abs(values.mean(1)) / np.sqrt(found.variance / 3), found.freedom)
        assert stats.kstest(p, "uniform").pvalue > 0.01
        assert (p < 0.001).mean() < 0.003

    def test_residuals_leave_out_what_the_group_shares(self):
        rng = np.random.default_rng(4)
        labels = np.repeat([0, 1, 2], 200)
        shared = rng.normal(0, 5, (3, 4))[labels]
        variances, freedom, pooled = residual_variances(shared + 0.1 * rng.normal(size=(600, 4)), labels)
        assert variances.mean() == pytest.approx(0.01, rel=0.1)
        assert (set(freedom), pooled) == ({3.0}, 3 * 199 * 3)

    def test_two_rows_of_a_group_give_the_paired_variance(self):
        values = np.array([[1.0, 2.0, 4.0], [1.5, 1.0, 3.0]])
        variances, _, _ = residual_variances(values, np.zeros(2, dtype=int))
        assert variances.sum() == pytest.approx((values[0] - values[1]).var(ddof=1))

    def test_scale_is_logarithmic_away_from_zero(self):
        def on_scale(values):
            return Scale.of(values, "ratio")(values)

        assert on_scale(np.array([[1.0, math.e]])).tolist() == [[0.0, 1.0]]
        values = np.array([[-0.01, 0.02, 0.0], [1.0, math.e, 1.0]])
        found = on_scale(values)
        assert found[1, 1] - found[1, 0] == pytest.approx(1, abs=0.001)
        assert np.isfinite(found).all()


class TestRankSets:
    def test_clear_differences_give_single_ranks(self):
        rng = np.random.default_rng(0)
        found = sets(np.array([[1.0], [10.0], [100.0], [1000.0]]) * np.exp(0.02 * rng.normal(size=(4, 3))))
        assert found.rank.tolist() == found.low.tolist() == found.high.tolist() == [1, 2, 3, 4]

    def test_a_common_seed_effect_does_not_matter(self):
        rng = np.random.default_rng(0)
        common = np.exp(rng.normal(0, 2, 3))
        quiet = np.array([[1.0], [2.0], [4.0]]) * np.exp(0.01 * rng.normal(size=(3, 3)))
        assert sets(quiet * common).low.tolist() == [1, 2, 3]

    def test_equal_rows_are_ties(self):
        row = [0.1, 0.2, 0.4]
        found = sets([row, row, [10.0, 20.0, 40.0]])
        assert found.rank.tolist() == [1, 1, 3]
        assert found.low.tolist() == [1, 1, 3]
        assert found.high.tolist() == [2, 2, 3]

    def test_exact_values_are_ordered_exactly(self):
        found = sets([[1.0] * 3, [1.001] * 3, [1.001] * 3, [0.9, 1.2, 1.1]])
        assert found.low[:3].tolist() == [1, 2, 2]
        assert found.high[0] < found.high[1] == found.high[2]

    def test_one_seed_is_judged_by_errors_within_the_run(self):
        values = [[1.0], [1.1], [2.0]]
        assert sets(values, errors=0.1).low.tolist() == [1, 1, 3]
        assert sets(values, errors=0.0).low.tolist() == [1, 2, 3]
        assert sets(values, errors=10.0).low.tolist() == [1, 1, 1]

    def test_rows_of_one_network_are_compared_within_it(self):
        rng = np.random.default_rng(5)
        groups = np.repeat(np.arange(3), 10)
        log = 0.2 * np.tile(np.arange(10), 3)[:, None] + rng.normal(0, 0.5, (3, 3))[groups]
        values = np.exp(log + 0.01 * rng.normal(size=(30, 3)))
        alone, grouped = sets(values), sets(values, groups.tolist())
        assert (grouped.high - grouped.low).mean() < 0.75 * (alone.high - alone.low).mean()

    def test_missing_seeds(self):
        rng = np.random.default_rng(6)
        values = np.array([[1.0], [5.0], [25.0]]) * np.exp(0.02 * rng.normal(size=(3, 5)))
        values[0, 1:3] = np.nan
        values[1, 4] = np.nan
        assert sets(values).low.tolist() == [1, 2, 3]

    def test_no_common_seed_is_no_comparison(self):
        found = sets([[1.0, np.nan], [np.nan, 100.0]])
        assert (found.low.tolist(), found.high.tolist()) == ([1, 1], [2, 2])

    def test_the_set_contains_the_rank(self):
        rng = np.random.default_rng(7)
        for _ in range(30):
            found = sets(rng.normal(0.5, 1, (15, 3)) ** 3)
            assert (found.low <= found.rank).all()
            assert (found.rank <= found.high).all()

    @pytest.mark.parametrize("rows", [1, 2])
    def test_few_rows(self, rows):
        found = sets(np.array([[1.0, 1.2, 1.1], [7.0, 8.0, 7.5]])[:rows])
        assert found.rank.tolist() == list(range(1, rows + 1))

    @pytest.mark.parametrize("seeds", [3, 5])
    @pytest.mark.parametrize(("rows", "spread", "widest"), [(12, 0.05, 12), (60, 1.0, 20)])
    def test_coverage(self, rows, spread, widest, seeds):
        """Near ties, and mixed scales: 95 % of all rows and of the best row, without saying nothing.

        `benchmarks/rank_coverage.py` has more populations, and what other methods make of them.
        """
        rng = np.random.default_rng(8)
        everyone, best, width = [], [], []
        for _ in range(1200 // rows):
            location = rng.normal(0, spread, rows)
            scale, loading = 0.1 * np.exp(rng.normal(0, 0.7, rows)), rng.normal(1, 0.3, rows)
            log = location[:, None] + np.outer(loading, rng.normal(0, 0.2, seeds))
            found = sets(np.exp(log + scale[:, None] * rng.normal(size=(rows, seeds))))
            rank = (location + 0.5 * (0.04 * loading**2 + scale**2)).argsort().argsort() + 1
            covered = (found.low <= rank) & (rank <= found.high)
            everyone.append(covered.mean())
            best.append(covered[rank == 1].all())
            width.append((found.high - found.low + 1).mean())
        assert np.mean(everyone) >= 0.95
        assert np.mean(best) >= 0.9
        assert np.mean(width) < widest


def over_points(location, over_seeds, rng, seeds=3, own=1.0):
    """Rows that are means over 32 groups of points: values, and groups (rows, seeds, 32); own: error of a difference.

    What the points have in common is a hundred times as large.
    """
    rows = len(location)
    groups = 100 * rng.normal(size=32) + own * 16**0.5 * rng.normal(size=(rows, 1, 32))
    groups = groups + np.reshape(location, (rows, 1, 1)) + over_seeds * rng.normal(size=(rows, seeds, 1))
    return groups.mean(2), groups


class TestPoints:
    """Rows that are means over points which all share: two-way random effects, points and seeds."""

    def by_differences(self, values, groups=None, **given):
        return sets(values, compared_by="difference", groups=groups, **given)

    def test_what_is_within_the_error_over_points_is_not_told_apart(self):
        """Seeds agree closely, on these points; others would tell otherwise."""
        values, groups = over_points([0.0, 0.0, 0.0], 0.001, np.random.default_rng(0))
        assert self.by_differences(values).low.max() == 3
        assert self.by_differences(values, groups).low.tolist() == [1, 1, 1]

    @pytest.mark.parametrize("over_seeds", [0.0, 0.1])
    def test_a_difference_that_is_stable_over_points_is_told_apart(self, over_seeds):
        """The error of each value is 18, that of their difference 0.1."""
        rng = np.random.default_rng(1)
        values, groups = over_points([0.0, 2.0, 4.0], over_seeds, rng, own=0.1)
        errors = groups.std(2, ddof=1).mean() / 32**0.5
        assert errors > 10
        found = self.by_differences(values, groups, errors=errors)
        assert sorted(found.low) == sorted(found.high) == [1, 2, 3]

    def test_a_difference_without_error_is_exact_and_none_is_a_tie(self):
        groups = np.broadcast_to(np.arange(32.0), (1, 2, 32)) + np.array([0.0, 0.0, 1e-3])[:, None, None]
        found = self.by_differences(groups.mean(2), groups, errors=1.0)
        assert (found.low.tolist(), found.high.tolist()) == ([1, 1, 3], [2, 2, 3])

    def test_a_constant_and_a_unit_change_nothing(self):
        values, groups = over_points(np.linspace(0, 6, 8), 0.5, np.random.default_rng(2))
        found = self.by_differences(values, groups)
        assert 1 < found.high[0] < 8
        for shift, unit in ((-1000.0, 1.0), (0.0, 1e-6), (3.0, 1e6)):
            again = self.by_differences(unit * (values + shift), unit * (groups + shift))
            assert (again.low.tolist(), again.high.tolist()) == (found.low.tolist(), found.high.tolist())

    def test_ratios_meet_the_points_on_their_own_scale(self):
        values, groups = over_points(np.linspace(1000, 1006, 8), 0.5, np.random.default_rng(3))
        ratios = sets(values, groups=groups, compared_by="ratio")
        assert ratios.high.tolist() == self.by_differences(values, groups).high.tolist()

    def test_rows_without_groups_are_compared_by_seeds_alone(self):
        values, groups = over_points([0.0, 0.0, 50.0], 0.001, np.random.default_rng(4))
        groups[1] = np.nan
        found = self.by_differences(values, groups)
        assert abs(found.low[0] - found.low[1]) == 1
        np.testing.assert_array_equal(
            self.by_differences(values, np.full_like(groups, np.nan)).low, self.by_differences(values).low
        )

    @pytest.mark.parametrize("over_seeds", [0.0, 0.5, 3.0])
    def test_coverage(self, over_seeds):
        """Near ties, points and networks drawn anew: `benchmarks/rank_coverage.py --held-out` has more."""
        rng, covered, blind = np.random.default_rng(5), [], []
        for _ in range(150):
            location = rng.normal(0, 1, 8)
            values, groups = over_points(location, over_seeds, rng)
            rank = location.argsort().argsort() + 1
            for given, kept in ((groups, covered), (None, blind)):
                found = self.by_differences(values, given)
                kept.append(((found.low <= rank) & (rank <= found.high)).mean())
        assert np.mean(covered) > 0.95
        if over_seeds < 1:
            assert np.mean(blind) < 0.9


class TestKendall:
    def test_tau_b_with_ties(self):
        rng = np.random.default_rng(0)
        x, y = rng.integers(0, 5, 40), rng.integers(0, 7, 40)
        assert kendall(x, y).value == pytest.approx(stats.kendalltau(x, y).statistic, rel=1e-12)

    @pytest.mark.parametrize("values", [3, 12, 10**6])
    def test_its_sums_over_pairs_are_those_over_all_pairs(self, values):
        """With ties in both, in either, and in neither."""
        rng = np.random.default_rng(values)
        for n in (2, 3, 17, 64, 65, 200):
            x, y = rng.integers(0, values, (2, n)).astype(float)
            signs = [np.sign(each[:, None] - each) for each in (x, -y)]
            expected = np.stack([signs[0] * -signs[1], signs[0] ** 2, signs[1] ** 2, signs[0] ** 2 * signs[1] ** 2])
            np.testing.assert_array_equal(_pairs(x, y), expected.sum(2))

    def test_the_variance_is_that_of_its_formula(self, monkeypatch):
        """V by all h_ij, as the docstring has it."""
        kept = []
        monkeypatch.setattr(
            "harness.results.statistics.kendall._tau_limits", lambda tau, variance, n, count: (kept.append(variance), 0)
        )
        rng = np.random.default_rng(3)
        for _ in range(20):
            x, y = rng.integers(0, 9, (2, 30))
            tau = kendall(x, y).value
            sign_x, sign_y = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
            s, a, b = sign_x * sign_y, sign_x**2, sign_y**2
            mean_a, mean_b = a.sum() / (30 * 29), b.sum() / (30 * 29)
            h = s / np.sqrt(mean_a * mean_b) - tau / 2 * (a / mean_a + b / mean_b)
            expected = (4 * (h.sum(1) ** 2).sum() - 2 * (h**2).sum()) / (30 * 29 * 28 * 27)
            assert kept[-1] == pytest.approx(max(expected, 0), rel=1e-9, abs=1e-15)

    def test_of_a_hundred_thousand_rows_not_all_pairs_are_looked_at(self):
        x, noise = np.random.default_rng(4).normal(size=(2, 100_000)).round(4)
        y = x + noise
        assert kendall(x, y).value == pytest.approx(stats.kendalltau(x, y).statistic, rel=1e-9)

    def test_perfect_agreement_is_not_certainty(self):
        x = np.arange(10.0)
        found = kendall(x, 2 * x)
        assert (found.value, found.high) == (1, 1)
        assert 0.5 < found.low < 0.8
        mirrored = kendall(x, -x)
        assert (mirrored.low, mirrored.high) == (-1, -found.low)
        assert kendall(np.arange(200.0), np.arange(200.0)).low > 0.9

    def test_where_it_is_not_defined(self):
        assert kendall(np.ones(5), np.arange(5.0)) is None
        assert kendall(np.ones(1), np.ones(1)) is None
        few = kendall(np.arange(3.0), np.arange(3.0))
        assert (few.value, few.low, few.high) == (1, None, None)

    def test_variance_is_unbiased_where_the_jackknife_is_not(self):
        """Width against the spread of τ̂ itself at τ = 0.9, where the jackknife's error was a fifth too wide."""
        rng = np.random.default_rng(2)
        found = []
        for _ in range(400):
            x, noise = rng.normal(size=(2, 32))
            rho = math.sin(0.45 * math.pi)
            found.append(kendall(x, rho * x + math.sqrt(1 - rho**2) * noise))
        spread = np.std([f.value for f in found])
        width = np.mean([f.high - f.low for f in found])
        # Limits at ±2.04 errors, and a skewed law.
        assert 3.9 < width / spread < 5

    @pytest.mark.parametrize("n", [5, 10, 30, 100])
    @pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9, 0.99])
    def test_coverage_on_bivariate_normals(self, n, correlation):
        rng = np.random.default_rng(n)
        truth = 2 / math.pi * math.asin(correlation)
        covered = []
        for _ in range(300):
            x, noise = rng.normal(size=(2, n))
            found = kendall(x, correlation * x + math.sqrt(1 - correlation**2) * noise)
            covered.append(found.low <= truth <= found.high)
        # 95 % less three standard errors of 300 trials.
        assert np.mean(covered) > 0.912

    def test_it_is_not_vacuous(self):
        rng = np.random.default_rng(1)
        x, noise = rng.normal(size=(2, 60))
        found = kendall(x, 0.7 * x + 0.7 * noise)
        assert found.high - found.low < 0.4


class TestChoiceEffects:
    def test_factors_are_relative_to_the_geometric_mean(self):
        # Two choices, one half as large as the other in every context, whatever the context's own size.
        context = np.array([0.0, 3.0, -2.0])[:, None, None]
        logs = context + np.array([0.0, math.log(2)])[None, :, None] + np.zeros((1, 1, 3))
        found = choice_effects(logs)
        assert [e.value for e in found] == pytest.approx([2**-0.5, 2**0.5])
        assert [e.low for e in found] == pytest.approx([e.high for e in found])

    def test_the_interval_is_over_seeds(self):
        rng = np.random.default_rng(2)
        logs = rng.normal(size=(5, 2, 4)) + 10 * rng.normal(size=(5, 1, 4))
        half_difference = 0.5 * (logs[:, 0] - logs[:, 1]).mean(0)
        low, high = stats.t.interval(0.95, 3, half_difference.mean(), stats.sem(half_difference))
        first, second = choice_effects(logs)
        assert (first.low, first.high) == pytest.approx((math.exp(low), math.exp(high)))
        assert first.value * second.value == pytest.approx(1)

    def test_one_seed_has_no_interval(self):
        found = choice_effects(np.zeros((2, 2, 1)))[0]
        assert (found.value, found.low, found.high) == (1, None, None)


def test_an_error_that_all_seeds_share_is_not_lost_in_their_spread():
    # Seeds that agree closely round a value that is off by an error common to all: the interval must cover the truth.
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(500):
        replicates = rng.normal(0, 1, 8)
        common, error = replicates.mean(), replicates.std(ddof=1) / 8**0.5
        seeds = [Measurement(5 + common + rng.normal(0, 0.01), error, freedom=7, shared=True) for _ in range(3)]
        _, low, high = mean_interval(seeds)
        covered += low <= 5 <= high
    assert 0.93 <= covered / 500 <= 0.97


def test_an_error_of_each_seed_alone_shows_in_the_spread():
    alone = [Measurement(v, 10.0) for v in (1.0, 2.0, 3.0)]
    half = stats.t.ppf(0.975, 2) / 3**0.5
    assert mean_interval(alone) == pytest.approx((2.0, 2 - half, 2 + half))


@pytest.mark.parametrize("groups", [7, 12])
def test_kendalls_interval_covers_where_rows_share_a_network(groups):
    """Five rows a network that hardly differ: as independent rows they cover the truth in two runs of three."""
    rng, labels, found = np.random.default_rng(1), np.repeat(np.arange(groups), 5), []
    for _ in range(200):
        z = rng.normal(size=(2, groups, 1))
        pair = np.stack([z[0], 0.6 * z[0] + 0.8 * z[1]])
        x, y = (pair + 0.3 * rng.normal(size=(2, groups, 5))).reshape(2, -1)
        found.append((kendall(x, y, labels), kendall(x, y)))
    truth = np.mean([alone.value for _, alone in found])
    covered = np.mean([[each.low <= truth <= each.high for each in pair] for pair in found], axis=0)
    assert covered[0] > 0.92
    assert covered[1] < 0.8
    assert all(clustered.value == alone.value for clustered, alone in found)


def test_three_groups_have_no_interval():
    for groups in ((list("aaabbbccc"), None), (None, list("abcabcabc")), (list("aaabbbcde"), list("abcabcabc"))):
        found = kendall(np.arange(9.0), np.arange(9.0), *groups)
        assert (found.value, found.low, found.high) == (1, None, None)


class TestKendallInTwoGroupings:
    """Networks by grids: rows that share either are no independent rows."""

    def rows(self, rng, *, network=0.3, grid=0.3, shape=(8, 8)):
        """x and y of every pair, and the labels of both; the parts of the one have correlation ½ with the other's."""
        networks, grids = (each.ravel() for each in np.indices(shape))
        parts = (networks, network), (grids, grid), (np.arange(len(grids)), 0.3)
        x, y = np.zeros((2, len(grids)))
        for labels, size in parts:
            own, noise = size * rng.normal(size=(2, labels.max() + 1))
            x, y = x + own[labels], y + (0.5 * own + 0.75**0.5 * noise)[labels]
        return x, y, networks, grids

    def test_where_no_rows_share_anything_it_is_the_interval_of_rows(self):
        x, y, networks, _ = self.rows(np.random.default_rng(0))
        alone = list(range(len(x)))
        assert kendall(x, y, alone, alone) == kendall(x, y, crossing=alone) == kendall(x, y)
        assert kendall(x, y, networks, alone) == kendall(x, y, alone, networks) == kendall(x, y, networks)

    def test_the_same_grouping_twice_is_that_grouping(self):
        x, y, networks, _ = self.rows(np.random.default_rng(1))
        assert kendall(x, y, networks, [f"n{k}" for k in networks]) == kendall(x, y, networks)

    def test_neither_the_order_of_rows_nor_that_of_groupings_matters(self):
        rng = np.random.default_rng(2)
        given = self.rows(rng)
        order = rng.permutation(len(given[0]))
        found, shuffled = kendall(*given), kendall(*(each[order] for each in given))
        swapped = kendall(*given[:2], *reversed(given[2:]))
        for other in (shuffled, swapped):
            assert (other.low, other.high) == pytest.approx((found.low, found.high), rel=1e-9)

    def test_it_is_never_narrower_than_by_either_grouping(self):
        for seed in range(20):
            x, y, networks, grids = self.rows(np.random.default_rng(seed), shape=(6, 9))
            both = kendall(x, y, networks, grids)
            for one in (kendall(x, y, networks), kendall(x, y, grids), kendall(x, y)):
                assert both.low <= one.low <= one.high <= both.high

    def test_it_covers_where_grids_dominate(self):
        """What the interval of networks alone misses in three runs of ten."""
        truth, rng, covered = 2 / math.pi * math.asin(0.5), np.random.default_rng(3), []
        for _ in range(150):
            x, y, networks, grids = self.rows(rng, grid=1.0, shape=(12, 10))
            found = kendall(x, y, networks, grids), kendall(x, y, networks)
            covered.append([each.low <= truth <= each.high for each in found])
        both, by_network = np.mean(covered, axis=0)
        assert both > 0.92
        assert by_network < 0.8


def test_effects_that_add_up_do_not_interact():
    rng = np.random.default_rng(2)
    rows, columns = np.array([0.0, 1.0, 3.0])[:, None, None], np.array([0.0, -2.0])[None, :, None]
    noise = 0.1 * rng.normal(size=(500, 3, 2, 3))
    p = np.array([interaction(rows + columns + each) for each in noise])
    assert 0.02 < (p < 0.05).mean() < 0.08
    assert interaction(rows * columns + noise[0]) < 1e-4
    assert interaction(np.zeros((2, 2, 3))) == 1
    assert interaction(np.broadcast_to(rows * columns, (3, 2, 3))) < 1e-12


@pytest.mark.parametrize(("shape", "modes"), [((2, 2, 2, 32), 1), ((3, 4, 3, 32), 1), ((3, 4, 3, 32), 40)])
@pytest.mark.parametrize("over_seeds", [0.0, 0.1, 1.0])
def test_what_points_that_all_share_do_to_cells_is_no_interaction(shape, modes, over_seeds):
    """Be it one direction of all cells that they move, or each cell its own way."""
    rng = np.random.default_rng(7)
    rows, columns, seeds, count = shape
    p = []
    for _ in range(400):
        points = np.tensordot(rng.normal(size=(rows, columns, modes)), rng.normal(size=(modes, 1, count)), 1)
        noise = over_seeds * rng.normal(size=(rows, columns, seeds, 1))
        groups = (count / modes) ** 0.5 * points + noise
        p.append(interaction(groups.mean(3), groups))
    assert (np.array(p) < 0.05).mean() < 0.08
    assert min(p) < 0.2


class TestDifferences:
    def differences(self, values, i=0, errors=0.0, **given):
        values = np.asarray(values, dtype=float)
        return Compared.of(values, np.full_like(values, errors), **given).differences(i)

    def test_they_are_paired_and_on_the_scale_of_comparison(self):
        rng = np.random.default_rng(0)
        seeds = rng.normal(0, 1, 40)
        logs = np.array([0.0, 0.3, -0.2, 0.1])[:, None] + seeds + 0.01 * rng.normal(size=(4, 40))
        found = self.differences(np.exp(logs))
        assert found.value == pytest.approx((logs - logs[0]).mean(1))
        assert (found.high - found.low).max() < 0.03
        assert (found.low[0], found.high[0]) == (0.0, 0.0)

    def test_limits_cover(self):
        """95 % of intervals of one difference hold it, also where a row has half of the seeds."""
        rng, held, trials = np.random.default_rng(1), 0, 600
        for _ in range(trials):
            logs = np.array([0.0, 0.2, 0.5, -0.1, 0.3])[:, None] + rng.normal(size=8) + 0.1 * rng.normal(size=(5, 8))
            logs[1, 4:] = np.nan
            found = self.differences(np.exp(logs))
            held += found.low[1] <= 0.2 <= found.high[1]
        assert abs(held / trials - 0.95) < 0.03

    def test_a_copy_differs_by_nothing_and_one_seed_by_its_own_error(self):
        found = self.differences([[1.0], [1.0], [2.0]], errors=0.1)
        assert (found.low[1], found.high[1]) == (0.0, 0.0)
        assert 0.0 < found.high[2] - found.low[2] < np.inf

    def test_in_the_unit_of_the_metric(self):
        found = self.differences([[10.0, 11.0, 9.0], [13.0, 14.1, 11.9]], compared_by="difference")
        assert found.value[1] == pytest.approx(3.0)


class TestOrderOfRowsWithUnequalSeeds:
    """Rows that a race dropped have the first seeds alone, which may be easy ones."""

    def test_easy_first_seeds_do_not_put_a_dropped_row_ahead(self):
        rng = np.random.default_rng(0)
        common = np.array([-0.5, -0.4, 0.2, 0.3, 0.1, 0.4, 0.2, 0.3])
        truth = np.array([0.0, 0.01, 0.02, 0.3, 0.4])
        values = np.exp(truth[:, None] + common + 0.01 * rng.normal(size=(5, 8)))
        values[3:, 2:] = np.nan
        assert np.nanmean(values[4]) < np.nanmean(values[0])
        for by in ("ratio", "difference"):
            found = sets(values, compared_by=by)
            assert found.rank.tolist()[3:] == [4, 5]
            assert (found.low[3:] > 1).all()
            assert ((found.low <= found.rank) & (found.rank <= found.high)).all()

    def test_rows_and_seeds_that_add_up_are_put_in_order_exactly(self):
        rng = np.random.default_rng(1)
        truth, common = rng.normal(size=12), rng.normal(size=6)
        values = truth[:, None] + common
        values[rng.random(values.shape) < 0.4] = np.nan
        values[0] = truth[0] + common
        values[:, 0] = truth + common[0]
        order = Compared.of(values, np.zeros_like(values), compared_by="difference").order
        assert np.argsort(order).tolist() == np.argsort(truth).tolist()
        scale = (order[1] - order[0]) / (truth[1] - truth[0])
        np.testing.assert_allclose(order - order[0], scale * (truth - truth[0]), atol=1e-12)

    def test_with_all_seeds_it_is_the_mean_to_the_last_bit(self):
        values = np.random.default_rng(2).lognormal(size=(9, 3))
        compared = Compared.of(values, 0.1 * values)
        np.testing.assert_array_equal(compared.order, compared.means)


@pytest.mark.parametrize(("values", "by"), [([1.0, 4.0], "ratio"), ([-0.1, 4.0], "ratio"), ([-3.0, 5.0], "difference")])
def test_a_scale_is_undone(values, by):
    matrix = np.array([values, [2.0, 3.0]])
    scale = Scale.of(matrix, by)
    np.testing.assert_allclose(scale.inverse(scale(matrix)), matrix, rtol=1e-12)


def test_an_interval_that_lies_below_what_is_possible_reaches_up_to_it():
    # Excess over a perfect generator: below 0 by chance, and never in truth.
    seeds = exact([-0.5, -0.51, -0.49])
    value, low, high = mean_interval(seeds, least=0.0)
    assert (value, low, high) == (pytest.approx(-0.5), pytest.approx(-0.5), 0.0)
    assert mean_interval(seeds)[2] < 0
