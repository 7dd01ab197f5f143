"""Noise schedules of images: the sigmoid schedule, and a linear one with the input scaled.

Jabri, Fleet, Chen, "Scalable adaptive computation for iterative generation", ICML 2023, arXiv 2212.11972; Chen, "On the
importance of noise scheduling for diffusion models", arXiv 2301.10972.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.noise_schedules import NoiseSchedule


@hookimpl
def harness_noise_schedules() -> list[type[NoiseSchedule]]:
    """Offer both schedules."""
    from harness_jabri.noise_schedules import LinearGamma, SigmoidSchedule

    return [SigmoidSchedule, LinearGamma]
