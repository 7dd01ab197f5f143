"""The weights β_j with which training counts the levels that a sampling grid visits.

Training minimises ∫ β(σ) E‖σS + ξ‖² dσ over [σ_min, σ_max]. On the levels σ_0 > … > σ_{N−1} that a grid visits (the
last, σ_N, is reached but not evaluated) that becomes the sum

    L(θ) = ½ Σ_j β_j E‖σ_j S + ξ‖²,      β_j = ∫_{cell_j} β dσ,

cell_j the levels that are nearest to σ_j in ln σ: cells meet at geometric midpoints, the last ends at σ_N, and the
first reaches as far above σ_0 as below, where training does. The page has β(σ_j) times the length of a cell; the
integral is the same for a smooth β, and right also for one that sits on the levels themselves, as a `GridWeighting`
does. As E‖σS + ξ‖² = σ²e + c(σ), c(σ) = d − uJ(u), the sum exceeds its least value L* = ½ Σ β_j c(σ_j) by

    L(θ) − L* = ½ Σ_j β_j σ_j² e_j,

and the score error of the exponential integrator, level by level, is at most a multiple of that:

    E_S = ½ Σ_j Δ_j e_j ≤ K (L(θ) − L*),     K = max_j Δ_j/(β_j u_j).

A factor common to all β_j cancels in K (L(θ) − L*). Reference: Wang, He, Tao, arXiv 2406.12839, Theorem 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class WeightingTable:
    """A total weighting β = pω, tabulated.

    Attributes:
        sigma: the levels, increasing, shape (K,).
        density: p at each level with respect to dσ, up to a factor.
        omega: ω at each level, up to a factor; of an adaptive weighting the one that training starts from.
    """

    sigma: np.ndarray
    density: np.ndarray
    omega: np.ndarray

    def on_grid(self, sigmas: np.ndarray) -> LevelWeights:
        """Return the weights of the levels that a grid of shape (N+1,), decreasing, visits.

        As in training pσ and ω are linear in ln σ between the levels of the table; their product is a parabola on each
        piece, which Simpson's rule integrates exactly.
        """
        visited = np.asarray(sigmas, dtype=np.float64)[:-1]
        known, ends = np.log(self.sigma), np.log(cell_edges(sigmas))
        ends = ends.clip(known[0], known[-1])
        nodes = np.unique(np.concatenate([known, ends]))
        middles = (nodes[1:] + nodes[:-1]) / 2
        at_nodes, at_middles = (
            np.interp(x, known, self.density * self.sigma) * np.interp(x, known, self.omega) for x in (nodes, middles)
        )
        pieces = np.diff(nodes) * (at_nodes[1:] + at_nodes[:-1] + 4 * at_middles) / 6
        up_to = np.concatenate([[0.0], pieces.cumsum()])[np.searchsorted(nodes, ends)]
        return LevelWeights(visited, up_to[:-1] - up_to[1:])


@dataclass(frozen=True)
class LevelWeights:
    """An objective on a few levels: L(θ) = ½ Σ_j β_j E‖σ_j S + ξ‖².

    Attributes:
        sigma: the levels σ_j, shape (N,).
        beta: β_j ≥ 0, shape (N,).
    """

    sigma: np.ndarray
    beta: np.ndarray

    @property
    def vanishing(self) -> np.ndarray:
        """The levels that training never counts."""
        levels: np.ndarray = self.sigma[~(self.beta > 0)]
        return levels

    def excess(self, error: np.ndarray) -> np.ndarray:
        """L(θ) − L* for score errors e_j of shape (…, N); shape (…)."""
        total: np.ndarray = 0.5 * (np.asarray(error) * self.sigma**2) @ self.beta
        return total

    def least(self, residual: np.ndarray) -> np.ndarray:
        """L* for least residuals c(σ_j) = d − uJ(u) of shape (…, N); shape (…)."""
        total: np.ndarray = 0.5 * np.asarray(residual) @ self.beta
        return total

    def coefficient(self, sigmas: np.ndarray) -> float:
        """K = max_j Δ_j/(β_j u_j) for the grid of shape (N+1,) whose levels these are.

        Raises:
            ValueError: a weight vanishes, so that no multiple of the loss bounds the score error.
        """
        if self.vanishing.size:
            raise ValueError(f"the weighting vanishes at sigma={self.vanishing[0]:g}")
        u = np.asarray(sigmas, dtype=np.float64) ** 2
        return float(((u[:-1] - u[1:]) / (self.beta * u[:-1])).max())


def cell_edges(sigmas: np.ndarray) -> np.ndarray:
    """Return where the cells of the levels that a grid visits end, decreasing; both of shape (N+1,)."""
    levels = np.asarray(sigmas, dtype=np.float64)
    top = levels[:1] * np.sqrt(levels[0] / levels[1])
    return np.concatenate([top, np.sqrt(levels[:-2] * levels[1:-1]), levels[-1:]])


def table_from_json(payload: Mapping[str, Any]) -> WeightingTable:
    """Return the table that a record holds."""
    return WeightingTable(*(np.asarray(payload[field], dtype=np.float64) for field in ("sigma", "density", "omega")))
