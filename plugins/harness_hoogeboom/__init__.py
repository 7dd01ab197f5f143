"""Hoogeboom et al.: the cosine schedule shifted by resolution, and the sigmoid weighting.

"Simple diffusion: end-to-end diffusion for high resolution images", ICML 2023, arXiv 2301.11093; "Simpler diffusion
(SiD2)", arXiv 2410.19324.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.noise_schedules import NoiseSchedule
    from harness.weightings import Weighting


@hookimpl
def harness_noise_schedules() -> list[type[NoiseSchedule]]:
    """Offer the shifted cosine schedule."""
    from harness_hoogeboom.noise_schedules import CosineShift

    return [CosineShift]


@hookimpl
def harness_weightings() -> list[type[Weighting]]:
    """Offer the sigmoid weighting."""
    from harness_hoogeboom.weightings import SigmoidWeighting

    return [SigmoidWeighting]
