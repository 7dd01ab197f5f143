"""Denoisers: make D(x, σ) of a module, of an oracle, of a trained network's checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, TypedDict

import torch

from harness.engine.checkpoints import read_checkpoint
from harness.engine.modules import DTYPES, Forward, flattened
from harness.engine.shortage import Parts
from harness.networks import OracleNetwork

if TYPE_CHECKING:
    from torch import Tensor, nn

    from harness.data_spec import DataSpec
    from harness.engine.jobs import TrainedNetwork
    from harness.engine.labels import LabelledDenoiser
    from harness.targets import Distribution
    from harness.trainers import Device


class Place(TypedDict):
    """Where, and in which arithmetic, samples are drawn."""

    device: Device
    dtype: torch.dtype


def place_of(network: OracleNetwork | TrainedNetwork) -> Place:
    """Return where samples of a network are drawn, and in which arithmetic: an oracle's in float64."""
    if isinstance(network, OracleNetwork):
        return {"device": "cpu", "dtype": torch.float64}
    return {"device": network.device, "dtype": DTYPES[network.precision]}


def denoiser_of(network: OracleNetwork | TrainedNetwork, law: Distribution) -> LabelledDenoiser:
    """Return the denoiser of a network on its target; raises like `denoiser_from_checkpoint`."""
    if isinstance(network, OracleNetwork):
        return denoiser_from_oracle(network, law)
    return denoiser_from_checkpoint(network, law.data)


@lru_cache(maxsize=16)
def denoiser_from_checkpoint(trained: TrainedNetwork, data: DataSpec) -> LabelledDenoiser:
    """Return the denoiser of a trained network, read once in a process; raises like `read_checkpoint`."""
    return denoiser_from_module(read_checkpoint(trained, data), partial(flattened, trained.network, data))


def denoiser_from_module(module: nn.Module, flat: Callable[[Forward], Forward] = lambda seen: seen) -> LabelledDenoiser:
    """Return the denoiser that a network computes, with gradients in points that ask for them.

    Points may be on any device, and float32 or float64: those of another dtype than the module's go through a copy of
    it, made here and now, since none can be made within a forward-mode derivative (`torch.func.jvp`), which passes.
    Where memory runs out, this and all later calls compute them in parts.

    Arguments:
        module: the network.
        flat: makes of it what takes flat points, where it sees them in their shape.
    """
    first = next((p for p in module.parameters() if p.is_floating_point()), None)
    own, device = (None, "cpu") if first is None else (first.dtype, first.device)
    forwards = {
        dtype: flat(module if dtype == own else copy.deepcopy(module).to(dtype))
        for dtype in (torch.float32, torch.float64)
    }

    parts = Parts()

    def denoise(x: Tensor, sigma: float, labels: Tensor | None = None) -> Tensor:
        # One number in memory: a module may see that the level is the same for all points (`told_once`).
        level = x.new_full((1,), sigma, device=device)

        def forward(some: Tensor, *given: Tensor) -> Tensor:
            known = (each.to(device) for each in given)
            return forwards[x.dtype](some.to(device), level.expand(len(some)), *known).to(x.device)

        with torch.set_grad_enabled(x.requires_grad):
            return parts(forward, x, *([] if labels is None else [labels]))

    return denoise


def in_precision(denoiser: LabelledDenoiser, dtype: torch.dtype) -> LabelledDenoiser:
    """Return a denoiser that computes in one dtype, whatever that of the points, in which its result is."""

    def denoise(x: Tensor, sigma: float, labels: Tensor | None = None) -> Tensor:
        return denoiser(x.to(dtype), sigma, labels).to(x.dtype)

    return denoise


def denoiser_from_oracle(network: OracleNetwork, distribution: Distribution) -> LabelledDenoiser:
    """Return the denoiser that an oracle network computes from the target's own; it takes no labels."""

    def denoise(x: Tensor, sigma: float, labels: Tensor | None = None) -> Tensor:
        return network.denoise(distribution, x, sigma)

    return denoise
