"""The call log: notes beside the results how long a call takes, with how many workers, while it goes on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from harness.planning.calls import CALLS, KeptCall
from harness.store import Store, StoreError

EVERY = 10.0
"""Seconds between two notes: a call that is killed loses at most so much of what is told of it."""


class CallLog:
    """Notes one call, as a context: that it began, every few seconds how far it is, and that it ended."""

    def __init__(self, store: Store, works: Iterable[str]) -> None:
        """Take the store that keeps it, and the keys of what is asked for."""
        self._store = store
        self._works = sorted(works)
        self._before: list[object] = list(store.meta(CALLS) or [])
        self._started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._start = self._written = time.monotonic()
        self._workers, self._core, self._units = 1, 0.0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._units:
            return
        # What ended the call is told, not that it could not be noted any more.
        with contextlib.suppress(*([StoreError] if kind is not None else [])):
            self._write(ended=kind is None)

    def count(self, seconds: float, workers: int) -> None:
        """Count a unit that took so long, and how many are done at once."""
        self._core += seconds
        self._units += 1
        self._workers = max(self._workers, workers)
        if self._units == 1 or time.monotonic() - self._written >= EVERY:
            self._write(ended=False)

    def _write(self, *, ended: bool) -> None:
        self._written = time.monotonic()
        call = KeptCall(
            works=self._works,
            started=self._started,
            workers=self._workers,
            wall_seconds=self._written - self._start,
            core_seconds=self._core,
            ended=ended,
        )
        self._store.set_meta(CALLS, [*self._before, call.model_dump(mode="json")])
