"""Measurement: measures J(u) and e(σ), one Monte-Carlo pass each, the same noised points at every level.

Fisher information. With X = X_0 + σξ and the exact denoiser D, two quantities have mean uJ(u):

    a = ‖X − D‖²/u              (the definition: ∇log p = (D − X)/u)
    b = d − tr Cov(X_0 | X)/u   (from J = d/u − M/u²)

and b + w(a − b) has, for any w, the same mean; w is chosen at each level for the least variance, from the
other replicates, so that no bias enters. On an isotropic Gaussian b is exact. (X_0, ξ) are drawn once per
replicate and serve every level, so the curve's errors are smooth in u.

Initialisation. d KL(p_u ‖ N(0, uI)) / d(1/u) = ½ E‖D(X_σ)‖² (the I-MMSE relation of Guo, Shamai, Verdú
2005, arXiv cs/0412108, and m₂² = M + E‖D‖²), and the divergence vanishes at u = ∞:

    KL(p_u ‖ N(0, uI)) = ½ ∫_0^{1/u} E‖D(X_{1/√v})‖² dv,

by Gauss–Legendre in v; again two estimators, ‖D‖² and m₂² − tr Cov(X_0 | X), are combined.

Score error. e(σ) = E‖D_θ − D‖²/σ⁴, at the same points for every network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.engine.curves import MeasuredInformation, MeasuredScoreError
from harness.engine.labels import given
from harness.information import Information

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from harness.engine.labels import LabelledDenoiser
    from harness.targets import Distribution

FEWEST, MOST = 16, 128
"""Noised points of each replicate on a data set: the fewest on a large one, the most on a small one."""

CHEAP = 2**22
"""Numbers in a data set up to which the exact denoiser is shown the most points; a point costs as many products."""

REPLICATES = 8
NODES = 8

SCORE_LEVELS = 48
"""Levels at which the score error of a network is measured."""

SPACING = 0.35
"""Distance of neighbouring levels in ln u; uJ varies over distances of about 1."""


def measure_information(
    target: Distribution,
    sigma_min: float,
    sigma_max: float,
    *,
    seed: int = 0,
    samples: int | None = None,
    replicates: int = REPLICATES,
    level_count: int | None = None,
    labelled: bool = False,
) -> Information:
    """Return the target's J(u) over [σ_min², σ_max²]: the closed form where there is one, else measured.

    Arguments:
        target: the distribution.
        sigma_min: the lowest level, > 0.
        sigma_max: the highest level.
        seed: of the noised points.
        samples: points of each replicate; by default `noised_points` for data sets and 1024 otherwise.
        replicates: R, at least 3.
        level_count: number of levels; by default one each 0.35 in ln u.
        labelled: whether J is the mean, over labels, of that of the points that have one: what a network that is given
            labels meets.
    """
    closed = None if labelled else target.closed_information()
    if closed is not None:
        return closed
    samples = samples or (noised_points(target) if target.finite else 1024)
    u = information_levels(sigma_min, sigma_max, level_count)
    draws = _draws(target, seed, samples, replicates, labelled)
    values = np.stack([_fisher(target, draws, float(v), replicates) for v in u], axis=1)
    initial = _initialization(target, draws, float(u[-1]), replicates)
    return MeasuredInformation(target.dim, target.second_moment, u, np.clip(values, 0.0, target.dim), initial)


def information_levels(sigma_min: float, sigma_max: float, count: int | None = None) -> np.ndarray:
    """Return the noise variances u at which J is measured, increasing; by default one each `SPACING` in ln u."""
    span = 2 * math.log(sigma_max / sigma_min)
    return np.geomspace(sigma_min**2, sigma_max**2, count or max(8, math.ceil(span / SPACING) + 1))


def measure_score_error(
    target: Distribution,
    denoisers: Sequence[LabelledDenoiser],
    sigma_min: float,
    sigma_max: float,
    *,
    seed: int = 0,
    samples: int | None = None,
    replicates: int = REPLICATES,
    level_count: int = SCORE_LEVELS,
    dtype: torch.dtype | None = None,
    labelled: bool = False,
) -> list[MeasuredScoreError]:
    """Return e(σ) over [σ_min, σ_max] of each network.

    Arguments:
        target: the distribution, with its exact denoiser.
        denoisers: each maps points (n, d) and a level to denoised points (n, d), or, for B stacked networks,
            to (B, n, d): it then counts as B networks.
        sigma_min: the lowest level, > 0.
        sigma_max: the highest level.
        seed: of the noised points.
        samples: points of each replicate; by default `noised_points`.
        replicates: R.
        level_count: number of levels, log-spaced.
        dtype: of the points that the networks are given; float32 by default. The exact denoiser sees the same
            rounded points.
        labelled: whether the networks are given the labels of points, and so is the exact denoiser.
    """
    import torch

    dtype = dtype or torch.float32
    sigmas = np.geomspace(sigma_min, sigma_max, level_count)
    draws = _draws(target, seed, samples or noised_points(target), replicates, labelled)
    columns = []
    with torch.no_grad():
        for sigma in sigmas.tolist():
            points = draws.at(sigma).to(dtype)
            exact = draws.denoise(target, points.double(), sigma)
            errors = [
                _errors(given(denoiser, draws.labels)(points, sigma), exact, sigma, replicates)
                for denoiser in denoisers
            ]
            columns.append(torch.cat(errors))
    values = torch.stack(columns, -1).numpy()
    return [MeasuredScoreError(sigmas, rows) for rows in values]


def noised_points(target: Distribution) -> int:
    """Return at how many noised points each replicate shows a law its exact denoiser.

    On a data set of n points of dimension d it costs n·d multiplications a point and level; the error that fewer points
    have is that of the replicates, as always.
    """
    if target.size * target.dim <= CHEAP:
        return MOST
    return max(FEWEST, MOST * CHEAP // (target.size * target.dim))


@dataclass(frozen=True)
class _Draws:
    """Noised points at every level: X_0 and ξ, shape (R·samples, d), and the labels of X_0 where they are given."""

    clean: Tensor
    noise: Tensor
    labels: Tensor | None

    def at(self, sigma: float) -> Tensor:
        return self.clean + sigma * self.noise

    def denoise(self, target: Distribution, x: Tensor, sigma: float) -> Tensor:
        return target.denoise(x, sigma) if self.labels is None else target.moments_given(x, sigma, self.labels)[0]

    def moments(self, target: Distribution, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        if self.labels is None:
            return target.moments(x, sigma)
        return target.moments_given(x, sigma, self.labels)


def _draws(target: Distribution, seed: int, samples: int, replicates: int, labelled: bool = False) -> _Draws:
    """Draw each replicate by seeds of its own."""
    import torch

    clean, noise, labels = [], [], []
    for r in range(replicates):
        child = np.random.SeedSequence((seed, r)).generate_state(1, np.uint64)[0]
        generator = torch.Generator().manual_seed(int(child >> np.uint64(1)))
        points, *known = target.labelled(samples, generator) if labelled else (target.sample(samples, generator),)
        clean.append(points)
        labels += known
        noise.append(torch.randn(samples, target.dim, generator=generator, dtype=torch.float64))
    return _Draws(torch.cat(clean), torch.cat(noise), torch.cat(labels) if labels else None)


def _errors(denoised: Tensor, exact: Tensor, sigma: float, replicates: int) -> Tensor:
    """σ²e = E‖D_θ − D‖²/σ² of each of B networks and each replicate, shape (B, R)."""
    difference = denoised.double().reshape(-1, *exact.shape) - exact
    squares = difference.square().sum(-1) / sigma**2
    return squares.reshape(len(difference), replicates, -1).mean(-1)


def _fisher(target: Distribution, draws: _Draws, u: float, replicates: int) -> np.ndarray:
    """UJ(u) of each replicate, shape (R,)."""
    sigma = math.sqrt(u)
    points = draws.at(sigma)
    denoised, variance = draws.moments(target, points, sigma)
    a = (points - denoised).square().sum(1) / u
    b = target.dim - variance / u
    return _combine(a, b, replicates)


def _initialization(target: Distribution, draws: _Draws, u: float, replicates: int) -> np.ndarray:
    """KL(p_u ‖ N(0, uI)) of each replicate, shape (R,)."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    total = np.zeros(replicates)
    for node, weight in zip(nodes, weights, strict=True):
        sigma = math.sqrt(2 * u / (1 + node))
        points = draws.at(sigma)
        denoised, variance = draws.moments(target, points, sigma)
        a = denoised.square().sum(1)
        b = target.second_moment - variance
        total += 0.5 * weight / (2 * u) * _combine(a, b, replicates)
    return total


def _combine(a: Tensor, b: Tensor, replicates: int) -> np.ndarray:
    """Mean of b + w(a − b) in each replicate, shape (R,); w gives the others the least variance."""
    first, second = (x.reshape(replicates, -1).numpy() for x in (a, b))
    gap = first - second
    centred_gap = gap - gap.mean(1, keepdims=True)
    products = (centred_gap * second).mean(1)
    squares = (centred_gap**2).mean(1)
    others = squares.sum() - squares
    weight = np.divide(
        -(products.sum() - products),
        others,
        out=np.zeros(replicates),
        where=others > 1e-24 * (1 + second.mean() ** 2),
    )
    combined: np.ndarray = second.mean(1) + weight * gap.mean(1)
    return combined
