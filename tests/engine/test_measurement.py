"""The measured curves against closed forms and quadrature."""

import json
import math

import numpy as np
import pytest
import torch
from harness_oracles.networks import Exact, Inexact
from harness_synthetic.targets import Gaussian, Mixture, Ring

from harness.engine.curves import (
    MeasuredInformation,
    score_error_from_json,
    score_error_to_json,
)
from harness.engine.measurement import (
    CHEAP,
    FEWEST,
    MOST,
    REPLICATES,
    measure_information,
    measure_score_error,
    noised_points,
)
from harness.errors import HarnessError
from harness.mixtures import EigenMixture, EmpiricalDistribution, IsotropicMixture, MixtureDistribution

MEANS = torch.tensor([[-1.0], [0.2], [1.5]], dtype=torch.float64)


LINE = MixtureDistribution(IsotropicMixture(MEANS, torch.tensor([0.01, 0.04, 0.09]), torch.tensor([0.5, 0.3, 0.2])))


def _quadrature(sigma):
    """J(u) and KL(p_u ‖ N(0, u)) of the one-dimensional mixture, on a fine line."""
    x = np.linspace(-12 * max(sigma, 0.5), 12 * max(sigma, 0.5), 8_001)
    v = np.array([0.01, 0.04, 0.09]) + sigma**2
    away = x[:, None] - MEANS.numpy()[:, 0]
    parts = np.array([0.5, 0.3, 0.2]) * np.exp(-(away**2) / (2 * v)) / np.sqrt(2 * np.pi * v)
    p = parts.sum(1) + 1e-300
    fisher = ((parts * -away / v).sum(1) ** 2 / p).sum() * (x[1] - x[0])
    log_normal = -(x**2) / (2 * sigma**2) - 0.5 * math.log(2 * math.pi * sigma**2)
    return fisher, (p * (np.log(p) - log_normal)).sum() * (x[1] - x[0])


def _within(replicates, exact, width=4.0):
    error = replicates.std(axis=0, ddof=1) / math.sqrt(len(replicates))
    return (np.abs(replicates.mean(0) - exact) <= width * error + 1e-9 * np.abs(exact)).all()


@pytest.fixture(scope="module")
def line():
    return measure_information(LINE, 0.05, 20.0, samples=2000)


def test_information_agrees_with_quadrature(line):
    sigma = np.array([0.06, 0.13, 0.3, 0.71, 1.9, 6.0, 19.0])
    exact = np.array([_quadrature(s)[0] for s in sigma])
    assert _within(line.fisher(sigma**2), exact)
    assert np.abs(line.fisher(sigma**2).mean(0) / exact - 1).max() < 0.02


def test_information_integral_agrees_with_quadrature(line):
    nodes, weights = np.polynomial.legendre.leggauss(40)
    ends = np.array([20.0, 3.0, 0.4, 0.05]) ** 2
    half = 0.5 * np.log(ends[:-1] / ends[1:])
    u = np.exp(np.log(ends[1:])[:, None] + half[:, None] * (1 + nodes))
    values = np.array([[v * _quadrature(math.sqrt(v))[0] for v in row] for row in u])
    exact = half * (values * weights).sum(1)
    assert _within(line.fisher_integral(ends), exact)
    assert np.abs(line.fisher_integral(ends).mean(0) / exact - 1).max() < 0.015


@pytest.mark.parametrize("sigma", [20.0, 4.0, 0.6, 0.05])
def test_initialization_agrees_with_quadrature(line, sigma):
    exact = _quadrature(sigma)[1]
    measured = line.initialization(sigma**2)
    assert _within(measured, exact)
    assert measured.mean() == pytest.approx(exact, rel=0.01)


def test_initialization_of_a_low_first_level_agrees_with_quadrature():
    """The integral over the levels above must hold where σ_max is below the data's own scale."""
    measured = measure_information(LINE, 0.05, 0.5, samples=4000).initialization(0.25)
    assert _within(measured, _quadrature(0.5)[1])
    assert measured.mean() == pytest.approx(_quadrature(0.5)[1], rel=0.01)


def test_measured_gaussian_agrees_with_its_closed_form():
    target = Gaussian(dim=6, condition=50.0, std=0.7, mean=0.8).distribution()
    exact = target.closed_information()
    blind = MixtureDistribution(EigenMixture(target.mixture.mean[None], target.eigenvalues[None]))
    measured = measure_information(blind, 0.02, 30.0)
    assert isinstance(measured, MeasuredInformation)
    assert measured.second_moment == pytest.approx(exact.second_moment)
    u = np.geomspace(900.0, 0.0004, 57)
    # tr Cov is constant on a Gaussian, so no Monte-Carlo error is left, only the spline's.
    np.testing.assert_allclose(measured.fisher(u).mean(0), exact.fisher(u)[0], rtol=2e-4)
    np.testing.assert_allclose(measured.fisher_integral(u).sum(1), exact.fisher_integral(u).sum(), rtol=1e-5)
    for level in (900.0, 3.0, 0.01):
        np.testing.assert_allclose(
            measured.initialization(level).mean(), exact.initialization(level)[0], rtol=2e-5, atol=1e-6
        )


def test_isotropic_gaussian_is_measured_without_error():
    blind = MixtureDistribution(IsotropicMixture(torch.zeros(1, 4), 0.25))
    measured = measure_information(blind, 0.05, 10.0)
    np.testing.assert_allclose(measured.values, np.tile(4 * measured.u / (measured.u + 0.25), (8, 1)), rtol=1e-9)


