"""Carrying out a suite: plan what is missing, do it, keep it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from harness.combinations import expand
from harness.execution import Ended, Task, Workers, available_cores, workers
from harness.manifest import manifest
from harness.plan import STAGES, Plan, Unit
from harness.progress import Progress
from harness.store import CHECKPOINTS, PART, Record, Store, StoreError

if TYPE_CHECKING:
    from harness.plugins import Registry
    from harness.suite import Suite

FUNCTION = "harness.stages:work"


@dataclass(frozen=True)
class Options:
    """How to carry out a suite.

    Attributes:
        workers: number of worker processes; None: one a core.
        yes: whether more combinations than the suite's limit are wanted.
        retry_failed: whether what failed before is tried again.
        progress: whether to show a bar; None: where standard error is a terminal.
        command: what was typed, kept beside the results for their published page.
        warn: is told what was found damaged.
    """

    workers: int | None = None
    yes: bool = False
    retry_failed: bool = False
    progress: bool | None = None
    command: str = ""
    warn: Callable[[str], None] = lambda line: None


def run(suite: Suite, registry: Registry, directory: Path, options: Options) -> None:
    """Do whatever a suite needs and the directory does not hold yet.

    Raises:
        SuiteError: the suite cannot be expanded.
        StoreError: the directory cannot be used: another suite's, another run's, a newer schema, a full disk.
    """
    combinations = expand(suite, registry, yes=options.yes)
    plan = Plan(suite, registry, combinations, directory.absolute() / CHECKPOINTS)
    with opened(directory, suite.name) as store:
        runner = _Runner(plan, store, options)
        try:
            runner.carry_out()
        finally:
            for line in store.told():
                options.warn(line)


@contextmanager
def opened(directory: Path, suite: str) -> Iterator[Store]:
    """Open a result directory for one run of one suite at a time."""
    lock = _locked(directory)
    try:
        store = Store.open(directory)
    except BaseException:
        lock.release()
        raise
    try:
        owner = store.meta("suite")
        if owner not in (None, family(suite)):
            raise StoreError(f"{directory} holds results of suite {owner!r}, not {suite!r}; choose another with --out")
        if owner is None:
            store.set_meta("suite", family(suite))
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


def family(suite: str) -> str:
    """Return the name that a suite shares with selections from it: their results may lie together."""
    return suite.removesuffix("-selection")


class _Runner:
    """One run: a plan, a store, and what is known to be in it."""

    def __init__(self, plan: Plan, store: Store, options: Options) -> None:
        self._plan = plan
        self._store = store
        self._options = options
        self._done = store.index()
        self._tried: set[str] = set()
        self._check_checkpoints()

    def carry_out(self) -> None:
        count = self._options.workers or available_cores()
        units = self._round()
        if not units:
            return
        with workers(count, FUNCTION) as pool:
            while units:
                self._do(units, pool)
                units = self._round()

    def _round(self) -> list[Unit]:
        """Return what can be done now: the groundwork, then all that follows from what is known."""
        return self._plan.groundwork(self._missing) or self._work()

    def _work(self) -> list[Unit]:
        """Note what is compared, then return what remains to be done for it."""
        # Many combinations ask for the same few records of the groundwork.
        find = cache(self._find)
        rows = manifest(self._plan, find, self._options.command)
        self._store.set_meta("manifest", rows.model_dump())
        return self._plan.work(find, self._missing)

    def _missing(self, key: str) -> bool:
        state = self._done.get(key)
        return state is None or (state is False and self._options.retry_failed and key not in self._tried)

    def _find(self, key: str) -> Record | None:
        return self._store.get([key]).get(key)

    def _check_checkpoints(self) -> None:
        """Forget trained networks whose checkpoint is not what it was, and checkpoints that were cut off."""
        for part in (self._store.directory / CHECKPOINTS).glob(f"*{PART}"):
            part.unlink(missing_ok=True)
        wanted = [key for key in self._plan.trained_keys() if self._done.get(key)]
        for key, record in self._store.get(wanted).items():
            if not self._store.intact(record):
                self._store.delete([key])
                del self._done[key]

    def _do(self, units: list[Unit], pool: Workers) -> None:
        by_name = {unit.keys[0]: unit for unit in units}
        awaited = {key for unit in units for key in unit.after}
        maker = {key: unit.keys[0] for unit in units for key in unit.keys if key in awaited}
        tasks = [self._task(unit, maker) for unit in units]
        with Progress(tasks, pool.count, shown=self._options.progress) as bar:
            for ended in pool.run(tasks):
                unit = by_name[ended.task.name]
                self._keep(unit, ended)
                bar.advance(ended, STAGES[unit.stage])

    def _task(self, unit: Unit, maker: dict[str, str]) -> Task:
        return Task(
            name=unit.keys[0],
            stage=unit.stage,
            argument=lambda: unit.job(self._find),
            cost=unit.cost,
            limit=self._plan.suite.limits.seconds * unit.networks,
            after=frozenset(maker[key] for key in unit.after if key in maker),
        )

    def _keep(self, unit: Unit, ended: Ended) -> None:
        """Commit what a unit made; a record that it should have made and did not has failed.

        Not so one that was there before: a longer training makes the shorter ones again on its way.
        """
        self._plan.check_sources()
        made = {} if ended.value is None else {record.key: record for record in ended.value}
        stage = STAGES[unit.stage]
        reason = ended.reason or "was not made"
        if stage == "training":
            # A row's reason is found far from here: in groundwork the row says what failed, and sampling is itself.
            reason = f"{stage}: {reason}"
        records = [made.get(key) or Record(key, stage, reason=reason) for key in unit.keys]
        records = [record for record in records if record.ok or not self._done.get(record.key)]
        self._store.put(records)
        self._tried.update(unit.keys)
        self._done.update((record.key, record.ok) for record in records)
