"""What a noise schedule must be: an increasing map with its inverse and its derivative, element by element.

Deviations are in units of what rounding allows. A relative error ε in t becomes κε in σ, κ = t σ'(t)/σ: near t = 1,
where σ grows without bound, no formula is better than that.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.engine.purity import purity
from harness.noise_schedules import NoiseSchedule
from harness.properties import Property, worst

COUNT = 400
"""Levels at which a schedule is looked at, log-spaced."""

SLACK = 64.0
"""How many roundings a schedule may take."""


def schedule_properties(schedule: NoiseSchedule, sigma_min: float = 0.002, sigma_max: float = 80.0) -> list[Property]:
    """Measure a schedule between two levels.

    Raises:
        Exception: whatever the schedule raises.
    """
    ends = torch.tensor([sigma_min, sigma_max], dtype=torch.float64).log()
    sigma = torch.linspace(float(ends[0]), float(ends[1]), COUNT, dtype=torch.float64).exp()
    time = schedule.time(sigma.clone())
    if time.shape != sigma.shape or not bool(time.isfinite().all()):
        return [Property("time: finite, in the shape of the levels", 1.0, 0.0, 0.0)]
    return [
        *_inverse(schedule, sigma, time),
        _derivative(schedule, time),
        _increasing(schedule, sigma, time),
        _integral(schedule, sigma, time),
        _elementwise(schedule, sigma, time),
        *_single_precision(schedule, sigma),
        purity("time", schedule.time, sigma),
        purity("sigma", schedule.sigma, time),
        purity("rate", schedule.rate, time),
    ]


def _condition(schedule: NoiseSchedule, sigma: Tensor, time: Tensor) -> Tensor:
    return 1 + (time * schedule.rate(time.clone()) / sigma).abs()


def _inverse(schedule: NoiseSchedule, sigma: Tensor, time: Tensor) -> list[Property]:
    allowed = SLACK * torch.finfo(torch.float64).eps * _condition(schedule, sigma, time)
    back = schedule.sigma(time.clone())
    inner = torch.lerp(time[0], time[-1], torch.linspace(0, 1, COUNT, dtype=torch.float64))
    again = schedule.time(schedule.sigma(inner.clone()))
    span = SLACK * torch.finfo(torch.float64).eps * (inner.abs() + (time[-1] - time[0]).abs())
    return [
        Property("σ(time(σ)) = σ, by rounding", 0.0, worst((back / sigma - 1) / allowed), 1.0),
        Property("time(σ(t)) = t, by rounding", 0.0, worst((again - inner) / span), 1.0),
    ]


def _derivative(schedule: NoiseSchedule, time: Tensor) -> Property:
    t = time.clone().requires_grad_()
    sigma = schedule.sigma(t)
    slope = torch.ones_like(t) if sigma is t else torch.autograd.grad(sigma.sum(), t)[0]
    deviation = schedule.rate(time.clone()) / slope - 1
    return Property("rate = dσ/dt, by 1e-7", 0.0, worst(deviation) / 1e-7, 1.0)


def _increasing(schedule: NoiseSchedule, sigma: Tensor, time: Tensor) -> Property:
    fine = torch.lerp(time[0], time[-1], torch.linspace(0, 1, 5 * COUNT, dtype=torch.float64))
    rises = torch.cat([schedule.sigma(fine).diff() > 0, schedule.time(sigma.clone()).diff() > 0])
    return Property("share of steps in which σ(t) and time(σ) rise", 1.0, float(rises.double().mean()), 0.0)


def _integral(schedule: NoiseSchedule, sigma: Tensor, time: Tensor) -> Property:
    """∫ rate dt over the range, by three points of Gauss in each cell."""
    nodes = torch.tensor([-(0.6**0.5), 0.0, 0.6**0.5], dtype=torch.float64)
    weights = torch.tensor([5 / 18, 8 / 18, 5 / 18], dtype=torch.float64)
    width = time.diff()
    inside = time[:-1, None] + width[:, None] * (1 + nodes) / 2
    total = float(((schedule.rate(inside) @ weights) * width).sum())
    return Property("∫ rate dt over σ_max − σ_min", 1.0, total / float(sigma[-1] - sigma[0]), 1e-4)


def _elementwise(schedule: NoiseSchedule, sigma: Tensor, time: Tensor) -> Property:
    """Whether a value depends on its own element alone, in any shape."""
    deviations = []
    for function, given in ((schedule.time, sigma), (schedule.sigma, time), (schedule.rate, time)):
        whole = function(given.clone())
        square = function(given[:6].reshape(2, 3).clone())
        if square.shape != (2, 3):
            return Property("each value of its own element alone, by rounding", 0.0, float("inf"), 1.0)
        few = torch.cat([square.flatten(), function(given[7::50].clone())])
        deviations.append(few / torch.cat([whole[:6], whole[7::50]]) - 1)
    limit = SLACK * torch.finfo(torch.float64).eps
    apart = worst(torch.cat(deviations)) / limit
    return Property("each value of its own element alone, by rounding", 0.0, apart, 1.0)


def _single_precision(schedule: NoiseSchedule, sigma: Tensor) -> list[Property]:
    """Single against double precision, from the same time."""
    single = schedule.time(sigma.float())
    back, rate = schedule.sigma(single.clone()), schedule.rate(single.clone())
    kept = [each.dtype == torch.float32 for each in (single, back, rate)]
    exact = schedule.sigma(single.double())
    allowed = SLACK * torch.finfo(torch.float32).eps * _condition(schedule, exact, single.double())
    # Where single precision cannot tell a time from the end, there is no level.
    inside = allowed < 1
    deviation = ((back.double() / exact - 1) / allowed)[inside]
    return [
        Property("single precision stays single", 1.0, sum(kept) / 3, 0.0),
        Property("single against double precision, by rounding", 0.0, worst(deviation), 1.0),
    ]
