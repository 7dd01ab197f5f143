"""Diffusers' schedulers as samplers, its tables of levels as time discretizations, its U-Net as a network.

von Platen et al., "Diffusers", https://github.com/huggingface/diffusers. What runs is the library's own code: a
scheduler is made on the levels of the grid, is given what its network would predict, and takes each step. The library
is an extra: `pip install 'diffusion-harness[diffusers]'`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.networks import Network
    from harness.samplers import Sampler
    from harness.time_discretizations import TimeDiscretization


@hookimpl
def harness_samplers() -> list[type[Sampler]]:
    """Offer the schedulers that solve the flow or the reverse equation from any denoiser."""
    from harness_diffusers import discrete, exploding, flow_matching, log_snr

    return [
        exploding.DiffusersEuler,
        exploding.DiffusersEulerAncestral,
        exploding.DiffusersHeun,
        exploding.DiffusersKdpm2,
        exploding.DiffusersKdpm2Ancestral,
        exploding.DiffusersLms,
        exploding.DiffusersEdmEuler,
        exploding.DiffusersEdmDpmMultistep,
        log_snr.DiffusersDpmMultistep,
        log_snr.DiffusersDpmSinglestep,
        log_snr.DiffusersUniPC,
        log_snr.DiffusersDeis,
        discrete.DiffusersDdim,
        discrete.DiffusersDdpm,
        discrete.DiffusersPndm,
        discrete.DiffusersIpndm,
        flow_matching.DiffusersFlowEuler,
        flow_matching.DiffusersFlowHeun,
    ]


@hookimpl
def harness_time_discretizations() -> list[type[TimeDiscretization]]:
    """Offer the tables of levels between any two."""
    from harness_diffusers.levels import DiffusersLevels

    return [DiffusersLevels]


@hookimpl
def harness_networks() -> list[type[Network]]:
    """Offer the U-Net."""
    from harness_diffusers.networks import DiffusersUnet

    return [DiffusersUnet]
