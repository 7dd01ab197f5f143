"""A leaderboard seen target by target: the words that name its rows, the divergence that bounds are set against."""

import json

import pytest

from harness.results.leaderboard import Leaderboard
from harness.results.sections import divergence_of, ratio, sections

PATHS = {"limits": ["marginal-kl", "path-kl"], "space": "data", "equals": None}


def metric(quantity, space="data"):
    return {"quantity": quantity, "space": space}


@pytest.fixture
def declared(small):
    """Return the small board by a metric, with metrics and bounds declared as given and all of them measured."""

    def build(by, metrics, bounds):
        copy = json.loads(json.dumps(small)) | {"metric": by, "declared": {"metrics": metrics, "bounds": bounds}}
        for i, row in enumerate(copy["rows"]):
            row["violations"] = []
            if row["status"] == "ok":
                value = 0.1 + i
                row["metrics"] = {name: {"value": value, "low": None, "high": None, "n_seeds": 3} for name in metrics}
                row["bounds"] = dict.fromkeys(bounds, 2 * value)
        copy["calibration"] = copy["agreement"] = []
        return Leaderboard.validate(copy)

    return build


class TestDivergence:
    def test_one_of_features_is_none_that_a_bound_limits(self, declared):
        """W2 ranks; a marginal KL of features is measured too, and no bound of the points limits it."""
        metrics = {"w2": metric("w2"), "features": metric("marginal-kl", "features"), "path-kl": metric("path-kl")}
        board = declared("w2", metrics, {"theorem-2": PATHS})
        assert divergence_of(board, board.rows) == "path-kl"
        assert ratio(sections(board)[0].ranked[0], "path-kl", board.declared) == pytest.approx(2)

    def test_one_that_a_bound_limits_comes_before_one_that_none_does(self, declared):
        metrics = {"path-kl": metric("path-kl"), "kl": metric("marginal-kl")}
        board = declared("path-kl", metrics, {"marginal": PATHS | {"limits": ["marginal-kl"]}})
        assert divergence_of(board, board.rows) == "kl"

    def test_of_several_the_ranking_one_else_a_marginal_one(self, declared):
        metrics = {"path-kl": metric("path-kl"), "kl": metric("marginal-kl"), "w2": metric("w2")}
        found = [declared(by, metrics, {"theorem-2": PATHS}) for by in ("path-kl", "kl", "w2")]
        assert [divergence_of(board, board.rows) for board in found] == ["path-kl", "kl", "kl"]

    def test_without_any_bound_it_is_still_named(self, declared):
        board = declared("w2", {"w2": metric("w2"), "kl": metric("marginal-kl")}, {})
        assert divergence_of(board, board.rows) == "kl"
        assert divergence_of(declared("w2", {"w2": metric("w2")}, {}), board.rows[:0]) is None
