"""Tabulate: makes of a weighting what training uses, density p and weight ω over log-spaced noise levels.

The masses m_j that a `GridWeighting` puts on levels σ_j become a comb: with x = ln σ and nodes δ apart, each mass is a
hat of width δ, shared by the two nodes around it in proportion to their nearness. Trapezoids give the hats back their
masses, and the mean of x under the comb is Σ m_j x_j/Σ m_j exactly, whatever the nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from harness.engine.checks import blamed, check_masses, check_weighting_table
from harness.weighting_tables import WeightingTable
from harness.weightings import GridWeighting, Weighting

if TYPE_CHECKING:
    from torch import Tensor


def tabulate(
    weighting: Weighting, levels: Tensor, sigma_data: float, sigmas: Sequence[float] | None = None
) -> WeightingTable:
    """Return the checked density and weight at the levels.

    Arguments:
        weighting: the weighting.
        levels: log-spaced noise levels, shape (K,), float64, increasing.
        sigma_data: standard deviation of the data, per coordinate.
        sigmas: the grid that a `GridWeighting` is made for, N+1 numbers, decreasing.

    Raises:
        ContractError: the weighting returned what its contract forbids.
    """
    nodes = levels.numpy()
    if not isinstance(weighting, GridWeighting):
        return WeightingTable(nodes, *check_weighting_table(weighting, levels, sigma_data))
    if sigmas is None:
        raise ValueError(f"weighting {weighting.name} is made for a grid; none was given")
    grid = torch.tensor(sigmas, dtype=torch.float64)
    with blamed(weighting, "masses"):
        masses = check_masses(weighting.masses(grid.clone()), weighting, len(grid) - 1)
    return WeightingTable(nodes, comb(nodes, grid[:-1].numpy(), masses), np.ones(len(nodes)), masses)


def comb(levels: np.ndarray, sigmas: np.ndarray, masses: np.ndarray) -> np.ndarray:
    """Return the density with respect to dσ of masses on a few levels, at log-spaced levels; shape (K,).

    Arguments:
        levels: the nodes, shape (K,), increasing, log-spaced.
        sigmas: where the masses are, within the range of the nodes, shape (N,).
        masses: shape (N,).
    """
    log_levels = np.log(levels)
    spacing = (log_levels[-1] - log_levels[0]) / (len(levels) - 1)
    place = np.clip((np.log(sigmas) - log_levels[0]) / spacing, 0, len(levels) - 1)
    left = np.minimum(place.astype(int), len(levels) - 2)
    part = place - left
    density = np.zeros(len(levels))
    np.add.at(density, left, masses * (1 - part))
    np.add.at(density, left + 1, masses * part)
    # A hat at either end has half the area.
    density[[0, -1]] *= 2
    result: np.ndarray = density / (spacing * levels)
    return result
