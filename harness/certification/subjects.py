"""Subjects: what a certificate is made of, before anything is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.components import Component, ComponentError
from harness.errors import HarnessError
from harness.registry.registry import PluginInfo, Registry

PLUGIN = "plugin"
"""The axis of the certificate of a plugin that cannot be loaded."""


@dataclass(frozen=True)
class Subject:
    """Something to certify.

    Attributes:
        label: what it is called.
        axis: of the component; `PLUGIN` of a plugin that cannot be loaded.
        make: makes the component, with an empty folder in which it may write what it reads.
        distribution: that offers it; empty where none does.
        version: of the distribution.
        faults: what is known to be wrong with it before it is made, a line each.
    """

    label: str
    axis: str
    make: Callable[[Path], Component]
    distribution: str = ""
    version: str = ""
    faults: tuple[str, ...] = ()


def subject_of(registry: Registry, component: Component) -> Subject:
    """Return a component that is made already as a subject."""
    distribution, version = offering(registry, type(component))
    return Subject(registry.label(component), component.axis, lambda _: component, distribution, version)


def example_of(registry: Registry, name: str, cls: type[Component], faults: tuple[str, ...] = ()) -> Subject:
    """Return the example of a class as a subject."""
    return Subject(name, cls.axis, cls.example, *offering(registry, cls), faults)


def plugin_of(plugin: PluginInfo) -> Subject:
    """Return a plugin that cannot be loaded as a subject."""
    name = f"{plugin.distribution}/{plugin.entry_point}"
    return Subject(name, PLUGIN, _unmade, plugin.distribution, plugin.version, (plugin.reason,))


def _unmade(folder: Path) -> Component:
    raise HarnessError("its plugin cannot be loaded")


def offering(registry: Registry, cls: type[Component]) -> tuple[str, str]:
    """Return the distribution that offers a class, and its version; both empty where none does."""
    try:
        origin = registry.provenance(cls)
    except ComponentError:
        return "", ""
    return origin.distribution, origin.version
