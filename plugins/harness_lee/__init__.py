"""Lee et al., "Beta sampling is all you need: efficient image generation strategy for diffusion models".

arXiv 2407.12173. Levels at the quantiles of a beta law, dense at both ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.time_discretizations import TimeDiscretization


@hookimpl
def harness_time_discretizations() -> list[type[TimeDiscretization]]:
    """Offer the grid of beta quantiles."""
    from harness_lee.time_discretizations import BetaQuantiles

    return [BetaQuantiles]
