"""The multilayer perceptron of `harness_karras`, with a vector for each label added to its first layer."""

from __future__ import annotations

import math

import torch
from harness_karras.mlp import NoisyMlp
from torch import Tensor, nn
from torch.nn.functional import silu

from harness.preconditioned import told_once


class NoisyLabelledMlp(NoisyMlp):
    """F(x; c, y); the label K of K classes means that none is given.

    Arguments:
        dim: the dimension d of the data.
        width: units in each hidden layer.
        depth: number of hidden layers.
        features: number of frequencies of the noise label.
        classes: K.
    """

    def __init__(self, dim: int, width: int, depth: int, features: int, classes: int) -> None:
        super().__init__(dim, width, depth, features)
        self.label = nn.Embedding(classes + 1, width)

    def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return F at x of shape (n, d), noise labels of shape (n,) and labels 0 … K of shape (n,); shape (n, d)."""
        phase = 2 * math.pi * told_once(noise).unsqueeze(-1) * self.frequencies
        given = self.label(x.new_full((len(x),), self.label.num_embeddings - 1).long() if labels is None else labels)
        h = silu(self.point(x) + self.noise(torch.cat([phase.cos(), phase.sin()], dim=-1)) + given)
        for layer in self.hidden:
            h = silu(layer(h))
        raw: Tensor = self.last(h)
        return raw
