"""The DDPM++ layout as a denoiser of images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from harness_karras.preconditionings import Edm
from pydantic import Field, model_validator

from harness.components import Part
from harness.errors import NotApplicable
from harness.networks import Backbone
from harness.preconditionings import Preconditioning
from harness_ddpmpp.layout import Step, way_down, way_up

if TYPE_CHECKING:
    from torch import nn

    from harness.data_spec import DataSpec

TYPICAL_IMAGE = (32, 32)
"""Sides of an image for which memory is estimated, before the data are known."""

EDM_ATTENTION = (16,)
"""Sides of levels that attend in the source, whose images are of 32×32; others need not have such a level."""


class Ddpmpp(Backbone):
    """A U-Net for images (C, H, W), plain or class-conditional, in the layout DDPM++ of EDM."""

    name: ClassVar[str] = "ddpmpp"
    formula: ClassVar[str] = "D = c_skip x + c_out F(c_in x; c_noise, label)"
    source: ClassVar[str] = (
        "Song et al., arXiv 2011.13456, appendix H; Karras et al., arXiv 2206.00364, appendix F; "
        "adaptive scale: Dhariwal and Nichol, arXiv 2105.05233"
    )
    shaped: ClassVar[bool] = True

    channels: int = Field(32, ge=4, le=1_024, multiple_of=4, description="channels that are multiplied, in fours")
    multipliers: tuple[int, ...] = Field(
        (1, 2), min_length=1, max_length=8, description="of the channels, one for each level; sides halve in between"
    )
    blocks: int = Field(
        1, ge=1, le=16, description="residual blocks of a level on the way down; one more on the way up"
    )
    attention: tuple[int, ...] = Field(
        EDM_ATTENTION,
        max_length=8,
        description="levels that attend, by their larger side in pixels; the middle always does, and it alone where "
        "none has the source's 16",
    )
    heads: int = Field(1, ge=1, le=64, description="heads of each attention")
    adaptive: bool = Field(
        False, description="whether noise and label scale what is normalised, besides shifting it before"
    )
    embedding: Literal["positional", "fourier"] = Field(
        "positional",
        description="features of c_noise, half of `channels` frequencies: from 1 down to 1e-4, or 2πf with f ~ N(0, 1)",
    )
    labels: bool = Field(False, description="whether it is given the class of a point")
    precondition: Part[Preconditioning] = Field(Edm(), description="the preconditioning around it")

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Refuse multipliers that are no numbers of channels, sides that are none, heads that cannot share channels."""
        if not all(1 <= multiplier <= 16 for multiplier in self.multipliers):
            raise ValueError(f"multipliers={list(self.multipliers)} must each be from 1 to 16")
        if not all(1 <= side <= 4_096 for side in self.attention):
            raise ValueError(f"attention={list(self.attention)} must be sides in pixels, each from 1 to 4096")
        widths = {self.channels * multiplier for multiplier in self.multipliers}
        if wrong := sorted(width for width in widths if width % self.heads):
            raise ValueError(f"heads={self.heads} must divide the {wrong[0]} channels of a level")
        return self

    @property
    def conditional(self) -> bool:
        """Whether it is given labels."""
        return self.labels

    def steps(self, sides: tuple[int, int]) -> tuple[list[Step], list[Step]]:
        """Return the residual blocks on the way down and on the way up, for images of sides (H, W)."""
        levels = range(len(self.multipliers))
        attended = frozenset(level for level in levels if max(sides) / 2**level in self.attention)
        layout = self.channels, self.multipliers, self.blocks, attended
        return way_down(*layout), way_up(*layout)

    def function(self, data: DataSpec) -> nn.Module:
        """Return F, which is 0 before training.

        Raises:
            NotApplicable: points are no images (C, H, W), their sides cannot be halved level by level, or no level
                has a side that was chosen to attend.
        """
        if len(data.shape) != 3:
            raise NotApplicable(f"ddpmpp is for images (channels, height, width), and a point has shape {data.shape}")
        channels, height, width = data.shape
        common, factor = math.gcd(height, width), 2 ** (len(self.multipliers) - 1)
        if common % factor:
            needs = f"needs sides that {factor} divides, and images are {height}×{width}"
            most = (common & -common).bit_length()
            raise NotApplicable(
                f"ddpmpp of {len(self.multipliers)} levels {needs}; give {most} multiplier{'s' * (most > 1)}"
            )
        self._check_attention(max(height, width))
        from harness_ddpmpp.ddpmpp import Embedding, NoisyDdpmpp

        down, up = self.steps((height, width))
        embedding = Embedding(self.channels, self.embedding, data.classes if self.labels else 0)
        return NoisyDdpmpp(channels, embedding, down, up, heads=self.heads, adaptive=self.adaptive)

    def _check_attention(self, side: int) -> None:
        """Refuse sides that attend and are no level's, where they were chosen, for images of this larger side.

        Raises:
            NotApplicable: there is one.
        """
        sides = [side // 2**level for level in range(len(self.multipliers))]
        wrong = [each for each in self.attention if each not in sides]
        if wrong and self.attention != EDM_ATTENTION:
            found = f"ddpmpp:attention={list(self.attention)}: no level has the side {wrong[0]}"
            raise NotApplicable(f"{found}; those of images of this size are {', '.join(map(str, sides))}")

    def layer_outputs(self, data: DataSpec | None = None) -> int:
        """Return those of all blocks for an image: of `data` where that is known, else of 32×32."""
        sides = TYPICAL_IMAGE if data is None else (data.shape[-2], data.shape[-1])
        down, up = self.steps(sides)
        found = 4 * up[-1].outputs * math.prod(sides)
        for step in (*down, *up):
            pixels = math.prod(sides) // 4**step.level
            # A normalisation keeps what it is given, normalises and returns, and the activation what it returns.
            before = {"keep": 4, "halve": 3 * 4 + 2, "double": 3 / 4 + 2}[step.resize]
            found += int(before * step.inputs * pixels) + (4 + self.adaptive) * step.outputs * pixels
            if step.attends:
                found += (8 * step.outputs + self.heads * pixels) * pixels
        return found
