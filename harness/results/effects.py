"""Effects: what one choice on one axis does to a metric, all else equal.

A context is a setting of every other coordinate (target, the other axes, steps, training). In a context where
each choice of the axis has a positive value, a choice's effect is ln(metric) − mean over choices of
ln(metric); the effect reported is the mean over contexts. Where values are compared by differences the metric
stands in place of its logarithm, and values need not be positive. Choices are compared with those that they share
contexts with: an oracle network has no weighting, so it shares none with a trained one, and the two kinds are
compared among themselves.

A design that has several names stands in the contexts of each, and in one context under each choice that is a name of
it: between these the effect there is none, a factor of 1. A choice that is but another name of one in every context is
no choice of its own, and contexts that hold the same designs count once. A choice without a value in any context is
left out, and the others are compared without it.

Where two axes interact, an average over one of them says little of the other: `interactions` tests it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import contains, itemgetter

import numpy as np

from harness.quantities import Comparison
from harness.results.statistics.effect_sizes import choice_effects, interaction
from harness.results.statistics.intervals import Interval


@dataclass(frozen=True)
class Observation:
    """One design: its coordinates, and the metric by seed (None where there is no value).

    Attributes:
        groups: by seed the means over groups of points that all combinations share, where the metric has them.
        names: the coordinates of its other names.
    """

    coordinates: Mapping[str, Hashable]
    values: Mapping[int, float | None]
    groups: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    names: Sequence[Mapping[str, Hashable]] = ()

    @cached_property
    def places(self) -> list[tuple[Hashable, ...]]:
        """Its coordinates under each of its names, its own first, in the order of the sorted fields."""
        fields = sorted(self.coordinates)
        return [tuple(name[each] for each in fields) for name in (self.coordinates, *self.names)]


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
    contexts = _contexts(observations, (axis,))
    found = {}
    for choices in _comparable(contexts):
        if len(choices) > 1:
            rows = [context for context in contexts if not choices.isdisjoint(context)]
            found.update({effect.choice: effect for effect in _compare(rows, choices, compared_by)})
    order = dict.fromkeys(observation.coordinates[axis] for observation in observations)
    return [found[choice] for choice in order if choice in found]


def _contexts(observations: Sequence[Observation], axes: Sequence[str]) -> list[dict[Hashable, Observation]]:
    """Return the design of each choice on some axes (one: the choice; two: the pair), in each context.

    Contexts that hold the same designs under the same choices are one.
    """
    if not observations:
        return []
    contexts: dict[Hashable, dict[Hashable, int]] = defaultdict(dict)
    fields = sorted(observations[0].coordinates)
    # One field gives its value, several a tuple of theirs.
    choice_of = itemgetter(*(fields.index(axis) for axis in axes))
    rest = [k for k, each in enumerate(fields) if each not in axes]
    others_of = itemgetter(*rest) if rest else lambda place: ()
    own = [{observation.coordinates[axis] for observation in observations} for axis in axes]
    for number, observation in enumerate(observations):
        for place in observation.places:
            choice = choice_of(place)
            # Another name may be of a choice that no row here has; its own is one of theirs.
            if place is observation.places[0] or all(map(contains, own, choice if len(axes) > 1 else (choice,))):
                contexts[others_of(place)][choice] = number
    distinct = {frozenset(context.items()): context for context in contexts.values()}
    return [{choice: observations[i] for choice, i in context.items()} for context in distinct.values()]


@dataclass(frozen=True)
class PairEffects:
    """What two axes do together.

    Attributes:
        p_value: of the hypothesis that their effects add up: in ln of the metric where it is compared by ratios.
        contexts: the settings of all other axes that the cells are means over.
        cells: each pair of choices, with its factor on the geometric mean over all pairs, or its difference from the
            mean.
    """

    p_value: float
    contexts: int
    cells: list[tuple[tuple[Hashable, Hashable], Interval]]


def pair_effects(
    observations: Sequence[Observation], axis: str, other: str, compared_by: Comparison = "ratio"
) -> PairEffects | None:
    """Test whether the effects of two axes depend on one another (`statistics.interaction`).

    None where no context has every pair of at least two choices each, or there is one seed alone.

    Arguments:
        observations: the combinations of one target.
        axis: one coordinate.
        other: another.
        compared_by: how values are compared: `ratio` or `difference`.
    """
    contexts = _contexts(observations, (axis, other))
    valued = _with_values(contexts, {pair for context in contexts for pair in context}, compared_by)
    pairs = list(dict.fromkeys(pair for context in contexts for pair in context if pair in valued))
    first, second = (list(dict.fromkeys(pair[i] for pair in pairs)) for i in (0, 1))  # type: ignore[index]
    if min(len(first), len(second)) < 2:
        return None
    every = [(a, b) for a in first for b in second]
    full = [[context[pair] for pair in every] for context in contexts if set(every) <= set(context)]
    known = _Known.of(full, compared_by)
    if known is None or known.values.shape[2] < 2:
        return None
    p_value = known.interaction(len(first), len(second))
    return PairEffects(p_value, len(known.values), list(zip(every, known.effects(), strict=True)))


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
    choices = _with_values(contexts, choices, by)
    if len(choices) < 2:
        return []
    ordered = [choice for choice in dict.fromkeys(c for context in contexts for c in context) if choice in choices]
    full = [[context[choice] for choice in ordered] for context in contexts if choices <= set(context)]
    known = _Known.of(full, by)
    if known is None:
        return []
    skipped = len(contexts) - len(known.values)
    return [ChoiceEffect(c, i, len(known.values), skipped) for c, i in zip(ordered, known.effects(), strict=True)]


def _with_values(
    contexts: Sequence[Mapping[Hashable, Observation]], choices: set[Hashable], by: Comparison
) -> set[Hashable]:
    """Return the choices that have a value somewhere: one that always failed or diverged would hide all others."""
    found: set[Hashable] = set()
    for context in contexts:
        for choice in context.keys() & (choices - found):
            if _on_scale([row := context[choice]], sorted(row.values), by) is not None:
                found.add(choice)
    return found


@dataclass(frozen=True)
class _Known:
    """The contexts that have a value of every choice in every seed, on the scale where effects add up.

    Attributes:
        values: shape (contexts, choices, seeds).
        groups: means over groups of points that all share, (contexts, choices, seeds, G); None where one has none.
        by: how values are compared.
    """

    values: np.ndarray
    groups: np.ndarray | None
    by: Comparison

    @classmethod
    def of(cls, contexts: Sequence[Sequence[Observation]], by: Comparison) -> _Known | None:
        """Return them, from the designs of each context in the order of the choices; None where there is none."""
        seeds = sorted({seed for rows in contexts for row in rows for seed in row.values})
        scaled = [(rows, found) for rows in contexts if (found := _on_scale(rows, seeds, by)) is not None]
        if not scaled:
            return None
        groups = _over_points([rows for rows, _ in scaled], seeds, by)
        return cls(np.array([values for _, values in scaled]), groups, by)

    def effects(self) -> list[Interval]:
        """Return the effect of each choice."""
        return choice_effects(self.values, self.by, self.groups)

    def interaction(self, rows: int, columns: int) -> float:
        """Return the p-value of no interaction, where the choices are pairs of two axes, the second fastest."""
        values, *groups = (each.mean(0) for each in (self.values, self.groups) if each is not None)
        return interaction(*(each.reshape(rows, columns, *each.shape[1:]) for each in (values, *groups)))


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
