"""Worker processes: an executor of this machine, on all its cores, each unit under a time limit.

One thread a process, one process a core. A worker that hangs is killed with its unit and replaced; a worker whose
parent died ends itself. Workers compute and return records; only the parent writes.

A task with components of foreign distributions runs in processes that serve these distributions and no other code: what
one patches, at import or later, reaches no row of ours, nor one of another stranger. What it changes of the settings of
its process is put back after each task.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from pebble import ProcessExpired, ProcessPool

from harness import limits
from harness.errors import DiskError, HarnessError, LimitError, failure_line, one_line
from harness.running.tasks import (
    KILLED,
    Done,
    Ended,
    Parcel,
    Queue,
    Task,
    packed,
    parcel_or_end,
    prepare_process,
    timed,
)

PATIENCE = 5.0
"""Seconds after which it is seen whether the workers are still there."""

_SHARED = ("harness.engine.worker", __name__, "scipy.linalg", "scipy.interpolate", "threadpoolctl")
"""Modules that every worker needs, or nearly: imported once, by the server that workers are forked from."""

KEPT = 4
"""Pools for sets of foreign distributions that are kept while they have nothing to do: each holds all its processes."""

_FROM_OUTSIDE = {-9, 15}
"""Exit statuses of a worker after SIGKILL (a system that is out of memory sends it) and SIGTERM (it leaves with 15)."""


class WorkersLost(HarnessError):
    """Worker processes ended while they had nothing to do: no task is to blame, and none can be run any more."""

    def __init__(self) -> None:
        why = limits.in_force() or "out of memory?"
        super().__init__(f"worker processes were ended from outside ({why}); run the same command again")


@dataclass(frozen=True)
class _Running:
    """A task that a worker has or will have next, and whose components are in it."""

    task: Task
    strangers: frozenset[str]


class Workers:
    """Worker processes: a pool for our own code, and one for each set of foreign distributions that tasks meet."""

    def __init__(self, count: int, function: str, for_strangers: str | None = None) -> None:
        """Start the workers of our own code.

        Arguments:
            count: number of processes that are busy at most.
            function: what they call, as `module:name`; only they import it.
            for_strangers: what is called instead for tasks with components of foreign distributions.

        Raises:
            LimitError: the system allows less than they need.
        """
        if why := limits.obstacle(count):
            raise LimitError(why)
        self.count = count
        self._function = function
        self._for_strangers = for_strangers or function
        self._pools: dict[frozenset[str], Any] = {}
        with _starting():
            self._context = _context()
            self._pool(frozenset())

    def _pool(self, strangers: frozenset[str]) -> Any:
        """Return the pool of a set, which is the last of `_pools` from now on."""
        pool = self._pools.pop(strangers, None)
        if pool is None:
            pool = ProcessPool(max_workers=self.count, initializer=_prepare, context=self._context)
        self._pools[strangers] = pool
        return pool

    def _end_idle(self, busy: Collection[frozenset[str]]) -> None:
        """End pools of strangers that have had nothing to do for longest, all but a few."""
        idle = [strangers for strangers in self._pools if strangers and strangers not in busy]
        for strangers in idle[: max(0, len(idle) - KEPT)]:
            pool = self._pools.pop(strangers)
            pool.close()
            pool.join()

    def run(self, tasks: Iterable[Task]) -> Iterator[Ended]:
        """Run tasks as their predecessors end, stage by stage, the dearest first; yield each as it ends.

        Raises:
            DiskError: a task met a disk that cannot be written.
            WorkersLost: a pool came to an end.
        """
        queue = Queue(tasks)
        running: dict[Future[Any], _Running] = {}
        next_one: tuple[Task, Parcel] | None = None
        while queue or running or next_one:
            # Each worker has its next task at hand; the rest wait, so that early stages can overtake.
            while (next_one or queue.ready) and len(running) < 2 * self.count:
                if next_one is None:
                    task = queue.take()
                    made = parcel_or_end(task, packed)
                    if isinstance(made, Ended):
                        queue.end(task)
                        yield made
                        continue
                    next_one = task, made
                if not self._has_room(next_one[1].strangers, running.values()):
                    break
                running[self._schedule(*next_one)] = _Running(next_one[0], next_one[1].strangers)
                next_one = None
                self._end_idle({each.strangers for each in running.values()})
            # Now and then: a pool that has ended ends no task.
            done, _ = wait(running, PATIENCE, FIRST_COMPLETED)
            if running and not done and not all(pool.active for pool in self._pools.values()):
                raise WorkersLost
            for future in [each for each in running if each in done]:
                ended = running.pop(future)
                queue.end(ended.task)
                yield _end(ended, future)

    def _has_room(self, strangers: frozenset[str], running: Collection[_Running]) -> bool:
        """Whether a task may go to its pool: no more processes may be busy than there are workers.

        Of several pools no worker has a next task at hand, as one of each pool would be busy with it.
        """
        alone = all(each.strangers == strangers for each in running)
        return len(running) < (2 if alone else 1) * self.count

    def _schedule(self, task: Task, parcel: Parcel) -> Future[Any]:
        function = self._for_strangers if parcel.strangers else self._function
        arguments = [function, parcel.content, bool(parcel.strangers)]
        with _starting():
            future: Future[Any] = self._pool(parcel.strangers).schedule(timed, args=arguments, timeout=task.limit)
        return future

    def close(self, *, kill: bool = False) -> None:
        """End the workers; `kill` gives up what they are doing."""
        for pool in self._pools.values():
            if kill:
                pool.stop()
            else:
                pool.close()
        for pool in self._pools.values():
            pool.join()


@contextmanager
def _starting() -> Iterator[None]:
    """Say in one line why worker processes cannot be started.

    Raises:
        LimitError: the system has no room for them. WorkersLost: it ended them.
    """
    try:
        yield
    except (RuntimeError, EOFError) as error:
        raise WorkersLost from error
    except OSError as error:
        processes = limits.in_force() or "the system allows no more processes"
        room = "their semaphores need room in /dev/shm"
        why = limits.reached(error) or (processes if error.errno == errno.EAGAIN else room)
        raise LimitError(f"worker processes cannot be started: {error.strerror}; {why}") from error


@contextmanager
def workers(count: int | None, function: str, for_strangers: str | None = None) -> Iterator[Workers]:
    """Provide workers, ended on leaving whatever happens; arguments as `harness.running.executor.Factory`."""
    pool = Workers(count or available_cores(), function, for_strangers)
    try:
        yield pool
    except BaseException:
        pool.close(kill=True)
        raise
    pool.close()


def available_cores() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _context() -> Any:
    """Workers are forked from a clean server that has imported what they share; elsewhere they are spawned."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return _apart_from_the_script("spawn")
    from multiprocessing import forkserver, resource_tracker

    # The server's start would start it too, and it lets interrupts through again when it has.
    resource_tracker.ensure_running()
    context = _apart_from_the_script("forkserver")
    context.set_forkserver_preload([*_SHARED])
    with _interrupts_held_back(), _without_the_current_directory():
        forkserver.ensure_running()
    # The first fork waits for the import. Interrupted meanwhile, a pool's own workers would start too late, find
    # its semaphores gone and say so at length.
    first = context.Process(target=int)
    first.start()
    first.join()
    return context


