"""Peebles and Xie, "Scalable diffusion models with transformers".

ICCV 2023, arXiv 2212.09748: an image is cut into square patches, and a transformer goes over them whose layers are
scaled, shifted and gated by what it is told of the noise level and the class (adaLN-Zero).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.networks import Network


@hookimpl
def harness_networks() -> list[type[Network]]:
    """Offer the diffusion transformer."""
    from harness_peebles.networks import Dit

    return [Dit]
