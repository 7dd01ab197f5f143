"""Williams, Campbell, Doucet, Syed, "Score-optimal diffusion schedules", NeurIPS 2024, arXiv 2412.07877.

Levels at equal steps of the change of the score, by the cost of a corrector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.time_discretizations import TimeDiscretization


@hookimpl
def harness_time_discretizations() -> list[type[TimeDiscretization]]:
    """Offer the grid of the corrector's cost."""
    from harness_williams.time_discretizations import ScoreOptimal

    return [ScoreOptimal]
