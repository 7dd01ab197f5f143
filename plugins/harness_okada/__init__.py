"""Okada et al., "Constant rate scheduling: a general framework for optimizing diffusion noise schedule".

TMLR 2026, arXiv 2411.12188. Time is chosen so that the law of the noised data changes at a constant rate, by a distance
of one's choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.noise_schedules import NoiseSchedule
    from harness.time_discretizations import TimeDiscretization


@hookimpl
def harness_noise_schedules() -> list[type[NoiseSchedule]]:
    """Offer the schedule in closed form."""
    from harness_okada.noise_schedules import ConstantRateSchedule

    return [ConstantRateSchedule]


@hookimpl
def harness_time_discretizations() -> list[type[TimeDiscretization]]:
    """Offer the grid of the target's own rate."""
    from harness_okada.time_discretizations import ConstantRateGrid

    return [ConstantRateGrid]
