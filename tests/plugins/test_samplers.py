"""Orders of convergence, exact identities and exact laws of every sampler, on closed-form denoisers."""

import itertools
import math

import numpy as np
import pytest
import torch
from harness_bao.samplers import Analytic
from harness_karras.samplers import EdmStochastic, Heun
from harness_lu.samplers import DPMpp2M
from harness_song.samplers import Ancestral, Euler
from harness_wang.samplers import ExponentialIntegrator
from pydantic import ValidationError

from harness.engine.sampling import kernel_variances, simulate_function
from harness.information import Information
from harness.samplers import GaussianKernelSampler, SamplerRun

C = 0.5
"""Standard deviation of the Gaussian target."""


def gaussian(x, sigma):
    return C**2 / (C**2 + sigma**2) * x


def mixture(x, sigma):
    """Denoiser of two equal Gaussians of variance c² at ±1, per coordinate: nonlinear in x."""
    u, c2 = sigma**2, 0.09
    return (c2 * x + u * torch.tanh(x / (c2 + u))) / (c2 + u)


def polynomial(steps, first=20.0, last=0.05, rho=7):
    return np.linspace(first ** (1 / rho), last ** (1 / rho), steps + 1) ** rho


class IsotropicInformation(Information):
    """J(u) = d/(c² + u), as R equal replicates with noise of mean 0."""

    def __init__(self, dim, spread=0.0):
        self.dim, self.second_moment, self.replicates = dim, dim * C**2, 2
        self._spread = np.array([[1 + spread], [1 - spread]])

    def fisher(self, u):
        return self._spread * self.dim / (C**2 + u)

    def fisher_integral(self, u):
        return self._spread * self.dim * -np.diff(np.log(C**2 + u))

    def initialization(self, u):
        return self.dim / 2 * (C**2 / u - math.log1p(C**2 / u)) * np.ones(2)


class ConstantError:
    replicates = 1

    def __init__(self, value):
        self.value = value

    def __call__(self, sigma):
        return np.full((1, len(sigma)), self.value)


def variances(sampler, sigmas, dim=1, error=0.0):
    return kernel_variances(sampler, sigmas, IsotropicInformation(dim), ConstantError(error))


def final_variance(sampler, sigmas):
    """Exact variance at σ_N of an affine sampler started from the exact law at σ_0, on the Gaussian.

    The map is x_N = a x_0 + Σ b_k z_k: one probe carries a, one probe each noise draw.
    """
    draws = len(sigmas) - 1
    simulate = simulate_function(sampler, gaussian, sigmas, variances(sampler, sigmas))
    impulses = iter(torch.eye(draws + 1, dtype=torch.float64)[1:])
    start = torch.eye(draws + 1, dtype=torch.float64)[0]
    response = simulate(start[:, None], lambda: next(impulses)[:, None])[:, 0]
    weights = torch.ones(draws + 1, dtype=torch.float64)
    weights[0] = C**2 + sigmas[0] ** 2
    return float(weights @ response**2)


def order(error_at, steps=(160, 240, 360, 540)):
    """Slope of log error against log(1/N)."""
    errors = [abs(error_at(n)) for n in steps]
    return -np.polyfit(np.log(steps), np.log(errors), 1)[0]


@pytest.mark.parametrize(
    ("sampler", "expected"), [(Euler(), 1), (Heun(), 2), (DPMpp2M(), 2), (EdmStochastic(s_churn=0), 2)]
)
def test_order_on_the_probability_flow(sampler, expected):
    # on N(0, c²) the flow is x(σ) ∝ √(c² + σ²)
    def error(steps):
        sigmas = polynomial(steps)
        start = torch.full((1, 1), 3.0, dtype=torch.float64)
        end = simulate_function(sampler, gaussian, sigmas, None)(start, None)
        return float(end) / 3.0 / math.sqrt((C**2 + sigmas[-1] ** 2) / (C**2 + sigmas[0] ** 2)) - 1

    assert order(error) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(("sampler", "expected"), [(Euler(), 1), (Heun(), 2), (DPMpp2M(), 2)])
def test_order_on_a_nonlinear_flow(sampler, expected):
    starts = torch.tensor([[-6.0, 1.0], [2.0, 9.0]], dtype=torch.float64)

    def end(method, steps):
        return simulate_function(method, mixture, polynomial(steps, first=5.0, last=0.1), None)(starts, None)

    reference = end(Heun(), 12000)
    assert order(lambda n: float((end(sampler, n) - reference).abs().max())) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        (ExponentialIntegrator(), 1),
        (Ancestral(), 1),
        (EdmStochastic(s_churn=40, s_min=0, s_max=20, s_noise=1), 2),
    ],
)
def test_weak_order_of_stochastic_samplers(sampler, expected):
    def error(steps):
        sigmas = polynomial(steps)
        return final_variance(sampler, sigmas) / (C**2 + sigmas[-1] ** 2) - 1

    assert order(error) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("steps", [2, 3, 10, 100])
