"""Trajectories against an independent library, diffusers, on our grid, denoiser and noise."""

import math

import pytest
import torch
from harness_karras.samplers import EdmStochastic, Heun
from harness_lu.samplers import DPMpp2M
from harness_song.samplers import Ancestral, Euler

from harness.samplers import SamplerRun

diffusers = pytest.importorskip(
    "diffusers", reason="needs diffusers: pip install 'diffusion-harness[diffusers]'", exc_type=ImportError
)
pytestmark = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")

SIGMAS = torch.linspace(10 ** (1 / 7), 0.02 ** (1 / 7), 21, dtype=torch.float64) ** 7
STEPS = len(SIGMAS) - 1
SIGMA_DATA = 0.5


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


def our_trajectory(sampler, denoiser=mixture):
    generator = noise_generator()
    run = SamplerRun(
        denoiser,
        SIGMAS.tolist(),
        lambda: torch.randn(64, 3, generator=generator, dtype=torch.float64),
        sampler.variances(SIGMAS.numpy(), None, None).tolist() if isinstance(sampler, Ancestral) else None,
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


def their_trajectory(scheduler, output, denoiser=mixture, **options):
    """Step a scheduler that takes `output(x, D, σ)` for the network's raw output."""
    states = [start()]
    for time, sigma in zip(scheduler.timesteps, scheduler.sigmas.tolist(), strict=False):
        raw = output(states[-1], denoiser(states[-1], sigma), sigma)
        states.append(scheduler.step(raw, time, states[-1], **options).prev_sample)
    return states[1:]


def epsilon(x, denoised, sigma):
    return (x - denoised) / sigma


def edm_raw(x, denoised, sigma):
    """F of EDM's preconditioning: D = c_skip x + c_out F."""
    total = SIGMA_DATA**2 + sigma**2
    return (denoised - SIGMA_DATA**2 / total * x) * math.sqrt(total) / (sigma * SIGMA_DATA)


def assert_same(ours, theirs):
    assert len(ours) == len(theirs) == STEPS
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other.double(), rtol=0, atol=1e-5)


def test_euler():
    scheduler = on_our_grid(diffusers.EulerDiscreteScheduler())
    assert_same(our_trajectory(Euler()), their_trajectory(scheduler, epsilon))


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


def heun_scheduler():
    doubled = torch.cat([SIGMAS[:1], SIGMAS[1:].repeat_interleave(2)])
    return on_our_grid(diffusers.HeunDiscreteScheduler(), doubled)


@pytest.mark.parametrize("sampler", [Heun(), EdmStochastic(s_churn=0)])
def test_heun_and_edm_stochastic_without_churn(sampler):
    # odd states are predictions, even ones the ends of steps
    assert_same(our_trajectory(sampler), their_trajectory(heun_scheduler(), epsilon)[1::2])


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


def test_dpmpp_2m():
    scheduler = diffusers.EDMDPMSolverMultistepScheduler(
        sigma_data=SIGMA_DATA,
        solver_order=2,
        algorithm_type="dpmsolver++",
        solver_type="midpoint",
        lower_order_final=False,
        euler_at_final=False,
        final_sigmas_type="sigma_min",
    )
    assert_same(our_trajectory(DPMpp2M()), their_trajectory(on_our_grid(scheduler), edm_raw))


def test_ancestral():
    scheduler = on_our_grid(diffusers.EulerAncestralDiscreteScheduler())
    theirs = their_trajectory(scheduler, epsilon, generator=noise_generator())
    assert_same(our_trajectory(Ancestral()), theirs)
