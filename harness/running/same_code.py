"""Same code: what results depend on of an installation, to be compared between machines that work on one run.

Keys are made by the machine that plans. A record that another made is worth its key only where the same libraries and
the same plugins are installed there.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata, util
from pathlib import Path

from harness import DISTRIBUTION
from harness.arithmetic import LIBRARIES
from harness.registry.provenance import GROUP, dependencies, is_own, source_digest

RULE = f"install there the same {DISTRIBUTION}, plugins and libraries as here"
"""What is right for a machine that has other code."""


def code_here() -> dict[str, str]:
    """Return the versions of the numerical libraries, and of each plugin the digest of its files, by name.

    Of a foreign distribution the versions of what it requires are among them. Nothing is imported.
    """
    found = {library: metadata.version(library) for library in LIBRARIES}
    packages = {"harness"}
    for entry in metadata.entry_points(group=GROUP):
        packages.add(entry.module.partition(".")[0])
        if entry.dist is not None and not is_own(entry.dist.name):
            found |= dict(dependencies(entry.dist.name))
    return found | {package: _source(package) for package in packages}


def differing(here: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """Return the names of what is here and is not the same there, sorted; what is there besides does no harm."""
    return sorted(name for name, value in here.items() if there.get(name) != value)


def _source(package: str) -> str:
    spec = util.find_spec(package)
    if spec is None or spec.origin is None:
        return ""
    file = Path(spec.origin)
    return source_digest(file.parent if file.stem == "__init__" else file)
