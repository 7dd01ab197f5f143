"""W₂ of a Gaussian start and the noised Gaussian target (Gelbrich, Math. Nachr. 147, 1990).

W₂² = ‖a − m‖² + tr(A + B − 2(A^½ B A^½)^½); through roots, as the least ‖A^½ − B^½R‖ over rotations R, it keeps its
digits where it is small.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.initial_laws import Start


def distance(start: Start, mean: Tensor, covariance: Tensor, sigma: float) -> float:
    """W₂ of the start and N(m, Σ + σ²I), in data units.

    Arguments:
        start: N(a, A).
        mean: m, shape (d,).
        covariance: Σ, shape (d, d).
        sigma: the first noise level.
    """
    noised = covariance.double() + sigma**2 * torch.eye(start.dim, dtype=torch.float64)
    root, other = _root(start.covariance), _root(noised)
    left, _, right = torch.linalg.svd(other @ root)
    gap = (root - other @ left @ right).square().sum() + (start.mean - mean.double()).square().sum()
    return float(gap.sqrt())


def _root(covariance: Tensor) -> Tensor:
    eigenvalues, basis = torch.linalg.eigh(covariance)
    root: Tensor = (basis * eigenvalues.clamp_min(0).sqrt()) @ basis.T
    return root
