"""Labels: the shortest names that tell the components of one leaderboard apart.

A parameter is shown only where components of the same axis and name differ in it, `polynomial:rho=3`; a name that two
distributions give is shown as `distribution/name`. A document knows no defaults, so its rows decide.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from harness.axes import crossed
from harness.registry.references import Reference
from harness.results.references import short_form

if TYPE_CHECKING:
    from harness.results.leaderboard import Row


class Labels:
    """The labels of one leaderboard's components."""

    def __init__(self, components: Iterable[tuple[str, Reference]]) -> None:
        groups: dict[tuple[str, str], dict[str, Reference]] = defaultdict(dict)
        for axis, component in components:
            groups[axis, component.name][component.key] = component
        self._shown: dict[tuple[str, str], tuple[str, Collection[str]]] = {}
        self._labels: dict[tuple[str, str], str] = {}
        for (axis, _), group in groups.items():
            for key, shown in _distinguish(group).items():
                self._shown[axis, key] = shown

    def __call__(self, axis: str, component: Reference) -> str:
        """Return the label of a target or component of these rows."""
        place = axis, component.key
        if place not in self._labels:
            self._labels[place] = self.with_settings(axis, component, ())
        return self._labels[place]

    def with_settings(self, axis: str, component: Reference, settings: Collection[str]) -> str:
        """Return the label with some more of the parameters, whether or not they tell components apart."""
        name, shown = self._shown[axis, component.key]
        return short_form(name, {k: v for k, v in component.params.items() if k in shown or k in settings})


def labels(rows: Iterable[Row]) -> Labels:
    """Return the labels of the targets and components of rows."""
    axes = tuple(crossed())
    # Rows of one reading share their components, by the hundred thousand: each is looked at once.
    found = {(axis, id(name)): name for row in rows for axis in axes for name in row.names(axis)}
    return Labels((axis, name) for (axis, _), name in found.items())


def _distinguish(group: Mapping[str, Reference]) -> dict[str, tuple[str, Collection[str]]]:
    """Return the name of each component of one name, and the parameters that tell it apart."""
    components = group.values()
    several = len({component.distribution for component in components}) > 1
    keys = list(dict.fromkeys(key for component in components for key in component.params))
    shown = [key for key in keys if len({json.dumps(c.params.get(key)) for c in components}) > 1]
    names = {key: f"{c.distribution}/{c.name}" if several else c.name for key, c in group.items()}
    return {key: (name, shown) for key, name in names.items()}