def test_integrated_curve_does_not_depend_on_the_number_of_levels():
    target = Mixture(dim=16, std=0.1).distribution()
    u = np.geomspace(400.0, 0.0025, 21)
    coarse, fine = (measure_information(target, 0.05, 20.0, samples=64, level_count=k) for k in (36, 141))
    spread = fine.fisher_integral(u).std(0, ddof=1).max()
    np.testing.assert_allclose(coarse.fisher_integral(u), fine.fisher_integral(u), atol=0.3 * spread, rtol=2e-4)


def test_replicates_are_independent_and_repeatable():
    target = Ring().distribution()
    first, again, other = (measure_information(target, 0.05, 5.0, samples=64, seed=s) for s in (0, 0, 1))
    assert np.array_equal(first.values, again.values)
    everything = np.concatenate([first.values, other.values])[:, 5]
    assert len(np.unique(everything)) == 16


@pytest.mark.parametrize(
    "network", [Inexact(size=0.3), Inexact(size=0.2, level=0.5, width=0.7)], ids=lambda n: n.label()
)
@pytest.mark.parametrize("dim", [1, 2, 5])
def test_measured_score_error_of_the_inexact_oracle_is_the_stated_one(network, dim):
    target = Mixture(dim=dim).distribution()
    oracle = lambda x, sigma: network.denoise(target, x, sigma)  # noqa: E731
    (curve,) = measure_score_error(target, [oracle], 0.05, 20.0, dtype=torch.float64, samples=16)
    np.testing.assert_allclose(curve(curve.sigma).mean(0), network.score_error(curve.sigma, dim), rtol=1e-6)
    between = np.geomspace(0.06, 15.0, 33)
    stated = network.score_error(between, dim)
    np.testing.assert_allclose(between**2 * curve(between).mean(0), between**2 * stated, rtol=0.02, atol=1e-4 * dim)
    (single,) = measure_score_error(target, [oracle], 0.05, 20.0, samples=16)
    visible = stated * between**2 > 1e-6
    np.testing.assert_allclose(single(between).mean(0)[visible], stated[visible], rtol=0.02)


def test_measured_score_error_of_a_shrunk_denoiser_is_within_its_interval():
    """With D = 0.9 D* on N(0, 1): σ²e = 0.01 E‖D*‖²/σ² = 0.01 d/((1+σ²)σ²)."""
    target = Gaussian(dim=3).distribution()
    (curve,) = measure_score_error(target, [lambda x, s: 0.9 * target.denoise(x, s)], 0.1, 10.0, dtype=torch.float64)
    assert _within(curve(curve.sigma), 0.03 / ((1 + curve.sigma**2) * curve.sigma**4))


def test_stacked_and_single_networks_give_the_same_curves():
    target = Ring().distribution()
    single = [lambda x, s, f=f: f * target.denoise(x, s) for f in (0.9, 1.0, 1.1)]
    apart = measure_score_error(target, single, 0.1, 5.0, samples=16, level_count=8)
    (*stacked, last) = measure_score_error(
        target,
        [lambda x, s: torch.stack([f(x, s) for f in single]), single[0]],
        0.1,
        5.0,
        samples=16,
        level_count=8,
    )
    for a, b in zip([*apart, apart[0]], [*stacked, last], strict=True):
        assert np.array_equal(a.values, b.values)


def test_the_exact_network_has_no_error_and_a_broken_one_says_so():
    target = Ring().distribution()
    exact, broken = measure_score_error(
        target,
        [lambda x, s: Exact().denoise(target, x, s), lambda x, s: x * math.nan],
        0.1,
        5.0,
        samples=8,
        level_count=6,
        dtype=torch.float64,
    )
    assert np.array_equal(exact(np.array([0.2, 3.0])), np.zeros((8, 2)))
    assert not broken.finite
    with pytest.raises(HarnessError, match=r"not finite at sigma=0\.1"):
        broken(np.array([1.0]))
    assert not score_error_from_json(json.loads(json.dumps(score_error_to_json(broken)))).finite


def test_large_data_are_shown_fewer_points_and_keep_an_honest_error():
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(400, 3, generator=generator, dtype=torch.float64)
    small = EmpiricalDistribution(points, (points[:2], points[:2]), "points")
    assert (small.size, noised_points(small)) == (400, MOST)
    large = EmpiricalDistribution(points, (points[:2], points[:2]), "points")
    large.size = 10 * CHEAP // 3
    assert noised_points(large) == FEWEST
    full, fewer = (measure_information(law, 0.5, 5.0) for law in (small, large))
    u = np.geomspace(0.25, 25.0, 9)
    error = fewer.fisher(u).std(0, ddof=1) / REPLICATES**0.5
    assert (error > 1.5 * full.fisher(u).std(0, ddof=1) / REPLICATES**0.5).mean() > 0.5
    assert (np.abs(fewer.fisher(u).mean(0) - full.fisher(u).mean(0)) < 4 * error + 1e-9).all()


def test_given_labels_the_start_costs_the_mutual_information_of_label_and_noised_point_besides():
    """E_y KL(p_u(· | y) ‖ N) = KL(p_u ‖ N) + I(Y; X_u), of two points that are a class each."""
    points = torch.tensor([[-1.0], [1.0]]).double()
    law = EmpiricalDistribution(points, (points, points), "two points", torch.tensor([0, 1]))
    plain, given = (
        measure_information(law, 0.1, 1.0, samples=20_000, labelled=labelled).initialization(1.0)
        for labelled in (False, True)
    )
    x = np.linspace(-12, 12, 20_001)
    classes = np.exp(-0.5 * (x - points.numpy()) ** 2) / np.sqrt(2 * np.pi)
    together = classes.mean(0)
    mutual = float((classes * np.log(classes / together)).mean(0).sum() * (x[1] - x[0]))
    assert 0.2 < mutual < np.log(2)
    assert given.mean() - plain.mean() == pytest.approx(mutual, rel=0.01)
