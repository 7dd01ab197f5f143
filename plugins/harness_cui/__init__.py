"""Cui, Zhang, Bao, Liao, "Elucidating the solution space of extended reverse-time SDE for diffusion models" (ER-SDE).

arXiv 2309.06169.
"""

from harness import hookimpl
from harness.samplers import Sampler


@hookimpl
def harness_samplers() -> list[type[Sampler]]:
    """Offer the extended reverse-time solver."""
    from harness_cui.samplers import ErSde

    return [ErSde]
