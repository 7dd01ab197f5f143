"""Xu, Deng, Cheng, Tian, Liu, Jaakkola, "Restart sampling for improving generative processes".

NeurIPS 2023, arXiv 2306.14878.
"""

from harness import hookimpl
from harness.samplers import Sampler


@hookimpl
def harness_samplers() -> list[type[Sampler]]:
    """Offer Heun's method with restarts."""
    from harness_xu.samplers import Restart

    return [Restart]
