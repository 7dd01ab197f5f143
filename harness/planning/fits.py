"""Fits: the units that fit metrics to targets, and what the units that measure are told of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from harness.blobs import Blob
from harness.engine.jobs import FitMetricJob
from harness.engine.payloads.fit import FitPayload
from harness.errors import FitFailed, NotApplicable
from harness.metrics import FittedMetric
from harness.planning.units import Stage, Unit

if TYPE_CHECKING:
    from harness.blobs import BlobFolder
    from harness.engine.jobs import Fit
    from harness.metrics import Metric
    from harness.planning.keys import Keys
    from harness.planning.units import Lookup
    from harness.targets import Target

COST = 3.0
"""Estimated seconds of a fit."""


class Fits:
    """The fits of a suite's metrics to its targets.

    Arguments:
        keys: of the suite.
        metrics: all of them; those that are not fitted take no part.
        targets: the distinct ones, as the seeds have them.
        blobs: where what is fitted is kept.
    """

    def __init__(self, keys: Keys, metrics: Sequence[Metric], targets: Sequence[Target], blobs: BlobFolder) -> None:
        self._keys = keys
        self._metrics = [metric for metric in metrics if isinstance(metric, FittedMetric)]
        self._targets = targets
        self._blobs = blobs

    def keys(self) -> list[str]:
        """Return the keys of all fits."""
        return [self._keys.fit(metric, target) for target in self._targets for metric in self._metrics]

    def units(self, missing: Callable[[str], bool]) -> Iterator[Unit]:
        """Yield the fits that are missing: groundwork, for which nothing waits but what uses it."""
        for target in self._targets:
            for metric in self._metrics:
                if missing(key := self._keys.fit(metric, target)):
                    yield self._unit(FitMetricJob(key, metric, target, self._blobs))

    def _unit(self, job: FitMetricJob) -> Unit:
        return Unit(Stage.GROUNDWORK, (job.key,), lambda find: job, COST)

    def keys_of(self, measured: Iterable[object], target: Target) -> frozenset[str]:
        """Return the keys of the fits that metrics use on a target; what is not fitted takes no part."""
        return frozenset(self._keys.fit(each, target) for each in measured if isinstance(each, FittedMetric))

    def of(self, measured: Mapping[str, object], target: Target, find: Lookup) -> dict[str, Fit]:
        """Return what became of the fits of metrics to a target, under the keys that the metrics have here."""
        return {
            key: self._found(each, target, find) for key, each in measured.items() if isinstance(each, FittedMetric)
        }

    def _found(self, metric: FittedMetric, target: Target, find: Lookup) -> Fit:
        record, unnamed = find(self._keys.fit(metric, target)), f"metric {self._keys.label(metric)}: fit: "
        if record is None:
            return FitFailed(f"{unnamed}not computed")
        if record.reason is None:
            return Blob(FitPayload.from_json(record.payload).sha256, self._blobs)
        if not record.applicable:
            return NotApplicable(record.reason)
        # A unit that ended before it made its record could not name the metric.
        return FitFailed(record.reason if record.kind == "fit" else f"{unnamed}{record.reason}")
