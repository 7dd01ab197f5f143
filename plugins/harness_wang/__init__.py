"""Wang, He, Tao, "Evaluating the design space of diffusion-based generative models".

NeurIPS 2024, arXiv 2406.12839. The paper whose theory the harness measures: its bell-shaped weighting, the
schedule σ = √t, the deep ReLU network with frozen outer layers, the exponential integrator and the bounds of
Theorems 1, 2 and 3 and of Corollary 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness_claims.claim import Claim

    from harness.bounds import Bound
    from harness.networks import Network
    from harness.noise_schedules import NoiseSchedule
    from harness.samplers import Sampler
    from harness.weightings import Weighting

NO_PART_IN_RESULTS = ("claims",)
"""Claims judge results: a rule may be edited without what it judges being computed again."""


@hookimpl
def harness_weightings() -> list[type[Weighting]]:
    """Offer the weighting that equalises the levels, and the one matched to a sampling grid."""
    from harness_wang.weightings import BellShaped, GridMatched

    return [BellShaped, GridMatched]


@hookimpl
def harness_noise_schedules() -> list[type[NoiseSchedule]]:
    """Offer σ = √t."""
    from harness_wang.noise_schedules import VeSqrt

    return [VeSqrt]


@hookimpl
def harness_networks() -> list[type[Network]]:
    """Offer the deep ReLU network of Theorem 1."""
    from harness_wang.networks import Relu

    return [Relu]


@hookimpl
def harness_samplers() -> list[type[Sampler]]:
    """Offer the exponential integrator."""
    from harness_wang.samplers import ExponentialIntegrator

    return [ExponentialIntegrator]


@hookimpl
def harness_bounds() -> list[type[Bound]]:
    """Offer the bounds of Theorems 1, 2 and 3 and of Corollary 1."""
    from harness_wang.bounds import Theorem2
    from harness_wang.corollary import Corollary1
    from harness_wang.decay import Theorem1
    from harness_wang.score import Theorem3

    return [Theorem1, Theorem2, Theorem3, Corollary1]


@hookimpl(optionalhook=True)
def harness_claims() -> list[type[Claim]]:
    """Offer the statements of the paper that an experiment can decide."""
    from harness_wang.claims import offered

    return offered()
