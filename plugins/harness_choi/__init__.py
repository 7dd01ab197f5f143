"""Choi et al., "Perception prioritized training of diffusion models" (P2), CVPR 2022, arXiv 2204.00227.

The simple loss divided by (k + SNR)^γ: levels at which an image is all but clean count less. The signal-to-noise
ratio of X_0 + σξ is s²/σ², s the data scale (the paper's data have s = 1). The paper's runs have k = 1 and γ = 0.5 or
1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.weightings import Weighting


@hookimpl
def harness_weightings() -> list[type[Weighting]]:
    """Offer the P2 weighting."""
    from harness_choi.weightings import P2

    return [P2]
