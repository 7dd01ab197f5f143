"""Orders of convergence of samplers, measured on laws whose flow and marginals are known.

The error at σ_N with N and 2N steps gives the order log_2(e_N/e_2N). Without noise it is that of points along the
probability flow (strong); with noise that of the law (weak): its mean and covariance on Gaussians, exact, since the
sampler is an affine map there; E cos(kX) and E sin(kX) on a mixture, by integration over start and noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from scipy.special import ndtri
from torch.quasirandom import SobolEngine

from harness.engine.known_laws import GaussianLaw, MixtureLaw
from harness.engine.responses import Response, no_noise, response, simulation
from harness.properties import Property
from harness.samplers import Sampler

GAUSSIANS = GaussianLaw([1.0, -0.5, 0.3, 0.0], [1.0, 0.04, 4.0, 0.2])
"""Variances far apart, and means off the origin: errors that cancel in one coordinate do not in all."""

MIXTURE = MixtureLaw([0.3, 0.7], [-0.6, 0.5], [0.7, 0.35])
"""Neither symmetric nor Gaussian, and so smooth that few steps show an order."""

FAR = (300.0, 0.1)
"""σ_max and σ_min of flows and Gaussians: so far above the data that a first step of low order leaves nothing."""

NEAR = (10.0, 0.3)
"""σ_max and σ_min of the weak order on the mixture."""

STEPS, MORE, FEW = 60, 120, 12
"""N on the mixture's flow, on Gaussians, and of the weak order on the mixture; and each doubled."""

PARTS = np.array([0.03, 0.2, 0.4, 0.45, 0.6, 0.8, 0.97])
"""Masses below the points whose way along the flow is followed."""

FREQUENCIES = np.array([0.5, 1.0, 2.0])
"""Frequencies k of the waves whose means are compared."""

SPECTRUM = GaussianLaw([0.0] * 6, np.geomspace(0.1, 2.5, 6).tolist())
"""Gaussians whose answers to noise span the directions that matter on the mixture."""

POINTS, SHUFFLES = 2**13, 4
"""Points of a low-discrepancy sequence, and scramblings of it, by which their error is known."""

HALF = 0.5
"""Tolerance of an order: orders are whole numbers."""

ROUNDED, HIGHEST = 1e-11, 16.0
"""An error of rounding, and the order that stands for one."""

Grid = Callable[[int, float, float], np.ndarray]


def geometric(steps: int, first: float, last: float) -> np.ndarray:
    """Return equal steps in ln σ, shape (N+1,)."""
    return np.geomspace(first, last, steps + 1)


def polynomial(steps: int, first: float, last: float) -> np.ndarray:
    """Return equal steps in σ^(1/7), shape (N+1,): neighbouring steps in ln σ differ, by ever less."""
    levels: np.ndarray = np.linspace(first ** (1 / 7), last ** (1 / 7), steps + 1) ** 7
    return levels


def uneven(steps: int, first: float, last: float) -> np.ndarray:
    """Return steps in ln σ each twice or half as long as the one before, shape (N+1,)."""
    part = np.concatenate([[0.0], np.resize([1.0, 2.0], steps).cumsum()])
    levels: np.ndarray = first * (last / first) ** (part / part[-1])
    return levels


GRIDS: dict[str, Grid] = {"geometric": geometric, "polynomial": polynomial, "uneven": uneven}


def orders(sampler: Sampler, seed: int = 0) -> list[Property]:
    """Measure the orders of convergence of a sampler, on each law and grid that fits it.

    Arguments:
        sampler: the sampler.
        seed: of the points by which weak orders on the mixture are integrated.
    """
    kind = "strong" if sampler.deterministic else "weak"
    exact = [_order(sampler, name, f"{kind} order, Gaussians", gaussian_error, MORE) for name in GRIDS]
    if sampler.deterministic:
        return [*exact, *(_order(sampler, name, f"{kind} order, mixture", flow_error, STEPS) for name in GRIDS)]
    return [*exact, weak_order(sampler, "polynomial", seed)] if sampler.claimed_order else exact


def _order(
    sampler: Sampler, grid: str, what: str, error: Callable[[Sampler, np.ndarray], float], steps: int
) -> Property:
    coarse, fine = (error(sampler, GRIDS[grid](count, *FAR)) for count in (steps, 2 * steps))
    return Property(f"{what}, {grid} grid", claim(sampler, grid), _log2(coarse, fine), HALF, at_least=True)


def claim(sampler: Sampler, grid: str) -> float | None:
    """Return the order that a sampler claims on a grid."""
    return sampler.claimed_order_uneven if grid == "uneven" else sampler.claimed_order


