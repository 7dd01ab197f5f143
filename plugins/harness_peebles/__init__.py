"""Peebles and Xie, "Scalable diffusion models with transformers" (DiT).

ICCV 2023, arXiv 2212.09748: a transformer of the patches of an image. What it is told of noise level and class reaches
each block through the shift, the scale and the gate of what the block adds, which start at zero (adaLN-Zero).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.networks import Network


@hookimpl
def harness_networks() -> list[type[Network]]:
    """Offer the transformer."""
    from harness_peebles.networks import Dit

    return [Dit]
