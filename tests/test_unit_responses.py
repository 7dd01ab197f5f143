"""Unit responses of a map whose numbers are known."""

import torch

from harness.unit_responses import count_draws, unit_responses

OFFSET, START, FIRST, SECOND = torch.tensor([[1.0, -2.0], [0.5, 3.0], [0.1, 0.2], [7.0, -0.3]], dtype=torch.float64)


def simulate(x, noise):
    return OFFSET + START * x + FIRST * noise() + SECOND * noise()


def test_the_map_is_read_off_its_answers():
    origin, moved = unit_responses(simulate, 2)
    torch.testing.assert_close(origin, OFFSET)
    torch.testing.assert_close(moved, torch.stack([START, FIRST, SECOND]))


def test_draws_are_counted():
    assert count_draws(simulate, 2) == 2
    assert count_draws(lambda x, noise: 2 * x, 2) == 0
    assert unit_responses(lambda x, noise: 2 * x, 3)[1].tolist() == [[2.0, 2.0, 2.0]]


def test_a_map_in_place_leaves_the_units_alone():
    origin, moved = unit_responses(lambda x, noise: x.mul_(3).add_(noise()), 2)
    assert origin.tolist() == [0.0, 0.0]
    assert moved.tolist() == [[3.0, 3.0], [1.0, 1.0]]
