"""The grid of the cosine schedule: equal steps of the angle arctan(σ/c).

On N(0, c²I) it is the best grid for Euler's method on the probability flow (Sabour, Fidler, Kreis, "Align
your steps", arXiv 2404.14507, theorem 3.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.time_discretizations import GridRequest, TimeDiscretization

if TYPE_CHECKING:
    from torch import Tensor


class CosineGrid(TimeDiscretization):
    """Uniform in arctan(σ/scale)."""

    name: ClassVar[str] = "cosine"
    formula: ClassVar[str] = "σ_j = c tan((1 − j/N) arctan(σ_max/c) + (j/N) arctan(σ_min/c))"
    source: ClassVar[str] = "Nichol, Dhariwal, arXiv 2102.09672, section 3.2; scale: Hoogeboom et al., arXiv 2301.11093"

    scale: float = Field(1.0, gt=0, description="noise level c at the middle angle, 45°")

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,)."""
        first, last = request.sigma_range()
        fraction = request.fractions()
        angle = (1 - fraction) * (first / self.scale).atan() + fraction * (last / self.scale).atan()
        return self.scale * angle.tan()
