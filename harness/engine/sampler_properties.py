"""What is measured of a sampler: its orders of convergence, and whether it keeps to its levels and to its contract."""

from __future__ import annotations

import itertools
import math
import pickle
import random
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.engine.known_laws import GaussianLaw
from harness.engine.responses import response, simulation
from harness.engine.sampler_orders import FAR, GAUSSIANS, MORE, gaussian_error, geometric, orders, polynomial
from harness.engine.sampling import Generated, SamplingError, generate, kernel_variances
from harness.information import NoScoreError
from harness.properties import Property
from harness.samplers import Sampler
from harness.unit_responses import count_draws

POINT = GaussianLaw([0.7], [1e-24])
"""A point, but for rounding: the flow to it is a straight line, and its noised law has the deviation σ."""

SHORT = polynomial(9, 20.0, 0.05)
"""Levels on which what does not depend on them is checked."""

COUNT = 600
"""Samples of such a check: more than two blocks of noise."""

ROUNDING = {torch.float32: 2e-4, torch.float64: 1e-10}
"""How far rounding may lead samples apart, relative to the data's scale of one."""

INPUTS = 8
"""Start and draws that are told apart up to the first evaluation."""

BIAS = 0.05
"""Relative error of the law at σ_N that is taken for none: samplers are to sample it."""

LONG = 320
"""Steps after which the error of any order is within it."""

TURNED = 30
"""Steps on a correlated Gaussian: a sampler that treats all directions alike errs there as on the axes."""


def properties(sampler: Sampler, seed: int = 0) -> list[Property]:
    """Measure every property of a sampler.

    Arguments:
        sampler: the sampler.
        seed: of the noise, and of the points by which orders are integrated.

    Raises:
        NotApplicable: a grid is not one that it is made for.
        ContractError: a step is of another shape or dtype than its points, or a kernel replaces more than its variance.
        SamplingError: samples are not finite.
    """
    return [*orders(sampler, seed), *laws(sampler), *levels(sampler), *contract(sampler, seed)]


def laws(sampler: Sampler) -> list[Property]:
    """Measure what is left of the error of the law after many steps, whatever order is claimed."""
    few = geometric(TURNED, *FAR)
    apart = correlated_error(sampler, few) - gaussian_error(sampler, few)
    return [
        Property("relative error of the law, Gaussians", 0.0, gaussian_error(sampler, geometric(LONG, *FAR)), BIAS),
        Property("the same, correlated Gaussian less Gaussians", 0.0, apart, BIAS),
    ]


def correlated_error(sampler: Sampler, sigmas: np.ndarray) -> float:
    """Return the largest error of mean and deviations at σ_N, relative, on the Gaussians turned against the axes.

    The sampler is an affine map Y = a + Σ_k B_k ξ_k there, found column by column.

    Raises:
        SamplingError: samples are not finite.
    """
    turn = np.linalg.qr(np.random.Generator(np.random.PCG64(0)).standard_normal((GAUSSIANS.dim, GAUSSIANS.dim)))[0]
    axes = torch.from_numpy(turn)

    def denoiser(x: Tensor, sigma: float) -> Tensor:
        return GAUSSIANS.denoise(x @ axes, sigma) @ axes.T

    simulate, dim = simulation(sampler, GAUSSIANS, denoiser, sigmas), GAUSSIANS.dim
    draws = count_draws(simulate, dim)
    # Row 0 is zeros; then a row for each coordinate of the start, and of each draw.
    inputs = torch.eye((draws + 1) * dim + 1, dtype=torch.float64)[:, 1:].reshape(-1, draws + 1, dim)
    noise = iter(inputs[:, 1:].unbind(1))
    outputs = simulate(inputs[:, 0].clone(), lambda: next(noise))
    if not outputs.isfinite().all():
        raise SamplingError(f"sampler {sampler.name}: samples of a correlated Gaussian are not finite")
    columns = (outputs[1:] - outputs[0]).numpy()
    first, last = (turn * GAUSSIANS.deviations(sigma) for sigma in sigmas[[0, -1]])
    factor = np.concatenate([first.T @ columns[:dim], columns[dim:]])
    away = outputs[0].numpy() + columns[:dim].T @ (turn @ GAUSSIANS.mean) - turn @ GAUSSIANS.mean
    # In the coordinates in which the law at σ_N is N(0, I).
    inverse = np.linalg.inv(last)
    return float(np.abs([*(inverse @ away), *(np.linalg.svd(factor @ inverse.T)[1] - 1)]).max())


