"""A small classifier of a target's labelled points: its features, and the labels that it gives.

A network of two kinds (`harness_metrics.perceptron`, `harness_metrics.convolution`) on points shifted and scaled by the
training part; trained by Adam on the cross-entropy of batches of labelled training points, which are drawn anew at each
step. The features are the outputs of the layer before the last, over the root mean square deviation that they have on
the training part: they have no unit, whatever that of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

import torch
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy

from harness.errors import NotApplicable
from harness.targets import Distribution
from harness_metrics.convolution import Convolution
from harness_metrics.neighbourhoods import shares_tied
from harness_metrics.perceptron import Perceptron

Kind = Literal["perceptron", "convolution"]
"""What the network is made of."""

BATCH = 128
"""Labelled points of a step."""

DECAY = 1e-2
"""Decoupled weight decay: without it the features of a small training part grow without end."""

SEEN = 4096
"""Training points whose features say how large features are."""

TOLD = 4096
"""Held-out points, at most, by which the accuracy is measured."""

TIED = 2000
"""Held-out points, at most, of which it is told how many have equal features."""

MANY = 0.1
"""Share of points with as many equal ones as a ball takes, from which a note says so."""

Fitted = Mapping[str, Tensor]


class Network(Protocol):
    """A kind of classifier.

    Attributes:
        rate: Adam's step size at the start; it falls to 0 along half a cosine.
        called: what a sentence calls it, with its article.
    """

    rate: float
    called: str

    def initial(self, law: Distribution, features: int, generator: Generator) -> dict[str, Tensor]:
        """Return tensors to begin the training with, float32, by names that no other kind has all of.

        Raises:
            NotApplicable: the points of the law are none that it takes.
        """

    def hidden(self, x: Tensor, layers: Fitted) -> Tensor:
        """Return the outputs of the layer before the last, of points (n, d); shape (n, k)."""

    def logits(self, hidden: Tensor, layers: Fitted) -> Tensor:
        """Return what the last layer makes of the one before, of shape (n, k); shape (n, classes)."""


NETWORKS: Mapping[Kind, Network] = {"perceptron": Perceptron(), "convolution": Convolution()}


def fit(law: Distribution, generator: Generator, kind: Kind, features: int, steps: int) -> dict[str, Tensor]:
    """Return a trained classifier; with it, for notes, its accuracy on held-out points, if known, and their ties.

    Arguments:
        law: the target.
        generator: source of the first weights and of the points of each step.
        kind: of network.
        features: number k of features.
        steps: of training.

    Raises:
        NotApplicable: the points have no labels, are all alike, or are none that the network takes.
    """
    if law.classes < 2:
        raise NotApplicable("the target has no labels to train a classifier on")
    points, _ = law.labelled(SEEN, generator)
    if bool((points == points[0]).all()):
        raise NotApplicable("the training points are all alike, so that no classifier can tell their labels")
    state = {"centre": points.mean(0), "scale": points.new_tensor(law.sigma_data), "features": points.new_ones(())}
    state |= _trained(law, generator, state, NETWORKS[kind], features, steps)
    state["features"] = features_of(points, state).var(0, correction=0).mean().sqrt().clamp_min(1e-12)
    accuracy = _held_out_accuracy(law, generator, state)
    return state | accuracy | {"tied": shares_tied(features_of(law.held_out(TIED, generator), state))}


def _trained(
    law: Distribution, generator: Generator, state: Fitted, network: Network, features: int, steps: int
) -> Fitted:
    """Return the weights and biases of a network."""
    layers = network.initial(law, features, generator)
    parameters = [each.requires_grad_() for each in layers.values() if each.is_floating_point()]
    optimizer = torch.optim.AdamW(parameters, network.rate, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        points, labels = law.labelled(BATCH, generator)
        hidden = network.hidden(_scaled(points, state).float(), layers)
        loss = cross_entropy(network.logits(hidden, layers), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return {name: each.detach().double() for name, each in layers.items()}


def _network_of(fitted: Fitted) -> Network:
    return NETWORKS["convolution" if "kernel0" in fitted else "perceptron"]


def _scaled(x: Tensor, state: Fitted) -> Tensor:
    return (x - state["centre"]) / state["scale"]


def _hidden_of(x: Tensor, fitted: Fitted) -> Tensor:
    network = _network_of(fitted)
    return network.hidden(_scaled(x, fitted), fitted)


def features_of(x: Tensor, fitted: Fitted) -> Tensor:
    """Return the features of points (n, d), shape (n, k), float64."""
    return _hidden_of(x, fitted) / fitted["features"]


def labels_of(x: Tensor, fitted: Fitted) -> Tensor:
    """Return the label that the classifier gives each of n points (n, d); shape (n,), int64."""
    return _network_of(fitted).logits(_hidden_of(x, fitted), fitted).argmax(1)


def _held_out_accuracy(law: Distribution, generator: Generator, state: Fitted) -> dict[str, Tensor]:
    try:
        points, labels = law.held_out_labelled(TOLD, generator)
    except NotApplicable:
        return {}
    right = (labels_of(points, state) == labels).double()
    return {"accuracy": right.mean(), "told": torch.tensor(len(labels))}


def notes(fitted: Fitted) -> tuple[str, ...]:
    """Return how good the classifier is, in a sentence."""
    called = _network_of(fitted).called
    if "accuracy" not in fitted:
        return (f"by {called} whose accuracy is not known: the target tells no labels of held-out points",)
    share, count = 100 * float(fitted["accuracy"]), int(fitted["told"])
    return (f"by {called} that gives {share:.1f} % of {count} held-out points their label",)


def ties(fitted: Fitted, neighbours: int) -> tuple[str, ...]:
    """Return what a reader must know where many held-out points have k others with the same features: a sentence."""
    share = float(fitted["tied"][neighbours - 1])
    if share < MANY:
        return ()
    return (
        f"{100 * share:.0f} % of held-out points have {neighbours} others with the same features: balls around these "
        "are no wider than the noise of σ_min, and tell of that noise, not of the data",
    )
