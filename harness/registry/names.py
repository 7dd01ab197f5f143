"""Names: the components that a word of the command line means, on whichever axes."""

from __future__ import annotations

from harness.components import Component, ComponentError
from harness.errors import SHORTEST, HarnessError, did_you_mean
from harness.registry.registry import Registry

SHOWN = 5
"""Components that a hint names at most."""


def axis_named(registry: Registry, word: str) -> str:
    """Return the axis that a word of the command line means.

    Raises:
        HarnessError: there is none.
    """
    known = axis_words(registry)
    axis = known.get(word) or known.get(word.replace("_", "-"))
    if axis is None:
        raise HarnessError(f"unknown axis {word!r}; {did_you_mean(word, known)}")
    return axis


def axis_words(registry: Registry) -> dict[str, str]:
    """Return the name of each axis by the word that means it on a command line: that of its option."""
    return {axis.option.removeprefix("--"): name for name, axis in registry.axes.items()}


def named(registry: Registry, name: str, axis: str | None) -> list[type[Component]]:
    """Return the component of this name on every axis that has one.

    Raises:
        ComponentError: there is none, or a bare name that several plugins offer.
    """
    head, slash, rest = name.partition("/")
    if slash and (meant := axis_words(registry).get(head.replace("_", "-"))):
        axis, name = meant, rest
    if axis is not None:
        return [registry.find(axis, name)]
    bare = name.rpartition("/")[2]
    offering = [a for a in registry.axes if any(n.rpartition("/")[2] == bare for n in registry.classes(a))]
    found, errors = [], []
    for each in offering:
        try:
            found.append(registry.find(each, name))
        except ComponentError as error:
            errors.append(error)
    if errors and not found:
        raise errors[0]
    if not found:
        raise ComponentError(f"unknown component {name!r}; {_hint(registry, bare)}")
    return found


def _hint(registry: Registry, word: str) -> str:
    """Return what may have been meant: a name that is near, else components that are described by the word."""
    classes = {name: cls for axis in registry.axes for name, cls in registry.classes(axis).items()}
    near = did_you_mean(word, classes)
    if near.startswith("did you mean"):
        return near
    said = [name for name, cls in classes.items() if word.casefold() in _described(cls)]
    if said and len(word) >= SHORTEST:
        more = f" and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
        return f"it stands in what is said of {', '.join(sorted(said)[:SHOWN])}{more}"
    return f"{len(classes)} components are listed by: harness plugins"


def _described(cls: type[Component]) -> str:
    return " ".join((cls.__doc__ or "", cls.formula, cls.source)).casefold()
