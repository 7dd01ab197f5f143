import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from harness_karras.noise_schedules import EdmSchedule
from harness_karras.time_discretizations import Polynomial
from harness_lipman.noise_schedules import FlowSchedule
from harness_nichol.noise_schedules import CosineSchedule
from harness_nichol.time_discretizations import CosineGrid
from harness_oracles.fisher_limit import FisherLimit
from harness_song.noise_schedules import VeGeometric, VpLinear
from harness_song.time_discretizations import Exponential, UniformTime
from harness_wang.noise_schedules import VeSqrt
from scipy.integrate import quad

from harness.errors import HarnessError
from harness.information import Information
from harness.time_discretizations import GridRequest

SCHEDULES = [
    EdmSchedule(),
    VeSqrt(),
    VpLinear(),
    FlowSchedule(),
    CosineSchedule(),
    VeGeometric(sigma_min=0.001),
]
GRIDS = [
    Polynomial(),
    Polynomial(rho=0.5),
    Polynomial(variable="sigma"),
    Exponential(),
    Exponential(variable="sigma"),
    UniformTime(),
    CosineGrid(),
    FisherLimit(),
]


class GaussianInformation(Information):
    """J of N(0, diag(λ)), times exp(noise) at each of the R replicates."""

    def __init__(self, eigenvalues, noise=0.0, replicates=1):
        self.eigenvalues = np.asarray(eigenvalues, dtype=float)
        self.dim = len(self.eigenvalues)
        self.second_moment = float(self.eigenvalues.sum())
        self.replicates = replicates
        self.noise = noise

    def fisher(self, u):
        exact = (1 / (u + self.eigenvalues[:, None])).sum(0)
        draws = np.random.default_rng(0).standard_normal((self.replicates, len(u)))
        return exact * np.exp(self.noise * draws)

    def fisher_integral(self, u):
        raise NotImplementedError

    def initialization(self, u):
        raise NotImplementedError


def request(steps=17, sigma_min=0.002, sigma_max=80.0, schedule=None, information=None):
    return GridRequest(steps, sigma_min, sigma_max, schedule or EdmSchedule(), information)


def levels(grid, *args, **kwargs):
    return grid.levels(request(*args, **kwargs)).numpy()


def discretization_error(sigmas, c2):
    """Exact E_D on N(0, c²): ½ Σ ∫ (J(u) − J(u_j)) du, J = 1/(u + c²)."""
    u = sigmas**2
    return 0.5 * np.sum(np.log((u[:-1] + c2) / (u[1:] + c2)) - (u[:-1] - u[1:]) / (u[:-1] + c2))


def euler_loss(sigmas, c):
    """−½ ln(V_gen/V_true) of Euler's method on the probability flow of N(0, c²)."""
    return -np.log(np.cos(np.diff(np.arctan(sigmas / c)))).sum()


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.name)
@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: grid.label())
@pytest.mark.parametrize("steps", [2, 17, 300])
def test_contract_end_points_and_order(grid, schedule, steps):
    found = grid.levels(request(steps, schedule=schedule, information=GaussianInformation([0.25])))
    assert found.dtype == torch.float64
    assert found.shape == (steps + 1,)
    assert bool((found.diff() < 0).all())
    torch.testing.assert_close(found[[0, -1]], torch.tensor([80.0, 0.002], dtype=torch.float64), rtol=1e-8, atol=0)


def test_polynomial_is_the_published_grid():
    # EDM, N = 18 levels: σ_i = (80^{1/7} + i/17 (0.002^{1/7} − 80^{1/7}))^7.
    published = [(80 ** (1 / 7) + i / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7 for i in range(18)]
    np.testing.assert_allclose(levels(Polynomial()), published, rtol=1e-12)
    np.testing.assert_allclose(published[1], 57.586, rtol=1e-4)


def test_polynomial_in_time_and_in_sigma_agree_where_time_is_sigma():
    np.testing.assert_allclose(levels(Polynomial()), levels(Polynomial(variable="sigma")), rtol=1e-14)


def test_polynomial_of_exponent_one_is_uniform():
    np.testing.assert_allclose(levels(Polynomial(rho=1)), levels(UniformTime()), rtol=1e-10)


@pytest.mark.parametrize("schedule", [EdmSchedule(), VpLinear()])
def test_polynomial_tends_to_exponential(schedule):
    limit = levels(Exponential(), schedule=schedule)
    gaps = [np.abs(levels(Polynomial(rho=r), schedule=schedule) / limit - 1).max() for r in (1e3, 1e4, 1e6)]
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.05)
    assert gaps[2] < 1e-4


def test_polynomial_in_time_on_the_square_root_schedule_halves_the_exponent():
    in_time = levels(Polynomial(rho=6), schedule=VeSqrt())
    np.testing.assert_allclose(in_time, levels(Polynomial(rho=3, variable="sigma")), rtol=1e-10)


def test_exponential_is_the_same_on_the_edm_and_the_square_root_schedule():
    np.testing.assert_allclose(levels(Exponential()), levels(Exponential(), schedule=VeSqrt()), rtol=1e-10)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.name)
def test_exponential_in_sigma_is_uniform_in_log_snr(schedule):
    grid = levels(Exponential(variable="sigma"), schedule=schedule)
    np.testing.assert_allclose(np.diff(np.log(grid)), math.log(0.002 / 80) / 17, rtol=1e-10)


