"""EDM's terms: what of a design EDM's own parameters can say, found in its numbers, whatever its components are called.

EDM trains by ln σ ~ N(P_mean, P_std²) and ω = 1 + σ²/σ_data², and lays out levels uniform in σ^(1/ρ). With σ in another
unit, times a factor f, the same training has P_mean + ln f, P_std and f σ_data, and the same ρ.
Reference: Karras et al., arXiv 2206.00364, eq. (5) and Table 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from harness.preconditionings import Preconditioning
    from harness.weighting_tables import WeightingTable

SAME = 1e-6
"""Relative difference below which two curves, or grids, are the same: tables are exact but for rounding."""

TAIL = 1e-12
"""Densities below this part of the largest are not held against a form: they may have been cut to 0."""

STEEPEST = 1e4
"""Largest ρ that is tried; beyond, grids are geometric to a few digits."""


def log_normal(table: WeightingTable) -> tuple[float, float] | None:
    """Return P_mean and P_std of the density that levels are drawn from; None where ln σ is not normal within its ends.

    Arguments:
        table: of the weighting.
    """
    if table.masses is not None:
        return None
    mass = table.density * table.sigma
    kept = mass > TAIL * mass.max()
    if kept.sum() < 4:
        return None
    x, y = np.log(table.sigma[kept]), np.log(mass[kept])
    curvature, slope, _ = found = np.polyfit(x, y, 2)
    if curvature >= 0 or np.abs(np.polyval(found, x) - y).max() > SAME * max(1.0, float(np.ptp(y))):
        return None
    # A curvature that rounding alone makes is that of no normal law.
    if -curvature * np.ptp(x) ** 2 < SAME:
        return None
    variance = -1 / (2 * float(curvature))
    return float(slope) * variance, math.sqrt(variance)


def weight_scale(table: WeightingTable) -> float | None:
    """Return the σ_data of a weight ω ∝ 1 + σ²/σ_data²; None where it has another form."""
    if table.masses is not None:
        return None
    u, weight = table.sigma**2, table.omega
    form = np.stack([1 / weight, u / weight], 1)
    (low, high), *_ = np.linalg.lstsq(form / np.abs(form).max(0), np.ones(len(u)), rcond=None)
    low, high = np.array([low, high]) / np.abs(form).max(0)
    if low <= 0 or high <= 0 or np.abs((low + high * u) / weight - 1).max() > SAME:
        return None
    # Over these levels one of the two terms must not drown in the rounding of the other.
    if high * u.max() < SAME * low or low < SAME * high * u.min():
        return None
    return math.sqrt(low / high)


def is_edm(preconditioning: Preconditioning, sigma_data: float, sigma_min: float, sigma_max: float) -> bool:
    """Whether c_skip, c_out and c_in are EDM's between two levels; c_noise only tells the network the level.

    Arguments:
        preconditioning: the component.
        sigma_data: that of the network.
        sigma_min: the least level.
        sigma_max: the largest.
    """
    import torch

    sigma = torch.from_numpy(np.geomspace(sigma_min, sigma_max, 65))
    found = preconditioning.coefficients(sigma, torch.tensor(sigma_data, dtype=torch.float64))
    total = (sigma**2 + sigma_data**2).sqrt()
    wanted = ((sigma_data / total) ** 2, sigma * sigma_data / total, 1 / total)
    pairs = zip((found.skip, found.out, found.inner), wanted, strict=True)
    return all(bool(((a - b).abs() <= SAME * b).all()) for a, b in pairs)


@dataclass(frozen=True)
class Exponent:
    """The exponent ρ whose grid is nearest to some levels, and by how much it misses them at most, relatively."""

    rho: float
    miss: float

    @property
    def exact(self) -> bool:
        """Whether its grid is these levels."""
        return self.miss <= SAME


def exponent(levels: np.ndarray) -> Exponent:
    """Return the ρ of EDM's grids that is nearest to levels of shape (N+1,), decreasing, N ≥ 1."""
    from scipy.optimize import minimize_scalar

    def miss(log_rho: float) -> float:
        with np.errstate(divide="ignore", under="ignore"):
            made = edm_levels(levels[0], levels[-1], len(levels), math.exp(log_rho))
            return min(float(np.abs(np.log(made / levels)).max()), 1e300)

    logs = np.linspace(math.log(0.1), math.log(STEEPEST), 49)
    place = int(np.argmin([miss(each) for each in logs]))
    ends = logs[max(place - 1, 0)], logs[min(place + 1, len(logs) - 1)]
    found = minimize_scalar(miss, bounds=ends, method="bounded", options={"xatol": 1e-10})
    # Most grids have an exponent of few digits, which a search misses by a little.
    rho = math.exp(float(found.x))
    short = [float(f"{rho:.{digits}g}") for digits in (2, 3, 6)]
    rho = next((each for each in short if miss(math.log(each)) <= max(SAME, float(found.fun))), rho)
    return Exponent(rho, miss(math.log(rho)))


def edm_levels(first: float, last: float, count: int, rho: float) -> np.ndarray:
    """Return EDM's levels, shape (count,), decreasing: uniform in σ^(1/ρ)."""
    if count == 1:
        return np.array([first])
    part = np.arange(count) / (count - 1)
    levels: np.ndarray = first * (1 + part * ((last / first) ** (1 / rho) - 1)) ** rho
    return levels
