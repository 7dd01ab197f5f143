"""What is measured of KID beside what all metrics are held to: its mean over samples of one law, values on Gaussians.

For independent x ~ N(m, a²I) and y ~ N(0, b²I) in d dimensions, E(x·y)² = b²(‖m‖² + a²d), odd powers have mean 0; the
moments of s = x·x' of two points of N(m, a²I) follow from s | x ~ N(x·m, a²‖x‖²).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from harness.properties import Property
from harness_metrics.kernel_distance import kernel_distance

TIMES, POINTS, MANY, DIM = 100, 20, 2_000, 4
"""Pairs of small samples, their points, those of a large sample, and the dimension."""

ERRORS = 6.0
"""Standard errors within which a value is to be as claimed."""


def mean_kernel(mean: np.ndarray, deviation: float) -> float:
    """Return E (x·x'/d + 1)³ over two independent points of N(m, a²I), m of shape (d,)."""
    dim, square, variance = len(mean), float(mean @ mean), deviation**2
    second = square**2 + 2 * variance * square + variance**2 * dim
    third = (
        square**3
        + 3 * variance * square**2
        + 3 * variance * (square * (square + variance * dim) + 2 * variance * square)
    )
    return 1 + 3 * square / dim + 3 * second / dim**2 + third / dim**3


def between(mean: np.ndarray, generated: float, reference: float) -> float:
    """Return the squared MMD of N(m, a²I) and N(0, b²I)."""
    dim = len(mean)
    across = 1 + 3 * reference**2 * (float(mean @ mean) + generated**2 * dim) / dim**2
    return mean_kernel(mean, generated) + mean_kernel(0 * mean, reference) - 2 * across


def properties(seed: int) -> list[Property]:
    """Return what is claimed and what is found."""
    numbers = np.random.default_rng([seed, 43])

    def normal(count: int) -> Tensor:
        return torch.from_numpy(numbers.standard_normal((count, DIM)))

    values = [kernel_distance(normal(POINTS), normal(POINTS)).value for _ in range(TIMES)]
    mean = float(np.mean(values)) / (float(np.std(values, ddof=1)) / TIMES**0.5)
    found = [Property(f"mean over {TIMES} pairs of samples of one law, over its error", 0.0, mean, ERRORS)]
    for shift, deviation in ((0.5, 1.0), (0.0, 1.5)):
        centre = np.full(DIM, shift)
        value = kernel_distance(deviation * normal(MANY) + torch.from_numpy(centre), normal(MANY))
        name = f"of N({shift:g}, {deviation:g}²I) and N(0, I) in {DIM} dimensions"
        found.append(Property(name, between(centre, deviation, 1.0), value.value, ERRORS * value.standard_error))
    return found
