"""Cases: the laws, schedules and samplers that components are measured on, none of them a component that is offered.

Seed 0 is the usual case; any other draws another, of the same kind.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from harness.engine.measurement import measure_information
from harness.information import Information
from harness.mixtures import EigenMixture, EmpiricalDistribution, IsotropicMixture, MixtureDistribution
from harness.noise_schedules import NoiseSchedule
from harness.samplers import GaussianKernelSampler

if TYPE_CHECKING:
    from harness.information import ScoreError
    from harness.targets import Distribution

USUAL = (0.002, 80.0)
"""σ_min and σ_max of EDM."""


def stream(seed: int, *what: int) -> np.random.Generator:
    """Return the random numbers of a seed for one purpose, which `what` tells from others."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, *what))))


def generator_of(seed: int, *what: int) -> torch.Generator:
    """Return the same as torch takes it."""
    return torch.Generator().manual_seed(int(stream(seed, *what).integers(2**62)))


def noised_points(law: Distribution, count: int, sigma: float, numbers: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return points X_0 of a law and X_0 + σξ, shape (count, d) each."""
    clean = law.sample(count, numbers)
    return clean, clean + sigma * torch.randn(clean.shape, generator=numbers, dtype=clean.dtype)


def level_range(seed: int) -> tuple[float, float]:
    """Return σ_min and σ_max: those of EDM, or within a factor of three of them."""
    if seed == 0:
        return USUAL
    low, high = np.exp(stream(seed, 1).uniform(-np.log(3), np.log(3), 2)) * USUAL
    return float(low), float(high)


def spread(seed: int) -> float:
    """Return the deviation of data: 0.5, as EDM has it, or within a factor of four of it."""
    return 0.5 if seed == 0 else float(0.5 * np.exp(stream(seed, 2).uniform(-np.log(4), np.log(4))))


def ring(seed: int) -> MixtureDistribution:
    """Return eight Gaussians in the plane: on a circle, or where a seed draws them."""
    angle = 2 * torch.pi * torch.arange(8, dtype=torch.float64) / 8
    means = torch.stack([angle.cos(), angle.sin()], 1)
    if seed:
        means = torch.from_numpy(stream(seed, 3).standard_normal((8, 2)))
    return MixtureDistribution(IsotropicMixture(means, 0.15**2))


class CorrelatedGaussian(MixtureDistribution):
    """A Gaussian whose coordinates are correlated.

    Arguments:
        mean: shape (d,).
        covariance: shape (d, d).
    """

    def __init__(self, mean: Tensor, covariance: Tensor) -> None:
        super().__init__(EigenMixture.from_covariances(mean[None], covariance[None]))
        self._moments = mean, covariance

    def gaussian(self) -> tuple[Tensor, Tensor]:
        """Mean (d,) and covariance (d, d)."""
        return self._moments


def skewed_gaussian(seed: int, dim: int = 3) -> CorrelatedGaussian:
    """Return a Gaussian off the origin, of variances between 0.04 and 4 along axes that a seed draws."""
    numbers = stream(seed, 5)
    turn = np.linalg.qr(numbers.standard_normal((dim, dim)))[0]
    covariance = (turn * np.geomspace(0.04, 4.0, dim)) @ turn.T
    return CorrelatedGaussian(torch.from_numpy(numbers.standard_normal(dim)), torch.from_numpy(covariance))


def labelled_clouds(seed: int) -> EmpiricalDistribution:
    """Return 900 points in the plane of three classes, apart by four of their deviations: 540 to train on."""
    numbers = stream(seed, 9)
    classes = np.arange(900) % 3
    angle = 2 * np.pi * classes / 3
    points = np.stack([np.cos(angle), np.sin(angle)], 1) + 0.4 * numbers.standard_normal((900, 2))
    return EmpiricalDistribution.split(torch.from_numpy(points), "labelled clouds", torch.from_numpy(classes))


@lru_cache(maxsize=2)
def grid_law(seed: int) -> tuple[Distribution, Information, float, float]:
    """Return a law with its J(u), and the levels between which grids are laid out."""
    low, high = 0.05, 20.0
    if seed:
        low, high = (float(each) for each in np.exp(stream(seed, 4).uniform(-0.7, 0.7, 2)) * (low, high))
    law = ring(seed)
    return law, measure_information(law, low, high, seed=seed), low, high


class StraightPath(NoiseSchedule):
    """The time of straight paths from data to noise: σ = t/(1 − t)."""

    name: ClassVar[str] = "straight-path"

    def sigma(self, t: Tensor) -> Tensor:
        """Return t/(1 − t)."""
        return t / (1 - t)

    def time(self, sigma: Tensor) -> Tensor:
        """Return σ/(1 + σ)."""
        return sigma / (1 + sigma)

    def rate(self, t: Tensor) -> Tensor:
        """Return 1/(1 − t)²."""
        return (1 - t) ** -2


class LogarithmTime(NoiseSchedule):
    """The time ln(σ/σ_0): equal steps are equal factors."""

    name: ClassVar[str] = "logarithm-time"
    least: ClassVar[float] = 1e-4

    def sigma(self, t: Tensor) -> Tensor:
        """Return σ_0 e^t."""
        return self.least * t.exp()

    def time(self, sigma: Tensor) -> Tensor:
        """Return ln(σ/σ_0)."""
        return (sigma / self.least).log()

    def rate(self, t: Tensor) -> Tensor:
        """Return σ_0 e^t."""
        return self.sigma(t)


class ReverseKernel(GaussianKernelSampler):
    """Steps of the variance that X_{σ'} has given X_σ and X_0: u'(1 − u'/u)."""

    name: ClassVar[str] = "reverse-kernel"

    def step_variances(
        self,
        sigma: np.ndarray,
        sigma_next: np.ndarray,
        information: Information | None,
        score_error: ScoreError | None,
    ) -> np.ndarray:
        """Return the variances, shape (K,)."""
        variances: np.ndarray = sigma_next**2 * (1 - (sigma_next / sigma) ** 2)
        return variances
