"""The U-Net as a denoiser of images, at the size of small ones."""

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


class Unet(Backbone):
    """A U-Net for images (C, H, W), plain or class-conditional."""

    name: ClassVar[str] = "unet"
    formula: ClassVar[str] = "D = c_skip x + c_out F(c_in x; c_noise, label)"
    source: ClassVar[str] = (
        "Ronneberger et al., arXiv 1505.04597; as a denoiser: Ho et al., arXiv 2006.11239, appendix B; label: Dhariwal "
        "and Nichol, arXiv 2105.05233; Fourier features: Song et al., arXiv 2011.13456"
    )
    shaped: ClassVar[bool] = True

    channels: int = Field(32, ge=4, le=1_024, multiple_of=4, description="channels of the highest level, in fours")
    levels: int = Field(2, ge=1, le=8, description="resolutions; from one to the next sides are halved")
    growth: int = Field(2, ge=1, le=4, description="factor of the channels from one level to the next")
    blocks: int = Field(1, ge=1, le=16, description="residual blocks of a level on each way; at the lowest, twice")
    heads: int = Field(2, ge=0, le=64, description="heads of the attention at the lowest level; 0: no attention")
    features: int = Field(
        16, ge=1, le=4_096, description="number of Fourier frequencies of c_noise, each a cosine and a sine"
    )
    labels: bool = Field(False, description="whether it is given the class of a point")
    precondition: Part[Preconditioning] = Field(Edm(), description="the preconditioning around it")

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Refuse heads that cannot share the channels."""
        if self.heads and self.lowest_channels % self.heads:
            raise ValueError(f"heads={self.heads} must divide the {self.lowest_channels} channels of the lowest level")
        return self

    @property
    def lowest_channels(self) -> int:
        """Channels of the lowest level."""
        return int(self.channels * self.growth ** (self.levels - 1))

    @property
    def conditional(self) -> bool:
        """Whether it is given labels."""
        return self.labels

    def function(self, data: DataSpec) -> nn.Module:
        """Return F, which is 0 before training.

        Raises:
            NotApplicable: points are no images (C, H, W), or their sides cannot be halved level by level.
        """
        halvings = self.levels - 1
        if len(data.shape) != 3:
            raise NotApplicable(f"unet is for images (channels, height, width), and a point has shape {data.shape}")
        _, height, width = data.shape
        common = math.gcd(height, width)
        if common % 2**halvings:
            needs = f"needs sides that {2**halvings} divides, and images are {height}×{width}"
            most = (common & -common).bit_length()
            raise NotApplicable(f"unet of {self.levels} levels {needs}; write unet:levels={most}")
        from harness_ronneberger.unet import NoisyUnet

        return NoisyUnet(
            data.shape[0],
            [self.channels * self.growth**level for level in range(self.levels)],
            blocks=self.blocks,
            heads=self.heads,
            features=self.features,
            classes=data.classes if self.labels else 0,
        )

    def layer_outputs(self, data: DataSpec | None = None) -> int:
        """Return those of all levels for an image: of `data` where that is known, else of 32×32."""
        pixels = TYPICAL_PIXELS if data is None else math.prod(data.shape[1:])
        # Images of a level's channels: a block keeps 8; the first on the way up, of twice the channels, 12; then there
        # are the images that come from below, and after all levels the last activation, 4.
        found, channels = 4 * self.channels * pixels, self.channels
        for _ in range(self.levels - 1):
            found += (16 * self.blocks + 4 + self.growth) * channels * pixels
            channels, pixels = channels * self.growth, pixels // 4
        found += 16 * self.blocks * channels * pixels
        # The weights of the attention are a matrix a head.
        return found + (8 * channels * pixels + self.heads * pixels**2 if self.heads else 0)
