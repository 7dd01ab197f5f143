"""Azula's samplers.

The Probabilists, "Azula", https://github.com/probabilists/azula. What runs is its own code, given
the denoiser and the levels of the grid. It requires torchvision, which its samplers do without:
`pip install --no-deps azula einops`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.samplers import Sampler


@hookimpl
def harness_samplers() -> list[type[Sampler]]:
    """Offer the samplers."""
    from harness_azula import multistep, single_step

    return [
        single_step.AzulaEuler,
        single_step.AzulaHeun,
        single_step.AzulaDdim,
        single_step.AzulaDdpm,
        single_step.AzulaIto,
        single_step.AzulaPc,
        multistep.AzulaZab,
        multistep.AzulaVab,
        multistep.AzulaZeab,
        multistep.AzulaXeab,
        multistep.AzulaReab,
    ]
