"""Crowson et al., "Scalable high-resolution pixel-space image synthesis with hourglass diffusion transformers" (HDiT).

ICML 2024, arXiv 2401.11605. Min-SNR with its corner rounded off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.weightings import Weighting


@hookimpl
def harness_weightings() -> list[type[Weighting]]:
    """Offer the soft Min-SNR weighting."""
    from harness_crowson.weightings import SoftMinSnr

    return [SoftMinSnr]
