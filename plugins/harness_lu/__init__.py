"""Multistep solvers of the probability-flow equation in log signal-to-noise ratio.

Source: Lu, Zhou, Bao, Chen, Li, Zhu, "DPM-Solver++", arXiv 2211.01095.
"""

from harness import hookimpl
from harness.samplers import Sampler


@hookimpl
def harness_samplers() -> list[type[Sampler]]:
    """Offer the two-step solver."""
    from harness_lu.samplers import DPMpp2M

    return [DPMpp2M]
