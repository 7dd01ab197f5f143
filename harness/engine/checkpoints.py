"""Checkpoints: tensors as blobs, written whole or not at all, and read only if they are what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors.torch import load, save

from harness.engine.modules import DTYPES, initial_module
from harness.engine.snapshots import State

if TYPE_CHECKING:
    from torch import nn

    from harness.blobs import Blob, Blobs
    from harness.data_spec import DataSpec
    from harness.engine.jobs import TrainedNetwork


def write_state(blobs: Blobs, state: State) -> str:
    """Keep tensors by name, a network's or whatever else was fitted; return the SHA-256 of their blob.

    Raises:
        DiskError: they cannot be written; nothing is left of them.
    """
    return blobs.write(save({name: value.contiguous() for name, value in state.items()}))


def read_state(blob: Blob) -> State:
    """Return the tensors that `write_state` kept.

    Raises:
        BlobError: the blob is missing, or is not what was written.
    """
    return dict(load(blob.read()))


def read_checkpoint(trained: TrainedNetwork, data: DataSpec) -> nn.Module:
    """Return a trained network, ready to be evaluated; raises like `read_state`."""
    state = read_state(trained.blob)
    module = initial_module(trained.network, data, 0).to(DTYPES[trained.precision])
    with torch.no_grad():
        # By hand: buffers that a module does not count among its state are part of what was trained as well.
        for name, value in (*module.named_parameters(), *module.named_buffers()):
            value.copy_(state[name])
    return module.to(trained.device).eval().requires_grad_(False)
