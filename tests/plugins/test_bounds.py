"""The bounds hold where they apply (marginal KL ≤ budget ≤ theorem 2); elsewhere they say why not."""

import itertools

import numpy as np
import pytest
from harness_oracles.bounds import BudgetBound
from harness_synthetic.targets import Gaussian, Ring
from harness_wang.bounds import Theorem2, discretization

from harness.bounds import Design
from harness.budget import budget
from harness.engine.curves import ExactScoreError
from harness.engine.measurement import measure_information
from harness.errors import NotApplicable
from harness.samplers import GaussianKernelSampler, Sampler

EXACT = ExactScoreError(lambda sigma: 0.0 * sigma)
WRONG = ExactScoreError(lambda sigma: 0.04 / sigma**2)


class Kernel(GaussianKernelSampler):
    name = "some-kernel"

    def step_variances(self, sigma, sigma_next, information, score_error):
        raise NotImplementedError


class Map(Sampler):
    name = "some-map"

    def step(self, run, x):
        raise NotImplementedError


def design(information, sigmas, score_error=EXACT, variances="exponential"):
    u = sigmas**2
    delta = u[:-1] - u[1:]
    steps = {"exponential": delta, "ancestral": delta * u[1:] / u[:-1], None: None}[variances]
    exact = None if steps is None else budget(sigmas, steps, information, score_error)
    sampler = Map() if steps is None else Kernel()
    second = information.second_moment
    return Design(sampler, sigmas, steps, information.dim, second, information, score_error, exact)


def marginal_kl(target, sigmas, offset):
    """KL(p_δ ‖ q_N) of the exponential integrator on a Gaussian, its score off by offset/σ."""
    mean, covariance = target.gaussian()
    c, m = covariance.diag().numpy(), mean.numpy()
    u = sigmas**2
    q_mean, q_var = np.zeros_like(m), np.full_like(c, u[0])
    for a, b in itertools.pairwise(u):
        kept = 1 - (a - b) / (c + a)
        q_mean = kept * q_mean + (1 - kept) * m + (a - b) * offset / np.sqrt(a)
        q_var = kept**2 * q_var + (a - b)
    p_var = c + u[-1]
    return 0.5 * float((p_var / q_var - 1 + np.log(q_var / p_var) + (m - q_mean) ** 2 / q_var).sum())


def random_grids(count):
    stream = np.random.default_rng(5)
    for _ in range(count):
        top, bottom = 10 ** stream.uniform(0.3, 2), 10 ** stream.uniform(-2.5, -0.5)
        inner = np.exp(stream.uniform(np.log(bottom), np.log(top), stream.integers(1, 30)))
        yield np.concatenate([[top], np.sort(inner)[::-1], [bottom]])


@pytest.mark.parametrize("score_error", [EXACT, WRONG], ids=["exact", "wrong"])
@pytest.mark.parametrize(
    "target",
    [Gaussian(), Gaussian(dim=5, std=0.3, condition=100.0), Gaussian(dim=3, std=2.0, mean=3.0)],
    ids=lambda t: t.label(),
)
def test_marginal_is_below_budget_is_below_theorem_2(target, score_error):
    law = target.distribution()
    offset = np.zeros(law.dim)
    offset[0] = 0.0 if score_error is EXACT else 0.2
    for sigmas in random_grids(60):
        case = design(law.closed_information(), sigmas, score_error)
        marginal, exact = marginal_kl(law, sigmas, offset), BudgetBound().value(case)
        assert marginal <= exact * (1 + 1e-9) + 1e-12
        assert exact <= Theorem2().value(case) * (1 + 1e-9)
        parts = case.budget
        assert parts.discretization[0] <= discretization(sigmas**2, law.dim, law.second_moment) * (1 + 1e-9)
        assert parts.initialization[0] <= law.second_moment / (2 * sigmas[0] ** 2)


def test_theorem_2_is_within_a_small_factor_of_the_budget_on_ordinary_designs():
    for rho in (1.0, 3.0, 7.0, None):
        sigmas = (
            np.geomspace(20, 0.05, 21) if rho is None else np.linspace(20 ** (1 / rho), 0.05 ** (1 / rho), 21) ** rho
        )
        case = design(Gaussian(dim=4, std=0.8).distribution().closed_information(), sigmas)
        assert 1 < Theorem2().value(case) / BudgetBound().value(case) < 5


def test_theorem_2_holds_on_the_ring():
    law = Ring().distribution()
    information = measure_information(law, 0.05, 20.0)
    for sigmas in (np.geomspace(20, 0.05, 21), np.linspace(20 ** (1 / 7), 0.05 ** (1 / 7), 11) ** 7):
        case = design(information, sigmas)
        assert BudgetBound().value(case) == pytest.approx(case.budget.total.mean())
        assert BudgetBound().value(case) < Theorem2().value(case)


def unclamped(u, dim, second_moment):
    """The published form of the last term, which lets it be negative."""
    delta = u[:-1] - u[1:]
    largest = np.minimum(second_moment, dim * u[:-1])
    bend = (u[1:-1] ** 2 - u[2:] * u[:-2]) / (u[:-2] * u[1:-1] ** 2)
    first = dim * (np.log(u[:-1] / u[1:]) - delta / u[:-1]).sum() + delta[0] / u[0] ** 2 * largest[0]
    return 0.5 * (first + (bend * largest[1:]).sum())


def test_last_term_must_be_clamped_on_a_log_convex_grid():
    """Where each step shrinks u by less than the one before, the published form is below what it bounds."""
    sigmas = np.sqrt([64.0, 51.0, 43.0, 42.8])
    law = Gaussian(dim=1, std=6.5).distribution()
    exact = design(law.closed_information(), sigmas).budget.discretization[0]
    assert unclamped(sigmas**2, 1, law.second_moment) < 0 < exact
    assert discretization(sigmas**2, 1, law.second_moment) > exact


def test_theorem_2_by_hand():
    """u = 4, 2, 1 in one dimension, m₂² = 3: b = (3, 2); the bend term is (4 − 4)/(4·4) = 0."""
    u = np.array([4.0, 2.0, 1.0])
    assert discretization(u, 1, 3.0) == pytest.approx(0.5 * (2 * np.log(2) - 1 + 2 / 16 * 3))
    # u = 4, 3, 1: the bend term is (9 − 4)/(4·9), b_1 = 3.
    expected = 0.5 * (np.log(4) - 1 / 4 - 2 / 3 + 1 / 16 * 3 + 5 / 36 * 3)
    assert discretization(np.array([4.0, 3.0, 1.0]), 1, 3.0) == pytest.approx(expected)


def test_bounds_say_where_they_do_not_apply():
    information = Gaussian().distribution().closed_information()
    sigmas = np.geomspace(5, 0.1, 6)
    deterministic = design(information, sigmas, variances=None)
    for bound in (BudgetBound(), Theorem2()):
        verdict = bound.value(deterministic)
        assert isinstance(verdict, NotApplicable)
        assert "some-map" in verdict.reason
    ancestral = design(information, sigmas, variances="ancestral")
    assert isinstance(BudgetBound().value(ancestral), float)
    verdict = Theorem2().value(ancestral)
    assert isinstance(verdict, NotApplicable)
    assert "some-kernel has another" in verdict.reason
