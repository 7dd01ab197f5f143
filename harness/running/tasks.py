"""Tasks: what an executor is given, how each ended, and what is the same wherever they are carried out."""

from __future__ import annotations

import heapq
import io
import os
import pickle
import pkgutil
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, TypeVar

from harness.arithmetic import in_force, one_thread
from harness.components import Component
from harness.engine import shortage
from harness.errors import TRY_AGAIN, DiskError, NotApplicable, failure_line, one_line, traceback_text
from harness.planning.units import ONE_CORE, NotPossible, Resources
from harness.registry import process_state
from harness.registry.provenance import stranger
from harness.running.memory import keep_freed_memory

T = TypeVar("T")


@dataclass(frozen=True)
class Task:
    """One call to be made in a worker.

    Attributes:
        name: identifies it among the tasks of a run.
        stage: tasks of an earlier stage go first; tasks of one stage cost alike per estimated second.
        argument: makes what the function is called with, when the task is about to start; raises `NotPossible`
            where what it builds on has failed.
        cost: estimated seconds on one core.
        limit: seconds after which it is given up.
        after: names of tasks that must have ended first.
        resources: what of a machine it takes.
    """

    name: str
    stage: int
    argument: Callable[[], Any]
    cost: float
    limit: float
    after: frozenset[str] = field(default_factory=frozenset)
    resources: Resources = ONE_CORE


KILLED = f"its process was killed from outside (out of memory?); {TRY_AGAIN}"
"""The reason why a task has no value that was not at fault itself, as far as can be seen."""


@dataclass(frozen=True)
class Ended:
    """How a task ended: with a value, or with a reason why there is none.

    Attributes:
        task: which.
        value: what the function returned.
        reason: why there is no value, in one line.
        seconds: that it took.
        traceback: of the exception that is the reason; empty where there was none.
        strangers: the foreign distributions whose components took part.
        changed: what of its process their code changed, in words; it was put back.
        applicable: false where the reason is that a component has no meaning for what it was given.
        arithmetic: with which it was computed (`harness.arithmetic.in_force`), and whether points were computed in
            parts for lack of memory; empty where it did not come so far.
        shortages: of memory, with what they made of the task (`harness.engine.shortage`).
    """

    task: Task
    value: Any
    reason: str | None
    seconds: float
    traceback: str = ""
    strangers: frozenset[str] = frozenset()
    changed: tuple[str, ...] = ()
    applicable: bool = True
    arithmetic: str = ""
    shortages: tuple[str, ...] = ()


class Parcel(NamedTuple):
    """A task's argument as a worker gets it, and whose components are in it besides the harness's own."""

    content: bytes
    strangers: frozenset[str]


class Packer(pickle.Pickler):
    """Pickles an argument, and notes whose components are in it: the code that unpickling it imports."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.strangers: set[str] = set()

    def reducer_override(self, obj: object) -> Any:
        """Note whose an object is; it is pickled as it would be."""
        cls = obj if isinstance(obj, type) else type(obj)
        if issubclass(cls, Component) and (name := stranger(cls)) is not None:
            self.strangers.add(name)
        return NotImplemented


def packed(argument: Any) -> Parcel:
    """Return an argument as it is sent; raises whatever pickling it raises."""
    file = io.BytesIO()
    packer = Packer(file)
    packer.dump(argument)
    return Parcel(file.getvalue(), frozenset(packer.strangers))


class Done(NamedTuple):
    """What a worker says of a task: the fields of the same names of `Ended`."""

    value: Any
    reason: str | None
    seconds: float
    traceback: str
    changed: tuple[str, ...]
    applicable: bool
    arithmetic: str
    shortages: tuple[str, ...] = ()

    def ended(self, task: Task, strangers: frozenset[str]) -> Ended:
        """Return how a task ended, from what its worker said."""
        return Ended(task, strangers=strangers, **self._asdict())


def parcel_or_end(task: Task, pack: Callable[[Any], T]) -> T | Ended:
    """Return a task's argument as `pack` makes it ready to be sent, or how the task ended where there is none."""
    try:
        argument = task.argument()
    except NotPossible as error:
        return Ended(task, None, str(error), 0.0, applicable=error.applicable)
    try:
        return pack(argument)
    except NotApplicable as error:
        return Ended(task, None, one_line(error), 0.0, applicable=False)
    except (Exception, SystemExit) as error:  # whatever a foreign component raises where it says how it is sent
        return Ended(task, None, failure_line(error), 0.0, traceback_text(error))


class Queue:
    """Tasks that have not started: those that may, in order, and those that wait for others."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        listed = list(tasks)
        names = {task.name for task in listed}
        self._followers: dict[str, list[tuple[int, Task]]] = {}
        self._open: dict[str, int] = {}
        self._blocked = 0
        self.ready: list[tuple[int, float, int, Task]] = []
        for order, task in enumerate(listed):
            before = task.after & names
            for name in before:
                self._followers.setdefault(name, []).append((order, task))
            self._open[task.name] = len(before)
            if before:
                self._blocked += 1
            else:
                self._offer(order, task)

    def __bool__(self) -> bool:
        return bool(self.ready) or self._blocked > 0

    def take(self) -> Task:
        """Return the next of `ready`, which is not empty."""
        return heapq.heappop(self.ready)[-1]

    def end(self, task: Task) -> None:
        """Make ready what waited for nothing but this task."""
        for order, follower in self._followers.pop(task.name, []):
            self._open[follower.name] -= 1
            if self._open[follower.name] == 0:
                self._blocked -= 1
                self._offer(order, follower)

    def _offer(self, order: int, task: Task) -> None:
        heapq.heappush(self.ready, (task.stage, -task.cost, order, task))


def prepare_process() -> None:
    """Make a process a worker: one thread, memory that it keeps, and a standard output that is the leaderboard's."""
    one_thread()
    keep_freed_memory()
    # Whatever a plugin prints; its results are checked, warned of or not.
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    _arithmetic()


@cache
def _arithmetic() -> str:
    """Return what is in force in this process, as it is before foreign code runs in it."""
    return in_force()


def timed(function: str, content: bytes, watched: bool, load: Callable[[bytes], Any] = pickle.loads) -> Done:
    """Make a call in a worker.

    Arguments:
        function: what is called, as `module:name`.
        content: its argument, pickled.
        watched: whether foreign code takes part: settings of the process that it changes are put back.
        load: makes the argument of its content.

    Returns:
        Its value, or why there is none.

    Raises:
        DiskError: the call met a disk that cannot be written. One that foreign code raises itself is its own failure.
    """
    call = pkgutil.resolve_name(function)
    before = process_state.read() if watched else {}
    shortage.told()
    start = time.perf_counter()
    value, reason, trace, applicable = None, None, "", True
    changed: list[str] = []
    try:
        argument = load(content)
        # Importing a plugin may change settings: its first task sees what its later ones see.
        changed += process_state.put_back(before) if watched else []
        value = call(argument)
    except NotApplicable as error:
        reason, applicable = one_line(error), False
    except BaseException as error:  # SystemExit too; and no exception need survive the way to another process
        if isinstance(error, DiskError) and not (watched and _raised_by_a_plugin(error)):
            raise
        reason, trace = failure_line(error), traceback_text(error)
    seconds = time.perf_counter() - start
    changed += process_state.put_back(before) if watched else []
    lines, in_parts = shortage.told()
    arithmetic = "; ".join([_arithmetic(), *([shortage.IN_PARTS] if in_parts else [])])
    return Done(value, reason, seconds, trace, tuple(dict.fromkeys(changed)), applicable, arithmetic, lines)


def _raised_by_a_plugin(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0] != "harness"
