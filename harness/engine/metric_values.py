"""Metric values: draw the held-out points that metrics compare with, the same for all combinations of a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from harness.engine.random_streams import seed_from

if TYPE_CHECKING:
    from torch import Tensor

    from harness.targets import Distribution


def reference_sample(law: Distribution, count: int, sigma_min: float, seed: int, part: int) -> Tensor:
    """Return held-out points noised to σ_min, shape (≤ count, d): the same for all combinations of a seed."""
    generator = torch.Generator().manual_seed(seed_from("reference", seed, part))
    clean = law.held_out(count, generator, part)
    noise = torch.randn(clean.shape, generator=generator, dtype=clean.dtype)
    return clean + sigma_min * noise
