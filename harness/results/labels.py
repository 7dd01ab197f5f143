"""Labels: the shortest names that tell the components of one leaderboard apart.

A parameter is shown only where components of the same axis and name differ in it, `polynomial:rho=3`; a name that two
distributions give is shown as `distribution/name`. A document knows no defaults, so its rows decide.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from harness.axes import crossed
from harness.components import format_value
from harness.registry.references import Reference

if TYPE_CHECKING:
    from harness.results.leaderboard import Row


class Labels:
    """The labels of one leaderboard's components."""

    def __init__(self, components: Iterable[tuple[str, Reference]]) -> None:
        groups: dict[tuple[str, str], dict[str, Reference]] = defaultdict(dict)
        for axis, component in components:
            groups[axis, component.name][component.key] = component
        self._labels: dict[tuple[str, str], str] = {}
        for (axis, _), group in groups.items():
            for key, label in _distinguish(group).items():
                self._labels[axis, key] = label

    def __call__(self, axis: str, component: Reference) -> str:
        """Return the label of a target or component of these rows."""
        return self._labels[axis, component.key]


def labels(rows: Iterable[Row]) -> Labels:
    """Return the labels of the targets and components of rows."""
    return Labels((axis, name) for row in rows for axis in crossed() for name in row.names(axis))


def _distinguish(group: Mapping[str, Reference]) -> dict[str, str]:
    components = group.values()
    several = len({component.distribution for component in components}) > 1
    keys = list(dict.fromkeys(key for component in components for key in component.params))
    shown = [key for key in keys if len({json.dumps(c.params.get(key)) for c in components}) > 1]
    result = {}
    for key, component in group.items():
        name = f"{component.distribution}/{component.name}" if several else component.name
        settings = ",".join(f"{k}={format_value(component.params[k])}" for k in shown if k in component.params)
        result[key] = f"{name}:{settings}" if settings else name
    return result
