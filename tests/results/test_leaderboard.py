"""The JSON contract: what it keeps, what it refuses, and in which words."""

import json
import math
from copy import deepcopy
from pathlib import Path

import pytest

from harness.results.document import DocumentError
from harness.results.leaderboard import Leaderboard


def test_canonical_text_is_a_fixed_point_and_keeps_every_number(document):
    text = Leaderboard.validate(document).to_json()
    assert json.loads(text) == document
    assert Leaderboard.validate(json.loads(text)).to_json() == text == Leaderboard.validate(document).to_json()
    assert text.endswith("}\n")


def test_fields_are_in_contract_order_whatever_order_they_came_in(document):
    shuffled = dict(reversed(document.items()))
    shuffled["rows"] = [dict(reversed(row.items())) for row in document["rows"]]
    written = json.loads(Leaderboard.validate(shuffled).to_json())
    heads = ["schema_version", "suite", "title", "command", "rank_by", "environment", "definition", "setup"]
    heads += ["computation", "declared", "rankings", "calibration", "agreement", "effects", "interactions"]
    assert list(written) == [*heads, "certificates", "grids", "networks", "rows"]
    assert list(written["rows"][0]) == list(document["rows"][0])
    assert list(written["rows"][0]["metrics"]["energy"]) == ["value", "low", "high", "n_seeds"]


def test_read_gives_what_was_written(tmp_path, document):
    path = tmp_path / "leaderboard.json"
    path.write_text(Leaderboard.validate(document).to_json(), encoding="utf-8")
    assert Leaderboard.read(path) == Leaderboard.validate(document)


def without_making(document):
    """Return a document that tells neither levels nor checkpoints, as up to version 7."""
    old = deepcopy(document)
    for field in ("definition", "computation", "grids", "networks"):
        del old[field]
    for row in old["rows"]:
        del row["grid"], row["trained"], row["ema_decay"]
    return old | {"schema_version": 7}


def older(document, version):
    """Return a document in which one metric ranks every target, as up to version 4."""
    old = without_making(document)
    metric = old.pop("rank_by")[0]
    del old["rankings"]
    return old | {"schema_version": version, "metric": metric}


def test_a_document_of_version_1_is_read_as_what_it_was(document):
    old = older(document, 1)
    del old["setup"], old["declared"]
    for row in old["rows"]:
        for field in ("initial_law", "sigma_max", "compute", "training_share"):
            del row[field]
    board = Leaderboard.validate(old)
    assert board.schema_version == 10
    assert {row.initial_law.name for row in board.rows} == {"centered"}
    assert {(row.sigma_max, row.compute, row.training_share) for row in board.rows} == {(None, None, None)}
    assert Leaderboard.validate(json.loads(Leaderboard.validate(old).to_json())) == board
    assert old["schema_version"] == 1
    with pytest.raises(DocumentError, match=r"^rows\[0\].nfe: Field required"):
        Leaderboard.validate(change(old, ("rows", 0, "nfe"), ...))
    with pytest.raises(DocumentError, match=r"^rows\[1\]"):
        Leaderboard.validate(change(old, ("rows", 1), 3))


@pytest.mark.parametrize(("method", "decay"), [("adam", 0.99), ("gradient-descent", None)])
def test_trained_rows_of_a_document_of_version_8_have_the_average_of_its_training(document, method, decay):
    old = deepcopy(document) | {"schema_version": 8}
    shortest = min(row["train_steps"] for row in old["rows"])
    for row in old["rows"]:
        del row["ema_decay"]
        if row["train_steps"] == shortest:
            row |= {"train_steps": 0, "trained": None, "score_split": None}
    params = {} if decay is None else {"ema_decay": decay}
    old["setup"]["training"] = {"method": method, "params": params}
    old |= {"effects": [], "interactions": [], "agreement": []}
    board = Leaderboard.validate(old)
    assert board.schema_version == 10
    assert {(row.train_steps > 0, row.ema_decay) for row in board.rows} == {(True, decay), (False, None)}
    assert "ema_decay" not in board.told_numbers
    written = json.loads(board.to_json())
    assert Leaderboard.validate(written) == board
    oracle = next(row for row in written["rows"] if not row["train_steps"])
    oracle["ema_decay"] = 0.5
    with pytest.raises(
        DocumentError, match=r"^rows\[\d+\]: ema_decay is 0.5, though nothing was trained; it must be null"
    ):
        Leaderboard.validate(written)


