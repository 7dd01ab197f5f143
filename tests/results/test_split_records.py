"""From stored records to the split of each row: whose networks take part, and which rows have none."""

import numpy as np
import pytest

from harness.engine.curves import MeasuredScoreError, score_error_to_json
from harness.engine.payloads.training import ObjectivePayload, TrainingPayload
from harness.planning.manifest import Manifest, PlannedRow
from harness.records import Record
from harness.results.split_records import networks_at_hand, score_splits
from harness.weighting_tables import WeightingTable, table_to_json

LEVELS = np.geomspace(0.1, 10.0, 9)
NODES = np.geomspace(0.05, 20, 512)
AXES = ("target", "weighting", "noise_schedule", "time_discretization", "network", "sampler", "initial_law")


def row(name, **changes):
    """A row of two seeds with networks of its own."""
    keys = {field: [f"{name}{field}{seed}" for seed in (0, 1)] for field in ("networks", "errors", "samples")}
    whole = {"steps": 3, "train_steps": 10, "sigma_max": 8.0, "compute": 100, "training_share": 0.5, "reason": None}
    whole |= {"components": dict.fromkeys(AXES, "c"), "tables": ["t", "t"], "information": ["i", "i"]}
    whole |= {"grids": ["g", "g"]}
    return PlannedRow(**(whole | keys | changes))


@pytest.fixture
def manifest():
    oracle = row("oracle", networks=[], errors=[], tables=[])
    return Manifest(
        suite="x", command="", rank_by="kl", seeds=[3, 5], metrics={}, bounds={}, components={}, calibration={},
        rows=[row("good"), row("bad"), oracle], environment={},
    )  # fmt: skip


@pytest.fixture
def shelf(shelve):
    table = WeightingTable(NODES, 1 / NODES, np.ones(len(NODES)))
    # c(σ) as a target's record keeps it, constant here.
    residual = {"sigma": LEVELS.tolist(), "values": [[0.5] * len(LEVELS)]}
    made = [Record("t", "table", table_to_json(table)), Record("g", "grid", {"sigmas": [8.0, 2.0, 0.5, 0.25]})]
    made.append(Record("i", "target", {"least_loss": residual}))
    for name, size in (("good", 1.0), ("bad", 3.0)):
        for seed in (0, 1):
            error = MeasuredScoreError(LEVELS, size * np.ones((1, len(LEVELS))))
            made.append(Record(f"{name}networks{seed}", "train", TrainingPayload("s", 0.5).to_json()))
            made.append(Record(f"{name}errors{seed}", "error", score_error_to_json(error)))
    return shelve(*made)


def test_the_best_network_of_the_suite_is_the_best_of_the_family(manifest, shelf):
    good, bad, oracle = score_splits(manifest, shelf, [True, True, True])
    assert oracle is None
    assert (good.objective, good.training.value) == ("fresh", 0.0)
    assert bad.score_max.value == pytest.approx(3 * good.score_max.value)
    assert bad.approximation.value == pytest.approx(good.score_max.value)
    assert bad.training.value == pytest.approx(2 * good.score_max.value)


def test_a_row_that_is_not_finished_has_no_split_but_its_network_takes_part(manifest, shelf):
    none, bad, _ = score_splits(manifest, shelf, [False, True, True])
    assert none is None
    assert bad.training.value > 0


def test_a_network_whose_error_failed_takes_no_part(manifest, shelf):
    shelf.fail("goodnetworks0", "diverged")
    shelf.fail("gooderrors0", "diverged")
    assert [network.key for network in networks_at_hand(manifest, shelf)] == [
        "goodnetworks1",
        "badnetworks0",
        "badnetworks1",
    ]
    good, bad, _ = score_splits(manifest, shelf, [True, True, True])
    assert good is None
    assert bad.training.value > 0


@pytest.mark.parametrize("gone", ["t", "g"])
def test_without_its_table_or_grid_a_row_has_no_split(manifest, shelf, gone):
    del shelf.records[gone]
    assert score_splits(manifest, shelf, [True, True, True]) == [None] * 3


def test_nothing_is_read_where_no_row_can_be_split(manifest, shelf):
    assert score_splits(manifest, shelf, [False, False, True]) == [None] * 3
    assert shelf.asked == []


def test_a_fixed_objective_comes_with_the_least_loss_of_its_target(manifest, shelf):
    sigma = np.array([0.25, 1.0, 4.0])
    for seed in (0, 1):
        fixed = ObjectivePayload(0.9, seed, 8, sigma, np.full(3, 1 / 3))
        payload = TrainingPayload("s", 0.9, fixed).to_json()
        shelf.records[f"goodnetworks{seed}"] = Record(f"goodnetworks{seed}", "train", payload)
    good, _, _, _ = networks_at_hand(manifest, shelf)
    assert (good.fixed.points, good.fixed.loss, good.seed) == (8, 0.9, 3)
    np.testing.assert_allclose(good.fixed.least_loss(sigma), np.full((1, 3), 0.5))
    split, other, _ = score_splits(manifest, shelf, [True, True, True])
    assert (split.objective, other.objective) == ("fixed", "fresh")