def _apart_from_the_script(method: str) -> Any:
    """Return a context whose processes do not import the script that this one runs, as those of Python do.

    They need nothing of it: a task is made of what is imported by its name. A user's script would start the run again
    in each of them, unless all of it stood under `if __name__ == "__main__"`.
    """
    plain: Any = type(multiprocessing.get_context(method))

    class Context(plain):  # type: ignore[misc]
        def Process(self, *args: Any, **kwargs: Any) -> Any:
            process = plain.Process(*args, **kwargs)
            process._Popen = _start_apart  # what `start` calls
            return process

    return Context()


def _start_apart(process: Any) -> Any:
    # What a new process is told to import is read off the main module, and the module off this table.
    script, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    try:
        return type(process)._Popen(process)
    finally:
        sys.modules["__main__"] = script


@contextmanager
def _without_the_current_directory() -> Iterator[None]:
    """Let a Python that is started within import nothing from the directory that it is started in.

    The server is started by `python -c`, which would look there first: for a `harness` or a `torch` of the user's.
    """
    name = "PYTHONSAFEPATH"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let a process that is started within never hear Ctrl-C, which is its parent's to answer; here it comes later.

    The mask is inherited, and holds one thread only: the system hands the signal to another that has none (torch's,
    a plugin's), and Python answers it in this one. Ignoring the signal instead would lose one that comes within.
    """
    came: list[int] = []
    handler = signal.getsignal(signal.SIGINT)
    answers = threading.current_thread() is threading.main_thread() and handler is not None
    if answers:
        signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if answers:
            signal.signal(signal.SIGINT, handler)
    if came:
        signal.raise_signal(signal.SIGINT)


def _prepare() -> None:
    try:
        threading.Thread(target=_end_with_parent, daemon=True).start()
        prepare_process()
    except Exception as error:
        print(f"harness: a worker process cannot start: {failure_line(error)}", file=sys.stderr, flush=True)
        os._exit(1)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _end(running: _Running, future: Future[Any]) -> Ended:
    task = running.task
    try:
        done: Done = future.result()
    except DiskError:
        raise
    except BrokenProcessPool as error:
        raise WorkersLost from error
    except TimeoutError:
        return Ended(task, None, f"ran out of its time limit of {task.limit:g} s", task.limit)
    except ProcessExpired as error:
        status = error.exitcode
        reason = KILLED if status in _FROM_OUTSIDE else f"its process ended (exit status {status})"
        return Ended(task, None, reason, 0.0)
    except Exception as error:
        return Ended(task, None, one_line(error), 0.0)
    return done.ended(task, running.strangers)
