"""A suite whose networks are trained by gradient descent, from suite to leaderboards."""

import json
import sqlite3

import numpy as np
import pytest
from harness_claims.claim import ClaimError
from harness_claims.plan import DescentsPlan

from harness.blobs import BlobFolder
from harness.planning.estimate import estimate
from harness.planning.plan import Plan
from harness.registry.discovery import load
from harness.results.bounds_ranking import rank_bounds
from harness.results.leaderboard import Leaderboard
from harness.results.read_board import read_document
from harness.results.sections import sections
from harness.running.runner import Options, run
from harness.store import CHECKPOINTS, DATABASE
from harness.suites.combinations import expand
from harness.suites.model import Suite, SuiteError
from harness.trainers import GradientDescent, Recording, TrajectoryRequest
from harness.trajectories import from_json
from harness.views.board_columns import build_budgets

TRAINING = {"method": "gradient-descent", "steps": [10, 60], "points": 6, "levels": 5}
SUITE = {
    "name": "descended",
    "targets": ["gaussian:dim=2"],
    "weightings": ["edm", "bell-shaped"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["exponential"],
    "networks": ["relu:width=16,depth=2", "exact"],
    "samplers": ["exponential-integrator"],
    "metrics": ["path-kl", "training-loss"],
    "bounds": ["theorem-1-loss", "theorem-2"],
    "rank_by": "path-kl",
    "steps": [4],
    "seeds": 2,
    # On a wide range so little training leaves raw networks whose samples diverge: no row to compare.
    "noise": {"sigma_min": 0.1, "sigma_max": 2.0},
    "training": TRAINING,
    "sampling": {"samples": 50},
}


def carry_out(directory, workers=1, **changes):
    run(Suite.from_mapping(SUITE | changes, "d.toml"), load(), directory, Options(workers, progress=False))


def payloads(directory, kind="network"):
    with sqlite3.connect(directory / DATABASE) as db:
        found = db.execute("select key, payload from records where kind = ? and status = 'ok'", (kind,)).fetchall()
    return {key: json.loads(payload) for key, payload in found}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("finished")
    carry_out(directory)
    return directory


@pytest.fixture(scope="module")
def rows(finished):
    return read_document(finished).model_dump()["rows"]


def test_networks_are_sampled_and_ranked_like_any_other(rows):
    assert {row["status"] for row in rows} == {"ok"}
    assert len(rows) == 2 * 2 + 1
    trained = [row for row in rows if row["network"]["name"] == "relu"]
    assert {row["train_steps"] for row in trained} == {10, 60}
    assert all(row["budget"]["score"] > 0 for row in trained)


def test_theorem_1_holds_where_it_applies_and_only_there(finished, rows):
    for row in rows:
        # Until step 50 the adaptive weighting has renewed nothing.
        fixed = row["weighting"]["name"] == "edm" or row["train_steps"] == 10
        applies = fixed and row["network"]["name"] == "relu"
        assert (row["bounds"]["theorem-1-loss"] is not None) == applies
        assert ("training-loss" in row["metrics"]) == (row["network"]["name"] == "relu")
        assert row["violations"] == []
        if applies:
            assert row["bounds"]["theorem-1-loss"] >= row["metrics"]["training-loss"]["value"]
    competition = {entry["bound"]: entry for entry in rank_bounds(read_document(finished)).model_dump()["entries"]}
    assert competition["theorem-1-loss"]["metric"] == "training-loss"
    assert competition["theorem-1-loss"]["tightness"]["median"] >= 1
    assert competition["theorem-2"]["metric"] == "path-kl"


def test_a_bound_on_the_training_loss_stands_beside_no_divergence(finished):
    # Its order against a divergence, and nats in a table of budgets, would mean nothing.
    document = read_document(finished).model_dump()
    assert {entry["bound"] for entry in document["agreement"]} == {"theorem-2"}
    board = Leaderboard.validate(document)
    (section,) = sections(board)
    trained = [row for row in section.ranked if row.budget]
    headers = {column.header for column in build_budgets(board, section, trained)}
    assert "theorem-2" in headers
    assert "theorem-1-loss" not in headers


def test_records_carry_the_objective_and_the_way(finished):
    found, ways = payloads(finished), payloads(finished, "trajectory")
    assert len(found) == len(ways) == 2 * 2 * 2
    suite = Suite.from_mapping(SUITE, "d.toml")
    plan = Plan(suite, load(), expand(suite, load()), finished)
    trained = {plan.keys.network(c, s): (c, s) for c in plan.combinations if c.weighting for s in suite.seeds}
    for key, payload in found.items():
        way, objective = from_json(ways[plan.keys.trajectory(*trained[key])]), payload["objective"]
        assert way.step[-1] in (10, 60)
        assert len(way.step) <= 51
        assert way.loss[-1] == payload["loss"] == objective["loss"]
        assert sum(objective["beta"]) == pytest.approx(1)
        assert len(objective["sigma"]) == 5
        assert way.renewed == ((50,) if way.weighting == "bell-shaped" and way.step[-1] == 60 else ())
        assert BlobFolder(finished / CHECKPOINTS).damage(payload["sha256"]) is None


def test_resumed_or_enlarged_it_is_the_same_to_the_last_bit(finished, tmp_path):
    carry_out(tmp_path, training=TRAINING | {"steps": [10]}, weightings=["edm"])
    carry_out(tmp_path, workers=2)
    assert payloads(tmp_path) == payloads(finished)
    with sqlite3.connect(tmp_path / DATABASE) as db:
        seconds = db.execute("select key, seconds from records order by key").fetchall()
    carry_out(tmp_path)
    with sqlite3.connect(tmp_path / DATABASE) as db:
        assert db.execute("select key, seconds from records order by key").fetchall() == seconds


def test_a_descent_that_diverges_is_a_row_that_says_so(tmp_path):
    carry_out(tmp_path, training=TRAINING | {"steps": [30], "learning_rate": 1e300}, weightings=["edm"], seeds=1)
    rows = read_document(tmp_path).model_dump()["rows"]
    (failed,) = [row for row in rows if row["status"] == "failed"]
    assert "training diverged: the loss was not finite at step" in failed["reason"]


@pytest.mark.parametrize(
    ("training", "rule"),
    [
        ({"points": 4}, 'points is for method = "gradient-descent"; this is "adam"'),
        ({"method": "adam", "levels": 4}, 'levels is for method = "gradient-descent"'),
        ({"method": "gradient-descent", "batch_size": 64}, 'batch_size is for method = "adam"'),
        ({"method": "gradient-descent", "ema_decay": 0.9}, 'ema_decay is for method = "adam"'),
        ({"method": "gradient-descent", "levels": 1}, "training.levels: 1"),
        ({"method": "newton"}, "training.method: 'newton' is not valid; it should be 'adam' or 'gradient-descent'"),
    ],
)
def test_keys_of_the_other_method_are_refused(training, rule):
    with pytest.raises(SuiteError, match=rule) as error:
        Suite.from_mapping(SUITE | {"training": training}, "d.toml")
    assert "\n" not in str(error.value)


def test_a_selection_keeps_the_method_and_its_step_size():
    suite = Suite.from_mapping(SUITE, "d.toml")
    assert suite.trainer.learning_rate == "auto"
    selected = suite.with_selection(train_steps=[5], seeds=1)
    assert selected.training.steps == (5,)
    assert selected.trainer == suite.trainer
    given = Suite.from_mapping(SUITE | {"training": TRAINING | {"learning_rate": 0.001}}, "d.toml")
    assert given.with_selection(seeds=1).trainer.learning_rate == 0.001
    assert np.isclose(Suite.from_mapping(SUITE | {"training": {}}, "d.toml").trainer.learning_rate, 1e-3)


def test_a_file_that_changes_while_descents_read_it_ends_the_run(tmp_path):
    # Its new content would be kept under the key of the old.
    file = tmp_path / "points.npy"
    np.save(file, np.random.RandomState(0).randn(50, 2))
    request = TrajectoryRequest(
        f"file:path={file}", "relu:width=8,depth=1", "edm", (0,), 5, GradientDescent(), Recording()
    )
    plan = DescentsPlan({"first": request}, load(), tmp_path)
    plan.check_sources()
    np.save(file, np.random.RandomState(1).randn(60, 2))
    with pytest.raises(ClaimError, match=r"target file:path=.* changed while it was read"):
        plan.check_sources()


def test_the_estimate_counts_the_fixed_objective(tmp_path):
    def memory(**training):
        suite = Suite.from_mapping(SUITE | {"training": TRAINING | training}, "descended.toml")
        plan = Plan(suite, load(), expand(suite, load()), tmp_path)
        return estimate(plan, 2).memory

    # Each of two workers holds 5 times what 3 layers of 16 put out, in 8 bytes, a point and level.
    more = 2 * (10**8 - 10**3) * 5 * 3 * 16 * 8 / 2**30
    assert memory(points=10**5, levels=1000) - memory(points=100, levels=10) == pytest.approx(more)
