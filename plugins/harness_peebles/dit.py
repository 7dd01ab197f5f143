"""A transformer over the patches of an image, of Fourier features of the noise level, and perhaps of a label."""

from __future__ import annotations

import torch
from harness_ronneberger.unet import Embedding
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm

SLOWEST = 10_000.0
"""Longest wavelength of the positions' waves over 2π, in patches."""

WIDER = 4
"""Width of the hidden layer of the perceptrons, in widths of a patch's vector."""

EPSILON = 1e-6
"""What is added to the variance of a vector that is normalised."""


class NoisyTransformer(nn.Module):
    """The function F(x; c, label) that a preconditioning makes a denoiser of; it is zero at the start.

    Arguments:
        shape: of an image, (C, H, W).
        patch: side of a patch, which divides H and W.
        width: of a patch's vector; a multiple of 4, and of the heads.
        depth: number of layers.
        heads: of each attention.
        features: number of frequencies f ~ N(0, 1); each gives the inputs cos 2πfc and sin 2πfc.
        classes: of the labels that it is given; 0: it is given none.
    """

    positions: Tensor

    def __init__(
        self, shape: tuple[int, ...], patch: int, *, width: int, depth: int, heads: int, features: int, classes: int
    ) -> None:
        super().__init__()
        channels, high, wide = shape
        self.patch = patch
        self.embedding = Embedding(features, width, classes)
        self.first = _linear(channels * patch**2, width)
        self.register_buffer("positions", waves(high // patch, wide // patch, width))
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(depth))
        self.told = _zero(nn.Linear(width, 2 * width))
        self.last = _zero(nn.Linear(width, channels * patch**2))

    def forward(self, x: Tensor, noise: Tensor, *labels: Tensor) -> Tensor:
        """Return F at x of shape (n, C, H, W), noise labels c of shape (n,), and labels of shape (n,); shape of x."""
        told = self.embedding(noise, *labels)
        h = self.first(cut(x, self.patch)) + self.positions
        for layer in self.layers:
            h = layer(h, told)
        shift, scale = self.told(told)[:, None].chunk(2, dim=-1)
        return joined(self.last(_modulated(h, shift, scale)), x.shape, self.patch)


class Layer(nn.Module):
    """h + a·attention(LN h·(1 + s) + t), then so of a perceptron; a, s and t of what is told, a = 0 at the start."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.told = _zero(nn.Linear(width, 6 * width))
        self.inner, self.outer = _linear(width, 3 * width), _linear(width, width)
        self.widen, self.narrow = _linear(width, WIDER * width), _linear(WIDER * width, width)

    def forward(self, h: Tensor, told: Tensor) -> Tensor:
        """Return vectors of patches, shape (n, T, width), from those and what is told, shape (n, width)."""
        shift, scale, gate, *others = self.told(told)[:, None].chunk(6, dim=-1)
        h = h + gate * self.attention(_modulated(h, shift, scale))
        shift, scale, gate = others
        raw: Tensor = h + gate * self.narrow(gelu(self.widen(_modulated(h, shift, scale)), approximate="tanh"))
        return raw

    def attention(self, h: Tensor) -> Tensor:
        """Return W softmax(QKᵀ/√k) V over the patches, by several heads; shape of h, (n, T, width)."""
        n, count, width = h.shape
        # Written out: the fused function of torch has no forward-mode derivative.
        query, key, value = self.inner(h).reshape(n, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        weight = (query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5).softmax(-1)
        raw: Tensor = self.outer((weight @ value).transpose(1, 2).reshape(n, count, width))
        return raw


def cut(x: Tensor, side: int) -> Tensor:
    """Return the patches of images (n, C, H, W), row by row, each as a vector; shape (n, T, C·side²)."""
    n, channels, high, wide = x.shape
    patches = x.reshape(n, channels, high // side, side, wide // side, side).permute(0, 2, 4, 1, 3, 5)
    return patches.reshape(n, -1, channels * side**2)


def joined(patches: Tensor, shape: torch.Size, side: int) -> Tensor:
    """Return the images of a shape (n, C, H, W) of which these are the patches: the inverse of `cut`."""
    n, channels, high, wide = shape
    parts = patches.reshape(n, high // side, wide // side, channels, side, side).permute(0, 3, 1, 4, 2, 5)
    return parts.reshape(shape)


def waves(rows: int, columns: int, width: int) -> Tensor:
    """Return vectors that tell places of a grid: waves over the rows, then over the columns; shape (T, width)."""
    rate = SLOWEST ** -(torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    place = torch.cartesian_prod(torch.arange(rows), torch.arange(columns)).to(torch.float64)
    phase = place[:, :, None] * rate
    return torch.cat([phase.sin(), phase.cos()], dim=-1).flatten(1).to(torch.get_default_dtype())


def _modulated(h: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Return vectors normalised, scaled and shifted."""
    return layer_norm(h, h.shape[-1:], eps=EPSILON) * (1 + scale) + shift


def _linear(width: int, out: int) -> nn.Linear:
    layer = nn.Linear(width, out)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _zero(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
