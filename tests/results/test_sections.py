"""A leaderboard seen target by target: the words that name its rows, the divergence that bounds are set against."""

import json

import pytest

from harness.results.leaderboard import Leaderboard
from harness.results.sections import bounds_of, choices, divergence_of, in_words, metrics_of, ratio, sections

PATHS = {"limits": ["marginal-kl", "path-kl"], "space": "data", "equals": None}


def metric(quantity, space="data"):
    return {"quantity": quantity, "space": space, "compared_by": "ratio", "least": 0.0}


@pytest.fixture
def declared(small):
    """Return the small board by a metric, with metrics and bounds declared as given and all of them measured."""

    def build(by, metrics, bounds):
        copy = json.loads(json.dumps(small)) | {"rank_by": [by], "declared": {"metrics": metrics, "bounds": bounds}}
        copy["rankings"] = [{"target": "ring", "metric": by, "effects_by": by, "settling": None, "over_points": []}]
        for i, row in enumerate(copy["rows"]):
            row["violations"] = []
            if row["status"] == "ok":
                value = 0.1 + i
                row["metrics"] = {name: {"value": value, "low": None, "high": None, "n_seeds": 3} for name in metrics}
                row["bounds"] = dict.fromkeys(bounds, 2 * value)
        copy["calibration"] = copy["agreement"] = []
        return Leaderboard.validate(copy)

    return build


def test_rows_within_the_floor_are_no_higher_than_it_and_told_worse_than_none(small):
    board = Leaderboard.validate(small)
    (section,) = sections(board)
    floor, (best, *others) = section.floors["kl"], section.ranked
    assert section.within_floor() == 0

    def counted(**changes):
        """Of a board whose best row has the floor's value, and its second one that is changed."""
        at_floor = best.model_copy(
            update={"metrics": {"kl": best.metrics["kl"].model_copy(update={"value": floor.value})}}
        )
        second = others[0].metrics["kl"].model_copy(update={k: v for k, v in changes.items() if k in ("value", "low")})
        rows = [at_floor, others[0].model_copy(update={"metrics": {"kl": second}, "rank_low": changes["rank_low"]})]
        return sections(board.model_copy(update={"rows": rows}))[0].within_floor()

    assert counted(value=floor.high, low=0.0, rank_low=1) == 2
    # An interval that reaches down to the floor is no merit of a row: a noisier one has a longer.
    assert counted(value=1.01 * floor.high, low=0.0, rank_low=1) == 1
    assert counted(value=floor.high, low=0.0, rank_low=2) == 1
    (bare,) = sections(board.model_copy(update={"calibration": []}))
    assert bare.within_floor() is None


class TestDivergence:
    def test_one_of_features_is_none_that_a_bound_limits(self, declared):
        """W2 ranks; a marginal KL of features is measured too, and no bound of the points limits it."""
        metrics = {"w2": metric("w2"), "features": metric("marginal-kl", "features"), "path-kl": metric("path-kl")}
        board = declared("w2", metrics, {"theorem-2": PATHS})
        assert divergence_of(board.declared, board.rows, board.rank_by) == "path-kl"
        assert ratio(sections(board)[0].ranked[0], "path-kl", board.declared) == pytest.approx(2)

    def test_one_that_a_bound_limits_comes_before_one_that_none_does(self, declared):
        metrics = {"path-kl": metric("path-kl"), "kl": metric("marginal-kl")}
        board = declared("path-kl", metrics, {"marginal": PATHS | {"limits": ["marginal-kl"]}})
        assert divergence_of(board.declared, board.rows, board.rank_by) == "kl"

    def test_of_several_the_ranking_one_else_a_marginal_one(self, declared):
        metrics = {"path-kl": metric("path-kl"), "kl": metric("marginal-kl"), "w2": metric("w2")}
        found = [declared(by, metrics, {"theorem-2": PATHS}) for by in ("path-kl", "kl", "w2")]
        assert [divergence_of(board.declared, board.rows, board.rank_by) for board in found] == ["path-kl", "kl", "kl"]

    def test_without_any_bound_it_is_still_named(self, declared):
        board = declared("w2", {"w2": metric("w2"), "kl": metric("marginal-kl")}, {})
        assert divergence_of(board.declared, board.rows, board.rank_by) == "kl"
        assert divergence_of(declared("w2", {"w2": metric("w2")}, {}).declared, [], ["w2"]) is None


class TestNames:
    @pytest.fixture
    def board(self, small):
        return Leaderboard.validate(small)

    @pytest.fixture
    def section(self, board):
        (found,) = sections(board)
        return found

    def test_a_row_is_named_by_what_it_says(self, section):
        """A copy has the same names, and a row that differs in a number another."""
        row = section.ranked[0]
        copy = row.model_copy(deep=True)
        assert section.names_of(copy) == section.names_of(row)
        other = row.model_copy(update={"steps": 40, "sigma_max": None})
        changed = section.names_of(other).items() - section.names_of(row).items()
        assert changed == {("steps", "40"), ("sigma_max", "unknown")}
        assert section.combination(copy) == section.combination(row)

    def test_what_no_two_rows_differ_in_is_constant(self, section):
        constant = section.constants()
        assert {"network": "mlp", "steps": "20", "train_steps": "500", "sigma_max": "20"}.items() <= constant.items()
        assert not constant.keys() & {"weighting", "sampler"}
        assert "sigma_max 20" in section.common()
        assert "20 steps" in section.common()

    def test_a_combination_is_never_left_without_a_word(self, section):
        row = section.ranked[0]
        names = section.names_of(row)
        assert section.combination(row, names) == section.combination(row)
        assert section.combination(row, names.keys() - {"steps"}) == ["20 steps"]

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [("steps", "20", "20 steps"), ("sigma_max", "20", "sigma_max 20"), ("network", "mlp", "mlp")],
    )
    def test_a_field_in_words(self, field, value, words):
        assert in_words(field, value) == words

    def test_a_component_takes_its_noun_where_it_is_asked_for(self):
        assert in_words("network", "mlp", noun=True) == "network mlp"

    def test_rows_are_sorted_by_how_they_ended(self, section):
        assert [row.rank for row in section.rows] == [1, 2, 3, 4]
        assert (len(section.ranked), len(section.failed), len(section.unfinished)) == (3, 1, 0)
        assert section.violations == 1

    def test_what_rows_have_is_named_as_it_occurs(self, board, section):
        assert metrics_of(section, board.rows) == ["kl"]
        assert metrics_of(section, board.rows[3:]) == ["kl"]
        assert bounds_of(board.rows) == ["budget"]
        assert bounds_of(board.rows[3:]) == []

    def test_choices_are_sorted_by_their_effects(self, board):
        assert choices(board) == [("mlp", "weighting", "edm"), ("mlp", "weighting", "eps")]

    def test_other_names_of_a_design_stand_beside_its_own(self, board):
        row = board.rows[0].model_copy(update={"same_as": [{"sampler": board.rows[1].sampler}]})
        (section,) = sections(board.model_copy(update={"rows": [row, *board.rows[1:]]}))
        assert section.all_names_of(row)["sampler"] == "heun = ancestral"
        assert (section.names_of(row)["sampler"], section.merged) == ("heun", 1)
