"""The Fréchet distance of the Gaussians that have the means and covariances of two samples.

d² = ‖m − n‖² + tr A + tr B − 2‖A^½ B^½‖_*, the nuclear norm: the 2-Wasserstein distance of N(m, A) and N(n, B). The
derivative of d² in A is I − T, T = B^½ (B^½ A B^½)^{−½} B^½ the transport map from the first to the second, so that
more weight on the point x changes d² by 2(m − n)·(x − m) + (x − m)ᵀ(I − T)(x − m), up to its mean over the sample. From
these influences comes the error, as in `harness_metrics.samples`.
References: Dowson, Landau, J. Multivariate Analysis 12, 1982; Heusel et al., arXiv 1706.08500.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.metrics import Measurement
from harness_metrics.samples import require, root

SINGULAR = 1e-12
"""Singular values below this share of the largest are nothing: there one sample does not vary, and nothing is moved."""


def frechet(x: Tensor, y: Tensor) -> Measurement:
    """Fréchet distance of samples (n, k) and (m, k), covariances divided by n and m."""
    require(2, x, y)
    means = x.mean(0), y.mean(0)
    a, b = x - means[0], y - means[1]
    covariances = a.T @ a / len(a), b.T @ b / len(b)
    roots = _root_of(covariances[0]), _root_of(covariances[1])
    left, singular, right = torch.linalg.svd(roots[0] @ roots[1])
    shift = means[0] - means[1]
    traces = covariances[0].trace() + covariances[1].trace()
    squared = shift.square().sum() + traces - 2 * singular.sum()
    inverse = torch.where(singular > SINGULAR * singular[0], 1 / singular, 0)
    onward = roots[1] @ (right.T * inverse) @ right @ roots[1]
    back = roots[0] @ (left * inverse) @ left.T @ roots[0]
    variance = _variance(a, 2 * shift, onward) + _variance(b, -2 * shift, back)
    return root(squared.item(), variance)


def _root_of(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    half: Tensor = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    return half


def _variance(centred: Tensor, slope: Tensor, transport: Tensor) -> float:
    """Return the variance of d² over one sample, from the influence of its points (n, k), which are centred."""
    influence = centred @ slope + ((centred - centred @ transport) * centred).sum(1)
    return float(influence.var(correction=0)) / len(centred)