def levels(sampler: Sampler) -> list[Property]:
    """Measure whether points have the level that the denoiser is told of, on a point: at the first call, and at σ_N.

    Without noise the flow to a point is a straight line, which every solver follows to rounding.
    """
    sigmas = geometric(MORE, *FAR)
    end = response(sampler, POINT, sigmas).law(POINT.mean, sigmas[:1])[1]
    order, step = sampler.claimed_order, float(np.log(sigmas[0] / sigmas[1]))
    leeway = 1e-9 if sampler.deterministic else 2 * step ** min(order or 0, 2)
    return [
        Property("first evaluation: level over the deviation of its points", 1.0, first_level(sampler, sigmas), 1e-9),
        Property("end: deviation over σ_N, on a point", order and 1.0, float(end[0] / sigmas[-1]), leeway),
    ]


def first_level(sampler: Sampler, sigmas: np.ndarray) -> float:
    """Return the level of the first evaluation over the deviation of its points, noise added before it counted in.

    Row 0 of the points is the start's unit, times σ_0, and row k that of the k-th draw.
    """
    found: list[float] = []
    draws = itertools.count(1)

    def denoiser(x: Tensor, sigma: float) -> Tensor:
        if not found:  # later points may be made of later draws alone, which are not told apart
            found.append(sigma / float(x.norm()))
        return torch.zeros_like(x)

    def unit(k: int) -> Tensor:
        return (torch.arange(INPUTS) == k).double()[:, None]

    simulation(sampler, POINT, denoiser, sigmas)(float(sigmas[0]) * unit(0), lambda: unit(next(draws)))
    return found[0] if found else math.nan


def contract(sampler: Sampler, seed: int = 0) -> list[Property]:
    """Measure whether a sampler does what its contract says of it, with the noise of a seed."""
    whole = _samples(sampler, seed)
    draws = count_draws(simulation(sampler, GAUSSIANS, GAUSSIANS.denoise, SHORT), GAUSSIANS.dim)
    return [
        *(evaluations(sampler, steps) for steps in (2, 3, 9)),
        Property("whether noise is drawn", float(not sampler.deterministic), float(draws > 0), 0.0),
        _apart("batches of 100", whole, _samples(sampler, seed, batch=100)),
        _apart("the first 100 alone", whole[:100], _samples(sampler, seed, count=100)),
        _apart("a second run", whole, _samples(sampler, seed), torch.float64),
        _apart("float32", whole, _samples(sampler, seed, dtype=torch.float32), torch.float32),
        _apart("other global random states", whole, _elsewhere(sampler, seed)),
        Property("global random states changed", 0.0, float(_changed(sampler)), 0.0),
    ]


def evaluations(sampler: Sampler, steps: int) -> Property:
    """Compare the declared number of evaluations with those made."""
    made = _generated(sampler, polynomial(steps, *SHORT[[0, -1]]), count=2).nfe
    return Property(f"evaluations of {steps} steps", float(sampler.evaluations(steps)), float(made), 0.0)


def _generated(
    sampler: Sampler,
    sigmas: np.ndarray,
    *,
    count: int,
    seed: int = 0,
    batch: int = COUNT,
    dtype: torch.dtype = torch.float64,
) -> Generated:
    kernel = kernel_variances(sampler, sigmas, GAUSSIANS, NoScoreError(), GAUSSIANS)
    dim = GAUSSIANS.dim
    return generate(sampler, _denoise, sigmas, kernel, seed=1 + seed, count=count, dim=dim, dtype=dtype, batch=batch)


def _denoise(x: Tensor, sigma: float, labels: Tensor | None = None) -> Tensor:
    return GAUSSIANS.denoise(x, sigma)


def _samples(
    sampler: Sampler, seed: int, *, count: int = COUNT, batch: int = COUNT, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Return samples of the Gaussians on the short grid, shape (count, d)."""
    return _generated(sampler, SHORT, seed=seed, count=count, batch=batch, dtype=dtype).samples


def _apart(name: str, whole: Tensor, other: Tensor, dtype: torch.dtype = torch.float64) -> Property:
    """Compare samples that are to be the same."""
    gap = float((whole - other).abs().max())
    return Property(f"distance of samples: {name}", 0.0, gap, ROUNDING[dtype])


def _elsewhere(sampler: Sampler, seed: int) -> Tensor:
    """Return samples made with the process' random states at other places, which are put back."""
    kept = _states()
    torch.manual_seed(7)
    np.random.seed(7)
    random.seed(7)
    try:
        return _samples(sampler, seed)
    finally:
        torch.set_rng_state(kept[0])
        np.random.set_state(kept[1])
        random.setstate(kept[2])


def _changed(sampler: Sampler) -> bool:
    """Whether sampling moves one of the process' random states."""
    before = _written()
    _samples(sampler, 0, count=10)
    return before != _written()


def _states() -> tuple[Tensor, Any, Any]:
    """Random states of the process: torch's, numpy's, Python's."""
    return torch.get_rng_state(), np.random.get_state(legacy=False), random.getstate()


def _written() -> bytes:
    torch_state, *others = _states()
    return pickle.dumps([torch_state.numpy().tobytes(), *others])
