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
    return _noised(law.held_out(count, generator, part), sigma_min, generator)


def labelled_sample(law: Distribution, count: int, sigma_min: float, seed: int, part: int) -> tuple[Tensor, Tensor]:
    """Return held-out points noised to σ_min, shape (≤ count, d), with their labels, shape (≤ count,), int64.

    Raises:
        NotApplicable: the labels of held-out points are not known.
    """
    generator = torch.Generator().manual_seed(seed_from("reference", seed, part))
    clean, labels = law.held_out_labelled(count, generator, part)
    return _noised(clean, sigma_min, generator), labels


def _noised(clean: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    noise = torch.randn(clean.shape, generator=generator, dtype=clean.dtype)
    return clean + sigma * noise
