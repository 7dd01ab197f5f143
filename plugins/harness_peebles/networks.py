"""The diffusion transformer as a denoiser of images, at the size of small ones."""

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

TYPICAL_SIDE = 32
"""Side of an image for which memory is estimated, before the data are known."""


class Dit(Backbone):
    """A diffusion transformer for images (C, H, W), plain or class-conditional."""

    name: ClassVar[str] = "dit"
    formula: ClassVar[str] = "D = c_skip x + c_out F(c_in x; c_noise, label)"
    source: ClassVar[str] = (
        "Peebles and Xie, arXiv 2212.09748, section 3.2 (adaLN-Zero); Fourier features: Song et al., arXiv 2011.13456"
    )
    shaped: ClassVar[bool] = True

    width: int = Field(64, ge=4, le=4_096, multiple_of=4, description="width of a patch's vector, in fours")
    depth: int = Field(
        4, ge=1, le=128, description="number of layers, each an attention and a perceptron; `DiT-S` has 12 of width 384"
    )
    heads: int = Field(4, ge=1, le=64, description="heads of each attention")
    patch: int = Field(2, ge=1, le=64, description="side of a patch in pixels")
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
            NotApplicable: points are no images (C, H, W), or patches do not fill them.
        """
        if len(data.shape) != 3:
            raise NotApplicable(f"dit is for images (channels, height, width), and a point has shape {data.shape}")
        _, height, width = data.shape
        if height % self.patch or width % self.patch:
            needs = f"needs sides that {self.patch} divides, and images are {height}×{width}"
            raise NotApplicable(f"dit of patches of side {self.patch} {needs}; write dit:patch={self._fitting(data)}")
        from harness_peebles.dit import NoisyTransformer

        return NoisyTransformer(
            data.shape,
            self.patch,
            width=self.width,
            depth=self.depth,
            heads=self.heads,
            features=self.features,
            classes=data.classes if self.labels else 0,
        )

    def _fitting(self, data: DataSpec) -> int:
        """Return the largest smaller side that fills images."""
        common = math.gcd(*data.shape[1:])
        return max(side for side in range(1, self.patch) if common % side == 0)

    def layer_outputs(self, data: DataSpec | None = None) -> int:
        """Return those of all layers for an image: of `data` where that is known, else of 32×32."""
        height, width = (TYPICAL_SIDE, TYPICAL_SIDE) if data is None else data.shape[-2:]
        patches = max(1, height // self.patch) * max(1, width // self.patch)
        # A layer keeps 20 vectors of each patch, of the hidden layer of its perceptron 8, what it is told, with its
        # gates, and a matrix of weights a head; 3 more vectors are there before and after all layers.
        layer = (20 * patches + 8) * self.width + self.heads * patches**2
        return self.depth * layer + 3 * self.width * patches
