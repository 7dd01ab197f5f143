"""Lin, Liu, Li, Yang, "Common diffusion noise schedules and sample steps are flawed", WACV 2024, arXiv 2305.08891.

Which of the T steps that a network was trained on are visited by N steps of sampling. `trailing` and `linspace` begin
at the last, as they should. "Leading" does not: it is `linspace` begun at the lower level of its own first step, so a
lower σ_max says the same, and it is no grid of its own here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.time_discretizations import TimeDiscretization


@hookimpl
def harness_time_discretizations() -> list[type[TimeDiscretization]]:
    """Offer both ways to choose steps."""
    from harness_lin.time_discretizations import Linspace, Trailing

    return [Trailing, Linspace]
