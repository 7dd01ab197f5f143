"""The DDPM++ layout as a module: a U-Net whose sums are rescaled, told the noise level and perhaps a label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from harness.preconditioned import told_once
from harness_ddpmpp.layout import Resize, Step

AnyLayer = TypeVar("AnyLayer", nn.Conv2d, nn.Linear)

WIDER = 4
"""Width of what blocks are told of noise and label, in `channels`."""

GROUP, GROUPS = 4, 32
"""Fewest channels that are normalised together, and most groups of them."""

EPSILON = 1e-6
"""Is added to the variance that groups are normalised by."""

RESCALED = 0.5**0.5
"""Factor of a sum of two, which keeps the variance of two that are independent."""

SLOWEST = 1e-4
"""The lowest positional frequency; the highest is 1."""

ATTENTION_GAIN = 0.2**0.5
"""Factor of the initial weights that queries, keys and values are made by."""


class NoisyDdpmpp(nn.Module):
    """The function F(x; c, label) that a preconditioning makes a denoiser of; the last layer is started at zero.

    Arguments:
        image_channels: channels C of an image.
        embedding: what it is told of noise and label by.
        down: the residual blocks from the image to the lowest level.
        up: those back.
        heads: of each attention.
        adaptive: whether what is told scales what is normalised.
    """

    def __init__(
        self,
        image_channels: int,
        embedding: Embedding,
        down: Sequence[Step],
        up: Sequence[Step],
        *,
        heads: int,
        adaptive: bool,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.first = _started(nn.Conv2d(image_channels, down[0].inputs, 3, padding=1))
        self.down = nn.ModuleList(ResidualBlock(step, embedding.width, heads, adaptive) for step in down)
        self.up = nn.ModuleList(ResidualBlock(step, embedding.width, heads, adaptive) for step in up)
        self.joins = [step.joins for step in up]
        self.norm = _normalisation(up[-1].outputs)
        self.last = _zero(nn.Conv2d(up[-1].outputs, image_channels, 3, padding=1))

    def forward(self, x: Tensor, noise: Tensor, *labels: Tensor) -> Tensor:
        """Return F at x of shape (n, C, H, W), noise labels c of shape (n,), and labels of shape (n,); shape of x."""
        told = self.embedding(noise, *labels)
        seen = [self.first(x)]
        for block in self.down:
            seen.append(block(seen[-1], told))
        h = seen[-1]
        for block, joins in zip(self.up, self.joins, strict=True):
            h = block(torch.cat([h, seen.pop()], dim=1) if joins else h, told)
        raw: Tensor = self.last(silu(self.norm(h)))
        return raw


class Embedding(nn.Module):
    """What all blocks are told of the noise level and of the label: shape (n, width), or (1, width) of one level.

    Arguments:
        channels: numbers that c is made into, half of them cosines and half sines.
        kind: `positional`, at frequencies that fall geometrically, or `fourier`, at 2πf with f ~ N(0, 1).
        classes: of the labels that it is given; 0: it is given none.

    Attributes:
        width: of what it returns.
    """

    frequencies: Tensor

    def __init__(self, channels: int, kind: str, classes: int) -> None:
        super().__init__()
        self.width, count = WIDER * channels, channels // 2
        geometric = SLOWEST ** torch.linspace(0, 1, count, dtype=torch.float64).float()
        self.register_buffer("frequencies", geometric if kind == "positional" else 2 * math.pi * torch.randn(count))
        self.label = nn.Embedding(classes, channels) if classes else None
        if self.label is not None:
            # Labels as unit vectors of length √classes, through a matrix started as all others.
            nn.init.xavier_uniform_(self.label.weight, gain=classes**0.5)
        self.inner = _started(nn.Linear(channels, self.width))
        self.last = _started(nn.Linear(self.width, self.width))

    def forward(self, noise: Tensor, *labels: Tensor) -> Tensor:
        """Return it for noise labels c of shape (n,), and labels of shape (n,)."""
        phase = told_once(noise).unsqueeze(-1) * self.frequencies
        h = torch.cat([phase.cos(), phase.sin()], dim=-1)
        if self.label is not None:
            h = h + self.label(*labels)
        return silu(self.last(silu(self.inner(h))))


class ResidualBlock(nn.Module):
    """(around h + conv(act(conv(act h) + W told)))/√2, with act = SiLU of the normalised, and perhaps attention.

    With resized images h in `around` and act h in the inner convolution are resized. Of an adaptive block the second
    activation is of (1 + W told) ⊙ norm + V told.
    """

    def __init__(self, step: Step, width: int, heads: int, adaptive: bool) -> None:
        super().__init__()
        self.resize, self.adaptive = step.resize, adaptive
        self.norms = nn.ModuleList([_normalisation(step.inputs), _normalisation(step.outputs)])
        self.inner = _started(nn.Conv2d(step.inputs, step.outputs, 3, padding=1))
        self.told = _started(nn.Linear(width, step.outputs * (2 if adaptive else 1)))
        self.outer = _zero(nn.Conv2d(step.outputs, step.outputs, 3, padding=1))
        same = step.inputs == step.outputs and step.resize == "keep"
        self.around = nn.Identity() if same else _started(nn.Conv2d(step.inputs, step.outputs, 1))
        self.attention = Attention(step.outputs, heads) if step.attends else nn.Identity()

    def forward(self, h: Tensor, told: Tensor) -> Tensor:
        """Return images of shape (n, outputs, H', W') from those of (n, inputs, H, W) and told of (n or 1, width)."""
        first, second = self.norms
        inner = self.inner(resized(silu(first(h)), self.resize))
        parameters = self.told(told)[:, :, None, None]
        if self.adaptive:
            scale, shift = parameters.chunk(2, dim=1)
            inner = silu(second(inner) * (1 + scale) + shift)
        else:
            inner = silu(second(inner + parameters))
        summed = self.around(resized(h, self.resize)) + self.outer(inner)
        raw: Tensor = self.attention(summed * RESCALED)
        return raw


class Attention(nn.Module):
    """(h + W softmax(QᵀK/√k) V)/√2 over the pixels of an image, by several heads."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = _normalisation(channels)
        self.inner = _started(nn.Conv2d(channels, 3 * channels, 1), ATTENTION_GAIN)
        self.outer = _zero(nn.Conv2d(channels, channels, 1))

    def forward(self, h: Tensor) -> Tensor:
        """Return images of the shape of h, (n, channels, H, W)."""
        # Written out: the fused function of torch has no forward-mode derivative.
        query, key, value = self.inner(self.norm(h)).reshape(len(h), 3, self.heads, -1, h[0, 0].numel()).unbind(1)
        weight = (query.transpose(-2, -1) @ key / query.shape[-2] ** 0.5).softmax(-1)
        raw: Tensor = (h + self.outer((value @ weight.transpose(-2, -1)).reshape(h.shape))) * RESCALED
        return raw


def resized(h: Tensor, resize: Resize) -> Tensor:
    """Return the means of 2×2 pixels of images (n, C, H, W), or each pixel four times, or the images themselves."""
    n, channels, height, width = h.shape
    if resize == "halve":
        return h.reshape(n, channels, height // 2, 2, width // 2, 2).mean((3, 5))
    if resize == "double":
        spread = h[:, :, :, None, :, None].expand(n, channels, height, 2, width, 2)
        return spread.reshape(n, channels, 2 * height, 2 * width)
    return h


def _normalisation(channels: int) -> nn.GroupNorm:
    most = min(GROUPS, channels // GROUP)
    return nn.GroupNorm(next(groups for groups in range(most, 0, -1) if channels % groups == 0), channels, eps=EPSILON)


def _started(layer: AnyLayer, gain: float = 1.0) -> AnyLayer:
    """Return a layer started uniform, of variance gain² · 2/(fan in + fan out), with biases of 0."""
    nn.init.xavier_uniform_(layer.weight, gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _zero(layer: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
