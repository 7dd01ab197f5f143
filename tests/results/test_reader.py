"""What is read of one combination: values, failures and what is missing, seed by seed."""

import math

import pytest

from harness.metrics import Measurement
from harness.planning.keys import measured
from harness.planning.manifest import Manifest, PlannedRow
from harness.records import Record
from harness.registry.references import Reference
from harness.results import reader
from harness.results.leaderboard import UNFINISHED, Terms
from harness.results.read_board import outcome
from harness.results.reader import read_calibration, read_grids, read_results, read_target
from harness.store import StoreError

TERMS = {"initialization": 0.5, "score": 1.0, "discretization": 2.0, "variance": -0.5, "total": 3.0}
EXACT = {"value": 0.25, "standard_error": 0.0, "bias": 0.0, "freedom": None, "shared": False}

C = Reference(name="c", params={}, distribution="d", version="1", digest="c")


@pytest.fixture
def rows():
    """A directory with one combination of two seeds, one metric that ranks, another, and a bound."""
    axes = ("target", "weighting", "noise_schedule", "time_discretization", "network", "sampler", "initial_law")
    row = PlannedRow(
        components=dict.fromkeys(axes, "c"), steps=2, train_steps=10, sigma_max=8.0, compute=100, training_share=0.5,
        networks=["n0", "n1"], errors=["e0", "e1"], tables=["t", "t"], information=["i", "i"],
        grids=["g", "g"], samples=["s0", "s1"],
        reason=None,
    )  # fmt: skip
    return Manifest(
        suite="x", command="", rank_by="kl", seeds=[3, 5], metrics={"kl": "m", "energy": "o"}, bounds={"b": "b"},
        components={"c": C}, calibration={}, rows=[row], environment={},
    )  # fmt: skip


@pytest.fixture
def shelf(shelve):
    made = [Record(f"n{i}", "network", {"sha256": f"{i}" * 64, "loss": 1.0}, seconds=7.0) for i in (0, 1)]
    made += [Record(f"e{i}", "score error", {"sigma": [0.1, 8.0], "values": [[1.0, None]]}) for i in (0, 1)]
    made += [Record(f"s{i}", "sampling", {"nfe": 2, "budget": TERMS}, seconds=1.0) for i in (0, 1)]
    made += [Record(measured(f"s{i}", "m"), "metric", EXACT, seconds=0.5) for i in (0, 1)]
    made += [Record(measured(f"s{i}", "o"), "metric", {}) for i in (0, 1)]
    made += [Record(measured(f"s{i}", "b"), "bound", {"value": 4.0 + i}) for i in (0, 1)]
    made.append(Record("g", "grid", {"sigmas": [8.0, 1.0, 0.1]}))
    made.append(Record("i", "information", {"dim": 2, "sigma_data": 0.5, "second_moment": 0.6, "finite": True}))
    return shelve(*made)


def read(rows, shelf):
    return read_results(rows, rows.rows[0], shelf)


def test_many_rows_are_read_as_each_alone(rows, shelf, monkeypatch):
    """Whatever is read at once, and however often a row's records are asked for."""
    many = rows.model_copy(update={"rows": [rows.rows[0]] * 5})
    alone = read(rows, shelf)
    monkeypatch.setattr(reader, "TOGETHER", 2)
    asked, get = [], shelf.get
    monkeypatch.setattr(shelf, "get", lambda keys: asked.append(1) or get(keys))
    found = list(reader.read_rows(many, shelf))
    assert len(asked) == 3
    assert [(each.networks, each.samplings, each.metrics, each.bounds) for each in found] == [
        (alone.networks, alone.samplings, alone.metrics, alone.bounds)
    ] * 5


def ranked(rows, shelf, metric="kl"):
    return outcome(rows, rows.rows[0], read(rows, shelf)).ranked_by(metric)


def test_values_are_typed(rows, shelf):
    results = read(rows, shelf)
    assert [entry.seed for entry in results.samplings] == [3, 5]
    assert [entry.value for entry in results.metrics["kl"]] == [Measurement(0.25, 0.0, 0.0, math.inf, False)] * 2
    assert [entry.value for entry in results.metrics["energy"]] == [None, None]  # it does not apply
    assert [entry.value.value for entry in results.bounds["b"]] == [4.0, 5.0]
    assert [entry.value for entry in results.grids] == [[8.0, 1.0, 0.1]] * 2
    assert [math.isnan(entry.value.values[0, 1]) for entry in results.score_errors] == [True, True]
    assert results.budgets() == [Terms(**TERMS)] * 2
    assert read_target("i", shelf).value.sigma_data == 0.5


