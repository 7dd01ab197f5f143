"""Grids of whole training steps.

The range of the schedule's time is divided into T equal steps, numbered from 0 (σ_min, where the clean point is) to T
(σ_max). Numbers that lie half-way between two are rounded to the even one.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.errors import HarnessError
from harness.time_discretizations import GridRequest, TimeDiscretization

if TYPE_CHECKING:
    from torch import Tensor


class WholeSteps(TimeDiscretization):
    """A grid that visits whole training steps."""

    train_steps: int = Field(1000, ge=2, le=1_000_000, description="number T of steps that training divides time into")

    @abstractmethod
    def numbers(self, steps: int) -> Tensor:
        """Return the numbers of the steps that N steps visit, perhaps between two; shape (N+1,), from T down to 0."""

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,).

        Raises:
            HarnessError: there are fewer training steps than steps of sampling.
        """
        if request.steps > self.train_steps:
            raise HarnessError(
                f"time discretization {self.name!r} visits each of {self.train_steps} training steps once at most;"
                f" give at most so many steps, not {request.steps}, or a larger train_steps"
            )
        first, last = request.time_range()
        fraction = 1 - self.numbers(request.steps).round() / self.train_steps
        return request.schedule.sigma((1 - fraction) * first + fraction * last)


class Trailing(WholeSteps):
    """Every T/N-th step counted from the last, which is visited first; then the clean point."""

    name: ClassVar[str] = "trailing"
    formula: ClassVar[str] = "t_j = t(σ_min) + round(T − jT/N)/T (t(σ_max) − t(σ_min))"
    source: ClassVar[str] = "Lin et al., arXiv 2305.08891, section 3.3 and Table 2"

    def numbers(self, steps: int) -> Tensor:
        """Return T − jT/N, shape (N+1,)."""
        import torch

        return self.train_steps - torch.arange(steps + 1, dtype=torch.float64) * self.train_steps / steps


class Linspace(WholeSteps):
    """Evenly from the last step to the first; then the clean point."""

    name: ClassVar[str] = "linspace"
    formula: ClassVar[str] = (
        "t_j = t(σ_min) + round(1 + (1 − j/(N − 1))(T − 1))/T (t(σ_max) − t(σ_min)), t_N = t(σ_min)"
    )
    source: ClassVar[str] = "Lin et al., arXiv 2305.08891, section 3.3 and Table 2; Nichol, Dhariwal, arXiv 2102.09672"

    def numbers(self, steps: int) -> Tensor:
        """Return N numbers from T to 1, then 0; shape (N+1,)."""
        import torch

        visited = torch.linspace(self.train_steps, 1, steps, dtype=torch.float64)
        return torch.cat([visited, visited.new_zeros(1)])
