"""References: components as a document names them, and the labels that tell them apart.

In a label a parameter is shown only where components of the same axis and name differ in it,
`polynomial:rho=3`; a name that two distributions give is shown as `distribution/name`. A document knows no
defaults, so its rows decide.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from harness.components import ComponentError, format_value, parse_request

if TYPE_CHECKING:
    from harness.leaderboard import Row

AXES = ("weighting", "noise_schedule", "time_discretization", "network", "sampler", "initial_law")
"""The axes of the design space, as fields of a row."""

Name = Annotated[str, Field(min_length=1)]


class Document(BaseModel):
    """A part of a JSON document: strict types, no unknown key, no NaN or infinity."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Reference(Document):
    """A component as it was used, with its origin."""

    name: Name
    params: dict[str, JsonValue]
    distribution: str
    version: str
    digest: str

    @cached_property
    def key(self) -> str:
        """Text that is equal exactly for equal references."""
        return json.dumps(self.model_dump(), sort_keys=True)


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

    def __call__(self, axis: str, component: Reference | Mapping[str, Any]) -> str:
        """Return the label of a target or component of these rows; a plain mapping is read as one."""
        return self._labels[axis, _reference(component).key]


def labels(rows: Iterable[Row | Mapping[str, Any]]) -> Labels:
    """Return the labels of the targets and components of rows, given as models or as plain mappings."""
    found = []
    for row in rows:
        for axis in ("target", *AXES):
            component = row[axis] if isinstance(row, Mapping) else getattr(row, axis)
            found.append((axis, _reference(component)))
    return Labels(found)


def find(label: str, components: Iterable[Reference]) -> list[Reference]:
    """Return the components that a label (`name`, `name:param=value`, `distribution/name`) fits.

    A label may give more parameters than tell the components apart: those it gives must agree. Where its
    parameters cannot be read back (a file name with a comma), its name decides.
    """
    try:
        request = parse_request(label)
        (settings,) = request.settings()
        name = request.name
    except (ComponentError, ValueError):
        name, settings = label.partition(":")[0], {}
    distribution, _, name = name.rpartition("/")
    return [
        component
        for component in components
        if component.name == name
        and distribution in ("", component.distribution)
        and all(k in component.params and _same(component.params[k], v) for k, v in settings.items())
    ]


def _same(a: Any, b: Any) -> bool:
    return format_value(a) == format_value(b)


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


def _reference(component: Reference | Mapping[str, Any]) -> Reference:
    return component if isinstance(component, Reference) else Reference.model_validate(component)
