"""Progress: how much is done, and a remaining time that learns from what has been measured.

On a terminal a bar; where standard error is none, a line a minute, and one at the end of each round of a race.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from tqdm import tqdm

from harness.running.tasks import Ended, Task

EVERY = 60.0
"""Seconds between two lines where there is no terminal."""

TRUST = 0.1
"""How much of the planned cost has to be measured before what was measured counts as much as the plan."""


def tell(line: str, shown: bool | None) -> None:
    """Say a line on standard error where it is no terminal, unless something or nothing is asked for (`shown`)."""
    if shown is None and not sys.stderr.isatty():
        print(f"harness: {line}", file=sys.stderr, flush=True)


class Progress:
    """What is told of tasks while they are carried out."""

    def __init__(self, tasks: Iterable[Task], workers: int, *, shown: bool | None = None, last: bool = True) -> None:
        """Take the tasks of a round.

        Arguments:
            tasks: all of it.
            workers: how many are carried out at once.
            shown: whether anything is told; None: a bar on a terminal, else a line a minute.
            last: whether nothing is known to follow: else no remaining time is told, which would be that of the round.
        """
        self._planned: dict[int, float] = {}
        self._left: dict[int, float] = {}
        self._measured: dict[int, tuple[float, float]] = {}
        self._workers, self._last = workers, last
        self._done = self._count = 0
        for task in tasks:
            self._planned[task.stage] = self._planned.get(task.stage, 0.0) + task.cost
            self._count += 1
        self._left.update(self._planned)
        terminal = sys.stderr.isatty()
        self._lines = shown is None and not terminal
        self._told = time.monotonic()
        hidden = not (terminal if shown is None else shown)
        layout = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
        self._bar = tqdm(total=self._count, disable=hidden, bar_format=layout, dynamic_ncols=True, leave=False)
        self._stage, self._ended, self._counting = "", threading.Event(), threading.RLock()

    def __enter__(self) -> Self:
        if self._lines:
            threading.Thread(target=self._tell_while_nothing_ends, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._bar.close()

    def _tell_while_nothing_ends(self) -> None:
        """Tell a line where it is due though no task has ended, as one may take many minutes."""
        while not self._ended.wait(EVERY / 4):
            self._tell_a_line()

    def _tell_a_line(self) -> None:
        """Tell how many tasks are done, where the last line is `EVERY` seconds old."""
        with self._counting:
            if time.monotonic() - self._told < EVERY or self._ended.is_set():
                return
            self._told = time.monotonic()
            left = [f"about {clock_time(self.remaining())} left"] if self._last and self._done else []
            stage = f" ({self._stage})" if self._stage else ""
            tell(", ".join([f"{self._done} of {self._count} units done{stage}", *left]), None)

    def advance(self, ended: Ended, stage: str) -> None:
        """Count a task that ended, and name the stage it was of."""
        task = ended.task
        with self._counting:
            self._done, self._stage = self._done + 1, stage
            self._left[task.stage] -= task.cost
            if ended.reason is None:
                took, planned = self._measured.get(task.stage, (0.0, 0.0))
                self._measured[task.stage] = (took + ended.seconds, planned + task.cost)
        left = f"about {clock_time(self.remaining())} left" if self._last else ""
        self._bar.set_description(f"{stage:<11}", refresh=False)
        self._bar.set_postfix_str(left, refresh=False)
        self._bar.update(1)
        if self._lines:
            self._tell_a_line()

    def remaining(self) -> float:
        """Return the estimated seconds left: planned costs, corrected stage by stage by what was measured.

        What little was measured of a stage corrects it little, and a stage of which nothing was by what all stages
        together were, so that a few small units at the beginning do not tell how long the large ones take.
        """
        took = sum(seconds for seconds, _ in self._measured.values())
        cost = sum(planned for _, planned in self._measured.values())
        whole = _corrected(1.0, (took, cost), sum(self._planned.values()))
        total = 0.0
        for stage, left in self._left.items():
            total += left * _corrected(whole, self._measured.get(stage, (0.0, 0.0)), self._planned[stage])
        return total / self._workers


def _corrected(before: float, measured: tuple[float, float], planned: float) -> float:
    """Return how many times its planned cost something takes.

    Arguments:
        before: what was thought of it.
        measured: what some of it took, and what had been planned for that.
        planned: what is planned for all of it.
    """
    (took, cost), weight = measured, TRUST * planned
    return (took + before * weight) / (cost + weight) if cost + weight > 0 else before


def clock_time(seconds: float) -> str:
    """Return seconds as minutes and seconds, or hours, as 4:05."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
