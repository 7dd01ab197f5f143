"""Laws: build the distribution of a target, once in a process."""

from __future__ import annotations

from functools import lru_cache

from harness.targets import Distribution, Target


@lru_cache(maxsize=4)
def distribution(target: Target) -> Distribution:
    """Return the target's distribution, built once in a process.

    Raises:
        Exception: whatever the target raises; it is built anew when it is wanted again.
    """
    return target.distribution()
