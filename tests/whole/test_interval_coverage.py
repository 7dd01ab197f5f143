"""The stated 95 % intervals cover: a fast part of `benchmarks/interval_coverage.py`, and its own closed forms."""

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from harness_metrics.controls import adjusted, error_of_means
from harness_song.samplers import Euler
from scipy import stats

from harness.budget import budget
from harness.engine.measurement import measure_information
from harness.results.statistics.kendall import kendall

PATH = Path(__file__).parents[2] / "benchmarks" / "interval_coverage.py"
SPEC = importlib.util.spec_from_file_location("interval_coverage", PATH)
study = importlib.util.module_from_spec(SPEC)
sys.modules["interval_coverage"] = study
SPEC.loader.exec_module(study)


def accepted(covered, repetitions):
    """Whether so many covered are what 93 to 97 % coverage gives, with probability 0.999 at either end."""
    low = stats.binom.ppf(0.001, repetitions, study.BAND[0])
    high = stats.binom.ppf(0.999, repetitions, study.BAND[1])
    return low <= covered <= high


@pytest.mark.parametrize(
    ("name", "repetitions"),
    [
        ("curves", 50),
        pytest.param("line", 60, marks=pytest.mark.slow),
        ("τ, normal, 0.9", 50),
        pytest.param("τ, ties", 50, marks=pytest.mark.slow),
        ("kl by change of variables", 40),
        pytest.param("kl by particles", 100, marks=pytest.mark.slow),
    ],
)
def test_coverage(name, repetitions):
    found = {}
    for trials in study.STUDIES[name](repetitions):
        for key, trial in trials.items():
            found.setdefault(key, []).append(trial.covered)
    for key, covered in found.items():
        assert accepted(sum(covered), len(covered)), key


def test_the_acceptance_region_excludes_what_the_intervals_were():
    assert accepted(142, 150)
    assert not accepted(121, 150)  # 81 %, change of variables from the sampler's own start


@pytest.mark.parametrize("steps", ["exponential", "ancestral"])
def test_interpolation_is_no_worse_than_it_says(steps):
    """On a Gaussian J is measured without error, so all that is left is the spline between the levels."""
    variances = study._variances(steps, study.PATH_GRID)
    measured = measure_information(study.FOUR.hidden(), study.PATH_GRID[-1], study.PATH_GRID[0])
    exact, found = (
        budget(study.PATH_GRID, variances, information, study._exact(0.0))
        for information in (study.FOUR.information(), measured)
    )
    assert exact.interpolation == 0
    error = abs(found.total.mean() - exact.total[0])
    assert found.total.std() < 1e-10 < error < abs(found.interpolation) < 1e-3


class TestTruths:
    def test_the_line_agrees_with_a_gaussian(self):
        one = study.OnALine(np.zeros(1), np.ones(1), 0.7)
        u = np.array([9.0, 2.0, 0.3])
        assert one.fisher(u)[0] == pytest.approx(1 / (0.7 + u))
        assert one.fisher_integral(u)[0] == pytest.approx(np.log((0.7 + u[:-1]) / (0.7 + u[1:])))
        assert one.initialization(9.0)[0] == pytest.approx(0.5 * (0.7 / 9 - math.log1p(0.7 / 9)))

    def test_tied_tau_is_that_of_a_large_sample(self):
        rng = np.random.default_rng(0)
        cuts = stats.norm.ppf([0.2, 0.4, 0.6, 0.8])
        x, noise = rng.normal(size=(2, 40_000))
        y = 0.7 * x + math.sqrt(1 - 0.49) * noise
        expected = stats.kendalltau(np.digitize(x, cuts), np.digitize(y, cuts)).statistic
        assert study._tau_b_of_cells(0.7, cuts) == pytest.approx(expected, abs=0.01)

    def test_the_mean_divergence_over_networks(self):
        rng = np.random.default_rng(0)
        mean = np.array([0.1, -0.05])
        found = [study._divergence(Euler(), mean + 0.1 * rng.normal(size=2), study.GRID) for _ in range(4000)]
        expected = study._divergence(Euler(), mean, study.GRID) + 0.01 * study._curvature(Euler(), study.GRID)
        assert abs(np.mean(found) - expected) < 4 * np.std(found) / 4000**0.5


class TestControls:
    def test_slopes_of_other_folds_bring_no_bias(self):
        """The residual is curved in the control: with slopes of the same points the mean is off by −1/n·E[c⁴]/E[c²]."""
        rng = torch.Generator().manual_seed(0)
        naive, folded = [], []
        for _ in range(2000):
            c = torch.randn(32, 1, generator=rng, dtype=torch.float64).exp() - math.exp(0.5)
            v = c[:, 0] ** 2 - (math.e - 1) * math.e
            slope = -((c - c.mean()) * (v - v.mean())[:, None]).sum() / (c - c.mean()).square().sum()
            naive.append((v + slope * c[:, 0]).mean().item())
            folded.append(adjusted(v, c)[0].mean().item())
        assert np.mean(naive) < -8 * np.std(naive) / 2000**0.5
        assert abs(np.mean(folded)) < 4 * np.std(folded) / 2000**0.5

    def test_error_of_means(self):
        rng = torch.Generator().manual_seed(0)
        a = torch.randn(4000, generator=rng, dtype=torch.float64)
        b = 3 * torch.randn(16, generator=rng, dtype=torch.float64)
        error, freedom = error_of_means(a, b)
        assert error**2 == pytest.approx((a.var() / 4000 + b.var() / 16).item())
        assert 8 < freedom < 20
        assert error_of_means(a)[1] == pytest.approx(4000, rel=0.15)
        assert error_of_means(torch.ones(5)) == (0.0, math.inf)


def test_tau_of_leaderboard_sizes_takes_little_time():
    x = np.random.default_rng(0).normal(size=1000)
    assert kendall(x, x**3).value == 1
