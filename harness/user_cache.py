"""The user's cache: small JSON files that hold what was found out once, beside no result.

They lie in `HARNESS_CACHE`, else in `XDG_CACHE_HOME`. What cannot be read was never found, and what cannot be written
is found again.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import DISTRIBUTION


def cache_file(name: str) -> Path:
    """Return where a file of the cache lies, whether or not there is one."""
    folder = os.environ.get("HARNESS_CACHE")
    above = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(folder or Path(above) / DISTRIBUTION).absolute() / name


def read_cache(name: str) -> dict[str, Any]:
    """Return what a file of the cache holds; nothing where it cannot be read, or is no JSON object."""
    try:
        found = json.loads(cache_file(name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_cache(name: str, content: Mapping[str, Any], most: int) -> None:
    """Replace a file of the cache, at once and whole; where that cannot be done, nothing is.

    Arguments:
        name: of the file.
        content: JSON values by their keys, the newest last.
        most: how many of them are kept, the newest.
    """
    file = cache_file(name)
    new = file.with_name(f"{file.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        # Of a user without a home the name of one stays as it is.
        if "~" in file.parts:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(json.dumps(dict(list(content.items())[-most:]), indent=1), encoding="utf-8")
        new.replace(file)
