"""A U-Net of an image, of Fourier features of the noise level, and perhaps of a label."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

GROUP = 4
"""Channels that are normalised together, with all their pixels."""

EMBEDDING = 4
"""Width of what blocks are told of noise and label, in channels of the highest level (as in Ho et al.)."""


class NoisyUnet(nn.Module):
    """The function F(x; c, label) that a preconditioning makes a denoiser of; the last layer is started at zero.

    On the way down a level is residual blocks, then a convolution of stride 2. The lowest level has twice as many,
    with attention in their middle. On the way up pixels are doubled, convolved, and joined with what the level had on
    the way down.

    Arguments:
        image_channels: channels C of an image.
        channels: those of each level, from the highest; multiples of `GROUP`.
        blocks: residual blocks of a level, on each way.
        heads: of the attention; 0: none.
        features: number of frequencies f ~ N(0, 1); each gives the inputs cos 2πfc and sin 2πfc.
        classes: of the labels that it is given; 0: it is given none.
    """

    def __init__(
        self, image_channels: int, channels: Sequence[int], *, blocks: int, heads: int, features: int, classes: int
    ) -> None:
        super().__init__()
        width = EMBEDDING * channels[0]
        self.embedding = Embedding(features, width, classes)
        self.first = _convolution(image_channels, channels[0])
        pairs = list(itertools.pairwise(channels))
        self.down = nn.ModuleList(Blocks(wide, wide, width, blocks) for wide, _ in pairs)
        self.shrink = nn.ModuleList(_convolution(wide, narrow, stride=2) for wide, narrow in pairs)
        lowest = channels[-1]
        self.before = Blocks(lowest, lowest, width, blocks)
        self.attention = Attention(lowest, heads) if heads else nn.Identity()
        self.after = Blocks(lowest, lowest, width, blocks)
        self.enlarge = nn.ModuleList(_convolution(narrow, wide) for wide, narrow in pairs)
        self.up = nn.ModuleList(Blocks(2 * wide, wide, width, blocks) for wide, _ in pairs)
        self.norm = _normalisation(channels[0])
        self.last = _zero(_convolution(channels[0], image_channels))

    def forward(self, x: Tensor, noise: Tensor, *labels: Tensor) -> Tensor:
        """Return F at x of shape (n, C, H, W), noise labels c of shape (n,), and labels of shape (n,); shape of x."""
        told = self.embedding(noise, *labels)
        h, seen = self.first(x), []
        for blocks, shrink in zip(self.down, self.shrink, strict=True):
            h = blocks(h, told)
            seen.append(h)
            h = shrink(h)
        h = self.after(self.attention(self.before(h, told)), told)
        for level in reversed(range(len(self.up))):
            h = self.enlarge[level](_doubled(h))
            h = self.up[level](torch.cat([h, seen[level]], dim=1), told)
        raw: Tensor = self.last(silu(self.norm(h)))
        return raw


class Embedding(nn.Module):
    """What all blocks are told of the noise level and of the label, shape (n, width)."""

    frequencies: Tensor

    def __init__(self, features: int, width: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.randn(features))
        self.noise = nn.Linear(2 * features, width)
        self.label = nn.Embedding(classes, width) if classes else None
        self.last = nn.Linear(width, width)
        # cos² + sin² = 1: the features have squared length `features`, and add unit variance, as a label does.
        nn.init.normal_(self.noise.weight, std=features**-0.5)
        nn.init.zeros_(self.noise.bias)

    def forward(self, noise: Tensor, *labels: Tensor) -> Tensor:
        """Return it for noise labels c of shape (n,), and labels of shape (n,)."""
        phase = 2 * math.pi * noise.unsqueeze(-1) * self.frequencies
        h = self.noise(torch.cat([phase.cos(), phase.sin()], dim=-1))
        if self.label is not None:
            h = h + self.label(*labels)
        return silu(self.last(silu(h)))


class Blocks(nn.Module):
    """Residual blocks after one another, the first of which may change the number of channels."""

    def __init__(self, channels: int, out: int, width: int, count: int) -> None:
        super().__init__()
        self.each = nn.ModuleList(ResidualBlock(channels if i == 0 else out, out, width) for i in range(count))

    def forward(self, h: Tensor, told: Tensor) -> Tensor:
        """Return images of shape (n, out, H, W) from those of shape (n, channels, H, W)."""
        for block in self.each:
            h = block(h, told)
        return h


class ResidualBlock(nn.Module):
    """h + conv(act(conv(act h) + W told)), with act = SiLU of the normalised; the identity at the start."""

    def __init__(self, channels: int, out: int, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([_normalisation(channels), _normalisation(out)])
        self.inner = _convolution(channels, out)
        self.told = nn.Linear(width, out)
        self.outer = _zero(_convolution(out, out))
        self.around = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)

    def forward(self, h: Tensor, told: Tensor) -> Tensor:
        """Return images of shape (n, out, H, W) from those of shape (n, channels, H, W) and told of (n, width)."""
        first, second = self.norms
        inner = self.inner(silu(first(h))) + self.told(told)[:, :, None, None]
        raw: Tensor = self.around(h) + self.outer(silu(second(inner)))
        return raw


class Attention(nn.Module):
    """h + W softmax(QᵀK/√k) V over the pixels of an image, by several heads; the identity at the start."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = _normalisation(channels)
        self.inner = nn.Conv2d(channels, 3 * channels, 1)
        self.outer = _zero(nn.Conv2d(channels, channels, 1))

    def forward(self, h: Tensor) -> Tensor:
        """Return images of the shape of h, (n, channels, H, W)."""
        # Written out: the fused function of torch has no forward-mode derivative.
        query, key, value = self.inner(self.norm(h)).reshape(len(h), 3, self.heads, -1, h[0, 0].numel()).unbind(1)
        weight = (query.transpose(-2, -1) @ key / query.shape[-2] ** 0.5).softmax(-1)
        raw: Tensor = h + self.outer((value @ weight.transpose(-2, -1)).reshape(h.shape))
        return raw


def _convolution(channels: int, out: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, out, 3, stride=stride, padding=1)


def _normalisation(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(channels // GROUP, channels)


def _zero(layer: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _doubled(h: Tensor) -> Tensor:
    """Return images with each pixel four times, shape (n, C, 2H, 2W)."""
    n, channels, height, width = h.shape
    spread = h[:, :, :, None, :, None].expand(n, channels, height, 2, width, 2)
    return spread.reshape(n, channels, 2 * height, 2 * width)
