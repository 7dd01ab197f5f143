"""A multilayer perceptron of a point and of Fourier features of the noise level."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from harness.preconditioned import told_once


class NoisyMlp(nn.Module):
    """The function F(x; c) that a preconditioning makes a denoiser of; SiLU between layers, the last started at zero.

    The point and the noise features enter the first layer by matrices of their own, so that a point of two coordinates
    is not drowned by thirty features, and hidden layers start with He's variance 2/fan_in. With torch's default
    (variance 1/(3 fan_in), features concatenated) the signal dies on its way through SiLU: in 4000 steps nothing but
    the linear denoiser was learned on an eight-mode ring.

    Arguments:
        dim: the dimension d of the data.
        width: units in each hidden layer.
        depth: number of hidden layers.
        features: number of frequencies f ~ N(0, 1); each gives the inputs cos 2πfc and sin 2πfc.
    """

    frequencies: Tensor

    def __init__(self, dim: int, width: int, depth: int, features: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.randn(features))
        self.point = nn.Linear(dim, width)
        self.noise = nn.Linear(2 * features, width, bias=False)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(depth - 1))
        self.last = nn.Linear(width, dim)
        for layer in (self.point, *self.hidden):
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
        # cos² + sin² = 1: the features have squared length `features`, and add unit variance.
        nn.init.normal_(self.noise.weight, std=features**-0.5)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """Return F at x of shape (n, d) and noise labels c of shape (n,); shape (n, d)."""
        phase = 2 * math.pi * told_once(noise).unsqueeze(-1) * self.frequencies
        h = silu(self.point(x) + self.noise(torch.cat([phase.cos(), phase.sin()], dim=-1)))
        for layer in self.hidden:
            h = silu(layer(h))
        raw: Tensor = self.last(h)
        return raw
