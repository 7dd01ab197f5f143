"""Denoisers of modules and of oracles."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from harness_karras.networks import Mlp
from harness_karras.samplers import Heun
from harness_lu.samplers import DPMpp2M
from harness_song.samplers import Euler
from made_networks import Network

from harness.data_spec import DataSpec
from harness.engine.denoisers import denoiser_from_module, denoiser_from_oracle, in_precision
from harness.engine.sampling import (
    simulate_function,
)
from harness.networks import OracleNetwork

GRID = np.geomspace(5.0, 0.1, 9)


class TestDenoisers:
    def test_a_module_sees_one_level_a_point_and_gives_no_gradient(self):
        module, x = Network(), torch.randn(7, 2)
        denoised = denoiser_from_module(module)(x, 0.5)
        assert torch.equal(denoised, module(x, torch.full((7,), 0.5)))
        assert not denoised.requires_grad

    def test_what_is_made_of_the_level_alone_is_made_once(self):
        module, x = Mlp(width=16).module(DataSpec((2,), 0.7)), torch.randn(7, 2)
        with torch.no_grad():
            module.function.last.weight.normal_()
        rows = []
        module.function.noise.register_forward_hook(lambda _, given, __: rows.append(len(given[0])))
        denoised = denoiser_from_module(module)(x, 0.5)
        assert rows == [1]
        torch.testing.assert_close(denoised, module(x, torch.full((7,), 0.5)))
        assert rows == [1, 7]

    def test_gradients_are_those_of_points_that_ask_for_them(self):
        module, x = Network().double(), torch.randn(7, 2, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(denoiser_from_module(module)(x, 0.5).sum(), x)
        step = 1e-6 * torch.eye(2, dtype=torch.float64)
        for k in range(2):
            ahead, behind = (denoiser_from_module(module)(x.detach() + s * step[k], 0.5).sum(1) for s in (1, -1))
            torch.testing.assert_close(gradient[:, k], (ahead - behind) / 2e-6, rtol=1e-6, atol=1e-8)

    def test_a_precision_is_that_of_the_network_alone(self):
        seen = []

        def denoise(x, sigma, labels=None):
            seen.append(x.dtype)
            return x / 3

        x = torch.randn(5, 2, dtype=torch.float64)
        denoised = in_precision(denoise, torch.float32)(x, 1.0)
        assert seen == [torch.float32]
        assert denoised.dtype == torch.float64
        torch.testing.assert_close(denoised, x / 3, rtol=1e-6, atol=1e-7)
        assert torch.equal(in_precision(denoise, torch.float64)(x, 1.0), x / 3)

    def test_double_points_go_through_a_double_copy(self):
        module, x = Network(), torch.randn(7, 2, dtype=torch.float64)
        denoiser = denoiser_from_module(module)
        double = Network().double()
        double.load_state_dict(module.state_dict())
        assert torch.equal(denoiser(x, 0.5), double(x, torch.full((7,), 0.5, dtype=torch.float64)))
        assert next(module.parameters()).dtype == torch.float32
        assert denoiser(x.float(), 0.5).dtype == torch.float32

    @pytest.mark.parametrize("sampler", [Euler(), Heun(), DPMpp2M()])
    def test_forward_derivatives_pass_through_a_whole_run(self, sampler):
        simulate = simulate_function(sampler, denoiser_from_module(Network()), GRID, None)
        generator = torch.Generator().manual_seed(0)
        x, v = torch.randn(2, 6, 2, generator=generator, dtype=torch.float64)

        def end(start):
            return simulate(5 * start, lambda: pytest.fail("drew noise"))

        _, derivative = torch.func.jvp(end, (x,), (v,))
        difference = (end(x + 1e-6 * v) - end(x - 1e-6 * v)) / 2e-6
        torch.testing.assert_close(derivative, difference, rtol=1e-6, atol=1e-7)

    def test_an_oracle_reads_its_target(self):
        class Shrink(OracleNetwork):
            name: ClassVar[str] = "shrink"

            def denoise(self, target, x, sigma):
                return target * x / (1 + sigma)

            def score_error(self, sigma, dim):
                return np.zeros_like(sigma)

        x = torch.ones(2, 2)
        assert torch.equal(denoiser_from_oracle(Shrink(), 3.0)(x, 2.0), x)
