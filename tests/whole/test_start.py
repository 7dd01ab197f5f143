"""Starts: draws, density, and the exact error of starting there."""

import math

import numpy as np
import pytest
import torch
from harness_data.targets import Digits
from harness_oracles.initial_laws import MomentMatched
from harness_song.initial_laws import Centered
from harness_synthetic.targets import Gaussian, Mixture, Ring

from harness.engine.checks import check_start
from harness.engine.measurement import measure_information
from harness.errors import ContractError, HarnessError
from harness.initial_laws import Start
from harness.mixtures import MixtureDistribution

TARGETS = {
    "gaussian": Gaussian(dim=3, condition=20.0, mean=0.7),
    "ring": Ring(),
    "mixture": Mixture(dim=3, modes=4, weights=(1.0, 2.0, 3.0, 4.0)),
    "full mixture": Mixture(dim=4, modes=3, condition=30.0, weights=(1.0, 2.0, 0.5)),
    "digits": Digits(),
}


def oblique(dim, seed=0):
    """A start with nothing special about it."""
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(dim, dim, generator=generator, dtype=torch.float64)
    mean = torch.randn(dim, generator=generator, dtype=torch.float64)
    return Start.from_covariance(mean, root @ root.T + 0.3 * torch.eye(dim, dtype=torch.float64))


def gaussian_kl(mean, covariance, start):
    """KL(N(m, Σ) ‖ start) by torch's own distributions."""
    normal = torch.distributions.MultivariateNormal
    return float(
        torch.distributions.kl_divergence(normal(mean, covariance), normal(start.mean, start.covariance)).sum()
    )


