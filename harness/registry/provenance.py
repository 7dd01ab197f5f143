"""Where a component comes from: its distribution, the distribution's version, and a hash of its package's files.

All three enter every digest, so that what one version of a plugin computed is never taken for another's; of a foreign
distribution the versions of what it depends on do too, and that of a library whose code a component runs.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import machinery, metadata
from pathlib import Path
from types import ModuleType

from harness import DISTRIBUTION
from harness.components import Component

GROUP = "harness"
"""The entry-point group of plugins."""

APART = "NO_PART_IN_RESULTS"
"""The attribute by which a package names those of its folders that take no part in what its components compute."""

_COMPILED = tuple(machinery.BYTECODE_SUFFIXES)


@dataclass(frozen=True)
class Provenance:
    """The origin of a component class.

    Attributes:
        distribution: name of the installed distribution.
        version: its version.
        source: SHA-256 over the files of the import package that defines the class.
        dependencies: names and versions of the installed distributions that a foreign one requires, and of the library
            that the class runs.
    """

    distribution: str
    version: str
    source: str
    dependencies: tuple[tuple[str, str], ...] = ()


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
    """Return the SHA-256 over relative path and bytes of every file of a package (or module), data files too.

    Python's own caches, and hidden files, which editors and systems leave, take no part.
    Folders of what judges results and makes none are left out, so that a rule may be edited without what it judges
    being computed again.
    """
    base = root.parent
    files = [root] if root.is_file() else [f for f in root.rglob("*") if _counts(f.relative_to(root)) and f.is_file()]
    files = [file for file in files if not any(map(file.is_relative_to, left_out))]
    total = hashlib.sha256()
    for file in sorted(files, key=lambda f: f.relative_to(base).as_posix()):
        content = file.read_bytes()
        total.update(f"{file.relative_to(base).as_posix()}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def _counts(path: Path) -> bool:
    hidden = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
    return not hidden and path.suffix not in _COMPILED


@functools.cache
def dependencies(distribution: str) -> tuple[tuple[str, str], ...]:
    """Return names and versions of the installed distributions that one requires, by whatever extra or marker.

    The harness itself is none of them: of its code there enters a key what is run (`harness.planning.code`).
    """
    try:
        lines = metadata.distribution(distribution).requires or []
    except metadata.PackageNotFoundError:
        return ()
    names = {normalize(match[0]) for line in lines if (match := re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line))}
    found = []
    for name in sorted(names - {DISTRIBUTION}):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found.append((name, metadata.version(name)))
    return tuple(found)


def library_version(cls: type[Component]) -> tuple[tuple[str, str], ...]:
    """Return name and version of the library that a class runs; nothing where it runs none, or it is absent."""
    version = None if cls.library is None else cls.library.version()
    return () if cls.library is None or version is None else ((normalize(cls.library.distribution), version),)


def is_own(distribution: str) -> bool:
    """Whether a distribution is the harness's own; all others are foreign."""
    return normalize(distribution) == DISTRIBUTION


@functools.cache
def _own_packages() -> frozenset[str]:
    """Return the packages that the harness's own distribution brings, as it says itself."""
    try:
        entry_points = tuple(metadata.distribution(DISTRIBUTION).entry_points)
    except metadata.PackageNotFoundError:
        entry_points = ()
    return frozenset(["harness", *(each.module.partition(".")[0] for each in entry_points)])


@functools.cache
def stranger(cls: type[Component]) -> str | None:
    """Return whose code runs where a class does, if not the harness's own alone: a distribution, or a package of none.

    Of a class of the harness's own that is the library that it runs.
    """
    package = cls.__module__.partition(".")[0]
    if package in _own_packages():
        return None if cls.library is None else cls.library.distribution
    return _distribution(package) or package


def strangers(components: Iterable[Component]) -> frozenset[str]:
    """Return whose code components, and their parts, are made of besides the harness's own; empty where all is its."""
    found = {stranger(type(each)) for component in components for each in (component, *component.inner_components())}
    return frozenset(name for name in found if name is not None)


def distribution_of(component: Component) -> str | None:
    """Return the distribution whose plugin lives in the component's import package; None for no distribution.

    It reads the installed metadata afresh: for error messages, not for loops.
    """
    return _distribution(type(component).__module__.partition(".")[0])


def _distribution(package: str) -> str | None:
    for entry_point in metadata.entry_points(group=GROUP):
        if entry_point.module.partition(".")[0] == package and entry_point.dist is not None:
            return entry_point.dist.name
    return None
