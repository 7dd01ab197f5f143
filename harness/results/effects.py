"""Effects: what one choice on one axis does to a metric, all else equal.

A context is a setting of every other coordinate (target, the other axes, steps, training). In a context where
each choice of the axis has a positive value, a choice's effect is ln(metric) − mean over choices of
ln(metric); the effect reported is the mean over contexts. Where values are compared by differences the metric
stands in place of its logarithm, and values need not be positive. Choices are compared with those that they share
contexts with: an oracle network has no weighting, so it shares none with a trained one, and the two kinds are
compared among themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.quantities import Comparison
from harness.results.statistics import Interval, choice_effects


@dataclass(frozen=True)
class Observation:
    """One combination: its coordinates, and the metric by seed (None where there is no value).

    `groups` are by seed the means over groups of points that all combinations share, where the metric has them.
    """

    coordinates: Mapping[str, Hashable]
    values: Mapping[int, float | None]
    groups: Mapping[int, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class ChoiceEffect:
    """A choice's effect against the mean over the choices that it is compared with.

    Attributes:
        choice: the coordinate's value.
        size: a factor on the geometric mean, below 1 is better; or a difference from the mean, below 0 is better.
        contexts: how many contexts it is a mean over.
        skipped: contexts that lack a choice, or, for a factor, a positive value.
    """

    choice: Hashable
    size: Interval
    contexts: int
    skipped: int


def effects(observations: Sequence[Observation], axis: str, compared_by: Comparison = "ratio") -> list[ChoiceEffect]:
    """Return the effect of each choice of an axis, in the order of first appearance.

    Arguments:
        observations: the combinations of one target.
        axis: the coordinate to compare the choices of.
        compared_by: how values are compared: `ratio` or `difference`.
    """
    contexts: dict[Hashable, dict[Hashable, Observation]] = defaultdict(dict)
    for observation in observations:
        others = tuple(v for k, v in sorted(observation.coordinates.items()) if k != axis)
        contexts[others][observation.coordinates[axis]] = observation
    found = {}
    for choices in _comparable(list(contexts.values())):
        if len(choices) > 1:
            rows = [context for context in contexts.values() if not choices.isdisjoint(context)]
            found.update({effect.choice: effect for effect in _compare(rows, choices, compared_by)})
    order = dict.fromkeys(observation.coordinates[axis] for observation in observations)
    return [found[choice] for choice in order if choice in found]


def _comparable(contexts: Sequence[Mapping[Hashable, object]]) -> list[set[Hashable]]:
    """Return the classes of choices that are linked by contexts."""
    classes: list[set[Hashable]] = []
    for context in contexts:
        linked = [known for known in classes if not known.isdisjoint(context)]
        classes = [known for known in classes if known not in linked]
        classes.append(set(context).union(*linked))
    return classes


def _compare(
    contexts: Sequence[Mapping[Hashable, Observation]], choices: set[Hashable], by: Comparison
) -> list[ChoiceEffect]:
    # The order of summation must not depend on that of a set.
    ordered = [choice for choice in dict.fromkeys(c for context in contexts for c in context) if choice in choices]
    full = [[context[choice] for choice in ordered] for context in contexts if choices <= set(context)]
    seeds = sorted({seed for rows in full for row in rows for seed in row.values})
    scaled = [(rows, found) for rows in full if (found := _on_scale(rows, seeds, by)) is not None]
    if not scaled:
        return []
    known = np.array([values for _, values in scaled])
    intervals = choice_effects(known, by, _over_points([rows for rows, _ in scaled], seeds, by))
    skipped = len(contexts) - len(known)
    return [ChoiceEffect(c, i, len(known), skipped) for c, i in zip(ordered, intervals, strict=True)]


def _on_scale(rows: Sequence[Observation], seeds: Sequence[int], by: Comparison) -> np.ndarray | None:
    """Ln of the values, or the values, shape (choices, seeds); None where one is missing, or not positive for ln."""
    values = np.array([[row.values.get(seed) for seed in seeds] for row in rows], dtype=float)
    if by == "difference":
        return values if np.isfinite(values).all() else None
    return np.asarray(np.log(values)) if (values > 0).all() else None


def _over_points(contexts: Sequence[Sequence[Observation]], seeds: Sequence[int], by: Comparison) -> np.ndarray | None:
    """Return the groups of all, on the scale of values, (contexts, choices, seeds, G); None where one has none."""
    sizes = {len(row.groups.get(seed, ())) for rows in contexts for row in rows for seed in seeds}
    if len(sizes) > 1 or 0 in sizes:
        return None
    groups = np.array([[[row.groups[seed] for seed in seeds] for row in rows] for rows in contexts])
    # To first order, the deviation of ln x is that of x over x.
    return groups if by == "difference" else groups / groups.mean(3, keepdims=True)
