"""Chosen: the components that words of a command line mean: names, distributions, files.

A file is a suite (`.toml`), whose components are meant; a leaderboard (`.json`), likewise; or Python (`.py`), whose
classes are meant, whether or not a plugin offers them.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from harness.axes import AXES
from harness.certification.subjects import Subject, example_of, offering, plugin_of, subject_of
from harness.components import Component, Request, parse_request
from harness.errors import HarnessError, failure_line
from harness.registry.discovery import check_class
from harness.registry.names import axis_named, named
from harness.registry.provenance import normalize
from harness.registry.registry import Registry

FILES = (".toml", ".json", ".py")
"""How files end that may be given."""

Found = tuple[Registry, Subject]


def chosen(registry: Registry, words: Sequence[str]) -> list[Found]:
    """Return what words mean, each subject with the registry that knows it; none: all that is installed.

    Raises:
        HarnessError: a word means nothing.
    """
    if not words:
        return [(registry, each) for each in installed(registry)]
    found = [each for word in words for each in _meant(registry, word)]
    return list({(id(place), subject.label, subject.axis): (place, subject) for place, subject in found}.values())


def _meant(registry: Registry, word: str) -> list[Found]:
    if word.endswith(FILES):
        return _of_file(registry, Path(word))
    if normalize(word) in {normalize(plugin.distribution) for plugin in registry.plugins}:
        return [(registry, each) for each in installed(registry, word)]
    return [(registry, each) for each in subjects_named(registry, word)]


def installed(registry: Registry, distribution: str | None = None) -> Iterator[Subject]:
    """Yield the example of each component, of all distributions or of one; then the plugins that cannot be loaded."""
    examples = (
        example_of(registry, name, cls) for axis in registry.axes for name, cls in registry.classes(axis).items()
    )
    broken = (plugin_of(plugin) for plugin in registry.plugins if plugin.status == "failed")
    for each in (*examples, *broken):
        if distribution is None or normalize(each.distribution) == normalize(distribution):
            yield each


def subjects_named(registry: Registry, word: str, axis: str | None = None) -> list[Subject]:
    """Return the components that one word means, on each axis that has its name.

    Raises:
        ComponentError: it means none, or a parameter is wrong.
    """
    request = parse_request(word)
    classes = named(registry, request.name, None if axis is None else axis_named(registry, axis))
    if not request.values:
        return [example_of(registry, cls.name, cls) for cls in classes]
    return [each for cls in classes for each in _forms(registry, cls, request)]


def _forms(registry: Registry, cls: type[Component], request: Request) -> list[Subject]:
    name = f"{offering(registry, cls)[0]}/{cls.name}"
    return [subject_of(registry, each) for each in registry.make(cls.axis, Request(name, request.values))]


def _of_file(registry: Registry, path: Path) -> list[Found]:
    if not path.is_file():
        raise HarnessError(f"{path}: no such file; give components, distributions, or files {', '.join(FILES)}")
    if path.suffix == ".py":
        return _of_python(path)
    made = _of_suite(registry, path) if path.suffix == ".toml" else _of_leaderboard(registry, path)
    return [(registry, subject_of(registry, each)) for each in dict.fromkeys(made)]


def _of_suite(registry: Registry, path: Path) -> list[Component]:
    """Return every component that a suite lists, and those that stand in their parameters."""
    from harness.suites.model import load_suite

    suite = load_suite(str(path))
    listed = [each for axis in AXES.values() if axis.role != "part" for each in suite.components(axis.name, registry)]
    return [each for component in listed for each in (component, *component.inner_components())]


def _of_leaderboard(registry: Registry, path: Path) -> list[Component]:
    """Return every component of a leaderboard's rows, metrics and bounds, as it is installed here."""
    from harness.results.leaderboard import Leaderboard

    board = Leaderboard.read(path)
    listed = [registry.remake(axis, reference) for axis, reference in board.components()]
    judging = [
        *(("metric", each) for each in board.declared.metrics),
        *(("bound", each) for each in board.declared.bounds),
    ]
    return [*listed, *(each for axis, label in judging for each in registry.parse(axis, label))]


class _AsItStands(SourceFileLoader):
    """Compiles what the file holds now: bytecode kept beside it is taken for its own within the second it was saved."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def _of_python(path: Path) -> list[Found]:
    """Return the components that a file of Python defines.

    Raises:
        HarnessError: it cannot be imported, or defines none.
    """
    name = f"_certified_{path.stem}"
    loader = _AsItStands(name, str(path))
    module = ModuleType(name)
    module.__file__, module.__spec__ = str(path), ModuleSpec(name, loader, origin=str(path))
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise HarnessError(f"{path} cannot be imported: {failure_line(error)}") from error
    classes = [each for each in vars(module).values() if _defined(each, name)]
    if not classes:
        raise HarnessError(f"{path} defines no component: no class with an axis and a name")
    registry = Registry.from_classes(classes, str(path))
    return [(registry, _checked(registry, cls)) for cls in classes]


def _defined(value: object, module: str) -> bool:
    """Whether a value is a component class of the module; a base class of others, without a name, is none."""
    own = isinstance(value, type) and issubclass(value, Component) and value.__module__ == module
    return own and hasattr(value, "name") and not inspect.isabstract(value)


def _checked(registry: Registry, cls: type[Component]) -> Subject:
    """Return a class as a subject, with what a plugin that offers it would be told."""
    try:
        check_class(registry.axes[cls.axis], cls)
    except HarnessError as error:
        return example_of(registry, cls.name, cls, (str(error),))
    return example_of(registry, cls.name, cls)