def test_analytic_has_the_exact_law_on_an_isotropic_gaussian_at_any_number_of_steps(steps):
    sigmas = polynomial(steps)
    assert final_variance(Analytic(), sigmas) == pytest.approx(C**2 + sigmas[-1] ** 2, rel=1e-12)


@pytest.mark.parametrize("error", [0.0, 0.3, 50.0])
def test_analytic_variance_minimises_the_step_divergence(error):
    sigmas, dim = polynomial(6), 3
    u = sigmas**2
    delta, fisher = u[:-1] - u[1:], dim / (C**2 + u[:-1])

    def divergence(v):
        return dim * np.log(v / delta) + (dim * delta - delta**2 * (fisher - error)) / v - dim

    best = variances(Analytic(), sigmas, dim, error)
    assert np.all(divergence(best) < divergence(1.01 * best))
    assert np.all(divergence(best) < divergence(0.99 * best))


def test_analytic_reads_the_means_over_replicates():
    sigmas = polynomial(5)
    noisy = kernel_variances(Analytic(), sigmas, IsotropicInformation(2, spread=0.1), ConstantError(0.2))
    np.testing.assert_allclose(noisy, variances(Analytic(), sigmas, 2, 0.2), rtol=1e-12)


def test_analytic_is_clamped_at_the_ancestral_variance():
    class TooInformative(IsotropicInformation):
        def fisher(self, u):
            return 1.2 * self.dim / u * np.ones((2, 1))

    sigmas = polynomial(5)
    clamped = kernel_variances(Analytic(), sigmas, TooInformative(2), ConstantError(0.0))
    np.testing.assert_allclose(clamped, variances(Ancestral(), sigmas), rtol=1e-14)


def one_step(sampler, x, noise, sigma, sigma_next):
    sigmas = np.array([sigma, sigma_next])
    return simulate_function(sampler, mixture, sigmas, variances(sampler, sigmas))(x, lambda: noise)


