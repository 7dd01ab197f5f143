"""Nichol, Dhariwal, "Improved denoising diffusion probabilistic models": the cosine schedule.

ICML 2021, arXiv 2102.09672.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.noise_schedules import NoiseSchedule
    from harness.preconditionings import Preconditioning
    from harness.time_discretizations import TimeDiscretization


@hookimpl
def harness_noise_schedules() -> list[type[NoiseSchedule]]:
    """Offer the cosine schedule."""
    from harness_nichol.noise_schedules import CosineSchedule

    return [CosineSchedule]


@hookimpl
def harness_time_discretizations() -> list[type[TimeDiscretization]]:
    """Offer the grid uniform in the cosine schedule's angle."""
    from harness_nichol.time_discretizations import CosineGrid

    return [CosineGrid]


@hookimpl
def harness_preconditionings() -> list[type[Preconditioning]]:
    """Offer the preconditioning of the paper."""
    from harness_nichol.preconditionings import Iddpm

    return [Iddpm]
