"""Two grids: geometric, and uniform in the schedule's time.

Of the geometric grid the spaced quantity z is the schedule's time or σ itself. They agree for σ = t; for σ =
√t as well, since the square of a geometric sequence is geometric.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from harness.errors import HarnessError
from harness.time_discretizations import GridRequest, TimeDiscretization

if TYPE_CHECKING:
    from torch import Tensor


class Exponential(TimeDiscretization):
    """z_j = z_max (z_min/z_max)^{j/N}; in σ it is uniform in the log signal-to-noise ratio."""

    name: ClassVar[str] = "exponential"
    formula: ClassVar[str] = "z_j = z_max (z_min/z_max)^(j/N), z = t or σ"
    source: ClassVar[str] = (
        "Song et al., arXiv 2011.13456, appendix C; in time: Wang et al., arXiv 2406.12839, section 4.2"
    )

    variable: Literal["time", "sigma"] = Field("time", description="what is spaced: the schedule's time, or σ")

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,).

        Raises:
            HarnessError: the schedule puts σ_min at a time that is not positive, which has no logarithm.
        """
        if self.variable == "sigma":
            return self._spaced(*request.sigma_range(), request.fractions())
        first, last = request.time_range()
        if float(last) <= 0:
            raise HarnessError(
                f"time discretization {self.name!r} needs times > 0, but noise schedule "
                f"{request.schedule.label()!r} puts sigma_min={request.sigma_min:g} at t={float(last):g}; "
                "use variable=sigma or a schedule that starts lower"
            )
        return request.schedule.sigma(self._spaced(first, last, request.fractions()))

    def _spaced(self, first: Tensor, last: Tensor, fraction: Tensor) -> Tensor:
        return first * (fraction * (last / first).log()).exp()


class UniformTime(TimeDiscretization):
    """Equal steps in the schedule's time."""

    name: ClassVar[str] = "uniform-time"
    formula: ClassVar[str] = "t_j = (1 − j/N) t(σ_max) + (j/N) t(σ_min)"
    source: ClassVar[str] = "Song et al., arXiv 2011.13456, section 4"

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,)."""
        first, last = request.time_range()
        fraction = request.fractions()
        return request.schedule.sigma((1 - fraction) * first + fraction * last)
