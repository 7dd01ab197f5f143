"""Laws whose noised marginals and probability flow are known in closed form: what samplers are measured on."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr
from torch import Tensor, from_numpy

from harness.information import Information

PLACES = np.linspace(-1.0, 1.0, 4001)
"""Where a density is summed up to integrals, in units of its reach."""

REACH = 14.0
"""Reach of a mixture in its largest deviation, beyond the outermost mean: what is left out is far below rounding."""


class GaussianLaw(Information):
    """N(m, diag(λ)), with its Fisher information.

    Arguments:
        mean: m, d numbers.
        variances: λ, d numbers.
    """

    replicates = 1

    def __init__(self, mean: list[float], variances: list[float]) -> None:
        self.mean, self.variances = np.array(mean), np.array(variances)
        self.dim = len(mean)
        self.second_moment = float((self.mean**2 + self.variances).sum())

    def denoise(self, x: Tensor, sigma: float) -> Tensor:
        """Return D(x, σ), of the shape and dtype of x (n, d)."""
        mean, kept = from_numpy(self.mean).to(x), from_numpy(self.variances / (self.variances + sigma**2)).to(x)
        denoised: Tensor = mean + kept * (x - mean)
        return denoised

    def deviations(self, sigma: float) -> np.ndarray:
        """Standard deviations at σ, shape (d,)."""
        found: np.ndarray = np.sqrt(self.variances + sigma**2)
        return found

    def fisher(self, u: np.ndarray) -> np.ndarray:
        """Return J(u), shape (1, len(u))."""
        found: np.ndarray = (1 / (self.variances + u[:, None])).sum(1)[None]
        return found

    def fisher_integral(self, u: np.ndarray) -> np.ndarray:
        """Return ∫ J du over each interval of a decreasing grid, shape (1, len(u) − 1)."""
        found: np.ndarray = -np.diff(np.log(self.variances + u[:, None]), axis=0).sum(1)[None]
        return found

    def initialization(self, u: float) -> np.ndarray:
        """Return KL(p_u ‖ N(0, uI)), shape (1,)."""
        ratio = self.variances / u
        return np.array([0.5 * float((ratio - np.log1p(ratio) + self.mean**2 / u).sum())])


class MixtureLaw(Information):
    """A mixture of two Gaussians on the line, with its Fisher information.

    Arguments:
        weights: two positive numbers of sum 1.
        means: two numbers.
        deviations: two positive numbers.
    """

    dim, replicates = 1, 1

    def __init__(self, weights: list[float], means: list[float], deviations: list[float]) -> None:
        self.weights, self.means = np.array(weights), np.array(means)
        self.variances = np.array(deviations) ** 2
        self.second_moment = float(self.weights @ (self.means**2 + self.variances))

    def denoise(self, x: Tensor, sigma: float) -> Tensor:
        """Return D(x, σ), of the shape and dtype of x (n, 1)."""
        spread = [float(variance) + sigma**2 for variance in self.variances]
        parts = list(zip(self.weights.tolist(), self.means.tolist(), self.variances.tolist(), spread, strict=True))
        log = [math.log(w / math.sqrt(v)) - 0.5 / v * (x - m) ** 2 for w, m, _, v in parts]
        first, second = (m + own / v * (x - m) for _, m, own, v in parts)
        denoised: Tensor = first + (log[1] - log[0]).sigmoid() * (second - first)
        return denoised

    def cumulative(self, x: np.ndarray, sigma: float) -> np.ndarray:
        """Return the distribution function at σ, of the shape of x."""
        found: np.ndarray = ndtr((x[..., None] - self.means) / np.sqrt(self.variances + sigma**2)) @ self.weights
        return found

    def quantiles(self, p: np.ndarray, sigma: float) -> np.ndarray:
        """Return the points at σ below which the mass is p, by bisection; the probability flow keeps p."""
        high = np.full_like(p, self._reach(sigma))
        low = -high
        for _ in range(100):
            middle = (low + high) / 2
            below = self.cumulative(middle, sigma) < p
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        found: np.ndarray = (low + high) / 2
        return found

    def waves(self, frequencies: np.ndarray, sigma: float) -> np.ndarray:
        """Return E cos(kX) and E sin(kX) at σ of the frequencies k, shape (2, k)."""
        k = frequencies[:, None]
        found: np.ndarray = np.exp(1j * k * self.means - 0.5 * k**2 * (self.variances + sigma**2)) @ self.weights
        return np.stack([found.real, found.imag])

    def fisher(self, u: np.ndarray) -> np.ndarray:
        """Return J(u) = ∫ p'²/p dx, shape (1, len(u))."""
        return np.array([[self._fisher(math.sqrt(each)) for each in u]])

    def fisher_integral(self, u: np.ndarray) -> np.ndarray:
        """Return ∫ J du over each interval of a decreasing grid, shape (1, len(u) − 1)."""
        nodes, measure = np.polynomial.legendre.leggauss(16)
        half = -np.diff(u) / 2
        inner = u[1:, None] + half[:, None] * (nodes + 1)
        return (half * (self.fisher(inner.ravel()).reshape(inner.shape) @ measure))[None]

    def initialization(self, u: float) -> np.ndarray:
        """Return KL(p_u ‖ N(0, uI)), shape (1,)."""
        x, step, parts = self._density(math.sqrt(u))
        p = parts.sum(1)
        return np.array([float((p * (np.log(p) + 0.5 * x**2 / u + 0.5 * math.log(2 * math.pi * u))).sum() * step)])

    def _fisher(self, sigma: float) -> float:
        x, step, parts = self._density(sigma)
        slope = (parts * (self.means - x[:, None]) / (self.variances + sigma**2)).sum(1)
        return float((slope**2 / parts.sum(1)).sum() * step)

    def _density(self, sigma: float) -> tuple[np.ndarray, float, np.ndarray]:
        """Points x (k,), their distance, and the densities of both Gaussians there (k, 2); equal steps sum exactly."""
        variances = self.variances + sigma**2
        x = PLACES * self._reach(sigma)
        parts = (
            self.weights / np.sqrt(2 * math.pi * variances) * np.exp(-0.5 * (x[:, None] - self.means) ** 2 / variances)
        )
        return x, float(x[1] - x[0]), parts

    def _reach(self, sigma: float) -> float:
        return float(abs(self.means).max() + REACH * math.sqrt(self.variances.max() + sigma**2))
