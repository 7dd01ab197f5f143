"""A small classifier of a target's labelled points: its features, and the labels that it gives.

Two hidden layers, on points shifted and scaled by the training part; trained by Adam on the cross-entropy of batches
of labelled training points, which are drawn anew at each step. The features are the outputs of the second layer, over
the root mean square deviation that they have on the training part: they have no unit, whatever that of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy, linear, silu

from harness.errors import NotApplicable
from harness.targets import Distribution

WIDTH = 64
"""Units of the first hidden layer."""

BATCH = 128
"""Labelled points of a step."""

RATE = 3e-3
"""Adam's step size at the start; it falls to 0 along half a cosine."""

DECAY = 1e-2
"""Decoupled weight decay: without it the features of a small training part grow without end."""

SEEN = 4096
"""Training points whose features say how large features are."""

TOLD = 4096
"""Held-out points, at most, by which the accuracy is measured."""

Fitted = Mapping[str, Tensor]


def fit(law: Distribution, generator: Generator, features: int, steps: int) -> dict[str, Tensor]:
    """Return a trained classifier, with its accuracy on held-out points where their labels are known.

    Arguments:
        law: the target.
        generator: source of the first weights and of the points of each step.
        features: number k of features.
        steps: of training.

    Raises:
        NotApplicable: the points have no labels.
    """
    if law.classes < 2:
        raise NotApplicable("the target has no labels to train a classifier on")
    points, _ = law.labelled(SEEN, generator)
    state = {"centre": points.mean(0), "scale": points.new_tensor(law.sigma_data), "features": points.new_ones(())}
    state |= _trained(law, generator, state, (law.dim, WIDTH, features, law.classes), steps)
    state["features"] = features_of(points, state).var(0, correction=0).mean().sqrt().clamp_min(1e-12)
    return state | _held_out_accuracy(law, generator, state)


def _trained(law: Distribution, generator: Generator, state: Fitted, sizes: tuple[int, ...], steps: int) -> Fitted:
    """Return the weights and biases of layers of these sizes."""
    layers = {}
    for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
        layers[f"weight{layer}"] = torch.randn(outputs, inputs, generator=generator) * (2 / inputs) ** 0.5
        layers[f"bias{layer}"] = torch.zeros(outputs)
    parameters = [each.requires_grad_() for each in layers.values()]
    optimizer = torch.optim.AdamW(parameters, RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        points, labels = law.labelled(BATCH, generator)
        loss = cross_entropy(_logits(_hidden(_scaled(points, state).float(), layers), layers), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return {name: each.detach().double() for name, each in layers.items()}


def _scaled(x: Tensor, state: Fitted) -> Tensor:
    return (x - state["centre"]) / state["scale"]


def _hidden(x: Tensor, layers: Fitted) -> Tensor:
    first = silu(linear(x, layers["weight0"], layers["bias0"]))
    return silu(linear(first, layers["weight1"], layers["bias1"]))


def _logits(hidden: Tensor, layers: Fitted) -> Tensor:
    return linear(hidden, layers["weight2"], layers["bias2"])


def features_of(x: Tensor, fitted: Fitted) -> Tensor:
    """Return the features of points (n, d), shape (n, k), float64."""
    return _hidden(_scaled(x, fitted), fitted) / fitted["features"]


def labels_of(x: Tensor, fitted: Fitted) -> Tensor:
    """Return the label that the classifier gives each of n points (n, d); shape (n,), int64."""
    return _logits(_hidden(_scaled(x, fitted), fitted), fitted).argmax(1)


def _held_out_accuracy(law: Distribution, generator: Generator, state: Fitted) -> dict[str, Tensor]:
    try:
        points, labels = law.held_out_labelled(TOLD, generator)
    except NotApplicable:
        return {}
    right = (labels_of(points, state) == labels).double()
    return {"accuracy": right.mean(), "told": torch.tensor(len(labels))}


def notes(fitted: Fitted) -> tuple[str, ...]:
    """Return how good the classifier is, in a sentence."""
    if "accuracy" not in fitted:
        return ("by a classifier whose accuracy is not known: the target tells no labels of held-out points",)
    share, count = 100 * float(fitted["accuracy"]), int(fitted["told"])
    return (f"by a classifier that gives {share:.1f} % of {count} held-out points their label",)
