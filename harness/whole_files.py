"""Whole files: a file is there with all of its content, or as it was before."""

from __future__ import annotations

import os
from pathlib import Path

PART = ".part"
"""Ends the name of a file that is being written."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, in place of one that is there.

    Raises:
        OSError: it cannot be written; nothing is left of it.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}{PART}")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
