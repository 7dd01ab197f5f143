"""The running residual against known curves, and the learner of an adaptive weighting on both kinds of training."""

import pytest
import torch

from harness.data_spec import DataSpec
from harness.residuals import CELLS, RunningResidual
from harness.weight_learners import WeightRequest
from harness.weightings import AdaptiveWeighting

LEVELS = torch.logspace(-1, 1, 64, dtype=torch.float64)
LOW, HIGH = 0.1, 10.0


class Recording(AdaptiveWeighting):
    name = "recording"

    def omega(self, sigma, sigma_data):
        return sigma

    def adapt(self, sigma, residual, sigma_data):
        self.__dict__["seen"] = (sigma, residual, sigma_data)
        return 1 / residual


def drawn(generator, count=256):
    sigma = LOW * (HIGH / LOW) ** torch.rand(count, generator=generator, dtype=torch.float64)
    return sigma, sigma.sqrt() * (1 + 0.1 * torch.randn(count, generator=generator, dtype=torch.float64))


def test_the_running_residual_finds_a_known_curve():
    running, generator = RunningResidual(LEVELS), torch.Generator().manual_seed(1)
    assert running.mean(LEVELS) is None
    for _ in range(400):
        running.add(*drawn(generator))
    mean = running.mean(LEVELS)
    assert torch.allclose(mean[1:-1], LEVELS[1:-1].sqrt(), rtol=0.05)


def test_it_is_linear_in_the_logarithm_between_what_was_seen_and_constant_beyond():
    running = RunningResidual(torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64))
    running.add(torch.tensor([9.0, 80.0, 120.0], dtype=torch.float64), torch.tensor([1.0, 2.0, 4.0]))
    found = running.mean(torch.tensor([0.5, 10.0, 10**1.5, 900.0], dtype=torch.float64))
    assert found.tolist() == pytest.approx([1.0, 1.0, 2.0, 3.0])


def test_without_decay_it_is_the_mean_of_the_last_batch():
    running = RunningResidual(torch.tensor([1.0, 2.0], dtype=torch.float64), decay=0.0)
    for norm in ([5.0, 7.0, 9.0], [1.0, 2.0, 4.0]):
        running.add(torch.tensor([1.0, 2.0, 2.0], dtype=torch.float64), torch.tensor(norm))
    assert running.mean(running.sigma).tolist() == [1.0, 3.0]


def test_an_adaptive_weighting_is_shown_the_residual_of_fresh_noise_at_the_levels():
    weighting, generator = Recording(), torch.Generator().manual_seed(1)
    fine = torch.logspace(-1, 1, 512, dtype=torch.float64)
    learner = weighting.learner(WeightRequest(DataSpec((2,), 0.7), fine))
    assert torch.equal(learner.omega(), fine)  # Nothing is known yet: as at the start.
    for _ in range(400):
        sigma, norm = drawn(generator)
        learner.learn(sigma, norm**2)
    omega = learner.omega()
    sigma, residual, scale = weighting.seen
    assert scale == 0.7
    assert torch.equal(sigma, fine)
    assert torch.allclose(residual[8:-8], fine[8:-8].sqrt(), rtol=0.05)
    assert torch.equal(omega, 1 / residual)
    assert len(fine) > CELLS


def test_of_a_fixed_objective_it_is_shown_the_mean_as_it_is_now():
    weighting, levels = Recording(), torch.tensor([0.5, 1.0, 4.0], dtype=torch.float64)
    learner = weighting.learner(WeightRequest(DataSpec((2,), 1.0), levels, fresh=False))
    for scale in (9.0, 1.0):
        learner.learn(levels.repeat_interleave(2), scale**2 * torch.tensor([1.0, 9, 4, 4, 0, 16], dtype=torch.float64))
        learner.omega()
    assert weighting.seen[1].tolist() == [2.0, 2.0, 2.0]
