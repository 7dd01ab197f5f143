"""The budget is exact: against joint Gaussians of whole chains, and against simulated paths."""

import itertools
import math

import numpy as np
import pytest
import torch
from harness_synthetic.targets import Gaussian, Ring

from harness.budget import budget
from harness.engine.curves import ExactScoreError, MeasuredScoreError
from harness.engine.measurement import measure_information

EXACT = ExactScoreError(lambda sigma: 0.0 * sigma)


def variances(kind, sigmas, information, score_error):
    """The three Gaussian kernels of theory.md, section 2."""
    u = sigmas**2
    delta = u[:-1] - u[1:]
    best = delta - delta**2 * (information.fisher(u[:-1]) - score_error(sigmas[:-1])).mean(0) / information.dim
    return {"exponential": delta, "ancestral": u[1:] * delta / u[:-1], "analytic": best}[kind]


def kl(mean, covariance, other_mean, other_covariance):
    """KL of two Gaussians."""
    root = np.linalg.cholesky(other_covariance)
    whitened = np.linalg.solve(root, np.linalg.cholesky(covariance))
    away = np.linalg.solve(root, mean - other_mean)
    logs = np.log(np.diag(np.linalg.cholesky(covariance))).sum() - np.log(np.diag(root)).sum()
    return 0.5 * ((whitened**2).sum() + (away**2).sum() - len(mean)) - logs


def true_chain(sigmas, mean, covariance):
    """Joint law of X at every level: Brownian motion in u from the data, cov(X_u, X_v) = C + min(u, v) I."""
    u = sigmas**2
    joint = np.kron(np.minimum.outer(u, u), np.eye(len(mean))) + np.kron(np.ones((len(u), len(u))), covariance)
    return np.tile(mean, len(u)), joint


def sampler_chain(sigmas, steps, mean, covariance, slope, offset):
    """Joint law of an affine sampler whose score is slope_j (C + u_j)⁻¹ (m − y) + offset_j."""
    u, d = sigmas**2, len(mean)
    means, rows = [np.zeros(d)], [np.hstack([np.sqrt(u[0]) * np.eye(d), np.zeros((d, d * len(steps)))])]
    for j, v in enumerate(steps):
        delta = u[j] - u[j + 1]
        pull = slope[j] * np.linalg.inv(covariance + u[j] * np.eye(d))
        kept = np.eye(d) - delta * pull
        means.append(kept @ means[-1] + delta * (pull @ mean + offset[j]))
        row = kept @ rows[-1]
        row[:, d * (j + 1) : d * (j + 2)] += np.sqrt(v) * np.eye(d)
        rows.append(row)
    root = np.vstack(rows)
    return np.concatenate(means), root @ root.T


