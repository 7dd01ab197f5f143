"""Same code: what results depend on of an installation, to be compared between machines that work on one run.

Keys are made by the machine that plans. A record that another made is worth its key only where the same libraries and
the same plugins are installed there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import metadata, util
from pathlib import Path

from harness import DISTRIBUTION
from harness.arithmetic import LIBRARIES
from harness.registry.discovery import load
from harness.registry.provenance import GROUP, dependencies, is_own, source_digest

RULE = f"install there the same {DISTRIBUTION}, plugins and libraries as here"
"""What is right for a machine that has other code."""


ABSENT = "not installed"
"""The version of a library that a component runs and that need not be there."""


def code_here() -> dict[str, str]:
    """Return the versions of the numerical libraries, and of each plugin the digest of its files, by name.

    Of a foreign distribution the versions of what it requires are among them, of the harness's own plugins those of the
    other projects' libraries that their components run. Nothing foreign is imported.
    """
    found = {library: metadata.version(library) for library in LIBRARIES}
    packages, own = {"harness"}, []
    for entry in metadata.entry_points(group=GROUP):
        packages.add(entry.module.partition(".")[0])
        if entry.dist is not None and is_own(entry.dist.name):
            own.append(f"{DISTRIBUTION}/{entry.name}")
        elif entry.dist is not None:
            found |= dict(dependencies(entry.dist.name))
    return found | _libraries_run(own) | {package: _source(package) for package in packages}


def differing(here: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """Return the names of what is here and is another there, or missing, sorted.

    What is there besides does no harm. A library that is here has to be there: whether a row fails may not depend on
    the machine to which it goes.
    """
    return sorted(name for name, value in here.items() if value not in (ABSENT, there.get(name)))


def _libraries_run(entries: Iterable[str]) -> dict[str, str]:
    """Return the versions of the libraries that components of some plugins run, by their distributions' names."""
    registry = load(",".join(entries))
    classes = [cls for axis in registry.axes for cls in registry.classes(axis).values()]
    return {cls.library.distribution: cls.library.version() or ABSENT for cls in classes if cls.library is not None}


def _source(package: str) -> str:
    spec = util.find_spec(package)
    if spec is None or spec.origin is None:
        return ""
    file = Path(spec.origin)
    return source_digest(file.parent if file.stem == "__init__" else file)
