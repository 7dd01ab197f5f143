"""Guidance: samples are drawn away from what a denoiser without labels makes of them.

Ho, Salimans, "Classifier-free diffusion guidance", arXiv 2207.12598; limited to an interval of levels: Kynkäänniemi,
Aittala, Karras, Laine, Aila, Lehtinen, "Applying guidance in a limited interval improves sample and distribution
quality in diffusion models", arXiv 2404.07724. One network learns both denoisers, as the label of some points is
withheld from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.networks import Network
    from harness.samplers import Sampler
    from harness.targets import Target


@hookimpl
def harness_samplers() -> list[type[Sampler]]:
    """Offer guidance of any sampler."""
    from harness_guidance.samplers import Guided

    return [Guided]


@hookimpl
def harness_networks() -> list[type[Network]]:
    """Offer a class-conditional network of vectors, some of whose labels are withheld."""
    from harness_guidance.networks import LabelledMlp

    return [LabelledMlp]


@hookimpl
def harness_targets() -> list[type[Target]]:
    """Offer a ring with labels, whose denoisers are known with and without them."""
    from harness_guidance.targets import LabelledRing

    return [LabelledRing]
