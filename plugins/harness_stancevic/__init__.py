"""Stancevic, Handke, Ambrogioni, "Entropic time schedulers for generative diffusion models", arXiv 2504.13612.

Levels at equal steps of the conditional entropy of the clean point given the noised one, and of that rescaled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.time_discretizations import TimeDiscretization


@hookimpl
def harness_time_discretizations() -> list[type[TimeDiscretization]]:
    """Offer both clocks."""
    from harness_stancevic.time_discretizations import Entropic, RescaledEntropic

    return [Entropic, RescaledEntropic]
