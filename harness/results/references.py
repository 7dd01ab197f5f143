"""A field for each axis of the design space, and the components that a label of a document means.

In a label a parameter is shown only where components of the same axis and name differ in it,
`polynomial:rho=3`; a name that two distributions give is shown as `distribution/name`. A document knows no
defaults, so its rows decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import create_model

from harness.axes import design
from harness.components import ComponentError, format_value, parse_request
from harness.registry.references import Reference
from harness.results.document import Part

Model = TypeVar("Model", bound=Part)


def with_axes(base: type[Model], kind: object) -> type[Model]:
    """Return a model that has, after the fields of a base, one for each axis of the design space."""
    fields: dict[str, Any] = dict.fromkeys(design(), (kind, ...))
    made: type[Model] = create_model(base.__name__, __base__=base, **fields)
    return made


def short_form(name: str, given: Mapping[str, Any]) -> str:
    """Return a component with values of its parameters as a command line takes it: `name:param=value,…`."""
    return name + ":" * bool(given) + ",".join(f"{key}={format_value(value)}" for key, value in given.items())


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
