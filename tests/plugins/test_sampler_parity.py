"""Trajectories against an independent library, diffusers, that its samplers here do not have (`test_diffusers`).

DDIM at the library's own discrete levels, and Euler's method with churn.
"""

import math

import pytest
import torch
from harness_karras.samplers import EdmStochastic
from harness_song.samplers import Euler

from harness.samplers import SamplerRun

diffusers = pytest.importorskip(
    "diffusers", reason="needs diffusers: pip install 'diffusion-harness[diffusers]'", exc_type=ImportError
)
pytestmark = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")

SIGMAS = torch.linspace(10 ** (1 / 7), 0.02 ** (1 / 7), 21, dtype=torch.float64) ** 7
STEPS = len(SIGMAS) - 1


def mixture(x, sigma):
    """Denoiser of two equal Gaussians of variance 0.09 at ±1, per coordinate."""
    u, c2 = sigma**2, 0.09
    return (c2 * x + u * torch.tanh(x / (c2 + u))) / (c2 + u)


def point(x, sigma):
    """Denoiser of the point mass at 0.3."""
    return torch.full_like(x, 0.3)


def start():
    return SIGMAS[0] * torch.randn(64, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def noise_generator():
    return torch.Generator().manual_seed(1)


def our_trajectory(sampler, denoiser):
    generator = noise_generator()
    run = SamplerRun(
        denoiser,
        SIGMAS.tolist(),
        lambda: torch.randn(64, 3, generator=generator, dtype=torch.float64),
    )
    states = [start()]
    for index in range(STEPS):
        run.index = index
        states.append(sampler.step(run, states[-1]))
    return states[1:]


def on_our_grid(scheduler, levels=SIGMAS):
    """Put our levels in place of the scheduler's own; its time steps only count."""
    scheduler.set_timesteps(len(levels) - 1)
    scheduler.sigmas = levels
    scheduler.timesteps = torch.arange(len(levels) - 1, dtype=torch.float64)
    scheduler.set_begin_index(0)
    scheduler.is_scale_input_called = True  # we scale no input: the denoiser takes x itself
    return scheduler


def assert_same(ours, theirs):
    assert len(ours) == len(theirs) == STEPS
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other.double(), rtol=0, atol=1e-5)


def test_euler_against_ddim():
    """DDIM in variance-preserving coordinates, at the noise levels of its own discrete time steps."""
    scheduler = diffusers.DDIMScheduler(
        clip_sample=False, set_alpha_to_one=False, steps_offset=1, prediction_type="sample"
    )
    scheduler.set_timesteps(20)
    products = scheduler.alphas_cumprod.double()
    levels = [math.sqrt((1 - products[t]) / products[t]) for t in [*scheduler.timesteps.tolist(), 0]]
    x = start()
    z = x / math.sqrt(1 + levels[0] ** 2)
    for j, time in enumerate(scheduler.timesteps):
        run = SamplerRun(mixture, levels, lambda: pytest.fail("drew noise"), index=j)
        denoised = mixture(z * math.sqrt(1 + levels[j] ** 2), levels[j])
        z = scheduler.step(denoised, time, z, eta=0.0).prev_sample
        x = Euler().step(run, x)
        torch.testing.assert_close(x / math.sqrt(1 + levels[j + 1] ** 2), z.double(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("churn", "s_min", "s_max"), [(4.0, 0.1, 5.0), (40.0, 0.05, 50.0)])
def test_edm_stochastic_churn(churn, s_min, s_max):
    """Where D is constant Heun's correction vanishes, and Euler's method with churn is the same map."""
    scheduler = on_our_grid(diffusers.EDMEulerScheduler())
    theirs, x, generator = [], start(), noise_generator()
    for time in scheduler.timesteps:
        constant = point(x, None)
        options = {
            "s_churn": churn,
            "s_tmin": s_min,
            "s_tmax": s_max,
            "s_noise": 1.003,
            "generator": generator,
        }
        x = scheduler.step(x, time, x, pred_original_sample=constant, **options).prev_sample
        theirs.append(x)
    sampler = EdmStochastic(s_churn=churn, s_min=s_min, s_max=s_max, s_noise=1.003)
    assert_same(our_trajectory(sampler, point), theirs)
