"""Ray cluster: an executor of many machines.

Workers are actors, which serve our own code or one set of foreign distributions and hold what their units ask for. A
task goes to a worker that is ready, so that its time limit counts nothing but itself. A worker that is lost, with its
machine or alone, takes only the task that it had in hand, which is done again; one that loses its worker every time
fails. What a task reads of the result directory travels with it, what it writes travels back: machines need share no
file.

The cluster is that of `RAY_ADDRESS`; without it one is started here, and ended with the run.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import sys
import time
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from harness.blobs import Blob, BlobFolder
from harness.errors import HarnessError, one_line
from harness.planning.units import ONE_CORE, Resources
from harness.running.executor import ExecutorError
from harness.running.ray_connection import connected, ray_module, signals_told_apart
from harness.running.ray_worker import PLACE, Arrival, Delivery
from harness.running.same_code import RULE, code_here, differing
from harness.running.tasks import Ended, Packer, Queue, Task, parcel_or_end
from harness.targets import Target

TRIES = 3
"""Workers that a task may lose before it has failed."""

LOST = f"lost its worker {TRIES} times: it ends its process, or runs out of memory"
"""The reason of a task that lost them."""

PATIENCE = 5.0
"""Seconds after which time limits are looked at, at the latest."""

AHEAD = 32
"""Orders that are looked through for one that suits an idle worker, before it is ended for one of another kind."""

SOON = 10.0
"""Seconds in which a worker starts where there is room for it; after them idle ones make room."""

START = 600.0
"""Seconds without any worker, ready or busy, after which the run ends; a cluster may be growing meanwhile."""

SENT = 64
"""Blobs that are kept in the object store for tasks to come."""


class _Kind(NamedTuple):
    """What sets workers apart: whose code runs in them besides ours, and what of a machine they hold."""

    strangers: frozenset[str]
    resources: Resources


class _Parcel(NamedTuple):
    """A task's argument as it is sent, whose code is in it, which blobs it reads, and which targets that read files."""

    content: bytes
    strangers: frozenset[str]
    blobs: tuple[Blob, ...]
    files: bytes


@dataclass
class _Order:
    """A task that can be done, and how many workers were lost with it."""

    task: Task
    parcel: _Parcel
    place: BlobFolder | None
    lost: int = 0

    @property
    def kind(self) -> _Kind:
        return _Kind(self.parcel.strangers, self.task.resources)


@dataclass
class _Worker:
    """An actor. It is starting until its first call has ended, busy while it has an order, else idle.

    Attributes:
        actor: Ray's handle.
        kind: what it serves.
        call: the reference of its call under way; None where it is idle.
        order: what it does; None while it starts or is idle.
        until: when the time of its order has run out, by the monotonic clock.
        since: when it was asked for.
    """

    actor: Any
    kind: _Kind
    call: Any
    order: _Order | None = None
    until: float = float("inf")
    since: float = field(default_factory=time.monotonic)

    @property
    def idle(self) -> bool:
        return self.call is None

    @property
    def starting(self) -> bool:
        return self.call is not None and self.order is None


