"""From the density of noised points to the probability of pixels: data on a lattice x = o + wk, k whole, step w.

To the variational bound belongs a last term, what it takes to tell k from z = x + δξ. The decoder is
p(k | z) ∝ exp(−(z − o − wk)²/2δ²) for each coordinate, over all whole k, which costs in nats, with r = δ/w,

    c(r) = E_ξ[ξ²/2 + ln Σ_j exp(−(ξ + j/r)²/2)],   c → 0 for r → 0,   c → ½ ln(2πe r²) for r → ∞.

It takes the place of the entropy ½ ln(2πeδ²) of the noise in `harness_metrics.held_out`: for large r the bits of a
density less ln w, as by uniform dequantisation; for small r the pixels are read off. That p has mass on
levels that pixels never have only makes the bound larger.
Reference: Kingma, Salimans, Poole, Ho, arXiv 2107.00630, section 3.3 (the decoder), eq. (11) (the terms).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

SAME = 2.0**-50
"""Of the largest: values as near as this are one, apart by the rounding of float64."""

ROUNDING = 2.0**-21
"""Of the largest: how far a value may be off its level, by the rounding of data kept, or standardised, in float32."""

MOST_OFF = 0.1
"""The same in steps, at most: finer levels are not told from numbers that have none."""

CHANCE = 1e-4
"""Most lattices tried that numbers without levels would fit, on average, up to one that is taken for theirs."""

CELLS = 2**21
"""Numbers of the training points by which a step is told, at most (16 MB)."""

SMOOTH = 2.0
"""From here on the sum over the lattice is its integral, to e^(−2π²r²) < 10⁻³⁴."""

FAR = 12.0
"""Deviations of the noise beyond which nothing is left of it."""


def step(points: Tensor) -> float | None:
    """Return the step w of the coarsest lattice that all coordinates of points (n, d) lie on, each from its own origin.

    It is the greatest common divisor of all differences of a coordinate's values, up to rounding: the least of them, or
    its half, its third, … . None: on none that so many values tell from chance, or each coordinate has one value. Steps
    are those that occur: a lattice with one level in two never used has twice the step.
    """
    ordered = points.T.contiguous().sort(1).values
    gaps, levels = ordered.diff(dim=1), (ordered - ordered[:, :1])[:, 1:]
    largest = max(ordered.abs().max().item(), levels.max().item() if levels.numel() else 0.0)
    new = gaps > SAME * largest
    if not new.any():
        return None
    slack, least = ROUNDING * largest, gaps[new].min().item()
    if slack > MOST_OFF * least:
        return None
    levels = levels[new].sort().values
    differences = torch.cat([gaps[new], levels]).sort().values
    several, parts, chance = int((levels.diff() > slack).sum()), 1, 0.0
    while slack * parts <= MOST_OFF * least:
        # Each level beyond the first is within two roundings of a whole number of steps, to either side, by chance.
        chance += (4 * slack * parts / least) ** several if several else 0.0
        if chance > CHANCE:
            return None
        found = _fitted(least / parts, slack / parts, differences, slack)
        if found is not None:
            return found
        parts += 1
    return None


def _fitted(width: float, error: float, differences: Tensor, slack: float) -> float | None:
    """Return a step made sharper by ever larger differences; None where one is no whole number of steps.

    Arguments:
        width: the step.
        error: how far it may be off.
        differences: that are to be whole numbers of steps, in order; shape (k,).
        slack: how far each may be off.
    """
    seen = 0
    while seen < len(differences):
        # As far as the error of the step, so often, leaves no doubt which whole number it is.
        reach = int((differences <= 0.25 * width**2 / error).sum())
        some = differences[:reach]
        whole = (some / width).round()
        if reach == seen or bool(((some - whole * width).abs() > slack + whole * error).any()):
            return None
        seen, most = reach, whole[-1].item()
        width, error = some[-1].item() / most, slack / most
    return width


@lru_cache(64)
def decoding_cost(ratio: float) -> float:
    """Return c(r) in nats a coordinate, by the trapezoidal rule, for r = δ/w > 0."""
    if ratio >= SMOOTH:
        return 0.5 * math.log(2 * math.pi * math.e * ratio**2)
    noise = np.linspace(-FAR, FAR, 24_001)
    others = np.arange(-math.ceil(2 * FAR * ratio), math.ceil(2 * FAR * ratio) + 1) / ratio
    exponents = -0.5 * (noise[:, None] + others) ** 2
    top = exponents.max(1)
    inside = 0.5 * noise**2 + top + np.log(np.exp(exponents - top[:, None]).sum(1))
    density = np.exp(-0.5 * noise**2) / math.sqrt(2 * math.pi)
    return float((inside * density).sum() * (noise[1] - noise[0]))
