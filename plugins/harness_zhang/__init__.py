"""Zhang, Chen, "Fast sampling of diffusion models with exponential integrator" (DEIS).

ICLR 2023, arXiv 2204.13902: Adams and Bashforth's methods for the noise prediction, extrapolated in time or in σ, and
with the weights of equal steps on any (iPNDM).
"""

from harness import hookimpl
from harness.samplers import Sampler


@hookimpl
def harness_samplers() -> list[type[Sampler]]:
    """Offer the multistep solvers."""
    from harness_zhang.samplers import Deis, Ipndm, Lms

    return [Deis, Lms, Ipndm]
