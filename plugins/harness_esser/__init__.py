"""Esser et al., "Scaling rectified flow transformers for high-resolution image synthesis" (Stable Diffusion 3).

ICML 2024, arXiv 2403.03206. The time t = σ/(1 + σ) of a straight path, shifted by resolution, and two ways to draw it.
Its third, the logit-normal, is a log-normal σ (`log-normal:mean=0,std=1`); its fourth, "CosMap", is a uniform time in
the cosine schedule (`uniform-time`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.noise_distributions import NoiseDistribution
    from harness.noise_schedules import NoiseSchedule


@hookimpl
def harness_noise_schedules() -> list[type[NoiseSchedule]]:
    """Offer the shifted straight path."""
    from harness_esser.noise_schedules import FlowShift

    return [FlowShift]


@hookimpl
def harness_noise_distributions() -> list[type[NoiseDistribution]]:
    """Offer mode sampling, and the shift of any distribution."""
    from harness_esser.noise_distributions import ModeSampling, Shifted

    return [ModeSampling, Shifted]
