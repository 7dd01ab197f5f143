"""Precision, recall, density, coverage: which points lie in balls around those of another sample.

The ball around a centre ends at its k-th nearest neighbour among the other centres. The error is the jackknife's that
leaves out one of 16 groups of either sample in turn, balls drawn anew; it errs upwards where the laws are equal, by up
to 1.8 where that was measured. None is below that of a share of so many points, 0 and 1 counted as half a point off.
Radii tell of the law where no two centres are equal, as of all laws with a density. A centre with k equal ones has a
ball of radius 0, which still holds whatever is equal to it: of one discrete law `density` is above 1, and the others
are 1.
References: Kynkäänniemi et al., arXiv 1904.06991, eq. (1)-(2); Naeem et al., arXiv 2002.09797, eq. (3)-(6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil

import torch
from torch import Tensor

from harness.errors import NotApplicable
from harness.metrics import Measurement
from harness_metrics.counts import NEIGHBOURS

GROUPS = 16
"""Groups of a sample, every 16th point each, that are left out in turn."""

EQUAL = 1e-9
"""Distance of features, whose deviations are about 1, below which it is rounding."""

Statistic = Callable[[Tensor], Tensor]
"""A number made of which of n points lie in the balls of m centres, shape (n, m)."""


def share_inside(points: Tensor, centres: Tensor, neighbours: int) -> Measurement:
    """Share of points (n, d) in the ball of one of the centres (m, d) or more: precision, or recall."""
    return _measured(points, centres, neighbours, len(points), lambda inside: inside.any(1).double().mean())


def density(points: Tensor, centres: Tensor, neighbours: int) -> Measurement:
    """Mean number of balls that a point lies in, over k: 1 on average for samples of one law without ties."""
    return _measured(
        points, centres, neighbours, len(points), lambda inside: inside.sum().double() / (neighbours * len(inside))
    )


def coverage(points: Tensor, centres: Tensor, neighbours: int) -> Measurement:
    """Share of centres whose ball holds one of the points or more."""
    return _measured(points, centres, neighbours, len(centres), lambda inside: inside.any(0).double().mean())


def shares_tied(centres: Tensor) -> Tensor:
    """Share of centres (m, k) whose j-th nearest other one is equal to them, j = 1, 2, …; shape (NEIGHBOURS,)."""
    equal = (_distances(centres, centres) < EQUAL).sum(1) - 1
    return (equal[:, None] > torch.arange(NEIGHBOURS)).double().mean(0)


def _measured(points: Tensor, centres: Tensor, neighbours: int, count: int, statistic: Statistic) -> Measurement:
    """Return the statistic of the whole samples, a mean over so many points or centres, with its error.

    Raises:
        NotApplicable: there are too few points, or centres for so many neighbours.
    """
    n, m = len(points), len(centres)
    if n < 2 or m - ceil(m / GROUPS) <= neighbours:
        raise NotApplicable(f"samples of {n} points and {m} centres are too few for balls of {neighbours} neighbours")
    across, within = _distances(points, centres), _distances(centres, centres)
    radii = _radii(within, neighbours)
    value = statistic(across <= radii).item()
    without_points = [statistic(across[kept] <= radii) for kept in _all_but_one_group(n)]
    without_centres = [
        statistic(across[:, kept] <= _radii(within[kept][:, kept], neighbours)) for kept in _all_but_one_group(m)
    ]
    share = (min(value, 1.0) * count + 0.5) / (count + 1)
    variance = max(_jackknife(without_points) + _jackknife(without_centres), share * (1 - share) / count)
    return Measurement(value, variance**0.5, freedom=GROUPS - 1)


def _distances(x: Tensor, y: Tensor) -> Tensor:
    """‖x_i − y_j‖, shape (n, m), from differences: the same whichever of two points comes first, 0 of equal ones."""
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def _radii(within: Tensor, neighbours: int) -> Tensor:
    """Distance of each centre from its k-th nearest other one, shape (m,), from those of all pairs; its own is 0."""
    return within.kthvalue(neighbours + 1, dim=1).values


def _all_but_one_group(count: int) -> Iterator[Tensor]:
    """Yield the places that are left without each group."""
    places = torch.arange(count)
    for group in range(min(GROUPS, count)):
        yield places[places % GROUPS != group]


def _jackknife(values: list[Tensor]) -> float:
    return float((len(values) - 1) * torch.stack(values).var(correction=0))
