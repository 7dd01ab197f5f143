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
from torch import Tensor

WHOLE = 1e-4
"""How far a difference may be from a whole number of steps, in steps."""

SMOOTH = 2.0
"""From here on the sum over the lattice is its integral, to e^(−2π²r²) < 10⁻³⁴."""

FAR = 12.0
"""Deviations of the noise beyond which nothing is left of it."""


def step(points: Tensor) -> float | None:
    """Return the step w of the coarsest lattice that all coordinates of points (n, d) lie on, each from its own origin.

    None: on none, or each coordinate has one value. Steps are those that occur: a lattice with one level in two never
    used has twice the step.
    """
    apart = (points - points[0]).abs()
    some = apart[apart > 0]
    if some.numel() == 0:
        return None
    least = some.min().item()
    whole = apart / least
    return least if (whole - whole.round()).abs().max().item() < WHOLE else None


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
