"""Failures: why records of a result directory failed, each cause once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.records import Record
from harness.results.directory import read_manifest, suites
from harness.store import SHOWN_BY, Store


@dataclass(frozen=True)
class Failure:
    """A reason why something failed, in one line, the traceback behind it (or nothing), and how often it is a cause."""

    reason: str
    traceback: str
    count: int


def read_failures(store: Store) -> list[Failure]:
    """Return what failed of what the suites of a directory compare now: first what has a traceback, the frequent first.

    What failed of a component that was changed since is no part of them.

    Raises:
        StoreError: the directory, or the manifest of a suite, cannot be read, or another version of this program made
            it.
    """
    names, failed = suites(store), store.failures()
    # What else makes records, or is not planned to its end, keeps no list of them.
    if names and store.meta(SHOWN_BY) is None:
        current = set[str]().union(*(read_manifest(store, name).record_keys() for name in names))
        failed = [record for record in failed if record.key in current]
    return _causes(failed)


def _causes(failed: Iterable[Record]) -> list[Failure]:
    """Return each reason with its count: of the records that failed for it, not of those that build on them."""
    reasons: dict[str, list[Record]] = {}
    for record in failed:
        reasons.setdefault(str(record.reason), []).append(record)
    found = []
    for reason, records in reasons.items():
        # What builds on another was not made, and has no traceback of its own.
        own = [r for r in records if _traceback(r)] or [r for r in records if r.kind != "unmade"] or records
        traces = [_traceback(record) for record in own]
        found += [Failure(reason, trace, traces.count(trace)) for trace in dict.fromkeys(traces)]
    return sorted(found, key=lambda each: (not each.traceback, -each.count))


def _traceback(record: Record) -> str:
    return str(record.payload.get("traceback", ""))
