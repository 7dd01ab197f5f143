"""The affine map that a sampler is on a Gaussian: its answers to unit inputs, found by running it on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from harness.engine.known_laws import GaussianLaw
from harness.engine.sampling import kernel_variances, simulate_function
from harness.information import Information, NoScoreError
from harness.metrics import Simulate
from harness.samplers import Denoiser, Sampler


def simulation(sampler: Sampler, law: Information, denoiser: Denoiser, sigmas: np.ndarray) -> Simulate:
    """Return what runs a sampler on a law from given points with given noise; kernels read the law's J."""
    return simulate_function(sampler, denoiser, sigmas, kernel_variances(sampler, sigmas, law, NoScoreError()))


def count_draws(simulate: Simulate, dim: int) -> int:
    """Return how often a run asks for noise."""
    drawn: list[Tensor] = []

    def noise() -> Tensor:
        drawn.append(torch.zeros(1, dim, dtype=torch.float64))
        return drawn[-1]

    simulate(torch.zeros(1, dim, dtype=torch.float64), noise)
    return len(drawn)


@dataclass(frozen=True)
class Response:
    """Y = origin + start X_0 + Σ_k noise_k ξ_k, each coordinate by itself.

    Attributes:
        origin: shape (d,).
        start: shape (d,).
        noise: shape (draws, d).
    """

    origin: np.ndarray
    start: np.ndarray
    noise: np.ndarray

    def law(self, mean: np.ndarray, deviations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviations of Y, (d,) each, for X_0 ~ N(mean, deviations²)."""
        variance = (self.start * deviations) ** 2 + (self.noise**2).sum(0)
        return self.origin + self.start * mean, np.sqrt(variance)


def response(sampler: Sampler, law: GaussianLaw, sigmas: np.ndarray) -> Response:
    """Return the map from σ_0 to σ_N."""
    return responses(simulation(sampler, law, law.denoise, sigmas), law.dim)


def responses(simulate: Simulate, dim: int) -> Response:
    """Return the affine map that a run is: row 0 of its input is zeros, row 1 the start's unit, the others noise's."""
    draws = count_draws(simulate, dim)
    inputs = torch.eye(draws + 2, dtype=torch.float64)[:, 1:, None].expand(-1, -1, dim)
    noise = iter(inputs[:, 1:].unbind(1))
    outputs = simulate(inputs[:, 0].clone(), lambda: next(noise)).numpy()
    moved = outputs[1:] - outputs[0]
    return Response(outputs[0], moved[0], moved[1:])
