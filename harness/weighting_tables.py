"""The weights β_j with which training counts the levels that a sampling grid visits.

Training minimises ∫ β(σ) E‖σS + ξ‖² dσ over [σ_min, σ_max]. On the levels σ_0 > … > σ_{N−1} that a grid visits (the
last, σ_N, is reached but not evaluated) that is the sum

    L(θ) = ½ Σ_j β_j E‖σ_j S + ξ‖²,      β_j = β(σ_j) · cell_j,

cell_j the part of [σ_N, σ_0] that is nearest to σ_j in ln σ: cells meet at geometric midpoints, the first ends at
σ_0 and the last at σ_N. As E‖σS + ξ‖² = σ²e + c(σ), c(σ) = d − uJ(u), it exceeds its least value L* = ½ Σ β_j c(σ_j) by

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

_FIELDS = ("sigma", "density", "omega", "masses")


@dataclass(frozen=True)
class WeightingTable:
    """A total weighting β = pω, tabulated.

    Attributes:
        sigma: the levels, increasing, shape (K,).
        density: p at each level with respect to dσ, up to a factor.
        omega: ω at each level, up to a factor; of a learned weighting the one that training starts from.
        masses: of a weighting that is made for a grid the masses β_j on its levels, shape (N,), of which the density
            is a comb; else None.
    """

    sigma: np.ndarray
    density: np.ndarray
    omega: np.ndarray
    masses: np.ndarray | None = None

    def __call__(self, sigma: np.ndarray) -> np.ndarray:
        """Return β at levels of shape (N,): pσ and ω are linear in ln σ between the levels, as in training."""
        at, known = np.log(sigma), np.log(self.sigma)
        mass = np.interp(at, known, self.density * self.sigma)
        beta: np.ndarray = mass * np.interp(at, known, self.omega) / sigma
        return beta

    def on_grid(self, sigmas: np.ndarray) -> LevelWeights:
        """Return the weights of the levels that a grid of shape (N+1,), decreasing, visits.

        A weighting that is made for a grid is asked for no other.
        """
        visited = np.asarray(sigmas, dtype=np.float64)[:-1]
        if self.masses is not None:
            return LevelWeights(visited, self.masses)
        return LevelWeights(visited, self(visited) * cells(sigmas))


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

    def least(self, least_loss: np.ndarray) -> np.ndarray:
        """L* for least losses c(σ_j) = d − uJ(u) of shape (…, N); shape (…)."""
        total: np.ndarray = 0.5 * np.asarray(least_loss) @ self.beta
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


def cells(sigmas: np.ndarray) -> np.ndarray:
    """Return the cells, in σ, of the levels that a grid of shape (N+1,), decreasing, visits; shape (N,)."""
    levels = np.asarray(sigmas, dtype=np.float64)
    edges = np.concatenate([levels[:1], np.sqrt(levels[:-2] * levels[1:-1]), levels[-1:]])
    widths: np.ndarray = edges[:-1] - edges[1:]
    return widths


def table_to_json(table: WeightingTable) -> dict[str, Any]:
    """Return a table as JSON values."""
    return {field: None if (value := getattr(table, field)) is None else value.tolist() for field in _FIELDS}


def table_from_json(payload: Mapping[str, Any]) -> WeightingTable:
    """Rebuild what `table_to_json` gave, bit for bit."""
    return WeightingTable(*(None if payload[f] is None else np.array(payload[f], dtype=np.float64) for f in _FIELDS))  # type: ignore[arg-type]
