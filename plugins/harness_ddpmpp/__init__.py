"""The U-Net layout DDPM++, by which most published results on small images were made.

Song, Sohl-Dickstein, Kingma, Kumar, Ermon, Poole, "Score-based generative modeling through stochastic differential
equations", ICLR 2021, arXiv 2011.13456, appendix H; as Karras, Aittala, Aila, Laine train it (EDM, NeurIPS 2022, arXiv
2206.00364, appendix F). A U-Net like that of `harness_ronneberger`, deeper and with its sums rescaled. It
is a network of its own, so that no result of that one changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.networks import Network


@hookimpl
def harness_networks() -> list[type[Network]]:
    """Offer the network."""
    from harness_ddpmpp.networks import Ddpmpp

    return [Ddpmpp]
