"""The mixture's posterior against autograd, quadrature, brute force and an independent density."""

import math

import numpy as np
import pytest
import torch
from torch import distributions as laws

from harness import mixtures
from harness.mixtures import EigenMixture, EmpiricalDistribution, IsotropicMixture, MixtureDistribution


def _random(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _covariances(modes, dim):
    root = _random(7, modes, dim, dim)
    return root @ root.mT / dim + 0.05 * torch.eye(dim, dtype=torch.float64)


MEANS = _random(1, 4, 3)
WEIGHTS = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
MIXTURES = {
    "equal": IsotropicMixture(MEANS, 0.3**2, WEIGHTS),
    "unequal": IsotropicMixture(MEANS, torch.tensor([0.1, 0.2, 0.0, 1.5]), WEIGHTS),
    "data": IsotropicMixture(_random(2, 9, 3)),
    "full": EigenMixture.from_covariances(MEANS, _covariances(4, 3), WEIGHTS),
    "axes": EigenMixture(MEANS, torch.rand(4, 3, generator=torch.Generator().manual_seed(3)), None, WEIGHTS),
}
LEVELS = [0.2, 1.0, 7.0]


@pytest.mark.parametrize("sigma", LEVELS)
@pytest.mark.parametrize("name", MIXTURES)
def test_denoiser_is_tweedies_formula(name, sigma):
    mixture = MIXTURES[name]
    x = (2 * _random(4, 20, 3)).requires_grad_()
    (score,) = torch.autograd.grad(mixture.log_density(x, sigma).sum(), x)
    expected = x + sigma**2 * score
    torch.testing.assert_close(mixture.denoise(x, sigma), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("sigma", LEVELS)
@pytest.mark.parametrize("name", MIXTURES)
def test_posterior_variance_is_the_divergence_of_the_denoiser(name, sigma):
    """Cov(X_0 | x) = σ² ∂D/∂x, taken by forward-mode differentiation."""
    mixture = MIXTURES[name]
    x = 2 * _random(5, 20, 3)
    trace = torch.zeros(20, dtype=torch.float64)
    for axis in torch.eye(3, dtype=torch.float64):
        _, slope = torch.func.jvp(lambda y: mixture.denoise(y, sigma), (x,), (axis.expand(20, 3),))
        trace = trace + sigma**2 * (slope @ axis)
    torch.testing.assert_close(mixture.moments(x, sigma)[1], trace, rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(mixture.moments(x, sigma)[0], mixture.denoise(x, sigma))


@pytest.mark.parametrize("name", ["equal", "full"])
def test_density_is_that_of_an_independent_library(name):
    eye = torch.eye(3, dtype=torch.float64)
    covariances = 0.09 * eye.expand(4, 3, 3) if name == "equal" else _covariances(4, 3)
    noised = laws.MultivariateNormal(MEANS, covariances + 0.25 * eye)
    law = laws.MixtureSameFamily(laws.Categorical(WEIGHTS), noised)
    x = 2 * _random(6, 50, 3)
    torch.testing.assert_close(MIXTURES[name].log_density(x, 0.5), law.log_prob(x), rtol=1e-12, atol=1e-12)


def test_density_integrates_to_one():
    line = torch.linspace(-40, 40, 20_001, dtype=torch.float64)[:, None]
    one = IsotropicMixture(_random(8, 5, 1), 0.2**2)
    assert one.log_density(line, 0.1).exp().sum() * 0.004 == pytest.approx(1, abs=1e-9)
    axis = torch.linspace(-9, 9, 361, dtype=torch.float64)
    plane = torch.cartesian_prod(axis, axis)
    two = EigenMixture.from_covariances(_random(9, 3, 2), _covariances(3, 2))
    assert two.log_density(plane, 0.3).exp().sum() * 0.05**2 == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("sigma", [0.003, 0.5, 80.0])
def test_finite_data_is_the_softmax_weighted_mean(sigma):
    data = 100 + _random(10, 40, 6)
    x = data[:15] + sigma * _random(11, 15, 6)
    squares = (x[:, None] - data).square().sum(2)
    weights = (-squares / (2 * sigma**2)).softmax(1)
    mean = weights @ data
    trace = (weights * (data - mean[:, None]).square().sum(2)).sum(1)
    mixture = IsotropicMixture(data)
    torch.testing.assert_close(mixture.denoise(x, sigma), mean, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(mixture.moments(x, sigma)[1], trace, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", MIXTURES)
def test_single_precision_loses_only_the_rounding_of_the_result(name):
    x = (2 * _random(12, 30, 3)).float()
    for sigma in (1e-3, 1.0, 80.0):
        narrow, wide = (MIXTURES[name].denoise(y, sigma) for y in (x, x.double()))
        assert narrow.dtype == torch.float32
        torch.testing.assert_close(narrow, wide.float(), rtol=0, atol=0)


@pytest.mark.parametrize("name", MIXTURES)
def test_rows_are_independent_of_chunks_and_levels_may_differ(name, monkeypatch):
    mixture, x = MIXTURES[name], 2 * _random(13, 25, 3)
    sigma = torch.linspace(0.1, 3, 25, dtype=torch.float64)
    whole = mixture.denoise(x, sigma), mixture.moments(x, sigma)[1], mixture.log_density(x, sigma)
    one = torch.stack([mixture.log_density(x[i : i + 1], float(sigma[i]))[0] for i in range(25)])
    torch.testing.assert_close(whole[2], one)
    monkeypatch.setattr(mixtures, "CHUNK", 60)
    parts = mixture.denoise(x, sigma), mixture.moments(x, sigma)[1], mixture.log_density(x, sigma)
    for a, b in zip(whole, parts, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", MIXTURES)
def test_samples_have_the_stated_moments(name):
    target = MixtureDistribution(MIXTURES[name])
    x = target.sample(40_000, torch.Generator().manual_seed(0))
    square = x.square().sum(1)
    assert abs(float(square.mean()) - target.second_moment) < 4 * float(square.std()) / 200
    away = (x - x.mean(0)).square().sum(1)
    assert abs(float(away.mean()) - 3 * target.sigma_data**2) < 4 * float(away.std()) / 200
    assert ((x.mean(0) - target.mixture.mean).abs() < 4 * x.std(0) / 200).all()


def test_samples_of_full_covariance_have_it():
    covariances = _covariances(2, 3)
    mixture = EigenMixture.from_covariances(torch.tensor([[-50.0, 0, 0], [50, 0, 0]]), covariances)
    x = mixture.sample(60_000, torch.Generator().manual_seed(0))
    for k, side in enumerate((x[:, 0] < 0, x[:, 0] > 0)):
        torch.testing.assert_close(torch.cov(x[side].T), covariances[k], rtol=0.05, atol=0.03)


def test_the_posterior_mean_is_the_regression_on_simulated_pairs():
    """E[X_0 · f(X_σ)] = E[D(X_σ) · f(X_σ)] for any f."""
    target = MixtureDistribution(MIXTURES["full"])
    clean = target.sample(100_000, torch.Generator().manual_seed(1))
    noised = clean + 0.7 * _random(14, *clean.shape)
    for f in (torch.sin, torch.cos):
        gap = (clean - target.denoise(noised, 0.7)) * f(noised)
        assert (gap.mean(0).abs() < 4 * gap.std(0) / math.sqrt(1e5)).all()


def test_held_out_parts_of_a_mixture_differ_and_repeat():
    target = MixtureDistribution(MIXTURES["equal"])
    first, again, other = (target.held_out(5, torch.Generator().manual_seed(3), part) for part in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.isclose(first, other).any()


def test_split_is_a_partition_of_fixed_sizes():
    points = torch.arange(50, dtype=torch.float64)[:, None]
    split = EmpiricalDistribution.split(points, "here")
    generator = torch.Generator().manual_seed(0)
    parts = [split.held_out(99, generator, part).flatten() for part in (0, 1)]
    assert [len(split.train), len(parts[0]), len(parts[1])] == [30, 10, 10]
    everything = torch.cat([split.train.flatten(), *parts]).sort().values
    assert torch.equal(everything, points.flatten())
    assert split.finite
    assert np.isin(split.sample(500, generator).numpy(), split.train.numpy()).all()
    assert split.second_moment == pytest.approx(float(split.train.square().mean()))
