"""Known laws against independent computations: derivatives of densities, quadrature, samples."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.integrate import quad, solve_ivp
from scipy.stats import norm

from harness.engine.known_laws import GaussianLaw, MixtureLaw
from harness.properties import Property

GAUSSIAN = GaussianLaw([1.0, -0.5], [1.0, 0.04])
MIXTURE = MixtureLaw([0.3, 0.7], [-0.6, 0.5], [0.7, 0.35])
LEVELS = (0.05, 0.7, 30.0)


def density(x, sigma):
    parts = zip([0.3, 0.7], [-0.6, 0.5], [0.7, 0.35], strict=True)
    return sum(w * norm.pdf(x, m, np.hypot(s, sigma)) for w, m, s in parts)


def slope(x, sigma):
    """p', in closed form."""
    parts = zip([0.3, 0.7], [-0.6, 0.5], [0.7, 0.35], strict=True)
    return sum(w * norm.pdf(x, m, np.hypot(s, sigma)) * (m - x) / (s**2 + sigma**2) for w, m, s in parts)


@pytest.mark.parametrize("sigma", LEVELS)
def test_the_mixture_denoises_by_tweedie_s_formula(sigma):
    x = np.linspace(-3, 3, 41) * max(1, sigma)
    expected = x + sigma**2 * slope(x, sigma) / density(x, sigma)
    found = MIXTURE.denoise(torch.from_numpy(x)[:, None], sigma)[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("sigma", LEVELS)
def test_the_gaussian_denoises_by_tweedie_s_formula(sigma):
    x = torch.randn(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    law = torch.distributions.Normal(torch.tensor([1.0, -0.5]), torch.tensor([1.0, 0.04]).add(sigma**2).sqrt())
    (score,) = torch.autograd.grad(law.log_prob(x).sum(), x)
    torch.testing.assert_close(GAUSSIAN.denoise(x, sigma), x + sigma**2 * score, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(GAUSSIAN.deviations(sigma) ** 2, [1 + sigma**2, 0.04 + sigma**2])


def test_the_flow_of_the_mixture_keeps_masses():
    masses = np.array([0.01, 0.3, 0.42, 0.9])
    start = MIXTURE.quantiles(masses, 5.0)
    np.testing.assert_allclose(MIXTURE.cumulative(start, 5.0), masses, rtol=1e-12)

    def slope_of_flow(sigma, x):
        return (x - MIXTURE.denoise(torch.from_numpy(x)[:, None], sigma)[:, 0].numpy()) / sigma

    found = solve_ivp(slope_of_flow, (5.0, 0.1), start, rtol=1e-11, atol=1e-12).y[:, -1]
    np.testing.assert_allclose(found, MIXTURE.quantiles(masses, 0.1), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("sigma", LEVELS)
def test_curves_of_the_mixture_by_adaptive_quadrature(sigma):
    u, reach = sigma**2, 12 * np.hypot(0.7, sigma)

    def integral(function):
        return quad(function, -reach, reach, points=[-0.6, 0.5], limit=400, epsabs=1e-12)[0]

    fisher = integral(lambda x: slope(x, sigma) ** 2 / density(x, sigma))
    assert MIXTURE.fisher(np.array([u]))[0, 0] == pytest.approx(fisher, rel=1e-7)
    if sigma > 0.1:  # else one of the densities is below the smallest number
        divergence = integral(lambda x: density(x, sigma) * np.log(density(x, sigma) / norm.pdf(x, 0, sigma)))
        assert MIXTURE.initialization(u)[0] == pytest.approx(divergence, rel=1e-5, abs=1e-10)
    waves = [integral(lambda x: density(x, sigma) * np.cos(x / 2)), integral(lambda x: density(x, sigma) * np.sin(x))]
    found = MIXTURE.waves(np.array([0.5, 1.0]), sigma)
    assert [found[0, 0], found[1, 1]] == pytest.approx(waves, abs=1e-9)


@pytest.mark.parametrize("law", [GAUSSIAN, MIXTURE, GaussianLaw([0.2], [0.3])])
def test_integrals_of_the_information_are_those_of_its_values(law):
    grid = np.array([2.0, 0.7, 0.5])
    expected = [quad(lambda u: law.fisher(np.array([u]))[0, 0], b, a)[0] for a, b in pairwise(grid)]
    np.testing.assert_allclose(law.fisher_integral(grid)[0], expected, rtol=1e-8)


def test_information_at_much_noise_is_that_of_pure_noise():
    for law, mean_squared in ((GAUSSIAN, 1.25), (MIXTURE, 0.17**2)):
        assert law.fisher(np.array([1e6]))[0, 0] * 1e6 == pytest.approx(law.dim, rel=1e-5)
        assert law.initialization(1e4)[0] == pytest.approx(mean_squared / 2e4, rel=0.01)
    assert MIXTURE.second_moment == pytest.approx(quad(lambda x: x**2 * density(x, 0.0), -8, 8)[0])


@pytest.mark.parametrize(
    ("claimed", "measured", "at_least", "verdict"),
    [
        (2, 1.6, True, "pass"),
        (2, 1.4, True, "fail"),
        (2, 3.0, True, "pass"),
        (2, 3.0, False, "fail"),
        (2, float("nan"), True, "fail"),
        (2, float("inf"), True, "fail"),
        (None, 3.0, False, "unclaimed"),
    ],
)
def test_verdicts(claimed, measured, at_least, verdict):
    found = Property("order", claimed, measured, 0.5, at_least)
    assert found.verdict == verdict
    assert str(found).startswith("order: ")
    assert str(found).endswith(verdict)
