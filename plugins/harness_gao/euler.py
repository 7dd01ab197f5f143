"""Whether a sampler is Euler's method, seen from outside: by what it does to a denoiser that is nobody's."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from harness.bounds import Design
from harness.samplers import SamplerRun

TOLERANCE = 1e-9
"""Largest difference, relative to the size of the output."""

PROBES = 4


def is_euler(design: Design) -> bool:
    """Tell whether the sampler's output along the grid is that of x' = (τ/σ)x + (1 − τ/σ)D(x, σ)."""
    if not design.sampler.deterministic or design.variances is not None:
        return False
    sigmas = design.sigmas.tolist()
    generator = torch.Generator().manual_seed(0)
    start = sigmas[0] * torch.randn(PROBES, design.dim, generator=generator, dtype=torch.float64)

    def noise() -> Tensor:
        raise AssertionError("a deterministic sampler asked for noise")

    found = design.sampler.sample(SamplerRun(_bent, sigmas, noise), start)
    expected = start
    for sigma, after in itertools.pairwise(sigmas):
        expected = (after / sigma) * expected + (1 - after / sigma) * _bent(expected, sigma)
    return bool((found - expected).abs().max() <= TOLERANCE * (1 + expected.abs().max()))


def _bent(x: Tensor, sigma: float) -> Tensor:
    """Return a smooth bounded denoiser that is no posterior mean: linear in neither x nor σ."""
    return (x / (1 + sigma)).sin() + 0.5 / (1 + sigma)
