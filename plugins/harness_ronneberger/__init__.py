"""Ronneberger, Fischer, Brox, "U-Net: convolutional networks for biomedical image segmentation".

MICCAI 2015, arXiv 1505.04597: a network for images that halves their sides and doubles its channels level by level, and
comes back up with what each level had seen. As a denoiser it has the parts that Ho, Jain and Abbeel gave it (arXiv
2006.11239, appendix B): residual blocks that are told the noise level, group normalisation, attention.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.networks import Network


@hookimpl
def harness_networks() -> list[type[Network]]:
    """Offer the U-Net."""
    from harness_ronneberger.networks import Unet

    return [Unet]
