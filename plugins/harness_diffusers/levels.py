"""The library's tables of levels between any two, by its own functions, in double precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from harness.libraries import Library
from harness.time_discretizations import GridRequest, TimeDiscretization
from harness_diffusers.schedulers import DIFFUSERS

if TYPE_CHECKING:
    from torch import Tensor


class DiffusersLevels(TimeDiscretization):
    """The levels that a scheduler lays out with `use_karras_sigmas` and its like."""

    name: ClassVar[str] = "diffusers-levels"
    formula: ClassVar[str] = (
        "equal steps in σ^(1/7); in ln σ (exponential, lu); σ_min + (σ_max − σ_min) q, q quantiles of Beta(0.6, 0.6)"
    )
    source: ClassVar[str] = "diffusers, DPMSolverMultistepScheduler"
    library: ClassVar[Library | None] = DIFFUSERS
    form: Literal["karras", "exponential", "lu", "beta"] = Field("karras", description="which of its options")

    def levels(self, request: GridRequest) -> Tensor:
        """Return the levels that the library's function makes of the two ends, shape (N+1,), float64."""
        import numpy as np
        import torch

        scheduler = DIFFUSERS.module("diffusers").DPMSolverMultistepScheduler()
        ends = np.array([request.sigma_max, request.sigma_min])
        if self.form == "lu":
            found = np.exp(scheduler._convert_to_lu(np.log(ends), request.steps + 1))
        else:
            found = getattr(scheduler, f"_convert_to_{self.form}")(ends, request.steps + 1)
        return torch.from_numpy(np.asarray(found, dtype=np.float64))