class TestLaw:
    @pytest.mark.parametrize("start", [oblique(3), Start.centered(2.5, 3)], ids=["oblique", "centered"])
    def test_density_is_that_of_the_gaussian(self, start):
        x = torch.randn(20, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        reference = torch.distributions.MultivariateNormal(start.mean, start.covariance)
        torch.testing.assert_close(start.log_density(x), reference.log_prob(x))

    @pytest.mark.parametrize("start", [oblique(3), Start.centered(2.5, 3)], ids=["oblique", "centered"])
    def test_draws_have_its_moments_and_whitening_undoes_them(self, start):
        noise = torch.randn(200_000, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        x = start.draw(noise)
        torch.testing.assert_close(start.whiten(x), noise)
        spread = start.covariance.diagonal().max()
        torch.testing.assert_close(x.mean(0), start.mean, atol=float(5 * (spread / 2e5).sqrt()), rtol=0)
        torch.testing.assert_close(x.T.cov(), start.covariance, atol=float(5 * spread * (2 / 2e5) ** 0.5), rtol=0)

    def test_draws_keep_the_precision_of_the_noise(self):
        noise = torch.randn(5, 3, generator=torch.Generator().manual_seed(2))
        for start in (oblique(3), Start.centered(2.5, 3)):
            assert start.draw(noise).dtype == torch.float32

    @pytest.mark.parametrize("sigma", [20.0, 0.1 + 0.2, math.pi])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_the_centered_law_is_bit_for_bit_sigma_times_the_noise(self, sigma, dtype):
        noise = torch.randn(500, 2, generator=torch.Generator().manual_seed(3)).to(dtype)
        start = Centered().start(Ring().distribution(), sigma)
        assert torch.equal(start.draw(noise), sigma * noise)
        assert start.is_centered(sigma)
        assert not start.is_centered(2 * sigma)

    def test_responses_give_the_law_after_an_affine_map(self):
        start, linear = oblique(3), oblique(3, seed=4).covariance
        response = start.respond(linear)
        torch.testing.assert_close(response.T @ response, linear.T @ start.covariance @ linear)


@pytest.mark.parametrize("name", TARGETS)
def test_mean_and_covariance_are_those_of_samples(name):
    law = TARGETS[name].distribution()
    mean, covariance = law.mean_and_covariance()
    assert float(covariance.trace() + mean.square().sum()) == pytest.approx(law.second_moment, rel=1e-12)
    if law.finite:
        points = law.train
        torch.testing.assert_close(mean, points.mean(0))
        torch.testing.assert_close(covariance, points.T.cov(correction=0))
        return
    x = law.sample(200_000, torch.Generator().manual_seed(0))
    scale = float(covariance.diagonal().max())
    torch.testing.assert_close(x.mean(0), mean, atol=5 * (scale / 2e5) ** 0.5, rtol=0)
    torch.testing.assert_close(x.T.cov(), covariance, atol=5 * scale * (2 / 2e5) ** 0.5, rtol=0)


class TestDivergence:
    @pytest.mark.parametrize("sigma", [0.3, 2.0, 20.0])
    def test_on_a_gaussian_it_is_the_closed_form(self, sigma):
        law = TARGETS["gaussian"].distribution()
        mean, covariance = law.mean_and_covariance()
        noised = covariance + sigma**2 * torch.eye(3, dtype=torch.float64)
        for start in (oblique(3), Start.centered(1.7, 3), Start.centered(sigma, 3)):
            exact = start.divergence(sigma**2, law.closed_information(), mean, covariance)
            assert exact[0] == pytest.approx(gaussian_kl(mean, noised, start), rel=1e-9)

    @pytest.mark.parametrize("sigma", [0.05, 2.0, 20.0, 80.0])
    def test_a_matched_start_on_a_gaussian_costs_nothing(self, sigma):
        law = TARGETS["gaussian"].distribution()
        start = MomentMatched().start(law, sigma)
        exact = start.divergence(sigma**2, law.closed_information(), *law.mean_and_covariance())
        assert abs(exact[0]) < 1e-13

    @pytest.mark.parametrize("name", TARGETS)
    def test_of_the_centered_start_it_is_the_information_s_own(self, name):
        law = TARGETS[name].distribution()
        information = measure_information(law, 0.5, 4.0, samples=32)
        exact = Start.centered(4.0, law.dim).divergence(16.0, information, *law.mean_and_covariance())
        np.testing.assert_allclose(exact, information.initialization(16.0), rtol=1e-9)

    @pytest.mark.parametrize("sigma", [0.4, 1.0])
    @pytest.mark.parametrize("name", ["ring", "mixture", "full mixture"])
    def test_on_a_mixture_it_is_a_monte_carlo_kl(self, name, sigma):
        """E ln p_u − ln q over points of p_u."""
        law = TARGETS[name].distribution()
        generator = torch.Generator().manual_seed(5)
        clean = law.sample(100_000, generator)
        x = clean + sigma * torch.randn(clean.shape, generator=generator, dtype=torch.float64)
        information = measure_information(law, 0.05, sigma, samples=2000)
        matched = MomentMatched().start(law, sigma)
        for start in (matched, oblique(law.dim), Start.centered(sigma, law.dim)):
            exact = start.divergence(sigma**2, information, *law.mean_and_covariance())
            simulated = law.log_density(x, sigma) - start.log_density(x)
            error = math.hypot(exact.std(ddof=1) / len(exact) ** 0.5, float(simulated.std()) / len(x) ** 0.5)
            assert abs(exact.mean() - float(simulated.mean())) < 4 * error
            assert error < 0.02 * max(1.0, float(simulated.mean()))

    @pytest.mark.parametrize("name", TARGETS)
    def test_no_gaussian_starts_closer_than_the_matched_one(self, name):
        law = TARGETS[name].distribution()
        information = measure_information(law, 0.5, 4.0, samples=32)
        moments = law.mean_and_covariance()
        least = MomentMatched().start(law, 4.0).divergence(16.0, information, *moments)
        scaled = Start(0.9 * moments[0], MomentMatched().start(law, 4.4).factor)
        for start in (Start.centered(4.0, law.dim), scaled):
            assert (start.divergence(16.0, information, *moments) >= least - 1e-12).all()

    @pytest.mark.parametrize("name", TARGETS)
    def test_the_convex_bound_is_above_it_and_is_the_theorem_s_own_for_the_centered_start(self, name):
        law = TARGETS[name].distribution()
        information, moments = measure_information(law, 0.5, 4.0, samples=32), law.mean_and_covariance()
        bound = Start.centered(4.0, law.dim).convex_bound(16.0, *moments)
        assert bound == pytest.approx(law.second_moment / 32, rel=1e-9)
        for start in (oblique(law.dim), MomentMatched().start(law, 4.0)):
            assert start.convex_bound(16.0, *moments) >= start.divergence(16.0, information, *moments).mean()

    def test_the_centered_error_falls_with_the_noise_and_the_matched_one_faster(self):
        """Claim 12: m₂²/2u_0 at first order where the mean is not 0; what matching leaves falls faster."""
        law = Mixture(dim=2, modes=3, spread=2.0).distribution()
        moments = law.mean_and_covariance()
        centered, matched = [], []
        for sigma in (8.0, 16.0):
            information = measure_information(law, 0.5, sigma, samples=4000)
            u = sigma**2
            centered.append(information.initialization(u).mean())
            matched.append(MomentMatched().start(law, sigma).divergence(u, information, *moments).mean())
        assert 3.5 < centered[0] / centered[1] < 17
        assert all(m < 0.02 * c for m, c in zip(matched, centered, strict=True))


class TestBorder:
    @pytest.mark.parametrize(
        ("start", "rule"),
        [
            (object(), "start: type object; it must be a harness.initial_laws.Start"),
            (Start(torch.zeros(2), 1.0), "mean: shape (2,); it must be (3,)"),
            (Start(torch.tensor([0.0, math.nan, 0.0]), 1.0), "mean: nan at index 1; it must be finite"),
            (Start(torch.zeros(3), 0.0), "factor: 0; it must be finite and positive"),
            (Start(torch.zeros(3), -2.0), "factor: -2; it must be finite and positive"),
            (Start(torch.zeros(3), math.inf), "factor: inf; it must be finite and positive"),
            (Start(torch.zeros(3), 1e-200), "factor: 1e-200; its square must be finite and positive too"),
            (Start(torch.zeros(3), 1e200), "factor: 1e+200; its square must be finite and positive too"),
            (Start(torch.zeros(3), 1e-200 * torch.eye(3).double()), "the covariance must be finite and positive"),
            (Start(torch.zeros(3), torch.eye(2)), "factor: shape (2, 2); it must be (3, 3)"),
            (Start(torch.zeros(3), torch.ones(3, 3)), "factor: singular; the covariance must be positive definite"),
            (Start(torch.zeros(3), True), "factor: shape (); it must be (3, 3)"),
        ],
    )
    def test_a_start_that_is_none_is_told_in_one_line(self, start, rule):
        with pytest.raises(ContractError) as raised:
            check_start(start, Centered(), 3)
        assert str(raised.value).endswith(rule)
        assert "initial law" in str(raised.value)
        assert "\n" not in str(raised.value)

    def test_what_passes_is_the_same_law_in_double_precision(self):
        given = Start(torch.ones(3), torch.diag(torch.tensor([1.0, 2.0, 3.0])))
        checked = check_start(given, Centered(), 3)
        assert checked.mean.dtype == checked.factor.dtype == torch.float64
        torch.testing.assert_close(checked.covariance, torch.diag(torch.tensor([1.0, 4.0, 9.0])).double())
        assert isinstance(check_start(Start(torch.zeros(3), 2), Centered(), 3).factor, float)

    def test_a_distribution_without_moments_says_so(self):
        class Bare(MixtureDistribution):
            def mean_and_covariance(self):
                return super(MixtureDistribution, self).mean_and_covariance()

        with pytest.raises(HarnessError, match=r"Bare has no mean_and_covariance\(\)"):
            MomentMatched().start(Bare(Ring().distribution().mixture), 1.0)
