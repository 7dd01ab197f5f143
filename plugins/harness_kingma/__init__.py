"""Kingma, Gao, "Understanding diffusion objectives as the ELBO with simple data augmentation".

NeurIPS 2023, arXiv 2303.00848. In the log signal-to-noise ratio λ every weighting is a function w(λ) = βσ/2; where w
does not fall with the noise, the loss is an average of evidence bounds of noised data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.weightings import Weighting


@hookimpl
def harness_weightings() -> list[type[Weighting]]:
    """Offer the monotone form of any weighting."""
    from harness_kingma.weightings import Monotone

    return [Monotone]
