"""Bits per dimension of data on a lattice: the cost of telling levels, and that the bound codes what it says."""

import math

import numpy as np
import pytest
import torch
from harness_metrics import BitsPerDimension, DiscreteBitsPerDimension
from harness_metrics.lattices import decoding_cost, step
from harness_song.samplers import Ancestral
from harness_synthetic.targets import Gaussian
from scipy.integrate import quad

from harness.engine.sampling import kernel_function, simulate_function
from harness.errors import NotApplicable
from harness.metrics import Experiment
from harness.mixtures import EmpiricalDistribution
from harness.registry.discovery import load


def experiment(law, sigmas):
    """A combination with the exact denoiser."""
    sampler, nothing = Ancestral(), torch.zeros(2, law.dim, dtype=torch.float64)
    variances = sampler.variances(sigmas, None, None)
    return Experiment(
        target=law,
        sampler=sampler,
        sigmas=sigmas.tolist(),
        samples=nothing,
        reference=nothing,
        simulate=simulate_function(sampler, law.denoise, sigmas, variances),
        exact_network=True,
        last_kernel=None,
        budget=None,
        generator=torch.Generator().manual_seed(0),
        kernel=kernel_function(sampler, law.denoise, sigmas, variances),
    )


def pixels(levels, width):
    """Points in the plane whose coordinates have so many levels, equally often, all combinations of them."""
    every = torch.cartesian_prod(torch.arange(levels), torch.arange(levels)).double() * width + 0.3
    held_out = every.repeat(2048 // len(every), 1)
    return EmpiricalDistribution(every, (held_out, held_out), "pixels")


@pytest.mark.parametrize("ratio", [0.05, 0.2, 0.5, 1.0, 1.9, 2.5])
def test_the_cost_of_telling_levels_is_the_integral(ratio):
    def inside(noise):
        terms = np.exp([-0.5 * (noise + j / ratio) ** 2 for j in range(-90, 91)])
        return (0.5 * noise**2 + math.log(terms.sum())) * math.exp(-0.5 * noise**2) / math.sqrt(2 * math.pi)

    exact = quad(inside, -9, 9, limit=400, epsabs=1e-11)[0]
    assert decoding_cost(ratio) == pytest.approx(exact, abs=1e-8)


def test_more_noise_costs_more():
    costs = [decoding_cost(ratio) for ratio in np.geomspace(0.1, 8, 40)]
    assert all(np.diff(costs) > 0)
    assert costs[0] < 1e-5


@pytest.mark.parametrize("levels", [2, 4])
@pytest.mark.parametrize("width", [0.1, 1.0])
def test_with_the_exact_score_and_many_steps_it_is_the_entropy(levels, width):
    """Levels that are equally likely have log₂(levels) bits; the bound may not be below, and gets near from above."""
    law = pixels(levels, width)
    found = {}
    for steps in (30, 300):
        at = experiment(law, np.geomspace(300 * width, 0.05 * width, steps + 1))
        found[steps] = DiscreteBitsPerDimension(noised=2048).measure(at)
    truth = math.log2(levels)
    assert all(each.value > truth - 4 * each.standard_error for each in found.values())
    assert found[300].value == pytest.approx(truth, abs=0.03 + 4 * found[300].standard_error)
    assert found[30].value > found[300].value


def test_it_does_not_depend_on_where_the_chain_stops_nor_on_the_unit():
    law = pixels(4, 1.0)
    values = [
        DiscreteBitsPerDimension(noised=2048).measure(experiment(law, np.geomspace(300.0, last, 301)))
        for last in (0.02, 0.1)
    ]
    assert values[1].value - values[0].value == pytest.approx(0, abs=0.1)
    assert all(2 - 4 * each.standard_error < each.value < 2.2 for each in values)
    densities = [
        BitsPerDimension(noised=2048).measure(experiment(law, np.geomspace(300.0, last, 301))).value
        for last in (0.02, 0.1)
    ]
    assert densities[1] - densities[0] > 2
    large = experiment(pixels(4, 50.0), np.geomspace(15_000.0, 5.0, 301))
    assert DiscreteBitsPerDimension(noised=2048).measure(large).value == pytest.approx(values[1].value, rel=1e-3)


def test_groups_average_to_the_value():
    found = DiscreteBitsPerDimension(noised=2048).measure(experiment(pixels(4, 1.0), np.geomspace(30.0, 0.1, 20)))
    assert np.mean(found.groups) == pytest.approx(found.value, rel=1e-12)


def test_points_on_no_lattice_have_none():
    law = Gaussian(dim=2, condition=1).distribution()
    found = DiscreteBitsPerDimension().measure(experiment(law, np.geomspace(30.0, 0.1, 20)))
    assert isinstance(found, NotApplicable)
    assert "on no lattice of one step" in found.reason


def test_a_step_is_found_whatever_the_origins():
    whole = torch.tensor([[0, 3], [2, 3], [5, 10], [1, 0]]).double()
    origins = torch.tensor([0.123, -4.567]).double()
    assert step(whole / 75.2 + origins) == pytest.approx(1 / 75.2)
    assert step(torch.ones(4, 2)) is None
    assert step(torch.randn(50, 3, generator=torch.Generator().manual_seed(0)).double()) is None


@pytest.mark.parametrize(("levels", "divisor"), [([0, 2, 3], 1), ([0, 4, 6, 10], 2), ([0, 6, 10, 15], 1), ([3, 8], 5)])
def test_the_step_is_the_greatest_common_divisor_though_no_two_values_are_so_near(levels, divisor):
    for unit in (1.0, 1 / 255, 7e5):
        points = torch.tensor(levels, dtype=torch.float64)[:, None] * unit
        assert step(points) == pytest.approx(divisor * unit, rel=1e-6)
    columns = torch.tensor([[0.0, 0.5], [4.0, 6.5]]).double()
    assert step(columns) == pytest.approx(2)


@pytest.mark.parametrize("count", [20, 300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pixels_keep_their_step_when_they_are_standardised(count, dtype):
    for seed in range(10):
        whole = torch.randint(0, 256, (count, 1), generator=torch.Generator().manual_seed(seed))
        divisor = math.gcd(*(whole - whole.min()).flatten().tolist())
        scaled = (whole.to(dtype) / 255 - 0.45) / 0.27
        assert step(scaled.double()) == pytest.approx(divisor / 255 / 0.27, rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("count", [20, 100, 2000])
def test_continuous_columns_have_no_step(count, dtype):
    for seed in range(4):
        normal = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed), dtype=dtype).double()
        assert step(normal[:, :1]) is None
        assert step(0.01 * normal + 3) is None
        assert step(torch.cat([normal, torch.full((1, 2), 1e7)])) is None


def test_training_points_show_levels_that_held_out_ones_lack():
    every, some = (torch.arange(4.0).repeat(20)[:, None] * step for step in (1, 2))
    found = []
    for train in (every, some):
        law = EmpiricalDistribution(train.double(), (some.double(), some.double()), "pixels")
        found.append(step(DiscreteBitsPerDimension()._points_of(law)))
    assert found == [1, 2]


def test_digits_have_sixteenths():
    assert step(load().classes("target")["digits"]().distribution().parts[0]) == pytest.approx(1 / 8)
