"""Executor: carries out tasks, here or on other machines, behind one protocol; chosen by name.

An executor is an entry point of the group `harness_executors` that names a `Factory`. The harness's own are `processes`
(`harness.running.workers`) and `ray` (`harness.running.ray_cluster`); any package may bring another, which is called by
its name, or by `distribution/name` where that name is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from importlib import metadata
from typing import TYPE_CHECKING, Protocol, cast

from harness import DISTRIBUTION
from harness.errors import HarnessError, did_you_mean, one_line
from harness.registry.provenance import normalize

if TYPE_CHECKING:
    from harness.running.tasks import Ended, Task

GROUP = "harness_executors"
"""The entry-point group of executors."""

PROCESSES = "processes"
"""The executor that is taken where none is named."""


class ExecutorError(HarnessError):
    """An executor that is unknown, that cannot be started, or that has no machine left to work on."""


class Executor(Protocol):
    """Carries out tasks.

    Units of foreign distributions never share a process with other code, a hanging unit is given up at its limit, and
    a worker that is lost costs no more than what it had in hand. `harness.running.tasks` has what that takes.
    """

    @property
    def count(self) -> int:
        """How many tasks are carried out at once, at most."""

    def run(self, tasks: Iterable[Task]) -> Iterator[Ended]:
        """Carry out tasks as their predecessors end, early stages first; yield each once, as it ends.

        Blobs that a task wrote lie in the result directory before it is yielded.

        Raises:
            DiskError: a task met a disk that cannot be written: the run ends.
            HarnessError: there are no workers any more; no task is to blame.
        """


Factory = Callable[[int | None, str, str | None], AbstractContextManager[Executor]]
"""Starts an executor, which ends with the context, whatever happens in it.

Its arguments: how many tasks are carried out at once at most (None: as many as there are cores); what workers call with
a task's argument, as `module:name`; and what they call instead where foreign components take part (None: the same).
"""


def executor(name: str | Factory) -> Factory:
    """Return what starts the executor of a name; one that is given itself is that.

    Raises:
        ExecutorError: there is none, or its package cannot be imported.
    """
    if not isinstance(name, str):
        return name
    found = _installed()
    if PROCESSES not in found:
        # What is installed was made before executors were entry points: an editable install whose sources moved on.
        raise ExecutorError(f"{DISTRIBUTION} as installed has no executors; install it again: pip install -e .")
    if name not in found:
        raise ExecutorError(f"executor {name!r} is unknown; {did_you_mean(name, found)}")
    try:
        return cast(Factory, found[name].load())
    except Exception as error:
        raise ExecutorError(f"executor {name} cannot be loaded: {one_line(error)}") from error


def _installed() -> dict[str, metadata.EntryPoint]:
    """Return the executors of installed packages, by each name that they can be called by."""
    entries = [(_distribution(entry), entry) for entry in metadata.entry_points(group=GROUP)]
    names = [entry.name for _, entry in entries]
    found = {}
    for distribution, entry in entries:
        found[f"{distribution}/{entry.name}"] = entry
        if distribution == DISTRIBUTION or names.count(entry.name) == 1:
            found[entry.name] = entry
    return found


def _distribution(entry: metadata.EntryPoint) -> str:
    return normalize(entry.dist.name) if entry.dist is not None else ""
