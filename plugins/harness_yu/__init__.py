"""Yu et al., "Debias the training of diffusion models", arXiv 2310.08442: the simple loss over the root of SNR.

Of the noise prediction's error √(1/SNR) = σ: a common factor, such as the data scale, has no effect. Code that
divides by SNR + 1 where a network predicts v has another weighting, ω = σ² in the terms used here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.weightings import Weighting


@hookimpl
def harness_weightings() -> list[type[Weighting]]:
    """Offer the debiased weighting."""
    from harness_yu.weightings import Debiased

    return [Debiased]
