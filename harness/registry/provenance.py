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

from harness.components import Component

GROUP = "harness"
"""The entry-point group of plugins."""

CLAIMS = "claims"
"""The folder of a plugin's package that holds its claims."""

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


def source_root(cls: type) -> Path | None:
    """Return the file or directory that defines the class: its outermost package that is not a namespace.

    None where there is no file (a class typed at a prompt).
    """
    parts = cls.__module__.split(".")
    for end in range(1, len(parts) + 1):
        module = sys.modules.get(".".join(parts[:end]))
        file = getattr(module, "__file__", None)
        if file is not None:
            path = Path(file)
            return path.parent if path.stem == "__init__" else path
    return None


def among_claims(cls: type) -> bool:
    """Tell whether a class is defined in the folder of its package that `source_digest` leaves out."""
    root, file = source_root(cls), getattr(sys.modules.get(cls.__module__), "__file__", None)
    return root is not None and file is not None and Path(file).is_relative_to(root / CLAIMS)


@functools.cache
def source_digest(root: Path) -> str:
    """Return the SHA-256 over relative path and bytes of every source file of a package (or module).

    A package's folder `claims` is left out: claims judge results and make none, so that a rule may be edited
    without what it judges being computed again.
    """
    base = root.parent
    files = [root] if root.is_file() else [f for f in root.rglob("*") if f.name.endswith(_SOURCES)]
    files = [file for file in files if not file.is_relative_to(root / CLAIMS)]
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