def test_rows_that_differ_in_their_average_alone_are_others(document):
    rows = document["rows"]
    place = next(i for i, row in enumerate(rows) if row["status"] == "ok" and rows[i + 1]["status"] == "ok")
    ranks = {name: rows[place + 1][name] for name in ("rank", "rank_low", "rank_high")}
    twin = rows[place] | ranks | {"ema_decay": 0.5, "trained": len(document["networks"])}
    other = document | {"rows": [*rows[: place + 1], twin, *rows[place + 2 :]]}
    other |= {"networks": [*document["networks"], document["networks"][rows[place]["trained"]]]}
    other |= {"effects": [], "interactions": []}
    assert "ema_decay" in Leaderboard.validate(other).told_numbers
    twin["ema_decay"] = 0.99
    with pytest.raises(DocumentError, match="the same combination as rows"):
        Leaderboard.validate(other)
    twin |= {"ema_decay": 0.5, "trained": rows[place]["trained"]}
    with pytest.raises(DocumentError, match="is of another training"):
        Leaderboard.validate(other)


def test_metrics_and_bounds_of_a_document_of_version_2_are_those_that_shipped(document):
    old = older(document, 2)
    del old["setup"], old["declared"]
    old["rows"][0]["metrics"] |= {"reverse-kl": old["rows"][0]["metrics"]["energy"]}
    board = Leaderboard.validate(old)
    assert board.declared.quantity("kl") == "marginal-kl"
    assert board.declared.quantity("energy") == board.declared.quantity("reverse-kl") == "other"
    assert board.declared.limits("theorem-2", "kl")
    assert board.declared.is_path_divergence("budget")
    assert Leaderboard.validate(json.loads(board.to_json())) == board
    with pytest.raises(DocumentError, match=r"^rows: should be a valid list"):
        Leaderboard.validate(old | {"rows": 3})


def test_a_document_of_version_9_tells_neither_grids_of_orders_nor_what_varies_over_points(document):
    old = deepcopy(document) | {"schema_version": 9}
    for entry in old["agreement"]:
        del entry["grids"]
    for ranking in old["rankings"]:
        del ranking["over_points"]
    board = Leaderboard.validate(old)
    assert {entry.grids for entry in board.agreement} == {each.over_points for each in board.rankings} == {None}
    assert Leaderboard.validate(json.loads(board.to_json())) == board


def test_only_metrics_of_a_ranking_are_said_to_vary_over_points(document):
    document["rankings"][0]["over_points"] = ["other"]
    with pytest.raises(DocumentError, match=r"^rankings\[0\].over_points: other is neither its metric nor effects_by"):
        Leaderboard.validate(document)


CELLS = [
    {"choice": a, "other_choice": b, "factor": factor, "difference": None, "low": None, "high": None}
    for a, b, factor in (("edm", "p", 0.5), ("edm", "q", 2.0), ("vp", "p", 2.0), ("vp", "q", 0.5))
]
INTERACTION = {"target": "ring", "among": "mlp", "axis": "noise_schedule", "other": "time_discretization",
               "p_value": 0.01, "contexts": 3, "cells": CELLS}  # fmt: skip


def test_cells_of_a_document_of_version_3_are_factors(document):
    document["setup"]["targets"][0] |= {"finite": True, "train": 90, "held_out": 30, "tested": 30}
    document["interactions"] = [INTERACTION]
    old = older(document, 3)
    for cell in old["interactions"][0]["cells"]:
        del cell["difference"]
    for target in old["setup"]["targets"]:
        del target["train"], target["held_out"], target["splits"], target["tested"]
    board = Leaderboard.validate(old)
    assert [cell.size for cell in board.interactions[0].cells] == [0.5, 2.0, 2.0, 0.5]
    assert {target.held_out for target in board.setup.targets} == {None}
    assert board.interactions == Leaderboard.validate(document).interactions
    with pytest.raises(DocumentError, match=r"^interactions\[0\].cells\[1\]: should be a valid dict"):
        Leaderboard.validate(change(old, ("interactions", 0, "cells", 1), 3))


