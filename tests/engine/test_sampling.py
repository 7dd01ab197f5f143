"""The sampling stage: counts, borders."""

import itertools
import math
from typing import ClassVar

import numpy as np
import pytest
import torch
from harness_karras.samplers import EdmStochastic, Heun
from harness_lu.samplers import DPMpp2M
from harness_song.samplers import Ancestral, Euler
from harness_wang.samplers import ExponentialIntegrator
from made_networks import Network

from harness.engine.denoisers import denoiser_from_module
from harness.engine.random_streams import NoiseStream
from harness.engine.sampling import (
    SamplingError,
    generate,
    kernel_variances,
    simulate_function,
)
from harness.errors import ContractError
from harness.samplers import GaussianKernelSampler, Sampler

GRID = np.geomspace(5.0, 0.1, 9)


SAMPLERS = [Euler(), Heun(), DPMpp2M(), EdmStochastic(), Ancestral(), ExponentialIntegrator()]


def mixture(x, sigma):
    u, c2 = sigma**2, 0.09
    return (c2 * x + u * torch.tanh(x / (c2 + u))) / (c2 + u)


def make(sampler, denoiser=mixture, *, count=300, seed=3, dtype=torch.float64, grid=GRID, dim=2, **options):
    variances = kernel_variances(sampler, grid, None, None)
    return generate(sampler, denoiser, grid, variances, seed=seed, count=count, dim=dim, dtype=dtype, **options)


class TestGenerate:
    @pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: s.name)
    def test_samples_do_not_depend_on_the_batch(self, sampler):
        whole, parts = make(sampler), make(sampler, batch=100)
        torch.testing.assert_close(parts.samples, whole.samples, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(make(sampler, count=37).samples, whole.samples[:37], rtol=1e-12, atol=1e-12)

    def test_samples_of_a_network_depend_on_the_batch_by_rounding_only(self):
        denoiser = denoiser_from_module(Network())
        whole = make(Ancestral(), denoiser, dtype=torch.float32)
        parts = make(Ancestral(), denoiser, dtype=torch.float32, batch=100)
        torch.testing.assert_close(parts.samples, whole.samples, rtol=1e-4, atol=1e-4)

    def test_precisions_agree(self):
        denoiser = denoiser_from_module(Network())
        single = make(Ancestral(), denoiser, dtype=torch.float32)
        double = make(Ancestral(), denoiser, dtype=torch.float64)
        assert single.samples.dtype == double.samples.dtype == torch.float64
        torch.testing.assert_close(single.samples, double.samples, rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: s.name)
    def test_it_is_the_contract_s_own_loop_from_gaussian_noise(self, sampler):
        noise = NoiseStream(3, 0, 300, 2, torch.float64)
        simulate = simulate_function(sampler, mixture, GRID, kernel_variances(sampler, GRID, None, None))
        expected = simulate(GRID[0] * noise(), noise)
        torch.testing.assert_close(make(sampler).samples, expected, rtol=1e-12, atol=1e-12)

    def test_combinations_share_their_noise(self):
        # with the denoiser x, D = x and no score: what is left is the noise
        still = make(Euler(), lambda x, sigma: x)
        moved = make(ExponentialIntegrator(), lambda x, sigma: x)
        start = NoiseStream(3, 0, 300, 2, torch.float64)
        torch.testing.assert_close(still.samples, GRID[0] * start(), rtol=1e-12, atol=0)
        added = sum(math.sqrt(a**2 - b**2) * start() for a, b in itertools.pairwise(GRID))
        torch.testing.assert_close(moved.samples - still.samples, added, rtol=1e-10, atol=1e-10)

    @pytest.mark.parametrize(("sampler", "per_step"), list(zip(SAMPLERS, (1, 2, 1, 2, 1, 1), strict=True)))
    def test_evaluations_are_counted_per_sample(self, sampler, per_step):
        assert make(sampler, batch=100).nfe == per_step * (len(GRID) - 1)

    @pytest.mark.parametrize("sampler", [Ancestral(), ExponentialIntegrator()])
    def test_the_last_kernel_is_the_law_its_sample_was_drawn_from(self, sampler):
        made = make(sampler, batch=128)
        stream = NoiseStream(3, 0, 300, 2, torch.float64)
        last = [stream() for _ in range(len(GRID))][-1]
        kernel = made.last_kernel
        assert kernel.variance == kernel_variances(sampler, GRID, None, None)[-1]
        assert kernel.mean.dtype == torch.float64
        torch.testing.assert_close(made.samples, kernel.mean + kernel.variance**0.5 * last, rtol=1e-12, atol=1e-12)

    def test_other_samplers_have_no_last_kernel(self):
        assert make(Heun()).last_kernel is None
        assert make(EdmStochastic()).last_kernel is None

    def test_the_law_is_the_target_s(self):
        samples = make(Heun(), count=20_000, dim=1, grid=np.geomspace(30, 0.1, 60)).samples
        # E|X|² of p_δ is 1 + 0.09 + 0.01, its fourth central moment below 4
        assert float((samples**2).mean()) == pytest.approx(1.1, abs=4 * math.sqrt(4 / 20_000))
        assert float((samples > 0).double().mean()) == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(20_000))

    def test_numpy_numbers_as_levels_keep_single_precision(self):
        def single(x, sigma):
            assert x.dtype == torch.float32
            return mixture(x, sigma)

        make(Ancestral(), single, dtype=torch.float32, grid=GRID)


