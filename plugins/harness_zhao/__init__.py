"""Zhao, Bai, Rao, Zhou, Lu, "UniPC: a unified predictor-corrector framework for fast sampling of diffusion models".

NeurIPS 2023, arXiv 2302.04867.
"""

from harness import hookimpl
from harness.samplers import Sampler


@hookimpl
def harness_samplers() -> list[type[Sampler]]:
    """Offer the predictor-corrector solver."""
    from harness_zhao.samplers import UniPC

    return [UniPC]
