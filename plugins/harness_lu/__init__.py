"""Solvers of the probability-flow and the reverse equation in log signal-to-noise ratio.

Lu, Zhou, Bao, Chen, Li, Zhu, "DPM-Solver", arXiv 2206.00927, NeurIPS 2022, for the noise prediction; "DPM-Solver++",
arXiv 2211.01095, for the denoiser. The stochastic multistep solvers are as Crowson's k-diffusion has them.
"""

from harness import hookimpl
from harness.samplers import Sampler


@hookimpl
def harness_samplers() -> list[type[Sampler]]:
    """Offer the single-step and the multistep solvers."""
    from harness_lu.multistep import DPMpp2MSde, DPMpp3M, DPMpp3MSde
    from harness_lu.samplers import DPMpp2M
    from harness_lu.single_step import DPMpp2S, DPMSolver2, DPMSolver3

    return [DPMSolver2, DPMSolver3, DPMpp2S, DPMpp2M, DPMpp3M, DPMpp2MSde, DPMpp3MSde]
