"""Objective: computes the fixed objective of the paper, eq. (7), a finite sum over points and noise levels.

    L(θ) = (1/2n) Σ_i Σ_j β_j ‖σ_j S(θ; σ_j, x_i + σ_jξ_ij) + ξ_ij‖²,    Σ_j β_j = 1

n points x_i, N levels σ_j and the noise ξ_ij stay as they were drawn. The levels are log-spaced from σ_min to σ_max,
and β_j ∝ ω(σ_j)·∫p dσ over the level's cell; cells meet at the geometric means of neighbouring levels. So L is the
quadrature of ½∫β E‖σS + ξ‖² dσ that practical training minimises by sampling. The points are the target's own, not
rescaled: the paper's ‖x_i‖ = Θ(√d) holds where the target has coordinates of order one.

Rates. With v_ij = σ_jS + ξ_ij, and L_j the term of level j,

    ∇L_j = (β_jσ_j/n) Σ_i (∂S/∂θ)ᵀ v_ij
    ‖∇L_j‖² = (2β_jσ_j²/n) κ_j L_j,    κ_j = ‖Σ_i (∂S/∂θ)ᵀ v_ij‖² / Σ_i ‖v_ij‖²

exactly, and what level j contributes to the speed of descent, besides the network's κ_j, is r_j = β_jσ_j². The paper
writes its rate as w(t_j)(t_j − t_{j−1})σ̄_j, which is this r_j under the page's own β_j = w(t_j)(t_j − t_{j−1})/σ̄_j.
The page's β_j should have σ̄_j² below (docs/theory.md, section 4, item 1); the rate is then w(t_j)(t_j − t_{j−1}),
which is β_jσ_j² again. In terms of the β_j that stand in L the rate needs no correction, and that is the form used
here. Source: Wang, He, Tao, arXiv 2406.12839, section 3.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.engine.levels import interpolate, table_levels
from harness.engine.random_streams import seed_from
from harness.errors import HarnessError
from harness.targets import Distribution

Denoise = Callable[[Tensor, Tensor], Tensor]
"""Denoises x of shape (B, d) at levels of shape (B,)."""


@dataclass(frozen=True)
class Losses:
    """The objective at one point of parameter space, float64, without a graph.

    Attributes:
        level_loss: the terms L_j of the sum, shape (N,).
        squared: ‖σ_jS + ξ_ij‖², shape (N, n).
    """

    level_loss: Tensor
    squared: Tensor

    @property
    def total(self) -> float:
        """L, the sum of its terms."""
        return float(self.level_loss.sum())

    @property
    def residual(self) -> Tensor:
        """(1/n) Σ_i ‖σ_jS + ξ_ij‖ of each level, shape (N,)."""
        mean: Tensor = self.squared.sqrt().mean(-1)
        return mean


class Objective:
    """L for fixed points, noise and levels, for any network.

    Attributes:
        sigma: the levels σ_j, shape (N,), float64, increasing.
        mass: of the density p in each level's cell, up to a factor, shape (N,), float64.
        beta: the weights β_j, shape (N,), float64, of sum 1.
        points: n.
        dim: d.
    """

    def __init__(self, sigma: Tensor, mass: Tensor, omega: Tensor, clean: Tensor, noise: Tensor) -> None:
        """Take levels, masses and ω of shape (N,), points of shape (n, d) and noise of shape (N, n, d), all float64."""
        self.sigma = sigma
        self.mass = mass
        self.points, self.dim = clean.shape
        self._noise = noise.flatten(0, 1)
        self._sigma = sigma.repeat_interleave(self.points)
        self._noised = clean.repeat(len(sigma), 1) + self._sigma[:, None] * self._noise
        self.set_omega(omega)

    def set_omega(self, omega: Tensor) -> None:
        """Replace the weights ω, shape (N,); β keeps the sum 1.

        Raises:
            HarnessError: every level has weight 0.
        """
        beta = self.mass * omega
        if not float(beta.sum()) > 0:
            raise HarnessError(f"the weighting is 0 at all {len(beta)} levels of the objective; take more levels")
        self.beta = beta / beta.sum()

    @property
    def rates(self) -> Tensor:
        """r_j = β_jσ_j², shape (N,), float64."""
        return self.beta * self.sigma**2

    def to(self, dtype: torch.dtype, device: str = "cpu") -> Objective:
        """Return the objective with its points in another precision, on a device; weights stay as they are."""
        made = object.__new__(Objective)
        made.__dict__.update(self.__dict__)
        for name in ("_noise", "_sigma", "_noised"):
            setattr(made, name, getattr(self, name).to(device, dtype))
        return made

    def __call__(self, denoise: Denoise) -> tuple[Tensor, Losses]:
        """Return L with its graph, and its terms; σS + ξ = (D − x)/σ + ξ."""
        residual = (denoise(self._noised, self._sigma) - self._noised) / self._sigma[:, None] + self._noise
        squared = residual.square().sum(-1).double().cpu().view(len(self.sigma), self.points)
        terms = 0.5 * self.beta * squared.mean(-1)
        return terms.sum(), Losses(terms.detach(), squared.detach())


def cell_masses(sigma: Tensor, fine: Tensor, density: Tensor) -> Tensor:
    """Return ∫p dσ over each level's cell, shape (N,): between geometric means, the outer cells up to their levels.

    Arguments:
        sigma: the levels, shape (N,), increasing.
        fine: log-spaced levels from the lowest to the highest of them, shape (K,).
        density: p there, shape (K,); trapezoids in ln σ.
    """
    middle = (sigma[1:] * sigma[:-1]).sqrt()
    edges = torch.cat([sigma[:1], middle, sigma[-1:]]).log()
    mass = density * fine
    pieces = (mass[1:] + mass[:-1]) / 2 * fine.log().diff()
    below = torch.cat([torch.zeros_like(pieces[:1]), pieces.cumsum(0)])
    return interpolate(edges, fine.log(), below).diff()


def draw_objective(
    target: Distribution,
    table: tuple[Tensor, Tensor],
    *,
    seed: int,
    points: int,
    level_count: int,
    sigma_min: float,
    sigma_max: float,
) -> Objective:
    """Draw the points and the noise of an objective: the same for a seed, whatever is trained on it.

    Arguments:
        target: where the clean points come from.
        table: density p and weight ω of the weighting on `harness.engine.levels.table_levels`, shapes (512,).
        seed: of the points and the noise.
        points: their number n, at least 1.
        level_count: number N of levels, at least 2.
        sigma_min: the lowest level.
        sigma_max: the highest.
    """
    generator = torch.Generator().manual_seed(seed_from("objective", seed))
    clean = target.sample(points, generator).double()
    noise = torch.randn(level_count, points, target.dim, generator=generator, dtype=torch.float64)
    sigma = table_levels(sigma_min, sigma_max, level_count)
    fine = table_levels(sigma_min, sigma_max)
    density, omega = (values.double() for values in table)
    mass = cell_masses(sigma, fine, density)
    return Objective(sigma, mass, interpolate(sigma.log(), fine.log(), omega), clean, noise)
