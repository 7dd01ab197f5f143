"""Untrained denoisers of a data set: their held-out losses are near the least, and never those of copying."""

import numpy as np
import pytest
import torch

from harness.mixtures import EmpiricalDistribution
from harness.smoothed_data import smoothed_losses


def split(points):
    return EmpiricalDistribution.split(points, "made up")


@pytest.fixture(scope="module")
def normal():
    """The curve of 3,000 points of a normal law whose least loss is known."""
    generator = torch.Generator().manual_seed(3)
    points = torch.randn(3000, 4, generator=generator, dtype=torch.float64) * torch.tensor([1.0, 0.5, 0.2, 0.1])
    return smoothed_losses(split(points), 0.02, 20.0)


def test_on_normal_data_the_loss_is_nearly_the_least(normal):
    variances = np.square([1.0, 0.5, 0.2, 0.1])
    u = normal.sigma[:, None] ** 2
    least = (variances * u / (variances + u)).sum(1)
    assert (np.abs(normal.loss - least) < 4 * normal.error + 0.02 * least).all()
    assert (normal.error < 0.1 * normal.loss).all()


def test_it_copies_nothing():
    """Copied points would show no loss at small levels; the population's is that of doing nothing, d σ²."""
    generator = torch.Generator().manual_seed(4)
    angle = 2 * np.pi * torch.rand(400, generator=generator, dtype=torch.float64)
    curve = smoothed_losses(split(torch.stack([angle.cos(), angle.sin()], 1)), 0.01, 10.0)
    # The ring leaves one of two directions open.
    small = curve.sigma < 0.03
    assert (curve.loss[small] > 0.8 * curve.sigma[small] ** 2).all()
    assert (curve.loss < 2.1 * curve.sigma**2).all()
    # Far out nothing is known but the mean.
    assert curve.loss[-1] == pytest.approx(1.0, rel=0.1)


def test_the_unit_of_the_data_changes_nothing_else():
    points = torch.randn(200, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    one, thousand = smoothed_losses(split(points), 0.1, 10.0), smoothed_losses(split(1000 * points), 100.0, 1e4)
    np.testing.assert_allclose(thousand.sigma, 1000 * one.sigma)
    np.testing.assert_allclose(thousand.loss, 1e6 * one.loss, rtol=1e-6)
