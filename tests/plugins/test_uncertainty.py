"""EDM2's uncertainty: stationary at e^u = λ E‖D − X_0‖²/d, on a known curve and in training."""

import pytest
import torch
from harness_karras.networks import Mlp
from harness_karras.weightings import Edm2Uncertainty, EdmWeighting
from harness_synthetic.targets import Gaussian

from harness.data_spec import DataSpec
from harness.engine.adam import train
from harness.engine.courses import Learner, LevelTable
from harness.engine.levels import table_levels
from harness.trainers import Adam
from harness.weight_learners import WeightRequest

LOW, HIGH = 0.05, 20.0
LEVELS = table_levels(LOW, HIGH)


def made(weighting, data):
    torch.manual_seed(0)
    return weighting.learner(WeightRequest(data, LEVELS))


def batch(weighting, generator, count=256):
    sigma = (weighting.p_mean + weighting.p_std * torch.randn(count, generator=generator, dtype=torch.float64)).exp()
    return sigma.clamp(LOW, HIGH)


def curve(sigma):
    """A squared residual per coordinate, E‖σS + ξ‖²/d, with a ripple that no preconditioning knows of."""
    return 0.5 / (1 + sigma**2) * (0.7 * (2 * sigma.log()).sin()).exp()


def error(weighting, values, truth, sigma_data):
    """Root mean square of the difference over the levels that are drawn."""
    mass = weighting.density(LEVELS, sigma_data) * LEVELS
    return float((mass * (values - truth) ** 2).sum().div(mass.sum()).sqrt())


@pytest.mark.parametrize("dim", [1, 2, 64])
def test_it_converges_to_the_logarithm_of_the_expected_loss(dim):
    weighting, sigma_data = Edm2Uncertainty(), 0.7
    learner, generator = made(weighting, DataSpec((dim,), sigma_data)), torch.Generator().manual_seed(1)
    truth = (weighting.omega(LEVELS, sigma_data) * curve(LEVELS)).log()
    assert error(weighting, learner.uncertainty(LEVELS), truth, sigma_data) > 0.5
    total, count = torch.zeros_like(LEVELS), 0
    for step in range(1500):
        sigma = batch(weighting, generator)
        normal = torch.randn(256, dim, generator=generator, dtype=torch.float64)
        learner.learn(sigma, curve(sigma) * normal.square().sum(-1))
        if step >= 500:
            total, count = total + learner.uncertainty(LEVELS), count + 1
    # One u carries the noise of its last few batches; their mean has next to none left, and shows no bias.
    assert error(weighting, learner.uncertainty(LEVELS), truth, sigma_data) < 0.2
    assert error(weighting, total / count, truth, sigma_data) < 0.03


def test_the_gradient_in_closed_form_is_that_of_the_loss():
    weighting, sigma_data, dim = Edm2Uncertainty(features=8), 0.7, 3
    learner, generator = made(weighting, DataSpec((dim,), sigma_data)), torch.Generator().manual_seed(2)
    learner._weights.copy_(0.3 * torch.randn(8, generator=generator))
    sigma, squared = batch(weighting, generator), 3 * torch.rand(256, generator=generator, dtype=torch.float64)
    weights = learner._weights.clone().double().requires_grad_()
    u = learner._features(sigma).double() @ weights
    lam = (sigma**2 + sigma_data**2) / (sigma * sigma_data) ** 2
    loss = (lam / u.exp() * sigma**2 * squared / dim + u).mean()
    (gradient,) = torch.autograd.grad(loss, weights)
    learner.learn(sigma, squared)
    torch.testing.assert_close(learner._weights.grad.double(), gradient, rtol=1e-4, atol=1e-5)


def test_it_starts_as_the_weighting_of_edm():
    weighting, sigma_data = Edm2Uncertainty(), 0.7
    edm = EdmWeighting(p_mean=weighting.p_mean, p_std=weighting.p_std)
    learner = made(weighting, DataSpec((2,), sigma_data))
    assert torch.equal(learner.omega(), edm.omega(LEVELS, sigma_data))
    assert torch.equal(weighting.omega(LEVELS, sigma_data), edm.omega(LEVELS, sigma_data))
    assert torch.equal(weighting.density(LEVELS, sigma_data), edm.density(LEVELS, sigma_data))


def test_on_a_gaussian_of_the_assumed_scale_it_stays_there():
    # λ is 1/mmse of N(0, s²): the expected loss of the best denoiser is 1 at every level, and u = 0.
    weighting, sigma_data = Edm2Uncertainty(), 0.7
    learner, generator = made(weighting, DataSpec((4,), sigma_data)), torch.Generator().manual_seed(3)
    for _ in range(500):
        sigma = batch(weighting, generator)
        normal = torch.randn(256, 4, generator=generator, dtype=torch.float64)
        learner.learn(sigma, sigma_data**2 / (sigma_data**2 + sigma**2) * normal.square().sum(-1))
    assert error(weighting, learner.uncertainty(LEVELS), 0 * LEVELS, sigma_data) < 0.1


class Kept(Edm2Uncertainty):
    """Keeps its learners, to be looked at."""

    name = "kept"

    def learner(self, request):
        self.__dict__["learners"] = [*self.__dict__.get("learners", []), super().learner(request)]
        return self.learners[-1]


@pytest.mark.slow
def test_in_training_on_a_gaussian_it_ends_at_the_least_loss_in_closed_form():
    """Of N(0, diag(λ_i)) the best denoiser has E‖D − X_0‖² = Σ λ_iσ²/(λ_i + σ²)."""
    law = Gaussian(dim=4, std=1.0, condition=1e6).distribution()
    variances = torch.linalg.eigvalsh(law.mean_and_covariance()[1])
    weighting = Kept()
    table = LevelTable(weighting.density(LEVELS, law.sigma_data), weighting.omega(LEVELS, law.sigma_data))
    trainer = Adam(sigma_min=LOW, sigma_max=HIGH, batch_size=256, learning_rate=3e-3)
    weights = []

    def watch(step, stack, draw, sigma, omega, squared):
        weights.append(draw.omega[0].clone())

    who = Learner(weighting, table, 0)
    ((snapshot,),) = train(Mlp(width=64, depth=2), law, [who], trainer, (2500,), watch)
    assert snapshot.diverged is None
    sigma = LEVELS[:, None]
    mmse = (variances * sigma**2 / (variances + sigma**2)).sum(-1)
    lam = (LEVELS**2 + law.sigma_data**2) / (LEVELS * law.sigma_data) ** 2
    truth = (lam * mmse / law.dim).log()
    assert float(truth.max() - truth.min()) > 0.7
    (learner,) = weighting.learners
    # A network is a little above the least loss, and u carries the noise of its last batches.
    assert error(weighting, learner.uncertainty(LEVELS), truth, law.sigma_data) < 0.12
    # What the network is trained with is ω_edm e^{−u}, of mean 1: at the end every level loses the same.
    averaged = torch.stack(weights[1500:]).log().mean(0)
    wanted = (1 + (LEVELS / law.sigma_data) ** 2).log() - truth
    gap = averaged - wanted
    mass = weighting.density(LEVELS, law.sigma_data) * LEVELS
    gap = gap - float((mass * gap).sum() / mass.sum())
    assert error(weighting, gap, 0 * gap, law.sigma_data) < 0.08