class RayWorkers:
    """Workers on the machines of a cluster that is connected already."""

    def __init__(self, ray: Any, count: int | None, function: str, for_strangers: str | None = None) -> None:
        """Take a cluster.

        Arguments:
            ray: the module, connected.
            count: number of workers at most; None: one a core of the cluster as it is now.
            function: what they call, as `module:name`.
            for_strangers: what is called instead for tasks with components of foreign distributions.
        """
        self._ray = ray
        self.count = count or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._function = function
        self._for_strangers = for_strangers or function
        self._actor = ray.remote(max_restarts=0, max_task_retries=0)(_actor_class())
        self._code = code_here()
        self._workers: list[_Worker] = []
        self._sent: OrderedDict[str, Any] = OrderedDict()
        self._failed_starts = 0
        self._last_seen = time.monotonic()

    def run(self, tasks: Iterable[Task]) -> Iterator[Ended]:
        """Carry out tasks; as `harness.running.executor.Executor`.

        Raises:
            ExecutorError: no worker can be started any more, or one has other code than this process.
        """
        queue, waiting = Queue(tasks), list[_Order]()
        self._last_seen = time.monotonic()
        while queue or waiting or any(worker.order for worker in self._workers):
            for each in _taken(queue, AHEAD + self.count - len(waiting)):
                if isinstance(each, Ended):
                    yield each
                else:
                    waiting.append(each)
            waiting.sort(key=lambda order: (order.task.stage, -order.task.cost))
            self._hand_out(waiting)
            self._call_up(waiting)
            for ended in self._settled(waiting):
                queue.end(ended.task)
                yield ended

    def close(self) -> None:
        """End all workers, whatever they are doing."""
        for worker in list(self._workers):
            self._dismiss(worker)

    def _hand_out(self, waiting: list[_Order]) -> None:
        """Give each idle worker the first order of its kind."""
        for worker in self._workers:
            order = next((each for each in waiting if each.kind == worker.kind), None) if worker.idle else None
            if order is not None:
                waiting.remove(order)
                worker.order, worker.call = order, self._called(worker.actor, order)
                worker.until = time.monotonic() + order.task.limit

    def _called(self, actor: Any, order: _Order) -> Any:
        parcel = order.parcel
        function = self._for_strangers if parcel.strangers else self._function
        digests = [blob.sha256 for blob in parcel.blobs]
        contents = [self._put(blob) for blob in parcel.blobs]
        return actor.do.remote(function, parcel.content, parcel.files, bool(parcel.strangers), digests, *contents)

    def _put(self, blob: Blob) -> Any:
        """Return the reference of a blob in the object store; the last ones that were sent lie there already."""
        if blob.sha256 not in self._sent:
            self._sent[blob.sha256] = self._ray.put(blob.read())
            if len(self._sent) > SENT:
                self._sent.popitem(last=False)
        self._sent.move_to_end(blob.sha256)
        return self._sent[blob.sha256]

    def _call_up(self, waiting: list[_Order]) -> None:
        """Start workers for orders that none is starting for; idle ones, which nobody waits for, make room."""
        coming = Counter(worker.kind for worker in self._workers if worker.starting)
        for kind in [order.kind for order in waiting]:
            if coming[kind] > 0:
                coming[kind] -= 1
                continue
            if sum(worker.kind == kind for worker in self._workers) >= self._most(kind.resources):
                continue
            if len(self._workers) >= self.count and not self._make_room():
                return
            self._start(kind)
        late = time.monotonic() - SOON
        if waiting and any(worker.starting and worker.since < late for worker in self._workers):
            # The cluster has less room than it had.
            self._make_room()

    def _make_room(self) -> bool:
        """Dismiss a worker that has nothing to do; return whether there was one."""
        idle = next((worker for worker in self._workers if worker.idle), None)
        if idle is not None:
            self._dismiss(idle)
        return idle is not None

    def _most(self, resources: Resources) -> int:
        """Return how many workers with such resources the cluster can hold; 1 where it may have to grow for it."""
        if resources == ONE_CORE:
            return self.count
        there = self._ray.cluster_resources()
        asked = {"CPU": resources.cores, "GPU": resources.devices}
        return max(1, min(int(there.get(name, 0) / share) for name, share in asked.items() if share > 0))

    def _start(self, kind: _Kind) -> None:
        options = {"num_cpus": kind.resources.cores, "num_gpus": kind.resources.devices}
        actor = self._actor.options(**options).remote(os.getcwd(), _import_path(), _settings())
        self._workers.append(_Worker(actor, kind, actor.arrive.remote(self._function)))

    def _settled(self, waiting: list[_Order]) -> Iterator[Ended]:
        """Wait a little; take note of what has happened to workers, and yield the tasks that ended."""
        calls = {worker.call: worker for worker in self._workers if worker.call is not None}
        until = min((worker.until for worker in calls.values()), default=0.0)
        patience = min(PATIENCE, max(0.01, until - time.monotonic()))
        done, _ = self._ray.wait(list(calls), num_returns=1, timeout=patience) if calls else ([], [])
        for call in done:
            worker = calls[call]
            if worker.order is None:
                self._arrived(worker)
            else:
                yield from self._ended(worker, worker.order, waiting)
        for worker in [each for each in self._workers if each.until <= time.monotonic()]:
            self._dismiss(worker)
            if worker.order is not None:
                task = worker.order.task
                yield Ended(task, None, f"ran out of its time limit of {task.limit:g} s", task.limit)
        self._see_that_some_are_left()

    def _arrived(self, worker: _Worker) -> None:
        """Take a worker that has started; or the next one in its place."""
        try:
            arrival: Arrival = self._ray.get(worker.call)
        except self._ray.exceptions.RayError as error:
            self._dismiss(worker)
            self._failed_starts += 1
            if self._failed_starts >= TRIES * self.count:
                raise ExecutorError(f"no worker of the cluster starts: {one_line(_cause(error))}") from error
            return
        others = differing(self._code, arrival.code)
        if others:
            raise ExecutorError(f"node {arrival.node} has another {', '.join(others[:5])}: {RULE}")
        worker.call, self._failed_starts = None, 0

    def _ended(self, worker: _Worker, order: _Order, waiting: list[_Order]) -> Iterator[Ended]:
        """Yield how an order ended; where its worker was lost it waits again, or has failed."""
        ray, task = self._ray, order.task
        worker.until = float("inf")
        try:
            delivery: Delivery = ray.get(worker.call)
        except ray.exceptions.RayTaskError as error:
            # What a worker raises is not its task's: a disk; or a value that cannot be sent.
            worker.call = worker.order = None
            if isinstance(_cause(error), HarnessError):
                raise _cause(error) from error
            yield Ended(task, None, one_line(_cause(error)), 0.0)
            return
        except ray.exceptions.RayError:
            self._dismiss(worker)
            order.lost += 1
            if order.lost < TRIES:
                waiting.insert(0, order)
            else:
                yield Ended(task, None, LOST, 0.0)
            return
        worker.call = worker.order = None
        for content in delivery.written.values():
            if order.place is not None:
                order.place.write(content)
        yield delivery.done.ended(task, order.parcel.strangers)

    def _see_that_some_are_left(self) -> None:
        now = time.monotonic()
        if any(not worker.starting for worker in self._workers):
            self._last_seen = now
        elif now - self._last_seen > START:
            raise ExecutorError(
                f"no worker of the cluster has started within {START:g} s; it has {self._ray.cluster_resources()}"
            )

    def _dismiss(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(worker.actor)


def _taken(queue: Queue, most: int) -> Iterator[_Order | Ended]:
    """Yield what is ready, at most so much of it, as orders; a task that cannot be sent has ended."""
    for _ in range(most):
        if not queue.ready:
            return
        task = queue.take()
        made = parcel_or_end(task, _packed)
        if isinstance(made, Ended):
            queue.end(task)
            yield made
        else:
            yield _Order(task, *made)


class _Packer(Packer):
    """Pickles an argument without the result directory, and notes what it reads: blobs, and targets' files."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.blobs: dict[str, Blob] = {}
        self.files: dict[Target, str] = {}
        self.place: BlobFolder | None = None

    def persistent_id(self, obj: object) -> str | None:
        if not isinstance(obj, BlobFolder):
            return None
        self.place = obj
        return PLACE

    def reducer_override(self, obj: object) -> Any:
        if isinstance(obj, Blob):
            self.blobs[obj.sha256] = obj
        elif isinstance(obj, Target) and obj not in self.files and (digest := obj.content_digest()):
            self.files[obj] = digest
        return super().reducer_override(obj)


def _packed(argument: Any) -> tuple[_Parcel, BlobFolder | None]:
    file = io.BytesIO()
    packer = _Packer(file)
    packer.dump(argument)
    files = pickle.dumps(list(packer.files.items()))
    parcel = _Parcel(file.getvalue(), frozenset(packer.strangers), tuple(packer.blobs.values()), files)
    return parcel, packer.place


def _actor_class() -> type:
    """Return the class of workers, which is sent as it stands: the path is put right before anything is imported."""

    class Worker:
        def __init__(self, folder: str, path: list[str], settings: dict[str, str]) -> None:
            import contextlib
            import os
            import sys

            # Ray puts the directory that the run was started in first, with a `torch` of the user's maybe.
            sys.path[:] = [each for each in sys.path if each != folder or each in path]
            sys.path += [each for each in path if each not in sys.path]
            os.environ.update(settings)
            with contextlib.suppress(OSError):
                os.chdir(folder)

        def arrive(self, function: str) -> Any:
            from harness.running import ray_worker

            return ray_worker.arrive(function)

        def do(self, function: str, content: bytes, files: bytes, watched: bool, digests: Any, *contents: bytes) -> Any:
            from harness.running import ray_worker

            return ray_worker.do(function, content, files, watched, dict(zip(digests, contents, strict=True)))

    return Worker


def _import_path() -> list[str]:
    """Return where this process imports from; not from the directory that it was started in."""
    return [str(Path(each).absolute()) for each in sys.path if each]


def _settings() -> dict[str, str]:
    """Return the settings of arithmetic that workers must have before they import torch."""
    return {name: os.environ[name] for name in ("MKL_CBWR",) if name in os.environ}


def _cause(error: Any) -> BaseException:
    """Return what a worker raised, or Ray's own error."""
    cause = getattr(error, "cause", None)
    found: BaseException = error if cause is None else cause
    return found


@contextlib.contextmanager
def workers(count: int | None, function: str, for_strangers: str | None = None) -> Iterator[RayWorkers]:
    """Provide workers of a cluster, ended on leaving whatever happens; as `harness.running.executor.Factory`.

    Raises:
        ExecutorError: Ray is not installed, or the cluster cannot be reached.
    """
    ray = ray_module()
    # Ray tells of workers that died on standard output, which is the leaderboard's.
    with signals_told_apart(), contextlib.redirect_stdout(sys.stderr), connected(ray, count):
        pool = RayWorkers(ray, count, function, for_strangers)
        try:
            yield pool
        finally:
            pool.close()
