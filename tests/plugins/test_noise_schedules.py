import math

import pytest
import torch
from harness_karras.noise_schedules import EdmSchedule
from harness_lipman.noise_schedules import FlowSchedule
from harness_nichol.noise_schedules import CosineSchedule
from harness_song.noise_schedules import VeGeometric, VpLinear
from harness_wang.noise_schedules import VeSqrt

from harness.components import ComponentError, build

SCHEDULES = [
    EdmSchedule(),
    VeSqrt(),
    VeGeometric(),
    VeGeometric(sigma_min=0.002, sigma_max=100.0),
    VpLinear(),
    VpLinear(beta_d=0.0, beta_min=3.0),
    FlowSchedule(),
    CosineSchedule(),
    CosineSchedule(s=0.0),
    CosineSchedule(s=0.2),
]
each_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.label())


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def levels(low=1e-3, high=500.0, count=400):
    return torch.linspace(math.log(low), math.log(high), count, dtype=torch.float64).exp()


@each_schedule
def test_sigma_inverts_time(schedule):
    sigma = levels()
    torch.testing.assert_close(schedule.sigma(schedule.time(sigma)), sigma, rtol=1e-11, atol=0)


@each_schedule
def test_time_inverts_sigma(schedule):
    first, last = schedule.time(tensor(1e-3, 150.0))
    t = torch.linspace(float(first), float(last), 400, dtype=torch.float64)
    torch.testing.assert_close(schedule.time(schedule.sigma(t)), t, rtol=1e-11, atol=1e-13 * float(last - first))


@each_schedule
def test_sigma_increases_with_time(schedule):
    first, last = schedule.time(tensor(1e-3, 150.0))
    t = torch.linspace(float(first), float(last), 2000, dtype=torch.float64)
    assert bool((schedule.sigma(t).diff() > 0).all())
    assert bool((schedule.time(levels()).diff() > 0).all())


@each_schedule
def test_rate_is_the_derivative(schedule):
    t = schedule.time(levels(high=150.0)).requires_grad_()
    sigma = schedule.sigma(t)
    derivative = torch.ones_like(t) if sigma is t else torch.autograd.grad(sigma.sum(), t)[0]
    torch.testing.assert_close(schedule.rate(t.detach()), derivative, rtol=1e-9, atol=0)


@each_schedule
def test_single_precision_and_shape_are_kept(schedule):
    sigma = levels(0.01, 50.0, 6).float().reshape(2, 3)
    t = schedule.time(sigma)
    assert t.dtype == schedule.sigma(t).dtype == schedule.rate(t).dtype == torch.float32
    assert schedule.rate(t).shape == (2, 3)
    torch.testing.assert_close(schedule.sigma(t), sigma, rtol=1e-3, atol=0)


def test_vp_linear_end_points():
    low, high = VpLinear().sigma(tensor(1e-5, 1.0)).tolist()
    assert low == pytest.approx(1.0005e-3, rel=5e-5)
    assert high == pytest.approx(152.17, rel=5e-5)
    # αbar = 1/(1+σ²) solves d ln αbar/dt = −β(t), β = 0.1 + 19.9 t.
    t = torch.linspace(0.05, 1, 50, dtype=torch.float64).requires_grad_()
    (slope,) = torch.autograd.grad(-(1 + VpLinear().sigma(t) ** 2).log().sum(), t)
    torch.testing.assert_close(slope, -(0.1 + 19.9 * t.detach()), rtol=1e-10, atol=0)


def test_vp_linear_with_the_end_points_of_edm():
    # EDM refits β_d and β_min so that t = 1 and t = 1e-3 give 80 and 0.002; published to three figures.
    low, high = math.log1p(0.002**2), math.log1p(80.0**2)
    beta_d = 2 * (low / 1e-3 - high) / (1e-3 - 1)
    beta_min = high - beta_d / 2
    assert beta_d == pytest.approx(17.54, abs=5e-3)
    assert beta_min == pytest.approx(-0.005, abs=5e-4)


def test_ve_geometric_end_points_and_constant_growth():
    schedule = VeGeometric()
    ends = schedule.sigma(tensor(0.0, 1.0))
    torch.testing.assert_close(ends, tensor(0.01, 50.0), rtol=1e-14, atol=0)
    t = torch.linspace(0, 1, 9, dtype=torch.float64)
    torch.testing.assert_close(schedule.rate(t) / schedule.sigma(t), torch.full_like(t, math.log(5000.0)))


def test_ve_geometric_refuses_a_decreasing_range():
    with pytest.raises(ComponentError, match=r"sigma_max=0\.5 must be above sigma_min=1"):
        build(VeGeometric, {"sigma_min": 1.0, "sigma_max": 0.5})


def test_cosine_follows_the_definition_of_alpha_bar():
    t = torch.linspace(0.01, 0.99, 99, dtype=torch.float64)
    cosine = ((t + 0.008) / 1.008 * math.pi / 2).cos() ** 2
    alpha_bar = cosine / math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    torch.testing.assert_close(1 / (1 + CosineSchedule().sigma(t) ** 2), alpha_bar, rtol=1e-12, atol=0)


def test_cosine_without_offset_is_a_tangent():
    t = torch.linspace(0, 0.99, 100, dtype=torch.float64)
    torch.testing.assert_close(CosineSchedule(s=0.0).sigma(t), (math.pi / 2 * t).tan(), rtol=1e-13, atol=0)


def test_cosine_limits():
    schedule = CosineSchedule()
    assert schedule.sigma(tensor(0.0)).item() == 0.0
    assert schedule.time(tensor(0.0)).item() == 0.0
    assert CosineSchedule(s=0.0).time(tensor(0.0)).item() == 0.0
    assert schedule.sigma(tensor(1.0)).isinf().all()
    assert schedule.time(tensor(1e12)).item() == pytest.approx(1.0, abs=1e-11)
    # Near t = 0 the offset makes σ² ≈ t θ′ sin 2θ_0.
    start = 0.008 / 1.008 * math.pi / 2
    expected = math.sqrt(1e-10 * math.pi / 2 / 1.008 * 2 * math.tan(start))
    assert schedule.sigma(tensor(1e-10)).item() == pytest.approx(expected, rel=1e-6)
    # iDDPM's penultimate level of 1000, before its β is clipped.
    assert schedule.sigma(tensor(0.999)).item() == pytest.approx(642, abs=0.5)


def test_cosine_density_with_offset_is_the_catalogued_one():
    # p(σ) = dt/dσ = (2(1+s)/π) √k σ / [(1+σ²) √(1+σ²−k)], k = cos²(sπ/(2(1+s))).
    schedule, s, sigma = CosineSchedule(), 0.008, levels(0.01, 100.0)
    k = math.cos(s * math.pi / (2 * (1 + s))) ** 2
    density = (2 * (1 + s) / math.pi) * math.sqrt(k) * sigma / ((1 + sigma**2) * (1 + sigma**2 - k).sqrt())
    torch.testing.assert_close(1 / schedule.rate(schedule.time(sigma)), density, rtol=1e-10, atol=0)


def test_flow_is_a_linear_interpolation():
    assert FlowSchedule().time(tensor(80.0)).item() == pytest.approx(0.98765, abs=5e-6)
    t = tensor(0.1, 0.5, 0.9)
    torch.testing.assert_close(FlowSchedule().sigma(t) * (1 - t), t)
