"""The best variance of a Gaussian reverse step, in closed form.

Sources: Bao, Li, Zhu, Zhang, "Analytic-DPM", arXiv 2201.06503; for an imperfect network: Bao, Li, Sun,
Zhu, Zhang, "Estimating the Optimal Covariance with Imperfect Mean in Diffusion Probabilistic Models",
arXiv 2206.07309.
"""

from harness import hookimpl
from harness.samplers import Sampler


@hookimpl
def harness_samplers() -> list[type[Sampler]]:
    """Offer the sampler with the best isotropic variance."""
    from harness_bao.samplers import Analytic

    return [Analytic]