def test_seeds_of_a_document_of_version_4_have_one_split_and_memorisation_tells_copies(document):
    document["setup"]["targets"][0] |= {"finite": True, "train": 90, "held_out": 30, "tested": 30}
    document["declared"]["metrics"]["memorisation"] = {
        "quantity": "other", "space": "data", "compared_by": "nothing", "least": 0.0, "copies_below": 1.0,
    }  # fmt: skip
    old = older(document, 4)
    for target in old["setup"]["targets"]:
        del target["splits"], target["tested"]
    for declared in old["declared"]["metrics"].values():
        del declared["copies_below"]
    now = Leaderboard.validate(without_making(document))
    assert Leaderboard.validate(old).model_copy(update={"rankings": now.rankings}) == now
    target = Leaderboard.validate(old).setup.targets[0]
    assert (target.splits, target.tested) == (1, 30)
    for malformed in ("declared", "setup"):
        with pytest.raises(DocumentError, match=malformed):
            Leaderboard.validate(old | {malformed: 3})


def test_where_seeds_have_one_split_all_that_is_held_out_is_what_a_seed_sees(document):
    document["setup"]["targets"][0] |= {"finite": True, "train": 90, "held_out": 30, "splits": 5, "tested": 150}
    assert Leaderboard.validate(document).setup.targets[0].tested == 150
    document["setup"]["targets"][0] |= {"splits": 1}
    with pytest.raises(DocumentError, match=r"setup.targets\[0\]: tested 150 is not held_out 30"):
        Leaderboard.validate(document)


def test_one_metric_ranked_every_target_of_a_document_of_version_4(document):
    board = Leaderboard.validate(older(document, 4))
    assert board.rank_by == document["rank_by"]
    assert {board.ranking(row.target).metric for row in board.rows} == set(document["rank_by"])
    assert [entry.effects_by for entry in board.rankings] == [entry.metric for entry in board.rankings]
    assert board.rows == Leaderboard.validate(without_making(document)).rows
    # Targets of one name are told apart by what they were given.
    twice = change(older(document, 4), ("rows",), [])
    for modes in (8, 9):
        rows = [row for row in without_making(document)["rows"] if row["target"]["name"] == "ring"]
        twice["rows"] += [row | {"target": row["target"] | {"params": {"modes": modes}}} for row in rows]
    beside = {key: [] for key in ("calibration", "agreement", "effects", "interactions")}
    assert len(Leaderboard.validate(twice | beside | {"setup": None}).rankings) == 2
    with pytest.raises(DocumentError, match=r"^rank_by\[0\]: should be a valid string"):
        Leaderboard.validate(change(older(document, 4), ("metric",), ...))


PUBLISHED = sorted(path.parent.name for path in (Path(__file__).parents[2] / "leaderboards").glob("*/leaderboard.json"))


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name != "bounds"])
def test_what_is_published_is_valid(name):
    board = Leaderboard.read(Path(__file__).parents[2] / "leaderboards" / name / "leaderboard.json")
    for row in board.rows:
        # What a bound limits, as it is read today, explains every violation that was found.
        assert all(board.declared.limits(v.bound, v.metric) for v in row.violations)
    if name in ("quick", "paper"):
        assert {row.initial_law.name for row in board.rows} == {"centered"}


def change(document, path, value):
    """Set (or, with `...`, delete) the entry at a path."""
    changed = deepcopy(document)
    place = changed
    for part in path[:-1]:
        place = place[part]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return changed


