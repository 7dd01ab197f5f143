"""Noise levels of training: drawn by a density, and the residual gathered over them."""

import math

import pytest
import torch
from scipy import stats

from harness.engine.levels import LevelSampler, interpolate, table_levels

LOW, HIGH = 0.05, 20.0


LEVELS = table_levels(LOW, HIGH)


class TestLevelSampler:
    def test_levels_follow_the_density(self):
        density = torch.exp(-((LEVELS.log() + 1.2) ** 2) / (2 * 1.2**2)) / LEVELS
        draw = LevelSampler(LEVELS, density[None], torch.ones(1, len(LEVELS), dtype=torch.float64))
        sigma, _ = draw(torch.rand(1, 20_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
        a, b = ((math.log(s) + 1.2) / 1.2 for s in (LOW, HIGH))
        law = stats.truncnorm(a, b, loc=-1.2, scale=1.2)
        assert stats.kstest(sigma[0].log().numpy(), law.cdf).pvalue > 0.01

    def test_weights_have_mean_one_and_the_right_shape(self):
        omega = torch.stack([LEVELS**2, 1 / LEVELS])
        draw = LevelSampler(LEVELS, (1 / LEVELS).expand(2, -1), omega)
        quantile = (torch.arange(100_000, dtype=torch.float64) + 0.5).expand(2, -1) / 100_000
        sigma, weight = draw(quantile)
        assert torch.allclose(weight.mean(-1), torch.ones(2, dtype=torch.float64), rtol=1e-3)
        for row, power in enumerate((2, -1)):
            ratio = weight[row] / sigma[row] ** power
            assert float(ratio.max() / ratio.min()) < 1.001

    def test_new_weights_of_one_network_leave_the_others_to_the_last_bit(self):
        generator = torch.Generator().manual_seed(0)
        omega = torch.rand(50, len(LEVELS), generator=generator, dtype=torch.float64) + 0.1
        draw = LevelSampler(LEVELS, (1 / LEVELS).expand(50, -1), omega)
        before = draw.omega.clone()
        draw.set_omega(7, 1 / LEVELS)
        others = torch.arange(50) != 7
        assert torch.equal(draw.omega[others], before[others])
        assert not torch.equal(draw.omega[7], before[7])

    def test_a_density_with_a_gap_is_never_drawn_in_it(self):
        density = torch.where((LEVELS > 0.5) & (LEVELS < 5), 0.0, 1 / LEVELS)
        draw = LevelSampler(LEVELS, density[None], torch.ones(1, len(LEVELS), dtype=torch.float64))
        sigma, _ = draw(torch.linspace(0, 1, 5001, dtype=torch.float64)[None])
        assert not bool(((sigma > 0.52) & (sigma < 4.9)).any())
        assert float(sigma.min()) == pytest.approx(LOW)
        assert float(sigma.max()) == pytest.approx(HIGH)


def test_interpolation_is_exact_on_lines_and_constant_beyond():
    x = torch.tensor([-1.0, 0.0, 0.25, 3.0, 9.0], dtype=torch.float64)
    known = torch.tensor([0.0, 1.0, 4.0], dtype=torch.float64)
    assert interpolate(x, known, 2 * known + 1).tolist() == [1.0, 1.0, 1.5, 7.0, 9.0]
