"""Limits: what the system allows a process, by the names under which a shell sets it.

A process that meets one is told of it in words of a lack of memory, or of none. Here is said which limit it was and
what would be right.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Iterable
from dataclasses import dataclass

try:
    import resource
except ImportError:  # a system without such limits
    resource = None  # type: ignore[assignment]


@dataclass(frozen=True)
class _Limit:
    """One limit.

    Attributes:
        constant: its name in Python's module `resource`.
        option: the option of the shell's command `ulimit` that sets it.
        what: is limited, in words.
        unit: in which `ulimit` counts.
        codes: numbers of the system's errors that tell it.
        texts: parts of messages that tell it, of libraries that tell no number.
    """

    constant: str
    option: str
    what: str
    unit: int
    codes: frozenset[int]
    texts: tuple[str, ...] = ()

    def allowed(self) -> float:
        """Return how much this process may have, in the unit of `ulimit`; infinity where that is not limited."""
        number = getattr(resource, self.constant, None)
        soft = -1 if number is None else resource.getrlimit(number)[0]
        return math.inf if soft < 0 or soft == resource.RLIM_INFINITY else soft // self.unit

    def told_by(self, error: BaseException) -> bool:
        """Whether an error says that this limit was met."""
        code = errno.ENOMEM if isinstance(error, MemoryError) else getattr(error, "errno", None)
        return code in self.codes or (code is None and any(text in str(error) for text in self.texts))


_MEMORY = "allocate memory", "failed to map segment"
_FILES = _Limit("RLIMIT_NOFILE", "n", "open files", 1, frozenset({errno.EMFILE}))
_THREADS = _Limit("RLIMIT_NPROC", "u", "processes and threads", 1, frozenset(), ("start new thread",))
_ADDRESSES = _Limit("RLIMIT_AS", "v", "kB of address space", 1024, frozenset({errno.ENOMEM}), _MEMORY)
_DATA = _Limit("RLIMIT_DATA", "d", "kB of data", 1024, frozenset({errno.ENOMEM}), _MEMORY)
_LIMITS = (_FILES, _THREADS, _ADDRESSES, _DATA)


FEW = 1000
"""Processes and threads that may well not be enough."""


def obstacle(workers: int = 0) -> str:
    """Return which limit is so low that a run could not start, and what would be right; empty for none.

    Arguments:
        workers: number of worker processes; 0: not known yet, so that only this process is looked at.
    """
    # Measured: 0.65 GB of addresses where torch is imported; 14 open files, 10 processes and threads, and two of each
    # for every worker.
    least = [(_ADDRESSES, 2_000_000), (_DATA, 1_000_000)]
    if workers:
        least += [(_FILES, 24 + 2 * workers), (_THREADS, 12 + 2 * workers)]
    for limit, needed in least:
        if limit.allowed() < needed:
            allowed = f"{limit.allowed():.0f} {limit.what} are allowed here"
            return f"{allowed}, and a run needs {needed}; set ulimit -{limit.option} to that or more"
    return ""


def reached(error: BaseException) -> str:
    """Return which limit an error comes from, as a part of a line; empty where from none."""
    return _told(limit for limit in _LIMITS if limit.told_by(error))


def in_force() -> str:
    """Return the limits that may have ended a process without a word, as a part of a line; empty for none."""
    # That of processes is set nearly everywhere, mostly far above what anything here takes.
    return _told((*([_THREADS] if _THREADS.allowed() < FEW else []), _ADDRESSES, _DATA))


def _told(limits: Iterable[_Limit]) -> str:
    set_here = [limit for limit in limits if limit.allowed() < math.inf]
    told = " and ".join(f"{limit.allowed():.0f} {limit.what} (ulimit -{limit.option})" for limit in set_here)
    return f"allowed here are {told}" if told else ""
