"""Measurements: what is measured of a component, by the axis that it is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from harness.components import Component
from harness.properties import Property

Measure = Callable[[Any, int], Sequence[Property]]
"""Measures properties of a component with random numbers of a seed."""


class Measurement(NamedTuple):
    """Properties that are measured together: what raises in one measurement leaves the others alone."""

    name: str
    measure: Measure


MODULES: Mapping[str, str] = {
    "target": "harness.certification.targets",
    "weighting": "harness.certification.weightings",
    "noise_distribution": "harness.certification.weightings",
    "noise_schedule": "harness.certification.noise_schedules",
    "time_discretization": "harness.certification.time_discretizations",
    "sampler": "harness.certification.samplers",
    "metric": "harness.certification.metrics",
    "bound": "harness.certification.bounds",
    "network": "harness.certification.networks",
    "initial_law": "harness.certification.initial_laws",
    "preconditioning": "harness.certification.preconditionings",
}
"""Where the measurements of each of the harness's own axes are: a module's `MEASUREMENTS`, by axis."""

OWN = Measurement("properties of its own", lambda component, seed: component.own_properties(seed))
"""What a component, or the contract of an axis that a plugin registers, brings itself."""


def measurements(component: Component) -> list[Measurement]:
    """Return what is measured of a component; nothing is imported for other axes."""
    path = MODULES.get(component.axis)
    of_axis: Mapping[str, Sequence[Measurement]] = import_module(path).MEASUREMENTS if path else {}
    return [*of_axis.get(component.axis, ()), OWN]
