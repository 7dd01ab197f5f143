"""How near to training points generated samples lie, beside held-out ones.

The error of a median is that of its rank, √n/2, times the slope of the sorted values around it (Siddiqui, J. Res. Natl.
Bur. Stand. 64B, 1960); those of the two medians add in quadrature.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from harness.metrics import Measurement
from harness.mixtures import EmpiricalDistribution
from harness_metrics.samples import KEPT, Reference

CELLS = 2**22
"""Numbers of a matrix of distances held at a time (32 MB)."""

BAND = 1.96
"""Standard errors of the median's rank, to either side, between which the slope is taken."""


def ratio_of_medians(generated: Tensor, held_out: Tensor, target: EmpiricalDistribution) -> Measurement | None:
    """Return the ratio of the median distances to the nearest training point; None where the second is 0.

    Arguments:
        generated: samples, shape (n, d), float64, n ≥ 2.
        held_out: held-out points noised to σ_min, shape (m, d), float64, m ≥ 2.
        target: whose training part it is.
    """
    ours, theirs = nearest_distances(generated, target.train), _of_reference(Reference.of(held_out), target)
    middle, other = ours.quantile(0.5).item(), theirs.quantile(0.5).item()
    if other == 0:
        return None
    ratio = middle / other
    error = math.hypot(_median_error(ours), ratio * _median_error(theirs)) / other
    # Seeds that are shown the whole held-out part have its error in common.
    whole = len(held_out) == len(target.parts[0])
    return Measurement(ratio, error, freedom=min(len(ours), len(theirs)) - 1, shared=whole)


def nearest_distances(points: Tensor, train: Tensor) -> Tensor:
    """Return the distance of each of n points (n, d) to the nearest of k training points (k, d), shape (n,).

    Memory beyond the arguments is bounded, whatever n and k.
    """
    centre = train.mean(0)
    chunk = max(1, CELLS // train.shape[1])
    half = torch.cat([0.5 * (rows - centre).square().sum(1) for rows in torch.split(train, chunk)])
    found = []
    for rows in torch.split(points, max(1, CELLS // max(train.shape))):
        # ½‖x − t‖² up to what is the same for all t.
        nearest = torch.addmm(half, rows - centre, train.T, alpha=-1).argmin(1)
        # The products cancel where a point is a copy; the distance to the one that they found does not.
        found.append((rows - train[nearest]).norm(dim=1))
    return torch.cat(found)


@lru_cache(KEPT)
def _of_reference(held_out: Reference, target: EmpiricalDistribution) -> Tensor:
    return nearest_distances(held_out.sample, target.train)


def _median_error(values: Tensor) -> float:
    """Return the standard error of the median of n ≥ 2 independent values."""
    ordered, n = values.sort().values, len(values)
    half = max(BAND * n**0.5 / 2, 0.5)
    low, high = max(math.floor((n - 1) / 2 - half), 0), min(math.ceil((n - 1) / 2 + half), n - 1)
    slope = (ordered[high] - ordered[low]).item() / (high - low)
    return float(slope * n**0.5 / 2)