def points(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(50, 3, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("sampler", "eta"), [(Euler(), 0.0), (Ancestral(), 1.0)])
@pytest.mark.parametrize(("sigma", "sigma_next"), [(10.0, 7.0), (1.0, 0.3), (0.2, 0.19)])
def test_euler_and_ancestral_are_ddim_in_variance_preserving_coordinates(sampler, eta, sigma, sigma_next):
    x, noise = sigma * points(1), points(2)
    # DDIM, equations 12 and 16, with the paper's α = 1/(1 + σ²): z' = √α' D + √(1 − α' − ς²) ε̂ + ς ξ
    a, a_next = 1 / (1 + sigma**2), 1 / (1 + sigma_next**2)
    spread = eta * math.sqrt((1 - a_next) / (1 - a) * (1 - a / a_next))
    denoised = mixture(x, sigma)
    predicted_noise = (math.sqrt(a) * x - math.sqrt(a) * denoised) / math.sqrt(1 - a)
    z = math.sqrt(a_next) * denoised + math.sqrt(1 - a_next - spread**2) * predicted_noise + spread * noise
    ours = one_step(sampler, x, noise, sigma, sigma_next)
    torch.testing.assert_close(ours, z / math.sqrt(a_next), rtol=1e-12, atol=1e-12)


def test_ancestral_draws_from_the_posterior_of_the_forward_process():
    # X_σ' given X_0 = D and X_σ = x, by conditioning two Gaussian observations of X_σ'
    sigma, sigma_next = 2.0, 0.7
    x, noise = sigma * points(3), points(4)
    precision = 1 / sigma_next**2 + 1 / (sigma**2 - sigma_next**2)
    mean = (mixture(x, sigma) / sigma_next**2 + x / (sigma**2 - sigma_next**2)) / precision
    ours = one_step(Ancestral(), x, noise, sigma, sigma_next)
    torch.testing.assert_close(ours, mean + precision**-0.5 * noise, rtol=1e-12, atol=1e-12)


def test_exponential_integrator_and_ancestral_share_the_mean_and_differ_by_the_ratio_of_levels():
    sigma, sigma_next = 1.5, 0.6
    x, noise = sigma * points(5), points(6)
    score = (mixture(x, sigma) - x) / sigma**2
    mean = x + (sigma**2 - sigma_next**2) * score
    integrator = one_step(ExponentialIntegrator(), x, noise, sigma, sigma_next) - mean
    ancestral = one_step(Ancestral(), x, noise, sigma, sigma_next) - mean
    torch.testing.assert_close(integrator, math.sqrt(sigma**2 - sigma_next**2) * noise, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(ancestral, sigma_next / sigma * integrator, rtol=1e-10, atol=1e-12)


def test_gaussian_kernel_samplers_preserve_the_mean_of_the_reverse_chain():
    # Tweedie: on N(0, c²), E[X_σ' | X_σ = x] = (c² + σ'²)/(c² + σ²) x
    sigmas = np.array([3.0, 1.0])
    x = points(7)
    for sampler in (ExponentialIntegrator(), Ancestral(), Analytic()):
        simulate = simulate_function(sampler, gaussian, sigmas, variances(sampler, sigmas))
        expected = (C**2 + 1) / (C**2 + 9) * x
        torch.testing.assert_close(simulate(x, lambda: torch.zeros_like(x)), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("churn", "gamma"), [(0.6, 0.2), (3, math.sqrt(2) - 1)])  # 3 steps; s_churn/N, capped
def test_edm_stochastic_raises_the_level_by_the_variance_it_adds(churn, gamma):
    sampler = EdmStochastic(s_churn=churn, s_min=0.5, s_max=4, s_noise=1.1)
    x, noise = 2 * points(8), points(9)
    sigmas = [2.0, 1.0, 0.4, 0.2]
    run = SamplerRun(mixture, sigmas, lambda: noise)
    raised = 2.0 * (1 + gamma)
    noised = x + 1.1 * math.sqrt(raised**2 - 4) * noise
    heun = simulate_function(Heun(), mixture, [raised, 1.0], None)
    torch.testing.assert_close(sampler.step(run, x), heun(noised, None), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("level", [5.0, 0.4])
def test_edm_stochastic_is_heun_outside_its_window(level):
    sampler = EdmStochastic(s_churn=3, s_min=0.5, s_max=4)
    x = level * points(10)
    run = SamplerRun(mixture, [level, level / 2], lambda: pytest.fail("drew noise"))
    torch.testing.assert_close(sampler.step(run, x), Heun().step(run, x), rtol=0, atol=0)


def test_multistep_with_equal_steps_is_adams_bashforth_for_the_denoiser():
    # h = h₋: weights 3/2 and −1/2
    sigmas = [4.0, 2.0, 1.0]
    x = 4 * points(11)
    first = mixture(x, 4.0)
    middle = 0.5 * x + 0.5 * first
    expected = 0.5 * middle + 0.5 * (1.5 * mixture(middle, 2.0) - 0.5 * first)
    ours = simulate_function(DPMpp2M(), mixture, sigmas, None)(x, None)
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)


def test_multistep_extrapolates_to_the_middle_of_the_step_in_log_level():
    # with D = λ = −ln σ the extrapolated denoiser is exactly λ + h/2
    sigmas = [4.0, 2.5, 0.5, 0.4]
    x = 4 * points(13)
    expected = x
    for index, (sigma, sigma_next) in enumerate(itertools.pairwise(sigmas)):
        middle = -math.log(sigma) + (math.log(sigma / sigma_next) / 2 if index else 0)
        expected = sigma_next / sigma * expected + (1 - sigma_next / sigma) * middle
    ours = simulate_function(DPMpp2M(), lambda x, sigma: torch.full_like(x, -math.log(sigma)), sigmas, None)
    torch.testing.assert_close(ours(x, None), expected, rtol=1e-12, atol=1e-12)


def test_a_run_leaves_nothing_behind_in_a_multistep_sampler():
    sampler, sigmas, x = DPMpp2M(), polynomial(7), points(12)
    simulate = simulate_function(sampler, mixture, sigmas, None)
    assert torch.equal(simulate(x, None), simulate(x, None))


def test_deterministic_is_what_it_says():
    assert [s.deterministic for s in (Euler(), Heun(), DPMpp2M(), EdmStochastic(s_churn=0))] == [True] * 4
    assert [s.deterministic for s in (ExponentialIntegrator(), Ancestral(), Analytic(), EdmStochastic())] == [False] * 4
    assert EdmStochastic().label() == "edm-stochastic"
    assert EdmStochastic(s_churn=0).label() == "edm-stochastic:s_churn=0"


def test_edm_stochastic_refuses_an_empty_window():
    with pytest.raises(ValidationError, match=r"s_min=2 must not exceed s_max=1"):
        EdmStochastic(s_min=2, s_max=1)


def test_gaussian_kernels_are_the_three():
    every = (ExponentialIntegrator, Ancestral, Analytic, Euler, Heun, EdmStochastic, DPMpp2M)
    assert [issubclass(cls, GaussianKernelSampler) for cls in every] == [True] * 3 + [False] * 4
    assert len({cls.name for cls in every}) == 7
    assert all(cls.formula and cls.source for cls in every)
