"""The polynomial grid: uniform in the ρ-th root.

The spaced quantity z is the schedule's time (Wang, He, Tao, section 4.2) or σ itself (Karras et al.); for σ =
t they agree.

Wang, He, Tao (Remark 3) name ρ = ½ ln(σ_max/σ_min) the best exponent. It is where ρ²(σ_max/σ_min)^{1/ρ} is least, which
is their bound for σ = t. For σ = √t the exponent is 2/ρ, and the best ρ is ln(σ_max/σ_min): the page names one for
both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from harness.errors import HarnessError
from harness.time_discretizations import GridRequest, TimeDiscretization

if TYPE_CHECKING:
    from torch import Tensor


class Polynomial(TimeDiscretization):
    """z_j = (z_max^{1/ρ} + (j/N)(z_min^{1/ρ} − z_max^{1/ρ}))^ρ.

    ρ = 1 is uniform; ρ → ∞ is the exponential grid.
    """

    name: ClassVar[str] = "polynomial"
    formula: ClassVar[str] = "z_j = (z_max^(1/ρ) + j/N (z_min^(1/ρ) − z_max^(1/ρ)))^ρ, z = t or σ"
    source: ClassVar[str] = (
        "Karras et al., arXiv 2206.00364, eq. (5); in time: Wang et al., arXiv 2406.12839, section 4.2"
    )

    rho: float = Field(7.0, ge=0.1, le=1e6, description="exponent; larger puts more levels near σ_min")
    variable: Literal["time", "sigma"] = Field("time", description="what is spaced: the schedule's time, or σ")

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,).

        Raises:
            HarnessError: the schedule puts σ_min at a negative time, which has no root.
        """
        if self.variable == "sigma":
            return self._spaced(*request.sigma_range(), request.fractions())
        first, last = request.time_range()
        if float(last) < 0:
            raise HarnessError(
                f"time discretization {self.name!r} needs times ≥ 0, but noise schedule "
                f"{request.schedule.label()!r} puts sigma_min={request.sigma_min:g} at t={float(last):g}; "
                "use variable=sigma or a schedule that starts lower"
            )
        return request.schedule.sigma(self._spaced(first, last, request.fractions()))

    def _spaced(self, first: Tensor, last: Tensor, fraction: Tensor) -> Tensor:
        root = (last / first) ** (1 / self.rho)
        return first * (1 - fraction + fraction * root) ** self.rho
