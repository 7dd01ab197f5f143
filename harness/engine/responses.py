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
from harness.unit_responses import unit_responses


def simulation(sampler: Sampler, law: Information, denoiser: Denoiser, sigmas: np.ndarray) -> Simulate:
    """Return what runs a sampler on a law from given points with given noise; kernels read the law's J, or J_θ = J."""
    return simulate_function(sampler, denoiser, sigmas, kernel_variances(sampler, sigmas, law, NoScoreError(), law))


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
    """Return the map from σ_0 to σ_N.

    Raises:
        ValueError: the sampler draws noise, though it says that it is deterministic.
    """
    simulate = simulation(sampler, law, law.denoise, sigmas)
    # Where no noise is drawn, its draws need not be counted by another run.
    origin, moved = (_undrawn if sampler.deterministic else unit_responses)(simulate, law.dim)
    return Response(origin.numpy(), moved[0].numpy(), moved[1:].numpy())


def _undrawn(simulate: Simulate, dim: int) -> tuple[Tensor, Tensor]:
    """Return what `unit_responses` does of a run that draws no noise."""
    outputs = simulate(torch.tensor([[0.0], [1.0]], dtype=torch.float64).repeat(1, dim), no_noise)
    return outputs[0], outputs[1:] - outputs[0]


def no_noise() -> Tensor:
    """Stand for the noise of a sampler that says that it draws none."""
    raise ValueError("a sampler that says that it is deterministic asked for noise")
