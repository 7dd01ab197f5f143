"""KL(p_δ ‖ q_N) in closed form: a Gaussian target and a sampler that is an affine map of its start and its
noise.

With Y_N = b + A Y_0 + Σ_k B_k ξ_k, Y_0 ~ N(a, C) and ξ_k ~ N(0, I), q_N = N(b + Aa, ACAᵀ + Σ_k B_k B_kᵀ).
The map is found by running the sampler on unit vectors: an exact linear-algebra experiment, which needs no
knowledge of the sampler.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harness.errors import NotApplicable
from harness.metrics import Experiment, Measurement, Simulate
from harness.unit_responses import count_draws

TOLERANCE = 1e-9
"""Largest departure from affinity, relative to the size of the output."""

PROBES = 8
"""Random points at which affinity is verified."""

BATCH = 4096
"""Points run through the sampler at a time."""


@dataclass(frozen=True)
class GaussianLaw:
    """A Gaussian on R^d: mean (d,), covariance (d, d)."""

    mean: Tensor
    covariance: Tensor


def output_law(experiment: Experiment) -> GaussianLaw | None:
    """Return the exact law of the sampler's output; None where the sampler is not affine."""
    dim, simulate, start = experiment.target.dim, experiment.simulate, experiment.start
    generator = torch.Generator().manual_seed(0)
    draws = count_draws(simulate, dim)
    x = start.draw(torch.randn(PROBES, dim, generator=generator, dtype=torch.float64))
    noise = torch.randn(draws, PROBES, dim, generator=generator, dtype=torch.float64)
    outputs = _run(simulate, x, noise)
    if not _mixes_affinely(simulate, x, noise, outputs):
        return None
    mean, linear = _affine_map(simulate, dim, draws)
    predicted = mean + torch.cat([x[None], noise]).transpose(0, 1).reshape(PROBES, -1) @ linear
    if not _close(predicted, outputs):
        return None
    scaled = torch.cat([start.respond(linear[:dim]), linear[dim:]])
    return GaussianLaw(mean + start.mean @ linear[:dim], scaled.T @ scaled)


def divergence(gaussian: tuple[Tensor, Tensor], sigma_min: float, law: GaussianLaw) -> Measurement | NotApplicable:
    """Return KL(N(m, C + δ²I) ‖ law) in nats, exact.

    Arguments:
        gaussian: mean m (d,) and covariance C (d, d) of the target.
        sigma_min: δ.
        law: the sampler's output.
    """
    mean, covariance = gaussian
    noised = covariance.double() + sigma_min**2 * torch.eye(len(mean), dtype=torch.float64)
    factor, failed = torch.linalg.cholesky_ex(law.covariance)
    if failed.item():
        return NotApplicable("the sampler's output is degenerate: its covariance is singular")
    whitened = torch.linalg.solve_triangular(factor, noised, upper=False)
    whitened = torch.linalg.solve_triangular(factor, whitened.T, upper=False)
    # λ − 1 − ln λ through λ − 1, so that a small divergence keeps its digits.
    excess = torch.linalg.eigvalsh((whitened + whitened.T) / 2 - torch.eye(len(mean), dtype=torch.float64))
    shift = torch.linalg.solve_triangular(factor, (law.mean - mean.double())[:, None], upper=False)
    value = 0.5 * ((excess - excess.log1p()).sum() + shift.square().sum())
    return Measurement(max(value.item(), 0.0), 0.0)


def wasserstein(gaussian: tuple[Tensor, Tensor], sigma_min: float, law: GaussianLaw) -> Measurement:
    """Return W_2 of N(m, C + δ²I) and law, exact, through their roots, which keeps its digits.

    A^½ − B^½R is least in norm for the rotation R that makes R B^½ A^½ symmetric, and its norm is W_2.

    Arguments:
        gaussian: mean m (d,) and covariance C (d, d) of the target.
        sigma_min: δ.
        law: the sampler's output.
    """
    mean, covariance = gaussian
    noised = covariance.double() + sigma_min**2 * torch.eye(len(mean), dtype=torch.float64)
    root, other = _root(noised), _root(law.covariance)
    left, _, right = torch.linalg.svd(other @ root)
    gap = (root - other @ left @ right).square().sum() + (law.mean - mean.double()).square().sum()
    return Measurement(gap.sqrt().item(), 0.0)


def _root(covariance: Tensor) -> Tensor:
    """Symmetric square root of a covariance (d, d)."""
    eigenvalues, basis = torch.linalg.eigh(covariance)
    root: Tensor = (basis * eigenvalues.clamp_min(0).sqrt()) @ basis.T
    return root


def _run(simulate: Simulate, x: Tensor, noise: Tensor) -> Tensor:
    """Run from x (n, d) with noise (draws, n, d)."""
    draws = iter(noise)
    return simulate(x, lambda: next(draws))


def _mixes_affinely(simulate: Simulate, x: Tensor, noise: Tensor, outputs: Tensor) -> bool:
    """Whether f(ta + (1 − t)b) = t f(a) + (1 − t) f(b) for pairs of probes: a cheap test before the map."""
    t = torch.linspace(-1, 2, PROBES, dtype=torch.float64)[:, None]
    mixed = _run(simulate, t * x + (1 - t) * x.roll(1, 0), t * noise + (1 - t) * noise.roll(1, 1))
    return _close(mixed, t * outputs + (1 - t) * outputs.roll(1, 0))


def _close(a: Tensor, b: Tensor) -> bool:
    return bool((a - b).abs().max() <= TOLERANCE * torch.maximum(a.abs().max(), b.abs().max()))


def _affine_map(simulate: Simulate, dim: int, draws: int) -> tuple[Tensor, Tensor]:
    """Return f(0), shape (d,), and the linear part: row k is the response to unit vector k of the inputs."""
    zeros = torch.zeros(draws + 1, 1, dim, dtype=torch.float64)
    origin = _run(simulate, zeros[0], zeros[1:])
    responses = []
    for start in range(0, (draws + 1) * dim, BATCH):
        units = torch.arange(start, min(start + BATCH, (draws + 1) * dim))
        inputs = torch.zeros(draws + 1, len(units), dim, dtype=torch.float64)
        inputs[units // dim, torch.arange(len(units)), units % dim] = 1.0
        responses.append(_run(simulate, inputs[0], inputs[1:]) - origin)
    return origin[0], torch.cat(responses)
