"""The split of each row's score error, from the records of a result directory.

It needs the other networks of the directory, so it is no result of a worker: it is made anew whenever rows are ranked,
and adding a network to the suite may change it (`harness.results.score_split`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from harness.engine.curves import least_loss_from_json, score_error_from_json
from harness.planning.manifest import Manifest, Row
from harness.records import Record
from harness.results.leaderboard import ScoreSplit
from harness.results.score_split import Families, Fixed, Network, Residual, combine
from harness.store import Store
from harness.weighting_tables import LevelWeights, WeightingTable, table_from_json

T = TypeVar("T")


def score_splits(rows: Manifest, store: Store, eligible: Sequence[bool]) -> list[ScoreSplit | None]:
    """Return the split of each row; None where nothing was trained, or there is nothing to split.

    Arguments:
        rows: what the directory compares.
        store: its records.
        eligible: of each row, whether it is finished and its path has a divergence.
    """
    wanted = [row for row, able in zip(rows.rows, eligible, strict=True) if able and row.table is not None]
    if not wanted:
        return [None] * len(rows.rows)
    families = Families(networks_at_hand(rows, store))
    grids = _read(store, (key for row in wanted for key in row.grids), lambda payload: np.array(payload["sigmas"]))
    tables = _read(store, (row.table for row in wanted if row.table), table_from_json)
    return [
        _split(row, families, grids, tables) if able else None for row, able in zip(rows.rows, eligible, strict=True)
    ]


def networks_at_hand(rows: Manifest, store: Store) -> list[Network]:
    """Return every network of the directory that was trained and measured."""
    places = {
        key: (row, seed, error)
        for row in rows.rows
        for seed, key, error in zip(rows.seeds, row.networks, row.errors, strict=False)
    }
    errors = _read(store, (error for _, _, error in places.values()), score_error_from_json)
    objectives = _read(store, places, lambda payload: payload.get("objective"))
    fixed = [places[key][0].information for key, objective in objectives.items() if objective]
    residuals = _read(store, fixed, lambda payload: least_loss_from_json(payload["least_loss"]))
    return [
        Network(
            key,
            (row.components["target"], row.components["network"]),
            seed,
            errors[error],
            _fixed(objectives.get(key), residuals.get(row.information)),
        )
        for key, (row, seed, error) in places.items()
        if error in errors
    ]


def _fixed(objective: Mapping[str, Any] | None, residual: Residual | None) -> Fixed | None:
    if not objective or residual is None:
        return None
    weights = LevelWeights(*(np.array(objective[field], dtype=np.float64) for field in ("sigma", "beta")))
    return Fixed(weights, int(objective["points"]), float(objective["loss"]), residual)


def _split(
    row: Row, families: Families, grids: Mapping[str, np.ndarray], tables: Mapping[str, WeightingTable]
) -> ScoreSplit | None:
    if row.table is None or row.table not in tables or not row.networks:
        return None
    if any(key not in grids for key in row.grids):
        return None
    pairs = zip(row.networks, row.grids, strict=True)
    shares = [families.split(network, grids[grid], tables[row.table]) for network, grid in pairs]
    whole = [share for share in shares if share is not None]
    if len(whole) < len(shares):
        return None
    objective = "fixed" if families.fixed(row.networks[0]) else "fresh"
    return ScoreSplit.model_validate({"objective": objective, **combine(whole)})


def _read(store: Store, keys: Iterable[str], read: Callable[[Mapping[str, Any]], T]) -> dict[str, T]:
    """Return what each record says, by its key; those that failed or are missing are left out."""
    records: Mapping[str, Record] = store.get(dict.fromkeys(keys))
    return {key: read(record.payload) for key, record in records.items() if record.ok}
