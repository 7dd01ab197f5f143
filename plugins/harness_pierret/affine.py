"""The law of an affine sampler on a Gaussian, by its response to unit inputs.

In the eigenbasis of C the exact denoiser of N(m, C) is D_i(x) = m_i + λ_i/(λ_i + σ²)(x_i − m_i). A sampler
that combines x, D and noise with numbers maps each coordinate by itself:

    Y_i = n_i + a_i X_i + Σ_k b_ki ξ_ki,    so for X_i ~ N(s_i, c_i)
    Y_i ~ N(n_i + a_i s_i, V_i),  V_i = c_i a_i² + Σ_k b_ki²

n is the response to zeros, a and b_k to ones. A random input then verifies the map. The start must have the target's
eigenvectors: N(0, u_0 I) does, with s = 0 and c = u_0, and so does one whose covariance is C + u_0 I.

From N(0, u_0 I) the exponential integrator has m − n = (m − 0) Π_j (λ + u_{j+1})/(λ + u_j), so that the mean adds
½(m_i (λ_i + u_N)/(λ_i + u_0))²/V_i to the divergence; the mean term of Lemma 13 of Wang, He, Tao (arXiv 2406.12839) is
another, and is wrong for m ≠ 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.bounds import Design
from harness.metrics import Simulate
from harness.samplers import Denoiser, SamplerRun
from harness.unit_responses import unit_responses

TOLERANCE = 1e-9
"""Largest departure from the affine map, relative to the size of the output."""


@dataclass(frozen=True)
class Laws:
    """Target (before its last noise) and output along each eigenvector; all of shape (d,)."""

    mean: Tensor
    eigenvalues: Tensor
    output_mean: Tensor
    output_variance: Tensor


def output_law(design: Design, mean: Tensor, covariance: Tensor) -> Laws | None:
    """Return the law of the sampler's output; None where its steps, or its start, are not of this form.

    Arguments:
        design: its sampler, grid and variances.
        mean: m, shape (d,).
        covariance: C, shape (d, d).
    """
    eigenvalues, basis = torch.linalg.eigh(covariance.double())
    centre = basis.T @ mean.double()
    start = _start_along(design, basis)
    if start is None:
        return None

    def denoiser(x: Tensor, sigma: float) -> Tensor:
        denoised: Tensor = centre + eigenvalues / (eigenvalues + sigma**2) * (x - centre)
        return denoised

    simulate = _simulation(design, denoiser)
    origin, response = unit_responses(simulate, len(centre))
    generator = torch.Generator().manual_seed(0)
    probe = torch.randn(len(response), 1, len(centre), generator=generator, dtype=torch.float64)
    probe[0] *= float(design.sigmas[0])
    draws = iter(probe[1:])
    found = simulate(probe[0], lambda: next(draws))[0]
    predicted = origin + (response * probe[:, 0]).sum(0)
    if not bool((found - predicted).abs().max() <= TOLERANCE * (1 + found.abs().max())):
        return None
    variance = start[1] * response[0].square() + response[1:].square().sum(0)
    return Laws(centre, eigenvalues, origin + start[0] * response[0], variance)


def _start_along(design: Design, basis: Tensor) -> tuple[Tensor, Tensor] | None:
    """Mean s and variance c of the start along each eigenvector, (d,); None where its coordinates are correlated."""
    if design.initial is None:
        zeros = torch.zeros(len(basis), dtype=torch.float64)
        return zeros, zeros + float(design.sigmas[0]) ** 2
    covariance = basis.T @ design.initial.covariance @ basis
    variance = covariance.diagonal()
    if bool((covariance - variance.diag()).abs().max() > TOLERANCE * variance.max()):
        return None
    return basis.T @ design.initial.mean, variance


def divergence(laws: Laws, sigma_min: float) -> float:
    """KL(p_δ ‖ q_N) in nats, δ = sigma_min."""
    target = laws.eigenvalues + sigma_min**2
    # r − 1 − ln r through r − 1, so that a small divergence keeps its digits.
    excess = (target - laws.output_variance) / laws.output_variance
    shift = (laws.mean - laws.output_mean).square() / laws.output_variance
    return float(0.5 * (excess - excess.log1p() + shift).sum())


def _simulation(design: Design, denoiser: Denoiser) -> Simulate:
    """Return what runs the sampler from given points with given noise."""
    variances = None if design.variances is None else design.variances.tolist()

    def simulate(x: Tensor, noise: Callable[[], Tensor]) -> Tensor:
        output: Tensor = design.sampler.sample(SamplerRun(denoiser, design.sigmas.tolist(), noise, variances), x)
        return output

    return simulate