def test_grids_and_score_errors_are_read_when_they_are_asked_for(rows, shelf):
    results = read(rows, shelf)
    assert not {"g", "e0", "e1"} & set(shelf.asked)
    assert results.grids[0] is results.grids[0]
    assert shelf.asked.count("g") == 1


def test_a_failure_and_a_gap_are_told_apart(rows, shelf):
    shelf.fail("s0", "diverged")
    del shelf.records["s1"]
    first, second = read(rows, shelf).samplings
    assert (first.reason, first.missing, first.value, first.seconds) == ("diverged", False, None, 0.0)
    assert (second.reason, second.missing, second.value, second.seconds) == (None, True, None, 0.0)


@pytest.mark.parametrize(
    ("key", "payload", "read_one"),
    [
        ("s0", {"nfe": 2}, lambda results: results.samplings[0]),
        ("g", {}, lambda results: results.grids[0]),
        ("n0", {"loss": 1.0}, lambda results: results.networks[0]),
        (measured("s0", "m"), {"value": 1.0}, lambda results: results.metrics["kl"][0]),
    ],
)
def test_a_payload_of_another_version_is_told_where_it_is_read(rows, shelf, key, payload, read_one):
    shelf.records[key] = Record(key, "unit", payload)
    entry = read_one(read(rows, shelf))
    assert not entry.missing
    with pytest.raises(StoreError, match=f"^record {key} was made by another version of diffusion-harness; run"):
        _ = entry.value


def test_what_has_no_value_is_not_required(rows, shelf):
    shelf.fail("s0", "diverged")
    del shelf.records["s1"]
    for entry in read(rows, shelf).samplings:
        with pytest.raises(ValueError, match="has no value"):
            entry.require()


def test_records_of_a_kind_are_read_by_their_keys(shelf):
    assert {key: entry.value for key, entry in read_grids(["g", "lost", "g"], shelf).items()} == {
        "g": [8.0, 1.0, 0.1],
        "lost": None,
    }
    found = read_calibration([measured("s0", "m"), measured("s0", "o")], shelf)
    assert [entry.value and entry.value.value for entry in found.values()] == [0.25, None]


def test_one_seed_without_a_budget_leaves_none(rows, shelf):
    shelf.records["s1"] = Record("s1", "sampling", {"nfe": 2, "budget": None})
    assert read(rows, shelf).budgets() == []


class TestOutcome:
    def test_means_over_seeds(self, rows, shelf):
        shelf.records["s1"] = Record("s1", "sampling", {"nfe": 2, "budget": TERMS | {"score": 2.0, "total": 4.0}})
        made = ranked(rows, shelf)
        assert made.ok
        assert made.networks == ("n0", "n1")
        assert made.checkpoints == ("0" * 16, "1" * 16)
        assert (made.budget.score, made.budget.total, made.bounds) == (1.5, 3.5, {"b": 4.5})
        assert made.seconds == {"train": 14.0, "sample": 1.0, "measure": 1.0}

    def test_the_first_seeds_first_reason_is_the_rows(self, rows, shelf):
        shelf.fail(measured("s1", "m"), "metric kl: nan")
        assert ranked(rows, shelf).reason == "seed 5: metric kl: nan"
        assert ranked(rows, shelf, "energy").ok
        shelf.fail("n1", "training: diverged")
        assert ranked(rows, shelf).reason == "seed 5: training: diverged"
        shelf.fail("s0", "sampler x: diverged")
        assert ranked(rows, shelf).reason == "seed 3: sampler x: diverged"

    def test_another_metric_or_bound_that_failed_is_left_out(self, rows, shelf):
        shelf.fail(measured("s0", "o"), "metric energy: nan")
        shelf.fail(measured("s0", "b"), "bound b: nan")
        made = ranked(rows, shelf)
        assert made.ok
        assert made.bounds == {"b": None}

    @pytest.mark.parametrize("gone", ["n1", "s1", measured("s0", "m"), measured("s1", "o"), measured("s0", "b")])
    def test_what_is_missing_makes_a_row_unfinished_and_no_failure(self, rows, shelf, gone):
        del shelf.records[gone]
        assert ranked(rows, shelf).reason == UNFINISHED

    def test_a_failure_comes_before_a_gap(self, rows, shelf):
        del shelf.records["s0"]
        shelf.fail("s1", "diverged")
        assert ranked(rows, shelf).reason == "seed 5: diverged"