def _log2(coarse: float, fine: float) -> float:
    """Return the order; 16 where the finer error is of rounding, below which nothing falls."""
    if not math.isfinite(coarse + fine):
        return math.nan
    return HIGHEST if fine < ROUNDED else math.log2(max(coarse, fine * 2**-HIGHEST) / fine)


def flow_error(sampler: Sampler, sigmas: np.ndarray) -> float:
    """Return the largest distance of points at σ_N from where the mixture's flow leads them."""
    start, end = (torch.from_numpy(MIXTURE.quantiles(PARTS, sigma))[:, None] for sigma in (sigmas[0], sigmas[-1]))
    found = simulation(sampler, MIXTURE, MIXTURE.denoise, sigmas)(start, no_noise)
    return float((found - end).abs().max())


def gaussian_error(sampler: Sampler, sigmas: np.ndarray) -> float:
    """Return the largest error of mean and standard deviation at σ_N on the Gaussians, relative to the deviation."""
    found = response(sampler, GAUSSIANS, sigmas)
    mean, deviations = found.law(GAUSSIANS.mean, GAUSSIANS.deviations(sigmas[0]))
    known = GAUSSIANS.deviations(sigmas[-1])
    return float(np.abs(np.concatenate([(mean - GAUSSIANS.mean) / known, deviations / known - 1])).max())


def weak_order(sampler: Sampler, grid: str, seed: int = 0) -> Property:
    """Measure the order of E cos(kX) and E sin(kX) on the mixture; the integration's own error widens the tolerance."""
    (coarse, blur), (fine, fine_blur) = (
        _norm(wave_errors(sampler, GRIDS[grid](steps, *NEAR), seed)) for steps in (FEW, 2 * FEW)
    )
    tolerance = HALF + 2 * math.hypot(blur / coarse, fine_blur / fine) / math.log(2)
    return Property(
        f"weak order, mixture, {grid} grid", claim(sampler, grid), _log2(coarse, fine), tolerance, at_least=True
    )


def _norm(errors: np.ndarray) -> tuple[float, float]:
    """Return the length of the mean error, and of its standard error, of errors of shape (shuffles, k)."""
    blur = errors.std(0, ddof=1) / math.sqrt(len(errors))
    return float(np.linalg.norm(errors.mean(0))), float(np.linalg.norm(blur))


def wave_errors(sampler: Sampler, sigmas: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the errors of E cos(kX) and E sin(kX) at σ_N on the mixture, by each shuffle; shape (shuffles, 2k)."""
    basis = directions(response(sampler, SPECTRUM, sigmas), sigmas[0])
    simulate = simulation(sampler, MIXTURE, MIXTURE.denoise, sigmas)
    table = 7.0 * sigmas[0] * np.linspace(-1, 1, 4001)
    scores = ndtri(MIXTURE.cumulative(table, sigmas[0]))
    known = MIXTURE.waves(FREQUENCIES, sigmas[-1])
    found = []
    for shuffle in range(SHUFFLES):
        normal = normals(len(basis), seed * SHUFFLES + shuffle) @ basis.T
        start = torch.from_numpy(np.interp(normal[:, 0], scores, table))[:, None]
        noise = iter(torch.from_numpy(normal[:, 1:]).unbind(1))
        end = simulate(start, lambda noise=noise: next(noise)[:, None]).numpy()  # type: ignore[misc]
        waves = np.stack([np.cos(end * FREQUENCIES).mean(0), np.sin(end * FREQUENCIES).mean(0)])
        found.append((waves - known).ravel())
    return np.array(found)


def normals(dim: int, seed: int) -> np.ndarray:
    """Return standard normal points of low discrepancy, shape (points, dim)."""
    sequence = SobolEngine(dim, scramble=True, seed=seed)  # type: ignore[no-untyped-call]
    uniform = sequence.draw(POINTS, dtype=torch.float64).numpy()
    found: np.ndarray = ndtri(uniform.clip(1e-12, 1 - 1e-12))
    return found


def directions(found: Response, sigma: float) -> np.ndarray:
    """Return an orthonormal basis of start and noise, shape (1 + draws,) twice: first what the end answers to most.

    Integration by points of low discrepancy is as good as its first few coordinates are what matters.
    """
    answers = np.concatenate([sigma * found.start[None], found.noise])
    whole = np.concatenate([answers / np.linalg.norm(answers, axis=0), np.eye(len(answers))], axis=1)
    basis: np.ndarray = np.linalg.qr(whole)[0]
    return basis
