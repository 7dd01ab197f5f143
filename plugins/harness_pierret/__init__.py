"""What is exact on a Gaussian: the law of every sampler whose steps are affine.

Sources: Pierret, Galerne, "Diffusion models for Gaussian distributions: exact solutions and Wasserstein
errors", arXiv 2405.14250; Wang, He, Tao, arXiv 2406.12839, Lemma 13, with its mean term corrected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.bounds import Bound


@hookimpl
def harness_bounds() -> list[type[Bound]]:
    """Offer the exact divergence."""
    from harness_pierret.bounds import AffineGaussian

    return [AffineGaussian]
