"""From the records of a result directory to the outcomes that are ranked."""

from __future__ import annotations

import itertools
import math
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.axes import crossed
from harness.metrics import Measurement
from harness.planning.keys import measured
from harness.planning.manifest import Manifest, Row
from harness.records import Record
from harness.results.leaderboard import UNFINISHED
from harness.results.older import declarations
from harness.results.ranking import Outcome, leaderboard
from harness.results.split_records import score_splits
from harness.results.statistics import mean_interval
from harness.store import ARITHMETIC, CLAIMS, Store, StoreError


def read_manifest(store: Store) -> Manifest:
    """Return what a result directory compares.

    Raises:
        StoreError: nothing has been planned in it.
    """
    content = store.meta("manifest")
    if content is None and store.warnings:
        raise StoreError(store.warnings.pop())
    if content is None and str(store.meta("suite")).startswith(CLAIMS):
        quick = "" if store.meta("suite") == CLAIMS else " --quick"
        out = shlex.quote(str(store.directory))
        rule = f"a run of all of them has the verdicts to see and to publish: harness claims{quick} --out {out}"
        raise StoreError(f"{store.directory} holds results of claims; {rule}")
    if content is None:
        out = shlex.quote(str(store.directory))
        raise StoreError(f"{store.directory} holds no rows yet; make them with: harness run --out {out}")
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        rule = "was made by another version of diffusion-harness; run the same command again"
        raise StoreError(f"{store.directory} {rule}") from error


def read_document(
    directory: Path, by: str | None = None, warn: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Return the leaderboard of a result directory, ranked by a metric (by default the suite's own).

    `warn` is told what was found damaged; its rows stand as not computed yet.

    Raises:
        StoreError: the directory holds no results, or they cannot be read.
        HarnessError: the metric was not measured.
    """
    store = Store.read(directory)
    try:
        return document(store, by)
    except KeyError as error:
        # Every record passed its checksum: what lacks a field was made by another program.
        rule = "was made by another version of diffusion-harness; run the same command again"
        raise StoreError(f"{directory} {rule}") from error
    finally:
        store.close()
        for line in store.told():
            warn(line)


def read_command(directory: Path) -> str:
    """Return what was typed to make the results of a directory."""
    store = Store.read(directory)
    try:
        return read_manifest(store).command
    finally:
        store.close()


def document(store: Store, by: str | None = None) -> dict[str, Any]:
    """Return the leaderboard of an open store."""
    rows = read_manifest(store)
    metric = rows.rank_by if by is None else by
    results = [outcome(rows, row, store, metric) for row in rows.rows]
    splits = score_splits(rows, store, [result.reason is None and result.budget is not None for result in results])
    results = [replace(result, score_split=split) for result, split in zip(results, splits, strict=True)]
    store.warnings += _shortcomings(rows, results, store)
    return leaderboard(
        results,
        suite=rows.suite,
        metric=metric,
        environment={**rows.environment, ARITHMETIC: store.meta(ARITHMETIC) or []},
        calibration=calibration(rows, store),
        declared=rows.declared or declarations(rows.metrics, rows.bounds),
    )


def outcome(rows: Manifest, row: Row, store: Store, metric: str) -> Outcome:
    """Return one combination with everything that was measured on it.

    It has failed where a seed was not sampled, or has no value by the metric that ranks. Another metric or bound that
    failed is left out.
    """
    metric_keys = {m: [measured(s, d) for s in row.samples] for m, d in rows.metrics.items()}
    bound_keys = {b: [measured(s, d) for s in row.samples] for b, d in rows.bounds.items()}
    measurements = itertools.chain(*metric_keys.values(), *bound_keys.values())
    wanted = [*row.networks, *row.samples, *measurements]
    records = store.get(dict.fromkeys(wanted))
    reason = row.reason or _failure(rows, row, metric, records)
    found = {key: record for key, record in records.items() if record.ok}
    samples = [found[key] for key in row.samples if key in found]
    return Outcome(
        components={axis: rows.components[row.components[axis]] for axis in crossed()},
        steps=row.steps,
        nfe=samples[0].payload["nfe"] if samples else 0,
        train_steps=row.train_steps,
        sigma_max=row.sigma_max,
        compute=row.compute,
        training_share=row.training_share,
        seeds=tuple(rows.seeds),
        status="failed" if reason else "ok",
        reason=reason,
        measurements={m: [_measurement(found.get(k)) for k in keys] for m, keys in metric_keys.items()},
        budget=_mean_budget(samples),
        bounds={b: _mean_bound([found.get(k) for k in keys]) for b, keys in bound_keys.items()},
        seconds={
            "train": sum(found[k].seconds for k in row.networks if k in found),
            "sample": sum(record.seconds for record in samples),
            "measure": sum(found[k].seconds for keys in metric_keys.values() for k in keys if k in found),
        },
    )


def _failure(rows: Manifest, row: Row, metric: str, records: Mapping[str, Record]) -> str | None:
    """Return why a row has failed: the first seed's first reason."""
    ranking = rows.metrics.get(metric)
    unfinished = False
    for index, seed in enumerate(rows.seeds):
        samples = row.samples[index : index + 1]
        needed = [*row.networks[index : index + 1], *samples]
        needed += [measured(key, ranking) for key in samples if ranking]
        others = [measured(key, d) for key in samples for d in (*rows.metrics.values(), *rows.bounds.values())]
        for key in needed:
            if key in records and records[key].reason is not None:
                return f"seed {seed}: {records[key].reason}"
        if not samples or any(key not in records for key in (*needed, *others)):
            unfinished = True
    return UNFINISHED if unfinished else None


def _shortcomings(rows: Manifest, results: list[Outcome], store: Store) -> list[str]:
    """Return a line for each metric and bound that failed where the combination itself did not."""
    samples = [key for row, result in zip(rows.rows, results, strict=True) if not result.reason for key in row.samples]
    lines = []
    for digest in (*rows.metrics.values(), *rows.bounds.values()):
        records = store.get(dict.fromkeys(measured(key, digest) for key in samples))
        reasons = [record.reason for record in records.values() if record.reason is not None]
        if reasons:
            lines.append(f"{reasons[0]} ({len(reasons)} of {len(records)} samplings have no such value)")
    return lines


def _measurement(record: Record | None) -> Measurement | None:
    if record is None or "value" not in record.payload:
        return None
    p = record.payload
    freedom = math.inf if p["freedom"] is None else p["freedom"]
    return Measurement(p["value"], p["standard_error"], p["bias"], freedom, p["shared"])


def _mean_budget(samples: list[Record]) -> dict[str, float] | None:
    budgets = [record.payload["budget"] for record in samples]
    if not budgets or any(b is None for b in budgets):
        return None
    return {term: sum(b[term] for b in budgets) / len(budgets) for term in budgets[0]}


def _mean_bound(records: list[Record | None]) -> float | None:
    values = [record.payload.get("value") for record in records if record is not None]
    if not values or len(values) < len(records) or any(v is None for v in values):
        return None
    return float(sum(v for v in values if v is not None) / len(values))


def calibration(rows: Manifest, store: Store) -> list[dict[str, Any]]:
    """Return what each sample metric gives for a held-out sample in place of a generated one."""
    found = []
    for target, metrics in rows.calibration.items():
        for metric, keys in metrics.items():
            records = store.get(keys)
            scores = [_measurement(records.get(key)) for key in keys]
            known = [score for score in scores if score is not None]
            if known:
                value, low, high = mean_interval(known)
                found.append({"target": target, "metric": metric, "value": value, "low": low, "high": high})
    return found