ROW = ("rows", 0)
HEUN = {"name": "heun", "params": {}, "distribution": "acme", "version": "1", "digest": "d"}
CERTIFICATE = {"axis": "sampler", "component": HEUN, "standing": "failed", "passed": 1, "failed": 1, "unclaimed": 0}
REFUSALS = [
    (("rows", 0, "ema_decay"), 1.0, "rows[0].ema_decay: should be less than 1"),
    (("schema_version",), 11, "schema_version: 11 is newer than this harness reads (10)"),
    (("rank_by",), [], "rank_by: List should have at least 1 item"),
    (("rankings",), [], "rankings: target ring has 0; every target of the rows has one"),
    (("rankings", 0, "metric"), "energy", "rankings[0]: energy is none of rank_by"),
    (("rankings", 0, "effects_by"), "energy", "rankings[0]: energy is none of rank_by"),
    (("rankings", 0, "target"), "square", "rankings[0].target: 'square' names not exactly one target"),
    ((*ROW, "sigma_max"), 0.0, "rows[0].sigma_max: should be greater than 0"),
    ((*ROW, "compute"), 100, "rows[0]: compute and training_share are known together, or neither is"),
    (("declared",), ..., "declared: Field required"),
    (("certificates",), [CERTIFICATE], "certificates[0].component: no row has sampler heun"),
    (("certificates",), [CERTIFICATE | {"standing": "good"}], "certificates[0].standing: should be 'certified'"),
    (("declared", "metrics", "kl", "quantity"), "kl", "declared.metrics.kl.quantity: should be 'marginal-kl'"),
    (("declared", "bounds", "budget", "limits"), ["kl"], "declared.bounds.budget.limits[0]: should be 'marginal-kl'"),
    (("schema_version",), 0, "schema_version: 0 does not exist"),
    (("schema_version",), "1", "schema_version: '1' is no version"),
    (("schema_version",), True, "schema_version: True is no version"),
    (("schema_version",), ..., "schema_version: None is no version"),
    (("comment",), "x", "comment: Extra inputs are not permitted"),
    ((*ROW, "fid"), 1.0, "rows[0].fid: Extra inputs are not permitted"),
    ((*ROW, "sampler", "origin"), "x", "rows[0].sampler.origin: Extra inputs"),
    ((*ROW, "nfe"), ..., "rows[0].nfe: Field required"),
    ((*ROW, "steps"), 20.5, "rows[0].steps: should be a valid integer, not 20.5"),
    ((*ROW, "steps"), "20", "rows[0].steps: should be a valid integer, not '20'"),
    ((*ROW, "rank"), True, "rows[0].rank: should be a valid integer"),
    (
        (*ROW, "metrics", "kl", "value"),
        math.nan,
        "rows[0].metrics.kl.value: should be a finite number, not nan",
    ),
    ((*ROW, "bounds", "budget"), math.inf, "rows[0].bounds.budget: should be a finite number"),
    (("environment", "load"), [1.0, math.nan], "environment.load"),
    ((*ROW, "target", "params", "modes"), math.nan, "rows[0].target.params.modes"),
    ((*ROW, "metrics", "kl", "low"), 0.02, "rows[0].metrics.kl: low 0.02 is above value 0.01"),
    (("rows", 3, "reason"), None, "rows[3]: status failed needs a reason"),
    (("rows", 3, "reason"), "", "rows[3].reason"),
    ((*ROW, "reason"), "slow", "rows[0]: status ok takes no reason"),
    ((*ROW, "status"), "late", "rows[0].status: should be 'ok', 'diverged', 'not applicable' or 'failed', not 'late'"),
    ((*ROW, "rank_low"), 2, "rows[0]: rank 1 is outside its interval 2 to 2"),
    ((*ROW, "rank_high"), 5, "rows[0].rank_high: 5 of only 4 rows of its target"),
    (("rows", 1, "budget", "score"), 0.6, "rows[1].budget: total 0.5 is not the sum of the terms, 0.6"),
    (
        ("rows", 2, "violations", 0, "bound"),
        "theorem-2",
        "rows[2]: violation of theorem-2 by kl: the row lacks",
    ),
    (
        ("rows", 2, "violations", 0, "value"),
        1.6,
        "rows[2]: violation of budget by kl: not the row's own numbers",
    ),
    (("agreement", 0, "target"), "digits", "agreement[0].target: 'digits' names not exactly one target"),
    (("agreement", 0, "kendall_tau"), 1.2, "agreement[0].kendall_tau: should be less than or equal to 1"),
    (("effects", 0, "factor"), 0.0, "effects[0].factor: should be greater than 0"),
    (("effects", 0, "factor"), None, "effects[0]: it is a factor or a difference, and the other is null"),
    (
        ("declared", "metrics", "kl", "compared_by"),
        "difference",
        "effects[0]: kl is compared by difference, and so must",
    ),
    (("declared", "metrics", "kl", "compared_by"), "nothing", "rank_by: kl is declared to compare nothing"),
    (("effects", 0, "axis"), "weightings", "effects[0].axis"),
    (("effects", 0, "factor"), 2.0, "effects[0]: value 2 is above high 1.4"),
    (("effects", 0, "low"), 1.3, "effects[0]: low 1.3 is above value 1.25"),
    (("agreement", 0, "high"), 0.9, "agreement[0]: value 1 is above high 0.9"),
    (("calibration", 0, "high"), 0.0075, "calibration[0]: value 0.008 is above high 0.0075"),
]


SETUP_REFUSALS = [
    (("setup", "sigma_max"), 0.01, "setup: sigma_min 0.05 is not below sigma_max 0.01"),
    (("setup", "seeds"), [0], "rows[0].metrics.sliced-wasserstein.n_seeds: 3 of 1 seeds"),
    (("setup", "seeds"), [], "setup.seeds: List should have at least 1 item"),
    (("setup", "targets", 0, "target"), "moons", "setup.targets[0].target: 'moons' names not exactly one target"),
    (("setup", "metrics"), [], "rows[0].metrics.sliced-wasserstein: is none of the setup's metrics"),
    (("setup",), ..., "setup: Field required"),
]


