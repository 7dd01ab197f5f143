"""Unit responses: what a sampler that maps each coordinate by itself, and affinely, makes of zeros and ones.

Such a run is Y = n + a X_0 + Σ_k b_k ξ_k, X_0 where it starts and ξ_k its draws of noise: n is its response to zeros, a
and b_k to ones. It is so of samplers that combine x, D and noise with numbers, where D does as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from harness.metrics import Simulate


def count_draws(simulate: Simulate, dim: int) -> int:
    """Return how often a run on R^d asks for noise."""
    import torch

    count = 0

    def noise() -> Tensor:
        nonlocal count
        count += 1
        return torch.zeros(1, dim, dtype=torch.float64)

    simulate(torch.zeros(1, dim, dtype=torch.float64), noise)
    return count


def unit_responses(simulate: Simulate, dim: int) -> tuple[Tensor, Tensor]:
    """Return n, shape (d,), and a with the b_k after it, shape (1 + draws, d), of a run on R^d."""
    import torch

    draws = count_draws(simulate, dim)
    # Row 0 is zeros, row 1 the start's unit, row 2 + k that of draw k.
    inputs = torch.eye(draws + 2, dtype=torch.float64)[:, 1:, None].expand(-1, -1, dim)
    noise = iter(inputs[:, 1:].unbind(1))
    outputs = simulate(inputs[:, 0].clone(), lambda: next(noise))
    return outputs[0], outputs[1:] - outputs[0]
