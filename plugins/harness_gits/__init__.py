"""Chen, Zhou, Wang, Shen, Lyu, "On the trajectory regularity of ODE-based diffusion sampling" (GITS).

ICML 2024, arXiv 2405.11326. Sampling trajectories turn in much the same way; a grid is chosen by how far one long
step of Euler's method leaves them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.time_discretizations import TimeDiscretization


@hookimpl
def harness_time_discretizations() -> list[type[TimeDiscretization]]:
    """Offer the geometry-inspired grid."""
    from harness_gits.time_discretizations import Gits

    return [Gits]
