"""Diffusers' U-Net as a denoiser of images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Self

from harness_karras.preconditionings import Edm
from pydantic import Field, model_validator

from harness.components import Part
from harness.errors import NotApplicable
from harness.libraries import Library
from harness.networks import Backbone
from harness.preconditionings import Preconditioning
from harness_diffusers.schedulers import DIFFUSERS

if TYPE_CHECKING:
    from torch import nn

    from harness.data_spec import DataSpec

TYPICAL_IMAGE = (32, 32)
"""Sides of an image for which memory is estimated, before the data are known."""


class DiffusersUnet(Backbone):
    """The library's `UNet2DModel` for images (C, H, W), plain or class-conditional."""

    name: ClassVar[str] = "diffusers-unet"
    formula: ClassVar[str] = "D = c_skip x + c_out F(c_in x; time_scale · c_noise, label)"
    source: ClassVar[str] = "diffusers, UNet2DModel; Ho et al., arXiv 2006.11239, appendix B"
    library: ClassVar[Library | None] = DIFFUSERS
    shaped: ClassVar[bool] = True

    channels: int = Field(32, ge=4, le=1_024, multiple_of=4, description="channels that are multiplied, in fours")
    multipliers: tuple[int, ...] = Field(
        (1, 2), min_length=1, max_length=8, description="of the channels, one for each level; sides halve in between"
    )
    blocks: int = Field(
        1, ge=1, le=16, description="residual blocks of a level on the way down; one more on the way up"
    )
    attention: tuple[int, ...] = Field(
        (), max_length=8, description="levels that attend, by their larger side in pixels; the middle always does"
    )
    head_channels: int = Field(8, ge=1, le=1_024, description="channels of each head of an attention")
    time_scale: float = Field(
        1.0, gt=0, le=1e6, description="factor of c_noise before it is a time step; 1000 for one from 0 to 1"
    )
    labels: bool = Field(False, description="whether it is given the class of a point")
    precondition: Part[Preconditioning] = Field(Edm(), description="the preconditioning around it")

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Refuse multipliers that are no numbers of channels, sides that are none, heads that do not fill a level."""
        if not all(1 <= multiplier <= 16 for multiplier in self.multipliers):
            raise ValueError(f"multipliers={list(self.multipliers)} must each be from 1 to 16")
        if not all(1 <= side <= 4_096 for side in self.attention):
            raise ValueError(f"attention={list(self.attention)} must be sides in pixels, each from 1 to 4096")
        attending = self.widths if self.attention else self.widths[-1:]
        if wrong := [width for width in attending if width % self.head_channels]:
            raise ValueError(f"head_channels={self.head_channels} must divide the {wrong[0]} channels of a level")
        return self

    @property
    def conditional(self) -> bool:
        """Whether it is given labels."""
        return self.labels

    @property
    def widths(self) -> list[int]:
        """Channels of each level, from the highest."""
        return [self.channels * multiplier for multiplier in self.multipliers]

    def function(self, data: DataSpec) -> nn.Module:
        """Return F, which is 0 before training.

        Raises:
            NotApplicable: points are no images (C, H, W), their sides cannot be halved level by level, or no level
                has a side that was chosen to attend.
            HarnessError: the library is not installed.
        """
        if len(data.shape) != 3:
            needs = "is for images (channels, height, width)"
            raise NotApplicable(f"{self.name} {needs}, and a point has shape {data.shape}")
        self._check_sides(data.shape[1], data.shape[2])
        from harness_diffusers.unet import NoisyLibraryUnet

        attends = self._attends(data.shape[1:])
        model = DIFFUSERS.module("diffusers").UNet2DModel(
            sample_size=tuple(data.shape[1:]),
            in_channels=data.shape[0],
            out_channels=data.shape[0],
            block_out_channels=tuple(self.widths),
            layers_per_block=self.blocks,
            down_block_types=tuple("AttnDownBlock2D" if each else "DownBlock2D" for each in attends),
            up_block_types=tuple("AttnUpBlock2D" if each else "UpBlock2D" for each in reversed(attends)),
            attention_head_dim=self.head_channels,
            norm_num_groups=math.gcd(32, math.gcd(*self.widths) // 4),
            num_class_embeds=data.classes if self.labels else None,
        )
        return NoisyLibraryUnet(model, self.time_scale)

    def _attends(self, sides: tuple[int, ...]) -> list[bool]:
        """Whether each level attends, of images of sides (H, W)."""
        return [max(sides) // 2**level in self.attention for level in range(len(self.multipliers))]

    def _check_sides(self, height: int, width: int) -> None:
        """Refuse images of these sides where a level would have half a pixel, or none the side that is to attend.

        Raises:
            NotApplicable: so it is.
        """
        levels, common = len(self.multipliers), math.gcd(height, width)
        if common % 2 ** (levels - 1):
            needs = f"needs sides that {2 ** (levels - 1)} divides, and images are {height}×{width}"
            most = (common & -common).bit_length()
            raise NotApplicable(f"{self.name} of {levels} levels {needs}; give {most} multiplier{'s' * (most > 1)}")
        sides = [max(height, width) // 2**level for level in range(levels)]
        if wrong := [each for each in self.attention if each not in sides]:
            found = f"{self.name}:attention={list(self.attention)}: no level has the side {wrong[0]}"
            raise NotApplicable(f"{found}; those of images of this size are {', '.join(map(str, sides))}")

    def layer_outputs(self, data: DataSpec | None = None) -> int:
        """Return those of all blocks for an image: of `data` where that is known, else of 32×32."""
        sides = TYPICAL_IMAGE if data is None else (data.shape[-2], data.shape[-1])
        attends, levels = self._attends(sides), range(len(self.multipliers))
        pixels = [math.prod(sides) // 4**level for level in levels]
        now = self.widths[0]
        found: int = 4 * now * pixels[0]
        waiting = [now]
        for level in levels:
            for _ in range(self.blocks):
                found += self._block(now, self.widths[level], pixels[level], attends[level])
                now = self.widths[level]
                waiting.append(now)
            if level < levels[-1]:
                waiting.append(now)
        found += self._block(now, now, pixels[-1], True) + self._block(now, now, pixels[-1], False)
        for level in reversed(levels):
            for _ in range(self.blocks + 1):
                found += self._block(now + waiting.pop(), self.widths[level], pixels[level], attends[level])
                now = self.widths[level]
            if level:
                found += now * pixels[level - 1]
        return found

    def _block(self, inputs: int, outputs: int, pixels: int, attends: bool) -> int:
        """Return the numbers that a residual block keeps for its gradient, with the attention behind it."""
        # Each of two normalisations keeps what it is given, normalises and returns, and the activation what it returns.
        found = 4 * (inputs + outputs) * pixels
        heads = outputs // self.head_channels
        return found + (8 * outputs + heads * pixels) * pixels if attends else found
