"""A transformer of the patches of an image, of Fourier features of the noise level, and perhaps of a label."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm, silu

from harness.preconditioned import told_once

WIDER = 4
"""Units of a block's hidden layer, in widths (section 3.2: that of vision transformers)."""

LONGEST = 10_000
"""Wavelength of the slowest position feature, in patches and turns of 2π."""

EPSILON = 1e-6
"""Is added to the variance that layers are normalised by."""


class NoisyDit(nn.Module):
    """The function F(x; c, label) that a preconditioning makes a denoiser of; the last layer is started at zero.

    An image is cut into patches, each of which a matrix makes a vector of `width` numbers, to which the sines and
    cosines of its place are added. Blocks change these vectors, and the last layer makes patches of them again.

    Arguments:
        shape: (C, H, W) of an image; `patch` divides H and W.
        patch: side of a patch.
        width: numbers that stand for a patch, a multiple of 4 and of `heads`.
        depth: number of blocks.
        heads: of the attention.
        features: number of frequencies f ~ N(0, 1); each gives the inputs cos 2πfc and sin 2πfc.
        classes: of the labels that it is given; 0: it is given none.
    """

    positions: Tensor

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        patch: int,
        width: int,
        depth: int,
        heads: int,
        features: int,
        classes: int,
    ) -> None:
        super().__init__()
        self.patch, (channels, rows, columns) = patch, shape
        self.embedding = Embedding(features, width, classes)
        self.first = _started(nn.Linear(channels * patch**2, width))
        self.register_buffer("positions", place_features(rows // patch, columns // patch, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.modulation = _zero(nn.Linear(width, 2 * width))
        self.last = _zero(nn.Linear(width, channels * patch**2))

    def forward(self, x: Tensor, noise: Tensor, *labels: Tensor) -> Tensor:
        """Return F at x of shape (n, C, H, W), noise labels c of shape (n,), and labels of shape (n,); shape of x."""
        told = silu(self.embedding(noise, *labels))
        h = self.first(cut(x, self.patch)) + self.positions
        for block in self.blocks:
            h = block(h, told)
        shift, scale = _spread(self.modulation(told), 2)
        return joined(self.last(_modulated(h, shift, scale)), x.shape, self.patch)


class Embedding(nn.Module):
    """What all blocks are told of the noise level and of the label: shape (n, width), or (1, width) of one level."""

    frequencies: Tensor

    def __init__(self, features: int, width: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.randn(features))
        self.noise = nn.Linear(2 * features, width)
        self.last = nn.Linear(width, width)
        self.label = nn.Embedding(classes, width) if classes else None
        # cos² + sin² = 1: the features have squared length `features`, and give unit variance, as a label does.
        nn.init.normal_(self.noise.weight, std=features**-0.5)
        nn.init.zeros_(self.noise.bias)

    def forward(self, noise: Tensor, *labels: Tensor) -> Tensor:
        """Return it for noise labels c of shape (n,), and labels of shape (n,)."""
        phase = 2 * math.pi * told_once(noise).unsqueeze(-1) * self.frequencies
        h: Tensor = self.last(silu(self.noise(torch.cat([phase.cos(), phase.sin()], dim=-1))))
        return h if self.label is None else h + self.label(*labels)


class Block(nn.Module):
    """h + α ⊙ attention(γ ⊙ norm h + β), and the same with two layers in the attention's place; the identity at start.

    The shifts β, the scales γ − 1 and the gates α are linear in what is told, and 0 at the start.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.modulation = _zero(nn.Linear(width, 6 * width))
        self.attention = Attention(width, heads)
        self.inner = _started(nn.Linear(width, WIDER * width))
        self.outer = _started(nn.Linear(WIDER * width, width))

    def forward(self, h: Tensor, told: Tensor) -> Tensor:
        """Return vectors of the shape of h, (n, patches, width), from them and told, (n, width) or (1, width)."""
        shift, scale, gate, other_shift, other_scale, other_gate = _spread(self.modulation(told), 6)
        h = h + gate * self.attention(_modulated(h, shift, scale))
        inner = gelu(self.inner(_modulated(h, other_shift, other_scale)), approximate="tanh")
        raw: Tensor = h + other_gate * self.outer(inner)
        return raw


class Attention(nn.Module):
    """W softmax(QKᵀ/√k) V over the patches of an image, by several heads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.inner = _started(nn.Linear(width, 3 * width))
        self.outer = _started(nn.Linear(width, width))

    def forward(self, h: Tensor) -> Tensor:
        """Return vectors of the shape of h, (n, patches, width)."""
        n, patches, width = h.shape
        # Written out: the fused function of torch has no forward-mode derivative.
        query, key, value = self.inner(h).reshape(n, patches, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weight = (query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5).softmax(-1)
        raw: Tensor = self.outer((weight @ value).transpose(1, 2).reshape(n, patches, width))
        return raw


def cut(x: Tensor, patch: int) -> Tensor:
    """Return the patches of images (n, C, H, W), row by row: (n, H/p·W/p, p²C), the channels of a pixel together."""
    n, channels, height, width = x.shape
    parts = x.reshape(n, channels, height // patch, patch, width // patch, patch)
    return parts.permute(0, 2, 4, 3, 5, 1).reshape(n, -1, channels * patch**2)


def joined(patches: Tensor, shape: torch.Size, patch: int) -> Tensor:
    """Return images of a shape (n, C, H, W) from their patches, as `cut` gives them."""
    n, channels, height, width = shape
    parts = patches.reshape(n, height // patch, width // patch, patch, patch, channels)
    return parts.permute(0, 5, 1, 3, 2, 4).reshape(shape)


def place_features(rows: int, columns: int, width: int) -> Tensor:
    """Return sin and cos of each patch's column, then of its row, at frequencies that fall from 1 geometrically.

    Each of the four fills a quarter of the width; shape (rows · columns, width). Source: Vaswani et al., arXiv
    1706.03762, section 3.5, for the two sides of an image.
    """
    frequencies = LONGEST ** -(torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    places = torch.cartesian_prod(torch.arange(rows).double(), torch.arange(columns).double()).reshape(-1, 2)
    phases = [places[:, side, None] * frequencies for side in (1, 0)]
    return torch.cat([part for phase in phases for part in (phase.sin(), phase.cos())], dim=1).float()


def _modulated(h: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return layer_norm(h, h.shape[-1:], eps=EPSILON) * (1 + scale) + shift


def _spread(told: Tensor, parts: int) -> tuple[Tensor, ...]:
    """Return so many parts of what is told, each of shape (n, 1, width), for all patches."""
    return told.unsqueeze(1).chunk(parts, dim=-1)


def _started(layer: nn.Linear) -> nn.Linear:
    """Return a layer started as in vision transformers: uniform, of variance 2/(fan in + fan out)."""
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _zero(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
