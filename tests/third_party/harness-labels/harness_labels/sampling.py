"""A schedule, a grid, a sampler and a start."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field

from harness.initial_laws import InitialLaw, Start
from harness.noise_schedules import NoiseSchedule
from harness.samplers import Sampler, SamplerRun
from harness.targets import Distribution
from harness.time_discretizations import GridRequest, TimeDiscretization

if TYPE_CHECKING:
    from torch import Tensor


class Hyperbolic(NoiseSchedule):
    """Linear at small levels, exponential at large ones."""

    name = "hyperbolic"
    formula = "σ(t) = scale sinh t"

    scale: float = Field(0.5, gt=0, description="level at which it turns")

    def sigma(self, t: Tensor) -> Tensor:
        return self.scale * t.sinh()

    def time(self, sigma: Tensor) -> Tensor:
        return (sigma / self.scale).asinh()

    def rate(self, t: Tensor) -> Tensor:
        return self.scale * t.cosh()


class Blended(TimeDiscretization):
    """Between geometric levels and levels that are even in the schedule's time."""

    name = "blended"
    formula = "σ_j = (1 − part) σ_max (σ_min/σ_max)^(j/N) + part σ(t_max + (j/N)(t_min − t_max))"

    part: float = Field(0.3, ge=0, le=1, description="part of the levels that are even in time")

    def levels(self, request: GridRequest) -> Tensor:
        fraction, (first, last) = request.fractions(), request.sigma_range()
        start, end = request.time_range()
        even = request.schedule.sigma(start + fraction * (end - start))
        return (1 - self.part) * first * (last / first) ** fraction + self.part * even


class Restless(Sampler):
    """Euler's step to below the next level, and noise back up to it."""

    name = "restless"
    formula = "x' = (s/σ) x + (1 − s/σ) D(x, σ) + η σ' z,  s = σ' √(1 − η²)"

    eta: float = Field(0.3, ge=0, lt=1, description="part η of the next level that is fresh noise")

    @property
    def deterministic(self) -> bool:
        return self.eta == 0

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        ratio = run.sigma_next * math.sqrt(1 - self.eta**2) / run.sigma
        moved = ratio * x + (1 - ratio) * run.denoiser(x, run.sigma)
        return moved if self.deterministic else moved + self.eta * run.sigma_next * run.noise()


class Diagonal(InitialLaw):
    """Independent coordinates with the means and variances of the noised target."""

    name = "diagonal"
    formula = "x_0 ~ N(mean, diag(cov) + σ_0² I)"

    def start(self, target: Distribution, sigma: float) -> Start:
        mean, covariance = target.mean_and_covariance()
        return Start(mean, (covariance.diag() + sigma**2).sqrt().diag())
