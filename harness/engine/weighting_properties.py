"""What a weighting must be: β = p·ω, level by level, and the objective that training then has.

Training draws levels from p by a table and counts each with ω. Its gradient must be that of ∫ β(σ) ℓ(σ) dσ / ∫ β dσ.
That is measured with the table, on levels at quantiles spaced evenly in each of its cells, each with its probability,
so that no noise hides a fault; beside it stands dense quadrature of the component's own β. ℓ is the slope of a linear
denoiser's loss on a Gaussian, and bumps in ln σ.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from harness.data_spec import DataSpec
from harness.engine.levels import LevelSampler, table_levels
from harness.engine.purity import purity
from harness.properties import Property, worst
from harness.weight_learners import WeightRequest
from harness.weightings import GridWeighting, LearnedWeighting, Weighting

DENSE = 2**15
"""Points of the dense quadrature, log-spaced."""

QUANTILES = 16
"""Quantiles in each cell of the table at which a level is drawn."""

OBJECTIVE = 5e-3
"""How far the table's objective may be from the dense one, of its largest slope."""

BATCHES = 20
"""Batches that a learned weighting is shown."""

LONG, OFTEN = 1000, 128
"""Batches after which it is to have learned what it can, and samples in each."""

TAUGHT = (0.05, 20.0)
"""σ_min and σ_max of the losses that it learns from."""

LEARNED = 0.2
"""How far the shape of what is learned may be from its limit, relatively."""

FACTOR = 10.0
"""Factor on data and levels by which dependence on the unit is told."""


def weighting_properties(
    weighting: Weighting, sigma_min: float = 0.002, sigma_max: float = 80.0, sigma_data: float = 0.5
) -> list[Property]:
    """Measure a weighting between two levels, for data of one scale.

    Raises:
        Exception: whatever the weighting raises.
    """
    if isinstance(weighting, GridWeighting):
        return _of_grid(weighting, sigma_min, sigma_max)
    levels = table_levels(sigma_min, sigma_max)
    density, omega = (f(levels.clone(), sigma_data) for f in (weighting.density, weighting.omega))
    if not all(t.shape == levels.shape and t.dtype == torch.float64 for t in (density, omega)):
        return [Property("p and ω: one number a level, in double precision", 1.0, 0.0, 0.0)]
    good = (density >= 0) & density.isfinite() & (omega > 0) & omega.isfinite()
    found = [Property("share of levels with finite p ≥ 0 and ω > 0", 1.0, float(good.double().mean()), 0.0)]
    if not bool(good.all()) or not bool(density.any()):
        return [*found, Property("p: positive somewhere", 1.0, float(bool(density.any())), 0.0)]
    found += [
        _product(weighting, levels, density * omega, sigma_data),
        _elementwise(weighting, levels, sigma_data),
        *_objective(weighting, levels, density, omega, sigma_data),
        _unit(weighting, levels, sigma_data),
        purity("p", lambda s: weighting.density(s, sigma_data), levels),
        purity("ω", lambda s: weighting.omega(s, sigma_data), levels),
    ]
    return [*found, *(_learning(weighting, levels, sigma_data) if isinstance(weighting, LearnedWeighting) else [])]


def _product(weighting: Weighting, levels: Tensor, product: Tensor, sigma_data: float) -> Property:
    beta = weighting.beta(levels.clone(), sigma_data)
    deviation = beta / product.clamp(min=1e-300) - 1
    counted = product > 1e-250
    found = worst(deviation[counted]) if beta.shape == product.shape else math.inf
    return Property("β over p·ω, less 1", 0.0, found, 1e-9)


def _elementwise(weighting: Weighting, levels: Tensor, sigma_data: float) -> Property:
    """Whether a value depends on its own level alone: on some of the levels, and on each of a few by itself."""
    largest = 0.0
    for function in (weighting.density, weighting.omega):
        whole = function(levels.clone(), sigma_data)
        parts = [slice(1, None, 7), *(slice(k, k + 1) for k in (0, 200, 511))]
        for part in parts:
            deviation = function(levels[part].clone(), sigma_data) / whole[part].clamp(min=1e-300) - 1
            counted = whole[part] > 1e-250
            largest = max([largest, *deviation[counted].abs().nan_to_num(nan=math.inf).tolist()])
    return Property("p and ω of a level by itself, less what they are among others", 0.0, largest, 1e-9)


