"""Modules of networks for images, and what they are given: for tests of what holds of each."""

import torch

from harness.data_spec import DataSpec

SHAPE = (2, 8, 12)


def fresh(network, shape=SHAPE, sigma_data=0.5, seed=0, moved=True):
    """A module away from its start, so that no layer is zero."""
    torch.manual_seed(seed)
    module = network.module(DataSpec(shape, sigma_data, classes=5))
    if moved:
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return module


def given(network, n=6, shape=SHAPE, dtype=torch.float64):
    """Points, levels and, where the network takes them, labels."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(n, *shape, generator=generator, dtype=torch.float64)
    sigma = torch.logspace(-2, 1, n, dtype=torch.float64)
    return x.to(dtype), sigma.to(dtype), *([torch.arange(n) % 5] if network.conditional else [])
