"""In process: an executor that carries out units in the process that calls, one after another.

Nothing is sent anywhere, so that a component may be of a class that no other process could find, and a debugger stops
in it. There is no time limit, and no process of its own for foreign code: settings of the process are put back after
each unit, as in a worker, but what a unit patches stays. For tests of components (`harness.testing`).
"""

from __future__ import annotations

import pkgutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from harness.engine import shortage
from harness.errors import DiskError, NotApplicable, failure_line, one_line, traceback_text
from harness.planning.units import NotPossible
from harness.registry import process_state
from harness.running.tasks import Ended, Queue, Task

WHO = frozenset(["a component"])
"""Who changed what of the process: nobody is told apart here."""


class InProcess:
    """Carries out tasks by one function; as `harness.running.executor.Executor`."""

    count = 1

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def run(self, tasks: Iterable[Task]) -> Iterator[Ended]:
        """Carry out tasks; as `Executor.run`."""
        queue = Queue(tasks)
        while queue:
            task = queue.take()
            yield self._ended(task)
            queue.end(task)

    def _ended(self, task: Task) -> Ended:
        """Carry out one task; what it changed of the process is put back.

        Raises:
            DiskError: a disk cannot be written.
        """
        before, start = process_state.read(), time.perf_counter()
        shortage.told()
        try:
            ended = Ended(task, self._function(task.argument()), None, 0.0)
        except NotPossible as error:
            ended = Ended(task, None, str(error), 0.0, applicable=error.applicable)
        except NotApplicable as error:
            ended = Ended(task, None, one_line(error), 0.0, applicable=False)
        except DiskError:
            raise
        except (Exception, SystemExit) as error:
            ended = Ended(task, None, failure_line(error), 0.0, traceback_text(error))
        finally:
            changed = tuple(process_state.put_back(before))
        seconds, shortages = time.perf_counter() - start, shortage.told().lines
        return replace(ended, seconds=seconds, changed=changed, strangers=WHO, shortages=shortages)


@contextmanager
def in_process(count: int | None, function: str, for_strangers: str | None = None) -> Iterator[InProcess]:
    """Provide the executor; as `harness.running.executor.Factory`. Every component is held to what strangers' are."""
    with _one_thread():
        yield InProcess(pkgutil.resolve_name(for_strangers or function))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let libraries compute with one thread, as in a worker: for small networks more take longer."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
