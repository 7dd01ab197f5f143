"""The library's U-Net as a module of the harness: features of any level, and all of it with a forward derivative."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from harness_diffusers.schedulers import DIFFUSERS

LONGEST = 10_000.0
"""Over 2π, the period that the slowest feature comes near to."""


class NoisyLibraryUnet(nn.Module):
    """The function F(x; c, label) that a preconditioning makes a denoiser of; the last layer is started at zero.

    The function is that of the library's model, with the same state. Written out is what cannot be stacked or has no
    forward derivative: attention, which is torch's fused one there, and the doubling of pixels. Features of a time step
    keep the precision of the step, which the library rounds to single. Dropout, of nothing, is left out.

    Arguments:
        model: a `UNet2DModel`.
        time_scale: factor of c, which makes a time step of it.
    """

    def __init__(self, model: Any, time_scale: float) -> None:
        super().__init__()
        attention = DIFFUSERS.module("diffusers.models.attention_processor")
        for part in list(model.modules()):
            if isinstance(part, attention.Attention):
                part.set_processor(written_out)
            for name, child in part.named_children():
                if isinstance(child, nn.Dropout):
                    setattr(part, name, nn.Identity())
        for block in model.up_blocks:
            if block.upsamplers is not None:
                block.upsamplers = nn.ModuleList(Doubled(each.conv) for each in block.upsamplers)
        model.time_proj = TimeFeatures(model.config.block_out_channels[0])
        nn.init.zeros_(model.conv_out.weight)
        nn.init.zeros_(model.conv_out.bias)
        self.model, self.time_scale = model, time_scale

    def forward(self, x: Tensor, noise: Tensor, *labels: Tensor) -> Tensor:
        """Return F at x of shape (n, C, H, W), noise labels c of shape (n,), and labels of shape (n,); shape of x."""
        raw: Tensor = self.model(x, self.time_scale * noise, *labels, return_dict=False)[0]
        return raw


def written_out(attention: Any, h: Tensor, **_: object) -> Tensor:
    """Return what an attention of the library makes of images, shape (n, C, H, W)."""
    n, channels, height, width = h.shape
    pixels = attention.group_norm(h.reshape(n, channels, height * width)).transpose(1, 2)
    layers = attention.to_q, attention.to_k, attention.to_v
    query, key, value = (
        layer(pixels).reshape(n, -1, attention.heads, channels // attention.heads).transpose(1, 2) for layer in layers
    )
    weight = (attention.scale * query @ key.transpose(-2, -1)).softmax(-1)
    raw: Tensor = attention.to_out[0]((weight @ value).transpose(1, 2).reshape(n, -1, channels))
    return h + raw.transpose(1, 2).reshape(h.shape)


class Doubled(nn.Module):
    """A convolution of images of which each pixel is taken four times."""

    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, h: Tensor, output_size: tuple[int, int] | None = None) -> Tensor:
        """Return images of shape (n, C, 2H, 2W) of those of (n, C, H, W); other sizes do not occur."""
        n, channels, height, width = h.shape
        spread = h[:, :, :, None, :, None].expand(n, channels, height, 2, width, 2)
        raw: Tensor = self.conv(spread.reshape(n, channels, 2 * height, 2 * width))
        return raw


class TimeFeatures(nn.Module):
    """cos(f t), then sin(f t), at half as many frequencies f as features, from 1 falling geometrically."""

    frequencies: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        half = features // 2
        exponents = -math.log(LONGEST) * torch.arange(half, dtype=torch.float64) / half
        # The library's state has no such entry, and ours stays one that it can load.
        self.register_buffer("frequencies", exponents.exp().float(), persistent=False)

    def forward(self, steps: Tensor) -> Tensor:
        """Return them, shape (n, features), for time steps of shape (n,)."""
        phase = steps[:, None] * self.frequencies
        return torch.cat([phase.cos(), phase.sin()], dim=-1)
