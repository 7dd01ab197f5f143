"""The diffusion transformer as a denoiser of images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Self

from harness_karras.preconditionings import Edm
from pydantic import Field, model_validator

from harness.components import Part
from harness.errors import NotApplicable
from harness.networks import Backbone
from harness.preconditionings import Preconditioning

if TYPE_CHECKING:
    from torch import nn

    from harness.data_spec import DataSpec

TYPICAL_PIXELS = 32 * 32
"""Pixels of an image for which memory is estimated, before the data are known."""


class Dit(Backbone):
    """A transformer of the patches of an image (C, H, W), plain or class-conditional; DiT with adaLN-Zero."""

    name: ClassVar[str] = "dit"
    formula: ClassVar[str] = "D = c_skip x + c_out F(c_in x; c_noise, label)"
    source: ClassVar[str] = (
        "Peebles and Xie, arXiv 2212.09748, section 3.2 and figure 3; Fourier features: Song et al., arXiv 2011.13456"
    )
    shaped: ClassVar[bool] = True

    patch: int = Field(2, ge=1, le=64, description="side of a patch in pixels; it divides the sides of an image")
    width: int = Field(128, ge=4, le=8_192, multiple_of=4, description="numbers that stand for a patch, in fours")
    depth: int = Field(4, ge=1, le=256, description="number of blocks, each of attention and a layer of 4·width units")
    heads: int = Field(4, ge=1, le=128, description="heads of the attention; they divide the width")
    features: int = Field(
        16, ge=1, le=4_096, description="number of Fourier frequencies of c_noise, each a cosine and a sine"
    )
    labels: bool = Field(False, description="whether it is given the class of a point")
    precondition: Part[Preconditioning] = Field(Edm(), description="the preconditioning around it")

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Refuse heads that cannot share the width."""
        if self.width % self.heads:
            raise ValueError(f"heads={self.heads} must divide width={self.width}")
        return self

    @property
    def conditional(self) -> bool:
        """Whether it is given labels."""
        return self.labels

    def function(self, data: DataSpec) -> nn.Module:
        """Return F, which is 0 before training.

        Raises:
            NotApplicable: points are no images (C, H, W), or a patch does not divide their sides.
        """
        if len(data.shape) != 3:
            raise NotApplicable(f"dit is for images (channels, height, width), and a point has shape {data.shape}")
        channels, height, width = data.shape
        common = math.gcd(height, width)
        if common % self.patch:
            most = max(side for side in range(1, self.patch) if common % side == 0)
            needs = f"needs sides that {self.patch} divides, and images are {height}×{width}"
            raise NotApplicable(f"dit of patches of {self.patch}×{self.patch} pixels {needs}; write dit:patch={most}")
        from harness_peebles.dit import NoisyDit

        return NoisyDit(
            (channels, height, width),
            patch=self.patch,
            width=self.width,
            depth=self.depth,
            heads=self.heads,
            features=self.features,
            classes=data.classes if self.labels else 0,
        )

    def layer_outputs(self, data: DataSpec | None = None) -> int:
        """Return those of all blocks for an image: of `data` where that is known, else of 32×32."""
        pixels = TYPICAL_PIXELS if data is None else math.prod(data.shape[1:])
        patches = pixels // self.patch**2
        # For each number of a patch a block keeps 20: 8 of the wide layer, 6 around the attention; and what is given,
        # normalised and modulated, before each, and gated. The weights of the attention are a matrix a head.
        return self.depth * patches * (20 * self.width + self.heads * patches) + 3 * patches * self.width
