"""Pictures: a few images in eight bits, of a target and of each sampling, for a page to set side by side.

A picture has a place. Where points have labels, a place is of a class, and a sampling's picture in it is the first
sample, the second, … whose label is that class by `harness.engine.labels.sample_labels`, whether the network is told or
not. Sample i has the same noise under all designs of a target: so have the pictures of one place.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import torch

from harness.engine.labels import sample_labels
from harness.engine.payloads.pictures import SamplePicturesPayload, TargetPicturesPayload
from harness.engine.random_streams import seed_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from harness.targets import Distribution

MOST = 20
"""Most pictures of a target, and of a sampling."""

BYTES = 2**16
"""Most bytes of all pictures of a sampling: of large images there are fewer, or none."""

DRAWN = 256
"""Points of a target among which its pictures are found, and their range."""

CHANNELS = (1, 3)
"""Numbers of channels that can be shown: grey, and red, green, blue."""


class _Frame(NamedTuple):
    """What 0 and 255 stand for, how many places there are, and their classes, empty where points have no labels."""

    low: float
    high: float
    places: int
    classes: list[int]


def target_pictures(law: Distribution) -> TargetPicturesPayload | None:
    """Return pictures of a target's own points; None where they are no images, or too large."""
    count = _count(law)
    if not count:
        return None
    points, labels = _drawn(law)
    frame = _frame(law, points, count)
    rows = [row.tobytes() for row in points.numpy()]
    distinct = sorted({row: i for i, row in reversed(list(enumerate(rows)))}.values())
    known = None if labels is None else [int(labels[i]) for i in distinct]
    chosen = [None if i is None else distinct[i] for i in _placed(frame, known, len(distinct))]
    return TargetPicturesPayload(list(law.shape), frame.low, frame.high, frame.classes, _encoded(frame, points, chosen))


def sample_pictures(
    law: Distribution, samples: Tensor, seed: int, *, conditional: bool
) -> SamplePicturesPayload | None:
    """Return pictures of samples, at the places of the target's; None where there are none of these.

    Arguments:
        law: the target.
        samples: shape (n, d).
        seed: of the sampling.
        conditional: whether the network was given labels.
    """
    count = _count(law)
    if not count:
        return None
    frame = _frame(law, _drawn(law)[0], count)
    known = sample_labels(law, seed, len(samples)).tolist() if law.classes else None
    return SamplePicturesPayload(conditional, _encoded(frame, samples, _placed(frame, known, len(samples))))


def _count(law: Distribution) -> int:
    image = len(law.shape) == 3 and law.shape[0] in CHANNELS
    return min(MOST, BYTES // law.dim) if image else 0


def _drawn(law: Distribution) -> tuple[Tensor, Tensor | None]:
    generator = torch.Generator().manual_seed(seed_from("pictures"))
    return law.labelled(DRAWN, generator) if law.classes else (law.sample(DRAWN, generator), None)


def _frame(law: Distribution, points: Tensor, count: int) -> _Frame:
    each = max(1, count // law.classes) if law.classes else 0
    classes = [label for label in range(law.classes) for _ in range(each)][:count]
    return _Frame(float(points.min()), float(points.max()), len(classes) or count, classes)


def _placed(frame: _Frame, labels: Sequence[int] | None, available: int) -> list[int | None]:
    """Return which point stands at each place; None where there are too few, of its class or at all."""
    if labels is None:
        return [place if place < available else None for place in range(frame.places)]
    of_class: dict[int, list[int]] = defaultdict(list)
    for i, label in enumerate(labels):
        of_class[label].append(i)
    waiting = {label: iter(found) for label, found in of_class.items()}
    return [next(waiting.get(label, iter(())), None) for label in frame.classes]


def _encoded(frame: _Frame, points: Tensor, chosen: Sequence[int | None]) -> list[str | None]:
    """Return each point's numbers as bytes, 0 for `low` and 255 for `high`, in base 64."""
    span = (frame.high - frame.low) or 1.0
    levels = ((points.double() - frame.low) / span * 255).round().clamp(0, 255).to(torch.uint8).numpy()
    return [None if i is None else base64.b64encode(levels[i].tobytes()).decode("ascii") for i in chosen]
