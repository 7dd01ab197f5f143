"""Grids of equal steps in a length φ(σ) = ∫ ℓ d ln σ, where ℓ is known on a lattice.

Many rules of the field are of that form: levels are spaced so that each step has the same share of some quantity that
the target decides. Where ℓ vanishes, as on a finite data set near its points, no step would be taken at all: a
millionth of the length is spread evenly in ln σ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from harness.time_discretizations import GridRequest

CELLS = 4096
"""Cells of the lattice, of equal width in ln σ."""

EVEN = 1e-6
"""Share of the length that is spread evenly in ln σ."""


def equal_steps(request: GridRequest, length: Callable[[np.ndarray], np.ndarray], cells: int = CELLS) -> Tensor:
    """Return the levels of equal steps in ∫ ℓ d ln σ; shape (N+1,), float64, decreasing from σ_max to σ_min.

    Arguments:
        request: what the grid is asked for.
        length: ℓ at levels of shape (K,), increasing; shape (K,), ≥ 0 but for noise.
        cells: cells of the lattice.
    """
    import numpy as np
    import torch

    log = np.linspace(np.log(request.sigma_min), np.log(request.sigma_max), cells + 1)
    at = np.clip(length(np.exp(log)), 0, None)
    pieces = (at[1:] + at[:-1]) / 2
    pieces = pieces + EVEN * pieces.mean() if pieces.any() else pieces + 1
    total = np.concatenate([[0.0], np.cumsum(pieces)])
    levels = np.exp(np.interp(1 - request.fractions().numpy(), total / total[-1], log))
    return torch.from_numpy(levels)
