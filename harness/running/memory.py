"""Memory that a worker frees and needs again at once.

A layer's output over a batch is megabytes. glibc gives such blocks back to the system when they are freed and
asks for them anew, zeroed page by page, at the next layer: a quarter to a third of the time of a small
network's evaluation.
"""

from __future__ import annotations

import ctypes

MMAP_THRESHOLD = 32 << 20
"""Blocks up to this size come from the heap: the most that glibc allows."""

TRIM_THRESHOLD = 512 << 20
"""Free memory, in bytes, that a process may keep at the top of its heap."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def keep_freed_memory() -> bool:
    """Let this process keep freed blocks for its next ones; return whether its C library was told so.

    Does nothing where the C library is not glibc. Results do not depend on it.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    return bool(
        library.mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD) and library.mallopt(_M_TRIM_THRESHOLD, TRIM_THRESHOLD)
    )
