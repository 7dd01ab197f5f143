"""The split of each row's score error, from the records of one suite.

It needs the suite's other networks, so it is no result of a worker: it is made anew whenever rows are ranked, and
adding a network to the suite may change it (`harness.results.score_split`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from pydantic import ValidationError

from harness.engine.payloads.training import ObjectivePayload
from harness.planning.manifest import Manifest, PlannedRow
from harness.results import reader
from harness.results.document import DocumentError, one_rule
from harness.results.leaderboard import ScoreSplit
from harness.results.reader import Stored
from harness.results.score_split import Families, FixedObjectiveLoss, LeastLoss, TrainedError, combine
from harness.store import Store
from harness.weighting_tables import LevelWeights, WeightingTable

T = TypeVar("T")


def score_splits(manifest: Manifest, store: Store, eligible: Sequence[bool]) -> list[ScoreSplit | DocumentError | None]:
    """Return the split of each row; None where nothing was trained, or there is nothing to split.

    In place of one whose terms contradict one another stands the error that says how.

    Arguments:
        manifest: the rows of the suite.
        store: its records.
        eligible: of each row, whether it is finished and its path has a divergence.
    """
    pairs = list(zip(manifest.rows, eligible, strict=True))
    wanted = [row for row, able in pairs if able and row.tables]
    if not wanted:
        return [None] * len(pairs)
    families = Families(networks_at_hand(manifest, store))
    grids = _values(reader.read_grids((key for row in wanted for key in row.grids), store))
    tables = _values(reader.read_tables((key for row in wanted for key in row.tables), store))
    # Rows that differ in the sampler alone have one split.
    found: dict[tuple[object, ...], ScoreSplit | DocumentError | None] = {}
    splits = []
    for row, able in pairs:
        same = (*row.tables, *row.networks, *row.grids)
        if able and same not in found:
            found[same] = _split(row, families, grids, tables)
        splits.append(found[same] if able else None)
    return splits


def networks_at_hand(manifest: Manifest, store: Store) -> list[TrainedError]:
    """Return every network of the suite that was trained and measured."""
    places = {
        key: (row, seed, error, information)
        for row in manifest.rows
        for seed, key, error, information in zip(
            manifest.seeds, row.networks, row.errors, row.information, strict=False
        )
    }
    errors = _values(reader.read_score_errors((error for _, _, error, _ in places.values()), store))
    networks = _values(reader.read_networks(places, store))
    objectives = {key: network.objective for key, network in networks.items() if network.objective is not None}
    least_losses = _values(reader.read_least_losses((places[key][3] for key in objectives), store))
    return [
        TrainedError(
            key,
            # The target as the seed has it: e(σ) is the distance from the score of that very law.
            (information, row.components["network"]),
            seed,
            errors[error],
            _fixed(objectives.get(key), least_losses.get(information)),
        )
        for key, (row, seed, error, information) in places.items()
        if error in errors
    ]


def _fixed(objective: ObjectivePayload | None, least_loss: LeastLoss | None) -> FixedObjectiveLoss | None:
    if objective is None or least_loss is None:
        return None
    weights = LevelWeights(objective.sigma, objective.beta)
    return FixedObjectiveLoss(weights, objective.points, objective.loss, least_loss)


def _split(
    row: PlannedRow, families: Families, grids: Mapping[str, list[float]], tables: Mapping[str, WeightingTable]
) -> ScoreSplit | DocumentError | None:
    if not row.networks or any(key not in tables for key in row.tables):
        return None
    if any(key not in grids for key in row.grids):
        return None
    seeds = zip(row.networks, row.grids, row.tables, strict=True)
    shares = [families.split(network, np.array(grids[grid]), tables[table]) for network, grid, table in seeds]
    whole = [share for share in shares if share is not None]
    if len(whole) < len(shares):
        return None
    try:
        return combine("fixed" if families.fixed(row.networks[0]) else "fresh", whole)
    except ValidationError as error:
        return DocumentError(f"score_split: {one_rule(error)}")


def _values(entries: Mapping[str, Stored[T]]) -> dict[str, T]:
    """Return what each record says, by its key; those that failed or are missing are left out."""
    return {key: entry.value for key, entry in entries.items() if entry.value is not None}
