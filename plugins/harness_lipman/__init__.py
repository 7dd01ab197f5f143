"""Lipman et al., "Flow matching for generative modeling", ICLR 2023, arXiv 2210.02747.

Straight paths (1 − t)x_0 + tε. Dividing by 1 − t gives X_0 + σε with σ = t/(1 − t). Levels drawn as a
logit-normal t: Esser et al., arXiv 2403.03206.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.noise_schedules import NoiseSchedule
    from harness.preconditionings import Preconditioning
    from harness.weightings import Weighting


@hookimpl
def harness_weightings() -> list[type[Weighting]]:
    """Offer the flow-matching loss."""
    from harness_lipman.weightings import FlowWeighting

    return [FlowWeighting]


@hookimpl
def harness_noise_schedules() -> list[type[NoiseSchedule]]:
    """Offer the schedule of straight paths."""
    from harness_lipman.noise_schedules import FlowSchedule

    return [FlowSchedule]


@hookimpl
def harness_preconditionings() -> list[type[Preconditioning]]:
    """Offer velocity prediction."""
    from harness_lipman.preconditionings import FlowPrediction

    return [FlowPrediction]
