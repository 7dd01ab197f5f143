"""KID: the squared MMD of features with the kernel k(x, y) = (x·y/d + 1)³, as a U-statistic of whole samples.

Its mean is that of the laws at any number of points, so that it is 0 for a perfect generator, and may be negative. The
error is the jackknife's that leaves out a point of either sample, which errs upwards where the laws are equal.
References: Bińkowski, Sutherland, Arbel, Gretton, arXiv 1801.01401, section 3; Gretton et al., JMLR 13, 2012, Lemma 6.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.metrics import Measurement
from harness_metrics.samples import require

BLOCK = 512
"""Rows of a matrix of kernels held at a time."""


def polynomial(x: Tensor, y: Tensor) -> Tensor:
    """Return (x_i·y_j/d + 1)³ of points (n, d) and (m, d), shape (n, m)."""
    return (x @ y.T / x.shape[1] + 1).pow_(3)


def kernel_distance(x: Tensor, y: Tensor) -> Measurement:
    """MMD² of the laws of samples (n, d) and (m, d): unbiased, perhaps negative; each of 3 points or more."""
    require(3, x, y)
    n, m = len(x), len(y)
    xx, yy, xy, yx = _others(x), _others(y), _sums(x, y), _sums(y, x)
    value = _mean(xx.sum(), n) + _mean(yy.sum(), m) - 2 * xy.sum() / (n * m)
    without_x = _mean(xx.sum() - 2 * xx, n - 1) - 2 * (xy.sum() - xy) / ((n - 1) * m)
    without_y = _mean(yy.sum() - 2 * yy, m - 1) - 2 * (yx.sum() - yx) / (n * (m - 1))
    variance = (n - 1) * without_x.var(correction=0) + (m - 1) * without_y.var(correction=0)
    return Measurement(value.item(), variance.sqrt().item())


def _mean(total: Tensor, count: int) -> Tensor:
    """Mean over the ordered pairs of different points, from their sum."""
    return total / (count * (count - 1))


def _sums(x: Tensor, y: Tensor) -> Tensor:
    """Σ_j k(x_i, y_j), shape (n,)."""
    return torch.cat([polynomial(rows, y).sum(1) for rows in torch.split(x, BLOCK)])


def _others(x: Tensor) -> Tensor:
    """Σ_{j ≠ i} k(x_i, x_j), shape (n,)."""
    return _sums(x, x) - (x.square().sum(1) / x.shape[1] + 1) ** 3