def test_uniform_time_on_the_geometric_schedule_is_exponential_in_sigma():
    grid = levels(UniformTime(), schedule=VeGeometric())
    np.testing.assert_allclose(grid, levels(Exponential(variable="sigma")), rtol=1e-12)


def test_uniform_time_on_the_cosine_schedule_is_uniform_in_the_angle():
    grid = levels(UniformTime(), schedule=CosineSchedule(s=0.0))
    np.testing.assert_allclose(grid, levels(CosineGrid()), rtol=1e-10)


def test_uniform_time_on_flow_matching():
    # t = σ/(1 + σ) in equal steps.
    grid = levels(UniformTime(), 4, 0.25, 4.0, schedule=FlowSchedule())
    np.testing.assert_allclose(grid, [4, 0.65 / 0.35, 1, 0.35 / 0.65, 0.25], rtol=1e-12)


@pytest.mark.parametrize("scale", [0.5, 1.0, 7.0])
def test_cosine_is_uniform_in_the_arctangent(scale):
    angle = np.arctan(levels(CosineGrid(scale=scale)) / scale)
    np.testing.assert_allclose(np.diff(angle), (angle[-1] - angle[0]) / 17, rtol=1e-10)


def test_cosine_is_the_best_grid_for_eulers_method_on_a_gaussian():
    best = levels(CosineGrid(scale=0.5), 10)
    assert euler_loss(best, 0.5) == pytest.approx(0.122263, abs=1e-6)
    assert euler_loss(levels(Exponential(), 10), 0.5) == pytest.approx(0.265, abs=1e-3)
    assert euler_loss(levels(Polynomial(), 10), 0.5) == pytest.approx(0.284, abs=1e-3)
    assert_interior_minimum(best, lambda sigmas: euler_loss(sigmas, 0.5))


def assert_interior_minimum(sigmas, loss):
    for j in range(1, len(sigmas) - 1):
        for factor in (0.99, 1.01):
            moved = sigmas.copy()
            moved[j] *= factor
            assert loss(moved) > loss(sigmas)


@pytest.mark.parametrize("grid", [Polynomial(), Exponential()])
def test_a_schedule_with_negative_times_is_refused_in_one_line(grid):
    with pytest.raises(HarnessError, match=r"'ve-geometric' puts sigma_min=0\.002 at t=-0\.18.*variable=sigma"):
        levels(grid, schedule=VeGeometric())


@pytest.mark.parametrize("dim", [1, 5])
@pytest.mark.parametrize("c", [0.05, 0.5, 3.0])
def test_fisher_limit_on_an_isotropic_gaussian(c, dim):
    grid = levels(FisherLimit(), information=GaussianInformation([c**2] * dim))
    log = np.log(grid**2 + c**2)
    np.testing.assert_allclose(np.diff(log), (log[-1] - log[0]) / 17, rtol=1e-7)


def test_fisher_limit_is_the_best_grid_for_the_exponential_integrator_on_a_gaussian():
    best = levels(FisherLimit(), 10, information=GaussianInformation([0.25]))
    assert discretization_error(best, 0.25) == pytest.approx(1.88713, abs=1e-5)
    assert discretization_error(levels(Exponential(), 10), 0.25) == pytest.approx(2.75, abs=5e-3)
    assert discretization_error(levels(Polynomial(), 10), 0.25) == pytest.approx(2.31, abs=5e-3)
    assert_interior_minimum(best, lambda sigmas: discretization_error(sigmas, 0.25))


def test_fisher_limit_is_the_exponential_grid_in_the_worst_case():
    # J = d/u: a point mass.
    grid = levels(FisherLimit(), information=GaussianInformation([0.0, 0.0]))
    np.testing.assert_allclose(grid, levels(Exponential()), rtol=1e-9)


def fisher_lengths(sigmas, eigenvalues):
    """∫ √(−J′) du over each step, by quadrature in ln u."""

    def integrand(log_u):
        u = math.exp(log_u)
        return u * math.sqrt(sum((u + e) ** -2 for e in eigenvalues))

    ends = np.log(sigmas**2)
    return np.array([quad(integrand, low, high)[0] for high, low in pairwise(ends)])


def test_fisher_limit_equalises_the_lengths_on_an_anisotropic_gaussian():
    eigenvalues = [4.0, 1.0, 0.01, 1e-4]
    grid = levels(FisherLimit(), information=GaussianInformation(eigenvalues))
    lengths = fisher_lengths(grid, eigenvalues)
    np.testing.assert_allclose(lengths, lengths.mean(), rtol=3e-5)


@pytest.mark.parametrize("eigenvalues", [[0.25] * 2, [4.0, 1.0, 0.01, 1e-4]])
def test_fisher_limit_withstands_monte_carlo_noise(eigenvalues):
    noisy = GaussianInformation(eigenvalues, noise=0.02, replicates=8)
    lengths = fisher_lengths(levels(FisherLimit(), information=noisy), eigenvalues)
    np.testing.assert_allclose(lengths, lengths.mean(), rtol=0.1)


def test_fisher_limit_needs_information():
    assert FisherLimit.needs_information
    with pytest.raises(HarnessError, match="needs the target's Fisher information"):
        levels(FisherLimit())
