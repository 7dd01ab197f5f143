"""Checkpoints: write trained networks to disk whole or not at all, and read them only if they are what was written."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from harness.data_spec import DataSpec
from harness.engine.jobs import TrainedNetwork
from harness.engine.modules import DTYPES, initial_module
from harness.engine.snapshots import State
from harness.errors import DiskError
from harness.records import PART, file_digest


class CheckpointError(DiskError):
    """A checkpoint on disk is no longer the one that training wrote; the next run makes it again."""


def write_checkpoint(path: Path, state: State) -> str:
    """Write a network's parameters and buffers; return the SHA-256 of the file.

    Raises:
        DiskError: it cannot be written; nothing is left of it.
    """
    part = path.with_suffix(f".{os.getpid()}{PART}")
    try:
        save_file({name: value.contiguous() for name, value in state.items()}, part)
        digest = file_digest(part)
        part.replace(path)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise DiskError(f"{path} cannot be written: {error}; what was committed is kept") from error
    return digest


def read_checkpoint(trained: TrainedNetwork, data: DataSpec) -> nn.Module:
    """Return a trained network, ready to be evaluated.

    Raises:
        CheckpointError: the file is missing, or is not the one that training wrote.
    """
    if not trained.path.is_file() or file_digest(trained.path) != trained.sha256:
        raise CheckpointError(f"checkpoint {trained.path} is damaged: run the command again to train it anew")
    module = initial_module(trained.network, data, 0).to(DTYPES[trained.precision])
    state = load_file(trained.path)
    with torch.no_grad():
        # By hand: buffers that a module does not count among its state are part of what was trained as well.
        for name, value in (*module.named_parameters(), *module.named_buffers()):
            value.copy_(state[name])
    return module.to(trained.device).eval().requires_grad_(False)
