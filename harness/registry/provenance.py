"""Where a component comes from: its distribution, the distribution's version, and a hash of its source files.

All three enter every digest, so that what one version of a plugin computed is never taken for another's.
"""

from __future__ import annotations

import functools
import hashlib
import re
import sys
from dataclasses import dataclass
from importlib import machinery, metadata
from pathlib import Path
from types import ModuleType

from harness.components import Component

GROUP = "harness"
"""The entry-point group of plugins."""

APART = "NO_PART_IN_RESULTS"
"""The attribute by which a package names those of its folders that take no part in what its components compute."""

_SOURCES = (".py", *machinery.EXTENSION_SUFFIXES)


@dataclass(frozen=True)
class Provenance:
    """The origin of a component class.

    Attributes:
        distribution: name of the installed distribution.
        version: its version.
        source: SHA-256 over the source files of the import package that defines the class.
    """

    distribution: str
    version: str
    source: str


def normalize(distribution: str) -> str:
    """Return the canonical spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _package(cls: type) -> ModuleType | None:
    """Return the outermost package of a class that is not a namespace; None where there is no file."""
    parts = cls.__module__.split(".")
    modules = (sys.modules.get(".".join(parts[:end])) for end in range(1, len(parts) + 1))
    return next((module for module in modules if getattr(module, "__file__", None) is not None), None)


def source_root(cls: type) -> Path | None:
    """Return the file or directory that defines the class: its outermost package that is not a namespace.

    None where there is no file (a class typed at a prompt).
    """
    package = _package(cls)
    if package is None:
        return None
    path = Path(str(package.__file__))
    return path.parent if path.stem == "__init__" else path


def folders_apart(cls: type) -> tuple[Path, ...]:
    """Return the folders of the class's package that hold nothing which enters results, as the package says."""
    root = source_root(cls)
    return () if root is None else tuple(root / name for name in getattr(_package(cls), APART, ()))


def apart(cls: type) -> str | None:
    """Return the folder, among those that `source_digest` leaves out, in which a class is defined."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return next((f.name for f in folders_apart(cls) if file is not None and Path(file).is_relative_to(f)), None)


@functools.cache
def source_digest(root: Path, left_out: tuple[Path, ...] = ()) -> str:
    """Return the SHA-256 over relative path and bytes of every source file of a package (or module).

    Folders of what judges results and makes none are left out, so that a rule may be edited without what it judges
    being computed again.
    """
    base = root.parent
    files = [root] if root.is_file() else [f for f in root.rglob("*") if f.name.endswith(_SOURCES)]
    files = [file for file in files if not any(map(file.is_relative_to, left_out))]
    total = hashlib.sha256()
    for file in sorted(files, key=lambda f: f.relative_to(base).as_posix()):
        content = file.read_bytes()
        total.update(f"{file.relative_to(base).as_posix()}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def distribution_of(component: Component) -> str | None:
    """Return the distribution whose plugin lives in the component's import package; None for no distribution.

    It reads the installed metadata afresh: for error messages, not for loops.
    """
    top = type(component).__module__.partition(".")[0]
    for entry_point in metadata.entry_points(group=GROUP):
        if entry_point.module.partition(".")[0] == top and entry_point.dist is not None:
            return entry_point.dist.name
    return None
