"""Sabour, Fidler, Kreis, "Align your steps: optimizing sampling schedules in diffusion models" (AYS).

ICML 2024, arXiv 2404.14507. The grid that minimises a divergence of the stochastic sampler, the published grids of four
image models, and the grid that is best on a Gaussian.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.time_discretizations import TimeDiscretization


@hookimpl
def harness_time_discretizations() -> list[type[TimeDiscretization]]:
    """Offer the optimised grid, the tables, and the tangent."""
    from harness_sabour.optimised import AlignYourSteps
    from harness_sabour.tables import AysTable
    from harness_sabour.tangent import Tangent

    return [AlignYourSteps, AysTable, Tangent]
