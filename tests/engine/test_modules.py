"""The network that training starts from."""

import torch
from harness_karras.networks import Mlp

from harness.data_spec import DataSpec
from harness.engine.modules import initial_module


def test_seeds_start_apart_and_weightings_of_a_seed_together():
    network = Mlp(width=16, depth=2)
    first, again, other = (initial_module(network, DataSpec((3,), 1.0), seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_initialisation_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    initial_module(Mlp(), DataSpec((2,), 1.0), 0)
    assert torch.equal(before, torch.random.get_rng_state())
