"""Two hidden layers for points of any kind: the classifier whose features and labels the metrics of labelled data take.

References: Rosenblatt, Psychological Review 65, 1958; the units are those of Elfwing, Uchibe, Doya, arXiv 1702.03118.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Generator, Tensor
from torch.nn.functional import linear, silu

from harness.targets import Distribution

WIDTH = 64
"""Units of the first hidden layer."""


class Perceptron:
    """A `harness_metrics.classifier.Network` of linear layers: d → 64 → k → classes."""

    rate = 3e-3
    called = "a classifier"

    def initial(self, law: Distribution, features: int, generator: Generator) -> dict[str, Tensor]:
        """Return weights and biases for the points of a law, by layer."""
        layers = {}
        for layer, (inputs, outputs) in enumerate(pairwise((law.dim, WIDTH, features, law.classes))):
            layers[f"weight{layer}"] = torch.randn(outputs, inputs, generator=generator) * (2 / inputs) ** 0.5
            layers[f"bias{layer}"] = torch.zeros(outputs)
        return layers

    def hidden(self, x: Tensor, layers: Mapping[str, Tensor]) -> Tensor:
        """Return the outputs of the layer before the last, of points (n, d); shape (n, k)."""
        first = silu(linear(x, layers["weight0"], layers["bias0"]))
        return silu(linear(first, layers["weight1"], layers["bias1"]))

    def logits(self, hidden: Tensor, layers: Mapping[str, Tensor]) -> Tensor:
        """Return what the last layer makes of the one before, of shape (n, k); shape (n, classes)."""
        return linear(hidden, layers["weight2"], layers["bias2"])
