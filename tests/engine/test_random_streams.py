"""Noise that belongs to samples."""

import math

import pytest
import torch

from harness.engine.random_streams import NoiseStream, _scramble


class TestNoiseStream:
    def draws(self, start, count, seed=1, dim=3, number=3, dtype=torch.float32):
        stream = NoiseStream(seed, start, count, dim, dtype)
        return torch.stack([stream() for _ in range(number)])

    @pytest.mark.parametrize(("start", "count"), [(0, 1), (255, 2), (256, 256), (300, 500), (999, 1)])
    def test_a_sample_does_not_depend_on_the_batch_it_is_drawn_in(self, start, count):
        whole = self.draws(0, 1000)
        assert torch.equal(self.draws(start, count), whole[:, start : start + count])

    def test_precisions_share_their_noise(self):
        single, double = self.draws(100, 300), self.draws(100, 300, dtype=torch.float64)
        assert double.dtype == torch.float64
        assert torch.equal(single.double(), double)

    def test_draws_are_standard_normal(self):
        noise = self.draws(0, 20_000, number=5).double().flatten()
        n = len(noise)
        for power, moment, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
            assert float((noise**power).mean()) == pytest.approx(moment, abs=4 * math.sqrt(variance / n))

    def test_draws_samples_coordinates_and_seeds_are_uncorrelated(self):
        noise = torch.cat([self.draws(0, 1024, seed=seed, number=4) for seed in (0, 1, 2)]).double()
        streams = noise.reshape(12, 4, 256, 3).permute(0, 1, 3, 2).reshape(-1, 256)  # draw, block, coordinate
        correlation = torch.corrcoef(streams)
        pairs = correlation[torch.triu(torch.ones_like(correlation), 1).bool()]
        assert float((256 * pairs**2).mean()) == pytest.approx(1, abs=0.05)
        assert float(pairs.abs().max()) < 5.5 / 16

    def test_blocks_and_draws_have_distinct_generators(self):
        words = {_scramble(block << 16 | draw) for block in range(200) for draw in range(200)}
        assert len(words) == 200 * 200
        assert max(words) < 2**32

    def test_seeds_and_dimensions_have_their_own_noise(self):
        assert not torch.equal(self.draws(0, 10, seed=1), self.draws(0, 10, seed=2))
        assert not torch.equal(self.draws(0, 10, dim=3)[0, 0], self.draws(0, 10, dim=4)[0, 0, :3])
