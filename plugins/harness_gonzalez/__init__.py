"""Gonzalez, Fernandez, Tran, Gherbi, Hajri, Masmoudi, "SEEDS: exponential SDE solvers for diffusion models".

NeurIPS 2023, arXiv 2305.14267.
"""

from harness import hookimpl
from harness.samplers import Sampler


@hookimpl
def harness_samplers() -> list[type[Sampler]]:
    """Offer the solvers of two and of three stages."""
    from harness_gonzalez.samplers import Seeds2, Seeds3

    return [Seeds2, Seeds3]
