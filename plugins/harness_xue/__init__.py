"""Xue et al., "Accelerating diffusion sampling with optimized time steps" (DM-NonUniform), CVPR 2024, arXiv 2402.17376.

The grid on which errors of a multistep method's denoised points, of a stated size at each level, add up to least.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.time_discretizations import TimeDiscretization


@hookimpl
def harness_time_discretizations() -> list[type[TimeDiscretization]]:
    """Offer the optimised grid."""
    from harness_xue.time_discretizations import DmNonUniform

    return [DmNonUniform]
