"""The grid of beta quantiles.

Programs differ in what is spaced: the schedule's time (as in the source), or σ itself, evenly in [σ_min, σ_max].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from harness.time_discretizations import GridRequest, TimeDiscretization

if TYPE_CHECKING:
    from torch import Tensor


class BetaQuantiles(TimeDiscretization):
    """z_j at the quantile 1 − j/N of a beta law on [z_min, z_max]; a = b = 1 is uniform."""

    name: ClassVar[str] = "beta"
    formula: ClassVar[str] = "z_j = z_min + F⁻¹(1 − j/N)(z_max − z_min), F the law Beta(a, b), z = t or σ"
    source: ClassVar[str] = "Lee et al., arXiv 2407.12173"

    a: float = Field(0.6, ge=0.1, le=10, description="first parameter of the law; below 1: dense near σ_min")
    b: float = Field(0.6, ge=0.1, le=10, description="second parameter; below 1: dense near σ_max")
    variable: Literal["time", "sigma"] = Field("time", description="what is spaced: the schedule's time, or σ")

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,)."""
        import torch
        from scipy.special import betaincinv

        first, last = request.sigma_range() if self.variable == "sigma" else request.time_range()
        part = torch.from_numpy(betaincinv(self.a, self.b, 1 - request.fractions().numpy()))
        spaced = part * first + (1 - part) * last
        return spaced if self.variable == "sigma" else request.schedule.sigma(spaced)
