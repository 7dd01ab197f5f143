"""Progress on a terminal: how much is done, and a remaining time that learns from what has been measured."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from tqdm import tqdm

from harness.running.tasks import Ended, Task


class Progress:
    """A bar over tasks; silent where standard error is no terminal."""

    def __init__(self, tasks: Iterable[Task], workers: int, *, shown: bool | None = None) -> None:
        self._left: dict[int, float] = {}
        self._ratio: dict[int, tuple[float, float]] = {}
        self._workers = workers
        count = 0
        for task in tasks:
            self._left[task.stage] = self._left.get(task.stage, 0.0) + task.cost
            count += 1
        hidden = not (sys.stderr.isatty() if shown is None else shown)
        layout = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
        self._bar = tqdm(total=count, disable=hidden, bar_format=layout, dynamic_ncols=True, leave=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def advance(self, ended: Ended, stage: str) -> None:
        """Count a task that ended, and name the stage it was of."""
        task = ended.task
        self._left[task.stage] -= task.cost
        if ended.reason is None:
            took, planned = self._ratio.get(task.stage, (0.0, 0.0))
            self._ratio[task.stage] = (took + ended.seconds, planned + task.cost)
        self._bar.set_description(f"{stage:<11}", refresh=False)
        self._bar.set_postfix_str(f"about {_clock(self.remaining())} left", refresh=False)
        self._bar.update(1)

    def remaining(self) -> float:
        """Return the estimated seconds left: planned costs, corrected stage by stage by what was measured."""
        known = [took / planned for took, planned in self._ratio.values() if planned > 0]
        usual = sum(known) / len(known) if known else 1.0
        total = 0.0
        for stage, cost in self._left.items():
            took, planned = self._ratio.get(stage, (0.0, 0.0))
            total += cost * (took / planned if planned > 0 else usual)
        return total / self._workers


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
