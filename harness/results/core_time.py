"""Core time: what the results behind a leaderboard took, each counted once, and the calls that made them."""

from __future__ import annotations

import itertools
import math

from harness.planning.calls import CALLS, KeptCall
from harness.planning.manifest import Manifest
from harness.results.making import Call, Computation
from harness.results.reader import Results
from harness.store import MANIFEST, Store


class CoreTime:
    """Seconds on one core of what rows are made of, counted as the rows are read."""

    def __init__(self) -> None:
        self._networks: dict[str, float] = {}
        self._samples: set[str] = set()
        self._seconds: list[float] = []

    @property
    def seconds(self) -> float:
        """Of all networks, samples, and what was measured on them, together."""
        return math.fsum(itertools.chain(self._networks.values(), self._seconds))

    def count(self, results: Results) -> None:
        """Count what of a row was not counted before."""
        self._networks.update((entry.key, entry.took) for entry in results.networks)
        for place, entry in enumerate(results.samplings):
            if entry.key not in self._samples:
                self._samples.add(entry.key)
                beside = (of[place] for of in (*results.metrics.values(), *results.bounds.values()))
                self._seconds.append(entry.took + math.fsum(each.took for each in beside))


def computation(manifest: Manifest, store: Store, counted: CoreTime) -> Computation:
    """Return what the results of a suite took.

    Arguments:
        manifest: of the suite.
        store: where its records are.
        counted: of its rows, all counted.

    Raises:
        StoreError: the store cannot be read.
    """
    others = {key for row in manifest.rows for key in row.groundwork_keys()} | manifest.target_keys()
    calls = [KeptCall.model_validate(each) for each in store.meta(CALLS) or ()]
    own = [call.model_dump(exclude={"works"}) for call in calls if f"{MANIFEST}:{manifest.suite}" in call.works]
    return Computation(core_seconds=counted.seconds + store.seconds(others), calls=[Call(**each) for each in own])
