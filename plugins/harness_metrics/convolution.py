"""A small convolutional network: the classifier of images whose features and labels the metrics of labelled data take.

Three convolutions that halve the sides each, and two layers of what they find: 28×28 pixels become 14×14, 7×7 and 4×4,
then 128 numbers, then the features. It trains in single precision, as fast as it can, and is evaluated in double.
Reference: LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86, 1998.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import ceil, prod

import torch
from torch import Generator, Tensor
from torch.nn.functional import conv2d, linear, relu, silu

from harness.errors import NotApplicable
from harness.targets import Distribution

CHANNELS = (16, 32, 64)
"""Channels that each convolution makes."""

SIDES = (5, 3, 3)
"""Side of each kernel, in pixels."""

STRIDE = 2
"""Pixels from one place of a kernel to the next."""

REDUCED = STRIDE ** len(SIDES)
"""Pixels of a side that become one."""

WIDTH = 128
"""Units of the layer before that of the features."""

AT_ONCE = 256
"""Images whose features are computed at a time: what the first convolution makes of them is large."""


class Convolution:
    """A `harness_metrics.classifier.Network` of convolutions; on images alone."""

    rate = 3e-3
    called = "a convolutional classifier"

    def initial(self, law: Distribution, features: int, generator: Generator) -> dict[str, Tensor]:
        """Return kernels, weights and biases for the images of a law; raises `NotApplicable` where they are none."""
        if len(law.shape) != 3:
            raise NotApplicable(
                "a convolutional classifier needs points that are images; classifier=perceptron does not"
            )
        channels, height, width = law.shape
        layers = {"image": torch.tensor(law.shape)}
        sizes = (CHANNELS[-1] * ceil(height / REDUCED) * ceil(width / REDUCED), WIDTH, features, law.classes)
        for layer, (inputs, outputs) in enumerate(pairwise((channels, *CHANNELS))):
            layers[f"kernel{layer}"] = _normal(generator, outputs, inputs, SIDES[layer], SIDES[layer])
            layers[f"shift{layer}"] = torch.zeros(outputs)
        for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
            layers[f"weight{layer}"] = _normal(generator, outputs, inputs)
            layers[f"bias{layer}"] = torch.zeros(outputs)
        return layers

    def hidden(self, x: Tensor, layers: Mapping[str, Tensor]) -> Tensor:
        """Return the outputs of the layer before the last, of images (n, d), flat; shape (n, k)."""
        return torch.cat([self._some(part, layers) for part in torch.split(x, AT_ONCE)])

    def _some(self, x: Tensor, layers: Mapping[str, Tensor]) -> Tensor:
        image = convolutions(x, layers, len(SIDES))
        found = silu(linear(image.flatten(1), layers["weight0"], layers["bias0"]))
        return silu(linear(found, layers["weight1"], layers["bias1"]))

    def logits(self, hidden: Tensor, layers: Mapping[str, Tensor]) -> Tensor:
        """Return what the last layer makes of the one before, of shape (n, k); shape (n, classes)."""
        return linear(hidden, layers["weight2"], layers["bias2"])


def convolutions(x: Tensor, fitted: Mapping[str, Tensor], layers: int) -> Tensor:
    """Return what the first layers make of images (n, d), flat; shape (n, channels, height, width)."""
    image = x.reshape(len(x), *fitted["image"].int().tolist()).contiguous(memory_format=torch.channels_last)
    for layer, side in enumerate(SIDES[:layers]):
        image = relu(conv2d(image, fitted[f"kernel{layer}"], fitted[f"shift{layer}"], STRIDE, side // 2))
    return image


def _normal(generator: Generator, outputs: int, *inputs: int) -> Tensor:
    """Weights of a layer that keeps the size of what ReLU leaves: He et al., arXiv 1502.01852."""
    weights: Tensor = torch.randn(outputs, *inputs, generator=generator) * (2 / prod(inputs)) ** 0.5
    return weights
