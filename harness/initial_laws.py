"""Initial laws: the Gaussian law N(a, C) of the points x_0 from which a sampler steps down, and what it costs.

The true chain starts at p_u, the target noised with u = σ_0², which no sampler can draw from. What stands in for it is
a Gaussian, and KL(p_u ‖ start) is the initialisation error E_I.

With FFᵀ = C, x_0 = a + Fξ. For a target of mean m, covariance Σ and m₂² = E‖X_0‖², every Gaussian start follows from
KL(p_u ‖ N(0, uI)), which `Information` knows:

    KL(p_u ‖ N(a, C)) = KL(p_u ‖ N(0, uI)) − m₂²/2u
                        + ½[ln det(C/u) + tr C⁻¹(Σ + uI + (m − a)(m − a)ᵀ) − d]

since the entropy of p_u is common and the rest are second moments. The second line is E KL(N(X_0, uI) ‖ N(a, C)), an
upper bound by convexity; m₂²/2u − KL(p_u ‖ N(0, uI)) is the mutual information of X_0 and X_u, whatever the start.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.components import Component

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from harness.information import Information
    from harness.targets import Distribution


@dataclass(frozen=True, eq=False)
class Start:
    """A Gaussian law N(a, FFᵀ) on R^d.

    Attributes:
        mean: a, shape (d,), float64.
        factor: F, shape (d, d), float64, regular; a number s > 0 stands for sI.
    """

    mean: Tensor
    factor: Tensor | float

    @classmethod
    def centered(cls, sigma: float, dim: int) -> Start:
        """N(0, σ²I)."""
        import torch

        return cls(torch.zeros(dim, dtype=torch.float64), float(sigma))

    @classmethod
    def from_covariance(cls, mean: Tensor, covariance: Tensor) -> Start:
        """N(a, C) for a positive definite C of shape (d, d)."""
        import torch

        return cls(mean.double(), torch.linalg.cholesky(covariance.double()))

    @property
    def dim(self) -> int:
        """The dimension d."""
        return len(self.mean)

    @property
    def covariance(self) -> Tensor:
        """C, shape (d, d), float64."""
        import torch

        if isinstance(self.factor, float):
            return self.factor**2 * torch.eye(self.dim, dtype=torch.float64)
        return self.factor @ self.factor.T

    def is_centered(self, sigma: float) -> bool:
        """Whether it is N(0, σ²I)."""
        return isinstance(self.factor, float) and self.factor == sigma and not bool(self.mean.any())

    def draw(self, noise: Tensor) -> Tensor:
        """Return points a + Fξ from standard normal ξ; shape (n, d) and dtype of the noise."""
        factor = self.factor if isinstance(self.factor, float) else self.factor.T.to(noise.dtype)
        points = factor * noise if isinstance(factor, float) else noise @ factor
        return points + self.mean.to(noise.dtype) if bool(self.mean.any()) else points

    def log_density(self, x: Tensor) -> Tensor:
        """Log density at points x of shape (n, d), in nats; shape (n,), float64."""
        constant = 0.5 * self.dim * math.log(2 * math.pi) + self._log_determinant()
        return -0.5 * self.whiten(x).square().sum(1) - constant

    def whiten(self, x: Tensor) -> Tensor:
        """Return F⁻¹(x − a), shape (n, d), float64: what `draw` made the points x from."""
        import torch

        centred = x.double() - self.mean
        if isinstance(self.factor, float):
            return centred / self.factor
        whitened: Tensor = torch.linalg.solve(self.factor, centred.T).T
        return whitened

    def respond(self, linear: Tensor) -> Tensor:
        """Return FᵀA for A of shape (d, k): what each unit of ξ adds to xA, x = a + Fξ."""
        response: Tensor = self.factor * linear if isinstance(self.factor, float) else self.factor.T @ linear
        return response

    def convex_bound(self, u: float, mean: Tensor, covariance: Tensor) -> float:
        """E KL(N(X_0, uI) ‖ N(a, C)) in nats, which bounds KL(p_u ‖ N(a, C)).

        Arguments:
            u: noise variance.
            mean: m = E X_0, shape (d,).
            covariance: Σ = Cov X_0, shape (d, d).
        """
        import torch

        away = mean.double() - self.mean
        spread = covariance.double() + u * torch.eye(self.dim, dtype=torch.float64)
        if isinstance(self.factor, float):
            quadratic = float(spread.trace() + away.square().sum()) / self.factor**2
        else:
            # tr C⁻¹Σ through F alone, so that a matched start gives d to rounding.
            whitened = torch.linalg.solve(self.factor, torch.linalg.solve(self.factor, spread).T)
            quadratic = float(whitened.trace() + torch.linalg.solve(self.factor, away).square().sum())
        return self._log_determinant() - 0.5 * self.dim * math.log(u) + 0.5 * (quadratic - self.dim)

    def divergence(self, u: float, information: Information, mean: Tensor, covariance: Tensor) -> np.ndarray:
        """KL(p_u ‖ N(a, C)) in nats: E_I of the start; exact where the information is. Shape (R,).

        Arguments:
            u: noise variance σ_0².
            information: the target's.
            mean: m = E X_0, shape (d,).
            covariance: Σ = Cov X_0, shape (d, d).
        """
        shared = information.initialization(u) - information.second_moment / (2 * u)
        return shared + self.convex_bound(u, mean, covariance)

    def _log_determinant(self) -> float:
        """½ ln det C."""
        import torch

        if isinstance(self.factor, float):
            return self.dim * math.log(self.factor)
        return float(torch.linalg.slogdet(self.factor).logabsdet)


class InitialLaw(Component):
    """A rule that gives the start for a target and a first noise level."""

    axis: ClassVar[str] = "initial_law"
    claims_moments: ClassVar[int] = 0
    """How many moments of the noised target the start has: 1 its mean, 2 its covariance too; 0: none is claimed."""

    @abstractmethod
    def start(self, target: Distribution, sigma: float) -> Start:
        """Return the law of x_0 on the target's space for σ_0 = sigma (u_0 = σ_0²)."""