GAUSSIANS = {
    "isotropic": Gaussian(dim=2, std=0.7),
    "shifted": Gaussian(dim=3, std=0.5, mean=1.2),
    "anisotropic": Gaussian(dim=3, std=1.1, condition=40.0, mean=-0.3),
}
GRIDS = {
    "geometric": np.geomspace(10.0, 0.1, 9),
    "polynomial": np.linspace(5.0**0.25, 0.2**0.25, 7) ** 4,
}


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("kind", ["exponential", "ancestral", "analytic"])
@pytest.mark.parametrize("name", GAUSSIANS)
def test_budget_of_the_exact_score_is_the_kl_of_the_chains(name, kind, grid):
    target, sigmas = GAUSSIANS[name].distribution(), GRIDS[grid]
    mean, covariance = (t.numpy() for t in target.gaussian())
    information = target.closed_information()
    steps = variances(kind, sigmas, information, EXACT)
    q = sampler_chain(sigmas, steps, mean, covariance, np.ones(len(steps)), np.zeros((len(steps), len(mean))))
    exact = kl(*true_chain(sigmas, mean, covariance), *q)
    assert budget(sigmas, steps, information, EXACT).total[0] == pytest.approx(exact, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("kind", ["exponential", "ancestral", "analytic"])
def test_budget_of_a_wrong_score_is_the_kl_of_the_chains(kind):
    """Both errors that keep the chain Gaussian: a slope that is off, and an offset."""
    sigmas = GRIDS["geometric"]
    target = GAUSSIANS["anisotropic"].distribution()
    mean, covariance = (t.numpy() for t in target.gaussian())
    information = target.closed_information()
    u = sigmas[:-1] ** 2
    slope = 1 + 0.3 * np.sin(np.arange(len(u)))
    offset = 0.2 * np.outer(np.cos(np.arange(len(u))), [1.0, -2.0, 0.5]) / sigmas[:-1, None]
    known = (slope - 1) ** 2 * information.fisher(u)[0] + (offset**2).sum(1)
    error = ExactScoreError(lambda sigma: np.interp(-sigma, -sigmas[:-1], known))
    steps = variances(kind, sigmas, information, error)
    q = sampler_chain(sigmas, steps, mean, covariance, slope, offset)
    exact = kl(*true_chain(sigmas, mean, covariance), *q)
    parts = budget(sigmas, steps, information, error)
    assert parts.total[0] == pytest.approx(exact, rel=1e-6)
    assert parts.score[0] == pytest.approx(0.5 * ((sigmas[:-1] ** 2 - sigmas[1:] ** 2) * known).sum())


def test_best_variance_on_an_isotropic_gaussian_leaves_the_initialization_alone():
    information = GAUSSIANS["isotropic"].distribution().closed_information()
    for sigmas in (np.array([10.0, 3.0, 0.1]), GRIDS["polynomial"]):
        parts = budget(sigmas, variances("analytic", sigmas, information, EXACT), information, EXACT)
        assert abs((parts.total - parts.initialization)[0]) < 1e-9


def test_best_variance_is_best():
    information = GAUSSIANS["anisotropic"].distribution().closed_information()
    sigmas = GRIDS["geometric"]
    error = ExactScoreError(lambda sigma: 0.05 / sigma**2)
    best = variances("analytic", sigmas, information, error)
    least = budget(sigmas, best, information, error).total[0]
    for j in range(len(best)):
        for factor in (0.98, 1.02):
            moved = best * np.where(np.arange(len(best)) == j, factor, 1.0)
            assert budget(sigmas, moved, information, error).total[0] > least


def test_ancestral_budget_has_its_own_closed_form():
    """½ Σ [(1/u' − 1/u) E‖D_θ − D‖² + ∫ (M(u_j) − M(u)) d(1/u)], by quadrature on a Gaussian."""
    information = GAUSSIANS["anisotropic"].distribution().closed_information()
    sigmas = GRIDS["polynomial"]
    u = sigmas**2
    error = ExactScoreError(lambda sigma: 0.1 / sigma**2)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    total = 0.0
    for a, b in itertools.pairwise(u):
        w = 0.5 * (1 / b - 1 / a)
        inside = 1 / (1 / a + w * (1 + nodes))
        gap = (weights * (information.mmse(np.array([a]))[0, 0] - information.mmse(inside)[0])).sum() * w
        total += 0.5 * ((1 / b - 1 / a) * a**2 * 0.1 / a + gap)
    parts = budget(sigmas, variances("ancestral", sigmas, information, error), information, error)
    assert (parts.total - parts.initialization)[0] == pytest.approx(total, rel=1e-8)


def ring_score(x, u):
    """Score of the noised default ring, written out."""
    ring = Ring()
    angle = 2 * math.pi * torch.arange(ring.modes, dtype=torch.float64) / ring.modes
    away = ring.radius * torch.stack([angle.cos(), angle.sin()], 1) - x[:, None]
    v = ring.std**2 + u[:, None]
    weights = (-away.square().sum(2) / (2 * v)).softmax(1)
    return (weights[:, :, None] * away).sum(1) / v


def path_integral(sigmas, n, seed):
    """½ Σ_j ∫ ‖∇log p_u(X_u) − ∇log p_{u_j}(X_{u_j})‖² du along n simulated true paths, shape (n,)."""
    generator = torch.Generator().manual_seed(seed)
    normal = lambda: torch.randn(n, 2, generator=generator, dtype=torch.float64)  # noqa: E731
    clean = Ring().distribution().sample(n, generator)
    total = torch.zeros(n, dtype=torch.float64)
    for high, low in zip(sigmas[:-1] ** 2, sigmas[1:] ** 2, strict=True):
        # One time in each of four strata of ln u; du = u d ln u.
        for k in range(4):
            place = (k + torch.rand(n, generator=generator, dtype=torch.float64)) / 4
            u = low * (high / low) ** place
            x = clean + u.sqrt()[:, None] * normal()
            top = torch.full_like(u, float(high))
            y = x + (top - u).sqrt()[:, None] * normal()
            gap = (ring_score(x, u) - ring_score(y, top)).square().sum(1)
            total = total + 0.5 * gap * u * math.log(high / low) / 4
    return total


@pytest.mark.parametrize("grid", ["geometric", "polynomial"])
def test_discretization_error_on_the_ring_is_the_simulated_path_integral(grid):
    sigmas = {
        "geometric": np.geomspace(20.0, 0.05, 9),
        "polynomial": np.linspace(20**0.2, 0.05**0.2, 9) ** 5,
    }[grid]
    information = measure_information(Ring().distribution(), 0.05, 20.0)
    parts = budget(sigmas, sigmas[:-1] ** 2 - sigmas[1:] ** 2, information, EXACT)
    simulated = path_integral(sigmas, 40_000, 1)
    error = math.hypot(
        parts.discretization.std(ddof=1) / math.sqrt(len(parts.discretization)),
        float(simulated.std()) / math.sqrt(len(simulated)),
    )
    assert abs(parts.discretization.mean() - float(simulated.mean())) < 3 * error
    assert error < 0.01 * float(simulated.mean())


def test_ring_numbers_of_the_theory():
    """Path KL of 20 steps from σ = 20 to 0.05, to 0.02 nats: theory.md does not name its ring's size."""
    information = measure_information(Ring().distribution(), 0.05, 20.0, samples=4000)

    def path(rho):
        if rho is None:
            sigmas = np.geomspace(20.0, 0.05, 21)
        else:
            sigmas = np.linspace(20 ** (1 / rho), 0.05 ** (1 / rho), 21) ** rho
        return budget(sigmas, sigmas[:-1] ** 2 - sigmas[1:] ** 2, information, EXACT).total.mean()

    exponential, seven, three = path(None), path(7), path(3)
    assert exponential == pytest.approx(1.68, abs=0.02)
    assert seven == pytest.approx(1.56, abs=0.02)
    assert three == pytest.approx(1.58, abs=0.02)
    assert seven < three < exponential


def test_replicates_of_both_curves_meet_one_to_one():
    sigmas = GRIDS["geometric"]
    information = measure_information(Ring().distribution(), 0.1, 10.0, samples=64)
    levels = np.geomspace(0.1, 10.0, 12)
    score = MeasuredScoreError(levels, np.linspace(0.01, 0.08, 8)[:, None] * np.ones(12))
    parts = budget(sigmas, sigmas[:-1] ** 2 - sigmas[1:] ** 2, information, score)
    fraction = 1 - (sigmas[1:] / sigmas[:-1]) ** 2
    np.testing.assert_allclose(parts.score, 0.5 * np.linspace(0.01, 0.08, 8) * fraction.sum())
    np.testing.assert_allclose(parts.variance, 0.0, atol=1e-9)
    assert parts.total.shape == (8,)