@pytest.mark.parametrize(("path", "value", "message"), SETUP_REFUSALS, ids=[m for _, _, m in SETUP_REFUSALS])
def test_a_setup_agrees_with_its_rows(document, path, value, message):
    Leaderboard.validate(document)
    with pytest.raises(DocumentError) as caught:
        Leaderboard.validate(change(document, path, value))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("path", "value", "message"), REFUSALS, ids=[m for _, _, m in REFUSALS])
def test_a_broken_document_is_refused_in_one_line_with_its_place(small, path, value, message):
    Leaderboard.validate(small)
    with pytest.raises(DocumentError) as caught:
        Leaderboard.validate(change(small, path, value))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_violation_must_be_clear_of_its_interval(small):
    broken = change(small, ("rows", 2, "metrics", "kl", "low"), 1.2)
    broken = change(broken, ("rows", 2, "violations", 0, "low"), 1.2)
    with pytest.raises(DocumentError, match="low is not above the bound"):
        Leaderboard.validate(broken)


def test_ranks_follow_the_metric(small):
    broken = deepcopy(small)
    broken["rows"][0]["rank"], broken["rows"][1]["rank"] = 2, 1
    with pytest.raises(DocumentError, match=r"rows\[0\].rank: 2 is behind a worse row of its target, ranked 1"):
        Leaderboard.validate(broken)


def test_a_tie_may_share_a_rank_but_nothing_better_may_come_after_it(small):
    tied = deepcopy(small)
    tied["rows"][1]["rank"] = 1
    Leaderboard.validate(tied)
    tied["rows"][2]["metrics"]["kl"] = {"value": 0.011, "low": 0.01, "high": 0.012, "n_seeds": 3}
    tied["rows"][2]["violations"] = []
    with pytest.raises(DocumentError, match=r"rows\[2\].rank"):
        Leaderboard.validate(tied)


def test_failures_come_last(small):
    broken = deepcopy(small)
    for row, rank in zip(broken["rows"], (1, 2, 4, 3), strict=True):
        row.update(rank=rank, rank_low=rank, rank_high=rank)
    broken["rows"][1].update(rank_low=1)
    with pytest.raises(DocumentError, match=r"rows\[2\].rank: 4 is behind a worse row"):
        Leaderboard.validate(broken)


def test_the_same_combination_twice_is_refused(small):
    broken = deepcopy(small)
    broken["rows"].append(deepcopy(broken["rows"][3]))
    with pytest.raises(DocumentError, match=r"rows\[4\]: the same combination as rows\[3\]"):
        Leaderboard.validate(broken)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "a leaderboard is a JSON object, not list"),
        ('{"schema_version": NaN}', "is not valid JSON: NaN is no JSON number"),
        ("{", "is not valid JSON"),
        ('{"schema_version": 11}', "schema_version: 11 is newer"),
        ("[" * 100_000, "is not valid JSON"),
    ],
)
def test_a_bad_file_is_named_in_one_line(tmp_path, text, message):
    path = tmp_path / "leaderboard.json"
    path.write_text(text)
    with pytest.raises(DocumentError) as caught:
        Leaderboard.read(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_and_a_missing_file_are_named(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DocumentError, match="binary is not valid JSON"):
        Leaderboard.read(tmp_path / "binary")
    with pytest.raises(DocumentError, match="absent cannot be read: No such file"):
        Leaderboard.read(tmp_path / "absent")


def test_the_published_schema_is_the_present_one():
    folder = Path(__file__).parents[2] / "docs" / "schema"
    (file,) = folder.glob(f"leaderboard-{Leaderboard.version()}.json")
    assert json.loads(file.read_text(encoding="utf-8")) == Leaderboard.json_schema(), "run: python docs/make_schema.py"


def test_schema_export_lists_the_contract():
    schema = Leaderboard.json_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == set(schema["properties"])
    row = schema["$defs"]["Row"]
    assert row["additionalProperties"] is False
    # Rows of documents from before there was a split lack it.
    assert set(row["properties"]) - set(row["required"]) == {"score_split"}
    assert row["properties"]["status"]["enum"] == ["ok", "diverged", "not applicable", "failed"]
