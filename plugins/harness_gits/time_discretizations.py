"""The geometry-inspired grid: some of the levels of a fine one, by dynamic programming."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from harness.errors import NotApplicable
from harness.time_discretizations import GridRequest, TimeDiscretization

if TYPE_CHECKING:
    from torch import Tensor


class Gits(TimeDiscretization):
    """Levels of a fine grid between which long Euler steps leave the exact trajectories least."""

    name: ClassVar[str] = "gits"
    formula: ClassVar[str] = (
        "V(j, k) = min_i c_ji + γ V(i, k − 1), c_ji what an Euler step from teacher level j to i errs"
    )
    source: ClassVar[str] = "Chen et al., arXiv 2405.11326, and the code of its authors"
    needs_law: ClassVar[bool] = True

    gamma: float = Field(1.15, gt=0, le=10, description="weight γ of later steps against earlier ones")
    teacher: int = Field(61, ge=4, le=1000, description="levels of the fine grid, which is `polynomial:rho=7`")
    metric: Literal["dev", "l1", "l2"] = Field(
        "dev", description="error: excess distance from the straight line through the ends, or distance in a norm"
    )
    trajectories: int = Field(256, ge=8, le=100_000, description="trajectories that the error is averaged over")

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,).

        Raises:
            HarnessError: the request carries no law.
            NotApplicable: more steps than the fine grid has, or points on a line with the metric `dev`.
        """
        from harness_gits.trajectories import best_path, step_errors, teacher_levels

        law = request.law_for(self)
        if request.steps >= self.teacher:
            raise NotApplicable(f"gits chooses among {self.teacher} levels, which {request.steps} steps exceed")
        if law.dim == 1 and self.metric == "dev":
            raise NotApplicable("gits measures how trajectories bend, and in one dimension none does; take metric=l2")
        levels = teacher_levels(request.sigma_max, request.sigma_min, self.teacher)
        costs = step_errors(law, levels, self.trajectories, self.metric)
        return levels[best_path(costs, request.steps, self.gamma)]