def slopes(sigma: Tensor, sigma_min: float, sigma_max: float, sigma_data: float) -> Tensor:
    """Return what stands for slopes of losses at levels of shape (K,): shape (7, K), the largest of each 1.

    The first is ∂/∂θ at θ = 0.3 of E‖D − X_0‖²/σ² with D = θx on N(0, s²): 2(θ − 1)s²/σ² + 2θ; the others are bumps.
    """
    linear = 2 * (0.3 - 1) * (sigma_data / sigma) ** 2 + 2 * 0.3
    low, high = math.log(sigma_min), math.log(sigma_max)
    centres = torch.linspace(low, high, 6, dtype=torch.float64)
    bumps = (-0.5 * ((sigma.log() - centres[:, None]) / ((high - low) / 8)) ** 2).exp()
    return torch.cat([(linear / (0.7 * 2 * (sigma_data / sigma_min) ** 2))[None], bumps])


def _objective(
    weighting: Weighting, levels: Tensor, density: Tensor, omega: Tensor, sigma_data: float
) -> list[Property]:
    low, high = float(levels[0]), float(levels[-1])
    table = LevelSampler(levels, density[None], omega[None])
    below, share = table.cumulative[0, :-1, None], table.cumulative[0].diff()[:, None]
    quantiles = below + share * (torch.arange(QUANTILES, dtype=torch.float64) + 0.5) / QUANTILES
    probability = (share / QUANTILES).expand_as(quantiles).flatten()
    drawn, weights = (each[0] for each in table(quantiles.flatten()[None]))
    trained = (probability * weights * slopes(drawn, low, high, sigma_data)).sum(1)
    dense = table_levels(low, high, DENSE + 1)
    beta = weighting.beta(dense.clone(), sigma_data)
    exact = _mean(slopes(dense, low, high, sigma_data), dense, beta)
    cells = table_levels(low, high, 17)
    shares = table.mass(cells)[0]
    own = torch.stack([((dense >= a) & (dense < b)).double() for a, b in itertools.pairwise(cells)])
    masses = _mean(own, dense, beta)
    inside = torch.stack([(drawn >= a) & (drawn < b) for a, b in itertools.pairwise(cells)])
    drawn_share = (probability * inside).sum(1)
    density_share = _mean(own, dense, weighting.density(dense.clone(), sigma_data))
    return [
        Property("gradient of training less that of ∫ β ℓ dσ / ∫ β dσ", 0.0, worst(trained - exact), OBJECTIVE),
        Property("mean weight under p", 1.0, float((probability * weights).sum()), OBJECTIVE),
        Property("shares of β in 16 parts of the range, table less quadrature", 0.0, worst(shares - masses), OBJECTIVE),
        Property("shares of levels drawn, less ∫ p dσ", 0.0, worst(drawn_share - density_share), OBJECTIVE),
    ]


def _mean(values: Tensor, sigma: Tensor, weight: Tensor) -> Tensor:
    """Return ∫ w v dσ / ∫ w dσ by the trapezoidal rule in ln σ; values (J, K) to (J,)."""
    mass = weight * sigma
    mass[[0, -1]] *= 0.5
    return (values * mass).sum(1) / mass.sum()


def _unit(weighting: Weighting, levels: Tensor, sigma_data: float) -> Property:
    """How far β changes its shape if data and levels are given in another unit; many sources assume data of scale 1."""
    here = weighting.beta(levels.clone(), sigma_data) * levels
    there = weighting.beta(FACTOR * levels, FACTOR * sigma_data) * levels
    total = float((here / here.sum() - there / there.sum()).abs().sum() / 2)
    return Property("share of β that moves if data and levels are in another unit", None, total, 0.0)


