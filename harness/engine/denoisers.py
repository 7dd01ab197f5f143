"""Denoisers: make D(x, σ) of a module, of an oracle, of a trained network on disk."""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import TYPE_CHECKING

import torch

from harness.engine.checkpoints import read_checkpoint

if TYPE_CHECKING:
    from torch import Tensor, nn

    from harness.engine.jobs import TrainedNetwork
    from harness.networks import OracleNetwork
    from harness.samplers import Denoiser
    from harness.targets import Distribution


@lru_cache(maxsize=16)
def denoiser_from_checkpoint(trained: TrainedNetwork, dim: int, sigma_data: float) -> Denoiser:
    """Return the denoiser of a trained network, read once in a process; raises like `read_checkpoint`."""
    return denoiser_from_module(read_checkpoint(trained, dim, sigma_data))


def denoiser_from_module(module: nn.Module) -> Denoiser:
    """Return the denoiser that a network computes, without reverse-mode gradients.

    Points may be float32 or float64: those of another dtype than the module's go through a copy of it, made
    here and now, since none can be made within a forward-mode derivative (`torch.func.jvp`), which passes.
    """
    own = next((p.dtype for p in module.parameters() if p.is_floating_point()), None)
    modules = {
        dtype: module if dtype == own else copy.deepcopy(module).to(dtype) for dtype in (torch.float32, torch.float64)
    }

    def denoise(x: Tensor, sigma: float) -> Tensor:
        with torch.no_grad():
            denoised: Tensor = modules[x.dtype](x, x.new_full((x.shape[0],), sigma))
        return denoised

    return denoise


def denoiser_from_oracle(network: OracleNetwork, distribution: Distribution) -> Denoiser:
    """Return the denoiser that an oracle network computes from the target's own."""

    def denoise(x: Tensor, sigma: float) -> Tensor:
        return network.denoise(distribution, x, sigma)

    return denoise
