"""Karras, Aittala, Aila, Laine, "Elucidating the design space of diffusion-based generative models" (EDM).

NeurIPS 2022, arXiv 2206.00364: the log-normal weighting, σ = t, the polynomial grid, the preconditioned
network, and the two Heun samplers. "Analyzing and improving the training dynamics of diffusion models" (EDM2), CVPR
2024, arXiv 2312.02696: the weighting by learned uncertainty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.networks import Network
    from harness.noise_distributions import NoiseDistribution
    from harness.noise_schedules import NoiseSchedule
    from harness.preconditionings import Preconditioning
    from harness.samplers import Sampler
    from harness.time_discretizations import TimeDiscretization
    from harness.weightings import Weighting


@hookimpl
def harness_weightings() -> list[type[Weighting]]:
    """Offer the weighting of the paper, and the one of its sequel that is learned."""
    from harness_karras.weightings import Edm2Uncertainty, EdmWeighting

    return [EdmWeighting, Edm2Uncertainty]


@hookimpl
def harness_noise_distributions() -> list[type[NoiseDistribution]]:
    """Offer the log-normal levels."""
    from harness_karras.noise_distributions import LogNormal

    return [LogNormal]


@hookimpl
def harness_noise_schedules() -> list[type[NoiseSchedule]]:
    """Offer σ = t."""
    from harness_karras.noise_schedules import EdmSchedule

    return [EdmSchedule]


@hookimpl
def harness_time_discretizations() -> list[type[TimeDiscretization]]:
    """Offer the polynomial grid."""
    from harness_karras.time_discretizations import Polynomial

    return [Polynomial]


@hookimpl
def harness_networks() -> list[type[Network]]:
    """Offer the multilayer perceptron."""
    from harness_karras.networks import Mlp

    return [Mlp]


@hookimpl
def harness_preconditionings() -> list[type[Preconditioning]]:
    """Offer the preconditioning of the paper."""
    from harness_karras.preconditionings import Edm

    return [Edm]


@hookimpl
def harness_samplers() -> list[type[Sampler]]:
    """Offer Heun's method, without and with churn."""
    from harness_karras.samplers import EdmStochastic, Heun

    return [Heun, EdmStochastic]
