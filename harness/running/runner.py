"""Carrying out a suite: plan what is missing, do it, keep it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from filelock import FileLock, Timeout

from harness.errors import TRY_AGAIN, HarnessError
from harness.planning.plan import Plan
from harness.planning.trainings import unfinished_states
from harness.planning.units import Lookup, Stage, Unit
from harness.records import NOT_APPLICABLE, Record, traced
from harness.running.call_log import CallLog
from harness.running.executor import PROCESSES, Executor, Factory, executor
from harness.running.progress import Progress
from harness.running.tasks import Ended, Task
from harness.store import CHECKPOINTS, MANIFEST, Store, StoreError
from harness.suites.combinations import expand

if TYPE_CHECKING:
    from pydantic import BaseModel

    from harness.registry.registry import Registry
    from harness.suites.model import Suite

FUNCTION = "harness.engine.worker:work"
FOR_STRANGERS = "harness.engine.worker:work_of_strangers"
"""What workers call for units that foreign components take part in."""


@dataclass(frozen=True)
class Options:
    """How to carry out a suite.

    Attributes:
        workers: number of worker processes; None: one a core of the machine, or of the machines.
        executor: what carries out units, by name (`harness.running.executor`), or itself.
        yes: whether more combinations than the suite's limit are wanted.
        retry_failed: whether what failed before is tried again.
        progress: whether to show a bar; None: where standard error is a terminal, else a line a minute.
        command: what was typed, kept beside the results for their published page.
        warn: is told what was found damaged.
    """

    workers: int | None = None
    yes: bool = False
    retry_failed: bool = False
    progress: bool | None = None
    command: str = ""
    warn: Callable[[str], None] = lambda line: None
    executor: str | Factory = PROCESSES

    def __post_init__(self) -> None:
        """Refuse what no executor can do.

        Raises:
            HarnessError: no workers.
        """
        if self.workers is not None and self.workers < 1:
            raise HarnessError(f"{self.workers} workers do nothing; give at least 1, or None for one a core")


class Work(Protocol):
    """What can be carried out: the plan of a suite, or of descents.

    Attributes:
        limit: seconds that one unit may take for each network in it.
        length: steps of the longest training; 0 where nothing is trained.
    """

    @property
    def length(self) -> int:
        """Steps of the longest training; 0 where nothing is trained."""

    @property
    def limit(self) -> float:
        """Seconds that one unit may take for each network in it."""

    def check_sources(self) -> None:
        """See that files that were read are still the ones that keys were made for.

        Raises:
            HarnessError: one has changed, so that what was computed may belong to another key.
        """

    def blob_keys(self) -> list[str]:
        """Return the keys of records that may hold the digest of a blob."""

    def groundwork(self, missing: Callable[[str], bool]) -> list[Unit]:
        """Return the units of the first round that are missing."""

    def work(self, find: Lookup, missing: Callable[[str], bool]) -> list[Unit]:
        """Return the missing units of the second round."""

    def contents(self, find: Lookup, command: str) -> BaseModel:
        """Return what is compared and under which keys, once the groundwork is done."""


def run(suite: Suite, registry: Registry, directory: Path, options: Options) -> None:
    """Do whatever a suite needs and the directory does not hold yet.

    Raises:
        SuiteError: the suite cannot be expanded, or a file that a target reads changed meanwhile.
        StoreError: the directory cannot be used: another run's, a newer schema, a full disk.
        DiskError: a worker met a disk that cannot be written.
        HarnessError: the executor is unknown, or lost its workers.
    """
    plan = planned(suite, registry, directory, yes=options.yes)
    with opened(directory) as store:
        carry_out({f"{MANIFEST}:{suite.name}": plan}, store, options)


def planned(
    suite: Suite, registry: Registry, directory: Path, *, yes: bool = False, score_errors: bool = False
) -> Plan:
    """Return the plan of a suite whose results lie in a directory; `score_errors` as of `Plan`.

    Raises:
        SuiteError: the suite cannot be expanded.
    """
    combinations = expand(suite, registry, yes=yes)
    return Plan(suite, registry, combinations, directory.absolute() / CHECKPOINTS, score_errors=score_errors)


def carry_out(works: Mapping[str, Work], store: Store, options: Options) -> None:
    """Do whatever several pieces of work need and an open store does not hold yet, all in one pool.

    What two of them need is done once.

    Arguments:
        works: by the key under which the store keeps what each compares.
        store: where the records lie.
        options: how.

    Raises:
        StoreError: the store cannot be written.
        DiskError: a worker met a disk that cannot be written.
        HarnessError: the executor is unknown, or lost its workers.
        HarnessError: a file that a target reads changed meanwhile (`Work.check_sources`).
    """
    runner = _Runner(works, store, options)
    try:
        runner.carry_out()
    finally:
        for line in store.warning_lines():
            options.warn(line)


@contextmanager
def opened(directory: Path) -> Iterator[Store]:
    """Open a result directory for one run at a time; whatever suites lie in it share its records."""
    lock = _locked(directory)
    try:
        store = Store.open(directory)
    except BaseException:
        lock.release()
        raise
    try:
        yield store
    finally:
        store.close()
        lock.release()


def _locked(directory: Path) -> FileLock:
    """Make a result directory ours alone, until the lock is released."""
    lock = FileLock(directory / ".lock")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StoreError(f"{directory} is in use by another run; wait for it, or choose another with --out") from error
    except OSError as error:
        raise StoreError(f"{directory} cannot be written: {error.strerror or error}") from error
    return lock


class _Runner:
    """One run: its work, a store, and what is known to be in it."""

    def __init__(self, works: Mapping[str, Work], store: Store, options: Options) -> None:
        self._works = works
        self._store = store
        self._options = options
        self._done = store.index()
        # What a killed process left undone made others fail after it, for reasons of their own: all are tried again.
        self._retry = options.retry_failed or store.failed_by(TRY_AGAIN)
        self._tried: set[str] = set()
        self._arithmetic: set[str] = set()
        self._told: set[tuple[str, str]] = set()
        self._log = CallLog(store, works)
        self._unfinished = unfinished_states(store.directory)
        self._check_blobs()
        store.warnings += self._unfinished.clear()

    def carry_out(self) -> None:
        made = executor(self._options.executor)
        todo = self._round()
        if not todo:
            return
        with self._log, made(self._options.workers, FUNCTION, FOR_STRANGERS) as pool:
            while todo:
                self._do(todo, pool)
                todo = self._round()

    def _note_arithmetic(self, line: str) -> None:
        """Keep beside the results which arithmetic made them; each kind once, where several machines did."""
        if line and line not in self._arithmetic:
            self._arithmetic.add(line)
            self._store.note_arithmetic(line)

    def _round(self) -> list[_Todo]:
        """Return what can be done now: the groundwork, then all that follows from what is known."""
        return self._gathered(lambda work, missing: work.groundwork(missing)) or self._work()

    def _work(self) -> list[_Todo]:
        """Note what is compared, then return what remains to be done for it."""
        # Many combinations ask for the same few records of the groundwork.
        find = cache(self._find)
        for key, work in self._works.items():
            self._store.set_meta(key, work.contents(find, self._options.command).model_dump(mode="json"))
        return self._gathered(lambda work, missing: work.work(find, missing))

    def _gathered(self, units: Callable[[Work, Callable[[str], bool]], list[Unit]]) -> list[_Todo]:
        """Return the missing units of all work; what one makes another does not make again."""
        coming: set[str] = set()
        found: list[_Todo] = []
        for work in self._works.values():
            new = units(work, lambda key: key not in coming and self._missing(key))
            # Two units may begin with one key: a longer training makes the shorter ones on its way.
            found += [_Todo(f"{len(found) + i} {unit.keys[0]}", unit, work) for i, unit in enumerate(new)]
            coming.update(key for unit in new for key in unit.keys)
        return found

    def _missing(self, key: str) -> bool:
        state = self._done.get(key)
        return state is None or (state is False and self._retry and key not in self._tried)

    def _find(self, key: str) -> Record | None:
        return self._store.get([key]).get(key)

    def _check_blobs(self) -> None:
        """Forget records whose blob is not what it was, and blobs that were cut off."""
        self._store.blobs.clear_parts()
        known = dict.fromkeys(key for work in self._works.values() for key in work.blob_keys())
        wanted = [key for key in known if self._done.get(key)]
        for key, record in self._store.get(wanted).items():
            if not self._store.intact(record):
                self._store.delete([key])
                del self._done[key]

    def _do(self, todo: list[_Todo], pool: Executor) -> None:
        by_name = {each.name: each for each in todo}
        awaited = {key for each in todo for key in each.unit.after}
        maker = {key: each.name for each in todo for key in each.unit.keys if key in awaited}
        tasks = [self._task(each, maker) for each in todo]
        self._tell_of_unfinished(todo)
        # After the groundwork comes what follows from it, which is not planned yet.
        last = any(each.unit.stage is not Stage.GROUNDWORK for each in todo)
        with Progress(tasks, pool.count, shown=self._options.progress, last=last) as bar:
            for ended in pool.run(tasks):
                each = by_name[ended.task.name]
                self._note_arithmetic(ended.arithmetic)
                self._keep(each, ended)
                self._log.count(ended.seconds, pool.count)
                self._tell(ended, each.unit.stage)
                bar.advance(ended, each.unit.stage.words)

    def _tell_of_unfinished(self, todo: list[_Todo]) -> None:
        """Say which trainings go on from where an earlier run was cut off."""
        trainings = [each.unit for each in todo if each.unit.stage is Stage.TRAINING]
        found = [self._unfinished.reached(key) for unit in trainings for key in unit.keys]
        reached = [each for each in found if each is not None]
        if reached:
            first, last = min(reached), max(reached)
            at = f"step {first.step:,}" if first.step == last.step else f"steps {first.step:,} to {last.step:,}"
            count = f"{len(reached)} networks go" if len(reached) > 1 else "1 network goes"
            self._options.warn(f"{count} on in mid-training, from {at} of {last.length:,}, where a run was cut off")

    def _tell(self, ended: Ended, stage: Stage) -> None:
        """Say once where memory ran out, and who changes what of a process that it shares with its own units alone."""
        for line in ended.shortages:
            if (stage.words, line) not in self._told:
                self._told.add((stage.words, line))
                self._options.warn(f"{stage.words}: {line}")
        who = " or ".join(sorted(ended.strangers))
        for what in ended.changed:
            if (who, what) not in self._told:
                self._told.add((who, what))
                self._options.warn(f"{who} changed {what} while it was used ({stage.words}); it was put back")

    def _task(self, todo: _Todo, maker: dict[str, str]) -> Task:
        unit = todo.unit
        return Task(
            name=todo.name,
            stage=unit.stage,
            argument=lambda: unit.job(self._find),
            cost=unit.cost,
            limit=todo.work.limit * unit.networks,
            after=frozenset(maker[key] for key in unit.after if key in maker) - {todo.name},
            resources=unit.resources,
        )

    def _keep(self, todo: _Todo, ended: Ended) -> None:
        """Commit what a unit made; a record that it should have made and did not has failed.

        Not so one that was there before: a longer training makes the shorter ones again on its way.
        """
        todo.work.check_sources()
        made = {} if ended.value is None else {record.key: record for record in ended.value}
        stage = todo.unit.stage
        reason = ended.reason or "was not made"
        if stage is Stage.TRAINING and ended.applicable:
            # A row's reason is found far from here: in groundwork the row says what failed, and sampling is itself.
            reason = f"{stage.words}: {reason}"
        trace = traced(ended.traceback) if ended.applicable else NOT_APPLICABLE
        records = [made.get(key) or Record(key, "unmade", trace, reason=reason) for key in todo.unit.keys]
        records = [record for record in records if record.ok or not self._done.get(record.key)]
        self._store.put(records)
        if ended.value is not None:
            self._unfinished.forget(todo.unit.keys)
        self._tried.update(todo.unit.keys)
        self._done.update((record.key, record.ok) for record in records)


@dataclass(frozen=True)
class _Todo:
    """A unit, what tells it apart in a run, and the work that it belongs to."""

    name: str
    unit: Unit
    work: Work
