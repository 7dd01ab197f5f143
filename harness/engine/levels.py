"""Levels: spaces the noise levels of training, and draws them by a weighting.

Levels are spaced evenly in log σ.
"""

from __future__ import annotations

import torch
from torch import Tensor

TABLE = 512
"""Number of log-spaced noise levels on which a weighting is tabulated."""


def table_levels(sigma_min: float, sigma_max: float, count: int = TABLE) -> Tensor:
    """Return log-spaced levels from σ_min to σ_max, shape (count,), float64."""
    low, high = torch.tensor([sigma_min, sigma_max], dtype=torch.float64).log()
    return torch.linspace(float(low), float(high), count, dtype=torch.float64).exp()


class LevelSampler:
    """Draws noise levels for W networks by inverting their distribution functions, and looks up their weights."""

    def __init__(self, sigma: Tensor, density: Tensor, omega: Tensor) -> None:
        """Take levels of shape (K,), densities p with respect to dσ and weights ω of shape (W, K)."""
        self.log_sigma = sigma.log()
        mass = density * sigma
        pieces = (mass[:, 1:] + mass[:, :-1]) / 2
        cumulative = torch.cat([torch.zeros_like(pieces[:, :1]), pieces.cumsum(-1)], -1)
        self.cumulative = cumulative / cumulative[:, -1:]
        share = self.cumulative.diff(dim=-1)
        # The mean weight is 1: the step size then means the same for every weighting.
        self._share = share
        self.omega = torch.empty_like(omega)
        for row, weights in enumerate(omega):
            self.set_omega(row, weights)

    def set_omega(self, row: int, omega: Tensor) -> None:
        """Replace the weights of one network, shape (K,); those of the others stay to the last bit."""
        middle = (omega[1:] + omega[:-1]) / 2
        self.omega[row] = omega / (middle * self._share[row]).sum()

    def mass(self, edges: Tensor) -> Tensor:
        """Return the share of β = pω between levels that follow each other, shape (J + 1,); shape (W, J)."""
        pieces = (self.omega[:, 1:] + self.omega[:, :-1]) / 2 * self._share
        below = torch.cat([torch.zeros_like(pieces[:, :1]), pieces.cumsum(-1)], -1)
        at = [interpolate(edges.log(), self.log_sigma, row) for row in below]
        mass: Tensor = torch.stack(at).diff(dim=-1)
        return mass / mass.sum(-1, keepdim=True)

    def __call__(self, quantile: Tensor) -> tuple[Tensor, Tensor]:
        """Return σ and ω at quantiles of shape (W, B), each of that shape."""
        right = torch.searchsorted(self.cumulative, quantile.contiguous(), right=True).clamp(1, len(self.log_sigma) - 1)
        left = right - 1
        low, high = self.cumulative.gather(-1, left), self.cumulative.gather(-1, right)
        part = ((quantile - low) / (high - low).clamp_min(1e-300)).clamp(0, 1)
        log_sigma = torch.lerp(self.log_sigma[left], self.log_sigma[right], part)
        omega = torch.lerp(self.omega.gather(-1, left), self.omega.gather(-1, right), part)
        return log_sigma.exp(), omega


def interpolate(x: Tensor, known_x: Tensor, known_y: Tensor) -> Tensor:
    """Interpolate linearly at x from increasing known points, constant beyond them; all of shape (K,)."""
    right = torch.searchsorted(known_x, x).clamp(1, len(known_x) - 1)
    left = right - 1
    part = ((x - known_x[left]) / (known_x[right] - known_x[left])).clamp(0, 1)
    return torch.lerp(known_y[left], known_y[right], part)