def bad_sampler(returns):
    class Bad(Sampler):
        name: ClassVar[str] = "bad"

        def step(self, run, x):
            return returns(run, run.denoiser(x, run.sigma))

    return Bad()


class TestBorders:
    def test_a_sample_that_is_not_finite_names_sampler_step_and_sample(self):
        def diverge(run, x):
            x = x.clone()
            x[210] = math.nan if run.index == 4 else x[210]
            return x

        with pytest.raises(SamplingError) as caught:
            make(bad_sampler(diverge), count=250, grid=np.linspace(9.0, 1.0, 9))
        assert "sampler 'bad'" in str(caught.value)
        assert "sample 210 is not finite after step 5 of 8, from σ=5 to 4" in str(caught.value)

    def test_a_later_batch_is_named_by_its_own_samples(self):
        marked = NoiseStream(3, 0, 300, 2, torch.float64)()[222] * GRID[0]

        def explode(run, x):
            return torch.where((x - marked).abs().sum(1, keepdim=True) < 1e-9, math.inf, x)

        sampler = bad_sampler(explode)
        with pytest.raises(SamplingError, match=r"sample 222 is not finite after step 1 of 8"):
            make(sampler, lambda x, sigma: x, batch=100)

    def test_private_randomness_is_told(self):
        calls = []

        def once(run, x):
            calls.append(run.index)
            return x * math.nan if len(calls) == 8 else x

        with pytest.raises(SamplingError, match="draws its own noise"):
            make(bad_sampler(once))

    @pytest.mark.parametrize(
        ("returns", "given"),
        [
            (lambda run, x: x[:, :1], r"step returned \(300, 1\) torch.float64"),
            (lambda run, x: x.float(), r"step returned \(300, 2\) torch.float32"),
            (lambda run, x: None, "step returned NoneType"),
        ],
    )
    def test_a_step_of_another_shape_is_refused(self, returns, given):
        with pytest.raises(ContractError, match=given + r"; it must return \(300, 2\) torch.float64"):
            make(bad_sampler(returns))

    def test_a_denoiser_that_would_broadcast_is_refused(self):
        with pytest.raises(ContractError, match=r"denoiser returned \(300, 1\)"):
            make(Euler(), lambda x, sigma: x[:, :1])

    @pytest.mark.parametrize(
        ("values", "rule"),
        [
            (
                lambda n: np.ones(n + 1),
                r"variances: shape \(9,\); it must be \(8,\)",
            ),
            (lambda n: np.r_[np.ones(n - 1), np.nan], "variances: nan at index 7; it must be finite"),
            (lambda n: np.r_[1.0, 0.0, np.ones(n - 2)], "variances: 0 at step 2; it must be positive"),
        ],
    )
    def test_variances_are_checked(self, values, rule):
        class Wrong(GaussianKernelSampler):
            name: ClassVar[str] = "wrong"

            def step_variances(self, sigma, sigma_next, information, score_error):
                return values(len(sigma))

        with pytest.raises(ContractError, match="sampler wrong: " + rule):
            kernel_variances(Wrong(), GRID, None, None)

    def test_a_gaussian_kernel_with_another_mean_is_refused(self):
        class Shifted(Ancestral):
            def mean(self, run, x):
                return x

        with pytest.raises(ContractError, match="overrides 'mean'"):
            kernel_variances(Shifted(), GRID, None, None)

    def test_curves_reach_only_those_who_declare_them(self):
        class Curious(Ancestral):
            def step_variances(self, sigma, sigma_next, information, score_error):
                assert information is None
                assert score_error is None
                return super().step_variances(sigma, sigma_next, None, None)

        assert kernel_variances(Curious(), GRID, object(), object()).shape == (8,)
        assert kernel_variances(Heun(), GRID, None, None) is None

    def test_a_gaussian_kernel_without_variances_is_refused(self):
        with pytest.raises(ValueError, match="needs the variances"):
            generate(Ancestral(), mixture, GRID, None, seed=0, count=2, dim=2, dtype=torch.float64)