def _of_grid(weighting: GridWeighting, sigma_min: float, sigma_max: float) -> list[Property]:
    grids = [table_levels(sigma_min, sigma_max, n).flip(0) for n in (3, 11, 65)]
    masses = [weighting.masses(grid.clone()) for grid in grids]
    shaped = [m.shape == (len(g) - 1,) and m.dtype == torch.float64 for m, g in zip(masses, grids, strict=True)]
    good = [bool((m >= 0).all() and m.isfinite().all() and m.any()) for m in masses]
    return [
        Property("share of grids with a mass for each level that is visited", 1.0, sum(shaped) / 3, 0.0),
        Property("share of grids with finite masses ≥ 0, not all 0", 1.0, sum(good) / 3, 0.0),
        purity("masses", weighting.masses, grids[1]),
    ]


def _learning(weighting: LearnedWeighting, levels: Tensor, sigma_data: float) -> list[Property]:
    """Whether ω stays a weight, and is the same function of what was learned whenever it is asked for."""
    generator = torch.Generator().manual_seed(0)
    torch_state = torch.get_rng_state()
    torch.manual_seed(0)
    learner = weighting.learner(WeightRequest(DataSpec((4,), sigma_data), levels))
    state = torch.get_rng_state()
    good: list[bool] = []
    for _ in range(BATCHES):
        sigma = levels[torch.randint(len(levels), (512,), generator=generator)]
        normal = torch.randn(512, 4, generator=generator, dtype=torch.float64)
        learner.learn(sigma, (sigma_data**2 / (sigma_data**2 + sigma**2)) * normal.square().sum(1))
        omega = learner.omega()
        good.append(omega.shape == levels.shape and bool((omega > 0).all() and omega.isfinite().all()))
    drew = not torch.equal(state, torch.get_rng_state())
    again = torch.equal(learner.omega(), learner.omega())
    torch.set_rng_state(torch_state)
    return [
        Property("share of batches after which ω is finite and positive", 1.0, sum(good) / len(good), 0.0),
        Property("ω unchanged while nothing is learned, no random numbers drawn", 1.0, (again + (not drew)) / 2, 0.0),
    ]


def learned_limit(
    weighting: LearnedWeighting, seed: int = 0, sigma_min: float = 0.05, sigma_max: float = 20.0
) -> list[Property]:
    """Measure how far from its claimed limit a learned weighting is after long training on losses that are known.

    σS + ξ is N(0, v(σ) I) in four dimensions: E‖·‖² = 4v, and E‖·‖ = 3√(2πv)/4. v is that of the exact denoiser of a
    Gaussian, times a factor that rises with the level.
    """
    levels = table_levels(*TAUGHT, 128)
    request = WeightRequest(DataSpec((4,), 1.0), levels)
    variance = _known_variance(levels)
    limit = weighting.claimed_limit(request, 4 * variance, 0.75 * (2 * math.pi * variance).sqrt())
    if limit is None:
        return [Property.skipped("ω after long training on known losses, over its limit", "no limit is claimed")]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        learner = weighting.learner(request)
    generator = torch.Generator().manual_seed(seed)
    low, high = (math.log(level) for level in TAUGHT)
    late: list[Tensor] = []
    for batch in range(LONG):
        sigma = (low + (high - low) * torch.rand(OFTEN, generator=generator, dtype=torch.float64)).exp()
        normal = torch.randn(OFTEN, 4, generator=generator, dtype=torch.float64)
        learner.learn(sigma, _known_variance(sigma) * normal.square().sum(1))
        if batch % weighting.every == weighting.every - 1:
            omega = learner.omega()
            late += [omega.clone()] if batch >= LONG // 2 else []
    ratio = torch.stack(late).log().mean(0) - limit.log()
    apart = float((ratio - ratio.mean()).abs().max())
    return [Property("largest relative distance of ω from its limit, after long training", 0.0, apart, LEARNED)]


def _known_variance(sigma: Tensor) -> Tensor:
    return (0.8 * sigma.log().tanh()).exp() / (1 + sigma**2)
