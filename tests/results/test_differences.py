"""What changed between two leaderboards."""

import copy

import pytest

from harness.results.differences import differences
from harness.results.leaderboard import Leaderboard
from harness.views.differences import render_differences


def compared(before, after):
    return differences(Leaderboard.validate(before), Leaderboard.validate(after))


@pytest.fixture
def changed(small):
    """The small board, to be changed."""
    return copy.deepcopy(small)


def test_a_board_and_itself(small, changed):
    found = compared(small, changed)
    assert (found.both, found.gone, found.new, found.same) == (4, 0, 0, 3)
    assert not found.changes
    assert not found.moved
    assert not found.settings


@pytest.mark.parametrize(("value", "difference"), [(1.58, "beyond"), (1.57, "within"), (1.42, "beyond")])
def test_a_metric_changed(value, difference, small, changed):
    # 1.5 ± 0.05 against a value ± 0.05: apart where they differ by more than √2 · 0.05 = 0.0707.
    changed["rows"][2]["metrics"]["kl"] |= {"value": value, "low": value - 0.05, "high": value + 0.05}
    changed["rows"][2]["violations"][0] |= {"value": value, "low": value - 0.05}
    (change,) = compared(small, changed).changes
    assert (change.metric, change.before, change.after, change.difference) == ("kl", 1.5, value, difference)
    assert change.target == "ring"
    assert change.design == {
        "weighting": "eps",
        "time_discretization": "polynomial:rho=7",
        "sampler": "ancestral",
    }


def test_of_one_seed_nothing_is_known(small, changed):
    changed["rows"][0]["metrics"]["kl"] |= {"value": 0.009, "low": None, "high": None, "n_seeds": 1}
    (change,) = compared(small, changed).changes
    assert change.difference == "unknown"


def test_another_code_is_the_same_design(small, changed):
    for row in changed["rows"]:
        row["sampler"] |= {"version": "9", "digest": "0" * 32}
    assert compared(small, changed).both == 4


def test_what_a_component_knows_of_its_digest_makes_no_other_design(small, changed):
    # Boards made from results have it from ranking; those that are read have not.
    for row in changed["rows"]:
        row["sampler"] |= {"version": "9", "digest": "0" * 32}
    before, after = Leaderboard.validate(small), Leaderboard.validate(changed)
    for row in (*before.rows, *after.rows):
        assert row.sampler.place
        assert row.sampler.key
    assert differences(before, after).both == 4


def test_a_younger_parameter_is_not_another_design(small, changed):
    for row in changed["rows"]:
        row["network"]["params"]["precondition"] = "edm"
    assert compared(small, changed).both == 4


def test_another_parameter_is_another_design(small, changed):
    changed["rows"][1]["time_discretization"]["params"]["rho"] = 5.0
    found = compared(small, changed)
    assert (found.both, found.gone, found.new) == (3, 1, 1)


def test_a_failure_and_settings_are_told(small, changed):
    changed["rows"][3] |= {"status": "diverged", "reason": "far off"}
    changed["environment"]["torch"] = "9.9"
    found = compared(small, changed)
    assert [(each.before, each.after) for each in found.moved] == [("failed", "diverged")]
    assert found.settings == {"torch": ["2.13.0", "9.9"]}


def test_ranks_that_no_longer_meet(small, changed):
    metrics = [row["metrics"] for row in changed["rows"][:2]]
    metrics[0]["kl"], metrics[1]["kl"] = metrics[1]["kl"], {"value": 0.001, "low": 0.0009, "high": 0.0011, "n_seeds": 3}
    for row, rank in zip(changed["rows"][:2], (2, 1), strict=True):
        row |= {"rank": rank, "rank_low": rank, "rank_high": rank}
    small["rows"][0] |= {"rank_high": 1}
    small["rows"][1] |= {"rank_low": 2}
    assert [(each.before, each.after) for each in compared(small, changed).moved] == [
        ("ranks 1–1", "ranks 2–2"),
        ("ranks 2–2", "ranks 1–1"),
    ]


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json"])
def test_each_format_tells_the_change(form, small, changed):
    changed["rows"][0]["metrics"]["kl"] |= {"value": 0.0234, "low": 0.02, "high": 0.03}
    changed["rows"][0] |= {"rank": 2, "rank_low": 1, "rank_high": 2}
    changed["rows"][1] |= {"rank": 1}
    text = render_differences(compared(small, changed), form)
    assert "0.0234" in text or "0.02340" in text
    narrow = render_differences(compared(small, changed), "table", width=60)
    assert max(map(len, narrow.splitlines())) <= 60
