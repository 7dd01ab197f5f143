"""The plain step of every sampler: executed without the harness it goes the same way, in any unit of the levels."""

import numpy as np
import pytest
import torch
from variants import of_our_own

from harness.samplers import GaussianKernelSampler, SamplerRun

LEVELS = np.geomspace(20, 0.05, 9) * (1 + 0.02 * np.sin(np.arange(9)))
FORMS = [
    "euler",
    "heun",
    "dpmpp-2m",
    "exponential-integrator",
    "ancestral",
    "analytic",
    "edm-stochastic",
    "edm-stochastic:s_churn=3,s_min=0.2,s_max=5,s_noise=1.1",
]


def denoiser(unit):
    """Of two Gaussians of variance 0.09 at ±1, a coordinate, in units of `unit`; torch and numbers alike."""

    def denoise(x, sigma):
        u, c2, x = (sigma / unit) ** 2, 0.09, x / unit
        return unit * (c2 * x + u * torch.tanh(x / (c2 + u))) / (c2 + u)

    return denoise


def noise():
    generator = torch.Generator().manual_seed(1)
    return lambda: torch.randn(16, 3, generator=generator, dtype=torch.float64)


def test_every_sampler_that_has_one_is_here(registry):
    """Of the others an export has the levels alone, and says so."""
    defaults = [registry.parse("sampler", name)[0] for name in of_our_own(registry, "sampler")]
    assert {form.partition(":")[0] for form in FORMS} == {each.name for each in defaults if each.plain_step()}


@pytest.mark.parametrize("unit", [1.0, 255.0])
@pytest.mark.parametrize("form", FORMS)
def test_it_goes_the_same_way(registry, form, unit):
    [sampler] = registry.parse("sampler", form)
    variances = None
    if isinstance(sampler, GaussianKernelSampler):
        variances = (np.linspace(0.5, 1.5, 8) * (LEVELS[:-1] ** 2 - LEVELS[1:] ** 2)).tolist()
    start = 20 * torch.randn(16, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ours = sampler.sample(SamplerRun(denoiser(1.0), LEVELS.tolist(), noise(), variances), start)

    made = {"UNIT": unit, "VARIANCES": variances and [unit**2 * v for v in variances]}
    exec(sampler.plain_step(), made)
    x, memory, normal, levels = unit * start, {}, noise(), (unit * LEVELS).tolist()
    # Fresh noise is standard normal in any unit: it is scaled by the step.
    for j in range(8):
        x = made["step"](denoiser(unit), x, levels, j, normal, memory)
    torch.testing.assert_close(x / unit, ours, rtol=1e-9, atol=1e-9)
