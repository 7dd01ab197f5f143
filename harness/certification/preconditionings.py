"""Preconditionings: unit variance where it is claimed, and coefficients that are functions of their own level alone.

For data of variance s², (X_0 − c_skip X)/c_out has the variance ((1 − c_skip)²s² + c_skip²σ²)/c_out², and c_in X
c_in²(σ² + s²).
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.certification.cases import level_range, spread
from harness.certification.measurements import Measurement
from harness.engine.purity import purity
from harness.preconditionings import Coefficients, Preconditioning
from harness.properties import Property, worst

COUNT = 200
"""Levels at which coefficients are looked at, log-spaced."""

ROUNDING = 1e-10
"""Relative deviation of coefficients in double precision that may be rounding."""

SINGLE = 1e-3
"""The same in single precision, of the largest: a time near one is rounded by what tells levels apart."""

ORDER_OF_ONE = 20.0
"""Largest c_noise in size that is of order one."""


def measured(rule: Preconditioning, seed: int) -> list[Property]:
    """Measure the coefficients over the range of levels, and for data of the scale, of a seed."""
    low, high = level_range(seed)
    sigma, scale = torch.logspace(0, 1, COUNT, dtype=torch.float64), torch.tensor(spread(seed), dtype=torch.float64)
    sigma = low * (high / low) ** (sigma.log10())
    found = rule.coefficients(sigma.clone(), scale)
    fit = [isinstance(each, Tensor) and each.shape == sigma.shape and each.dtype == sigma.dtype for each in found]
    if not isinstance(found, Coefficients) or not all(fit):
        return [Property("share of coefficients that are tensors like σ, in double precision", 1.0, sum(fit) / 4, 0.0)]
    good = torch.stack([each.isfinite() for each in found]).double().mean()
    return [
        Property("share of coefficients that are tensors like σ, in double precision", 1.0, 1.0, 0.0),
        Property("share of coefficients that are finite", 1.0, float(good), 0.0),
        *_variances(rule, sigma, found, scale),
        *_signs(found),
        *_noise(found.noise),
        _elementwise(rule, sigma, scale, found),
        _single(rule, sigma, scale, found),
        purity("coefficients", lambda levels: torch.stack(list(rule.coefficients(levels, scale))), sigma),
    ]


def _variances(rule: Preconditioning, sigma: Tensor, c: Coefficients, sigma_data: Tensor) -> list[Property]:
    """Of data of the scale that the rule claims something for."""
    s = torch.tensor(rule.data_scale(float(sigma_data)), dtype=torch.float64)
    given = c.inner**2 * (sigma**2 + s**2)
    target = ((1 - c.skip) ** 2 * s**2 + c.skip**2 * sigma**2) / c.out**2
    of = (("input", given, rule.claims_unit_input), ("target", target, rule.claims_unit_target))
    return [
        Property(f"variance of the {what} less 1, at any level", 0.0 if claimed else None, worst(value - 1), ROUNDING)
        for what, value, claimed in of
    ]


def _signs(c: Coefficients) -> list[Property]:
    """C_in passes the point on, c_out what F says; and each keeps its sign."""
    kept = [float((each.sign() == each.sign()[0]).double().mean()) for each in (c.inner, c.out)]
    never = bool((c.inner != 0).all() and (c.out != 0).all())
    return [
        Property("share of levels at which c_in and c_out are not 0, of one sign", 1.0, min(kept) * never, 0.0),
        Property("least c_skip", 0.0, float(c.skip.min()), 0.0, at_least=True),
        Property("1 less the largest c_skip", 0.0, float(1 - c.skip.max()), ROUNDING, at_least=True),
    ]


def _noise(noise: Tensor) -> list[Property]:
    steps = noise.diff()
    distinct = len(set(noise.tolist()))
    rising = max(float((steps >= 0).double().mean()), float((steps <= 0).double().mean()))
    return [
        Property("share of levels along which c_noise moves one way, or stays", 1.0, rising, 0.0),
        Property("distinct values of c_noise, over levels", 0.5, distinct / len(noise), 0.0, at_least=True),
        Property("largest c_noise in size", 0.0, float(noise.abs().max()), ORDER_OF_ONE),
    ]


def _elementwise(rule: Preconditioning, sigma: Tensor, scale: Tensor, whole: Coefficients) -> Property:
    """Whether coefficients depend on their own level alone, in any shape."""
    apart = 0.0
    for part in (slice(3, 9), slice(None, None, 7)):
        given = sigma[part]
        shaped = given.reshape(2, 3) if len(given) == 6 else given
        for each, all_of_it in zip(rule.coefficients(shaped.clone(), scale), whole, strict=True):
            if each.shape != shaped.shape:
                return Property("coefficients of a level by itself, less what they are among others", 0.0, None, 0.0)
            apart = max(apart, worst(each.flatten() - all_of_it[part]))
    return Property("coefficients of a level by itself, less what they are among others", 0.0, apart, ROUNDING)


def _single(rule: Preconditioning, sigma: Tensor, scale: Tensor, whole: Coefficients) -> Property:
    found = rule.coefficients(sigma.float(), scale.float())
    kept = all(each.dtype == torch.float32 for each in found)
    pairs = zip(found, whole, strict=True)
    apart = max(worst((each.double() - all_of_it) / all_of_it.abs().max().clamp(min=1)) for each, all_of_it in pairs)
    name = "coefficients in single precision less those in double, of the largest"
    return Property(name, 0.0, apart if kept else float("inf"), SINGLE)


MEASUREMENTS = {"preconditioning": (Measurement("coefficients", measured),)}
