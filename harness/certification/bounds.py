"""Bounds: never below what they limit, where that is known.

Divergences and distances are those of known designs (`harness.certification.known_designs`), and on a mixture of two
Gaussians far apart the path divergence by quadrature of J; a training loss is that of made-up ways down.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np

from harness.bounds import Bound, Design
from harness.budget import budget
from harness.certification.cases import ring, stream
from harness.certification.known_designs import SAMPLERS, KnownScoreError, known_designs
from harness.certification.measurements import Measurement
from harness.certification.ways_down import ways_down
from harness.engine.known_laws import MixtureLaw
from harness.engine.sampler_orders import geometric
from harness.errors import NotApplicable
from harness.properties import Property
from harness.quantities import Quantity
from harness.samplers import GaussianKernelSampler
from harness.trajectories import Trajectory

ROUNDING = 1e-6
"""How far a bound may be below the truth, relatively, by rounding."""

EQUAL = 1e-5
"""The same where it is what it limits itself: of terms that cancel more is lost."""

LEAST = 1e-9
"""Truths below it are of rounding: a bound is to be above −LEAST there."""

Case = tuple[Design, dict[Quantity, float]]


@lru_cache(maxsize=2)
def cases(seed: int) -> tuple[Case, ...]:
    """Return designs with what is known of each."""
    known = [(each.design(), each.truth) for each in known_designs(seed)]
    likewise = known[-1][0]
    ways = [(replace(likewise, training=way), _loss(way)) for way in ways_down(seed)]
    return (*known, *_mixtures(seed), *ways)


def _loss(way: Trajectory) -> dict[Quantity, float]:
    return {"training-loss": float(way.loss[-1])}


def _mixtures(seed: int) -> Iterator[Case]:
    """Two Gaussians so far apart that they merge at one level: there J falls faster than that of any Gaussian."""
    width = float(np.exp(stream(seed, 21).uniform(-3, -1)))
    law = MixtureLaw([0.5, 0.5], [-1.0, 1.0], [width, width])
    kernels = (each for each in SAMPLERS.values() if isinstance(each, GaussianKernelSampler))
    grids = (geometric(8, 10.0, 0.1), geometric(12, 1.5, 0.2))
    for sampler, sigmas, factor in itertools.product(kernels, grids, (0.0, 0.2)):
        error = KnownScoreError(law, factor, 0.0)
        noise = sampler.variances(sigmas, None, None)
        terms = budget(sigmas, noise, law, error)
        design = Design(sampler, sigmas, noise, 1, law.second_moment, law, error, terms, ring(seed))
        yield design, {"path-kl": float(terms.total.mean())}


def measured(bound: Bound, seed: int) -> list[Property]:
    """Measure a bound on all designs that it applies to."""
    ratios: dict[Quantity, list[float]] = {}
    kinds, held, reasons = [], [], set()
    for design, truth in cases(seed):
        value = bound.value(design)
        if isinstance(value, NotApplicable):
            reasons.add(value.reason)
            continue
        kinds.append(isinstance(value, float) and math.isfinite(value) and value >= 0)
        held.append(bound.value(design) == value)
        for quantity in bound.limits:
            if quantity in truth:
                ratios.setdefault(quantity, []).append(_ratio(float(value), truth[quantity]))
    if not kinds:
        return [Property.skipped("the bound, on known designs", sorted(reasons)[0])]
    return [
        Property("share of values that are finite numbers from 0 on", 1.0, sum(kinds) / len(kinds), 0.0),
        Property("share of values that are the same a second time", 1.0, sum(held) / len(held), 0.0),
        *(_least(bound, quantity, each) for quantity, each in sorted(ratios.items())),
    ]


def _ratio(value: float, truth: float) -> float:
    return (value + LEAST) / (truth + LEAST)


def _least(bound: Bound, quantity: Quantity, ratios: list[float]) -> Property:
    """Compare the bound with what it limits; where it is that itself, in both directions."""
    if quantity == bound.equals:
        apart = max((abs(each - 1) for each in ratios), default=0.0)
        return Property(f"bound over {quantity} itself less 1, the most of {len(ratios)} designs", 0.0, apart, EQUAL)
    name = f"bound over {quantity}, the least of {len(ratios)} designs"
    return Property(name, 1.0, min(ratios), ROUNDING, at_least=True)


MEASUREMENTS = {"bound": (Measurement("the bound against the truth", measured),)}
