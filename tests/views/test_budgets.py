"""The terms of every budget, in every format."""

import csv
import io
import json
import math
from copy import deepcopy

import pytest

from harness.results.budgets import Budgets, budgets
from harness.results.document import DocumentError
from harness.results.leaderboard import Leaderboard
from harness.views import plots
from harness.views.budgets import render_budgets


def test_rows_and_terms(document):
    made = budgets(Leaderboard.validate(document))
    kept = [row for row in document["rows"] if row["status"] == "ok" and row["budget"]]
    assert len(made.rows) == len(kept)
    assert made.without == sum(row["status"] == "ok" and not row["budget"] for row in document["rows"])
    for shown, row in zip(made.rows, sorted(kept, key=lambda r: r["target"]["name"] != "ring"), strict=True):
        assert shown.budget.model_dump() == row["budget"]
        assert set(shown.metrics) == {"kl"} & set(row["metrics"])


def test_json_goes_round_and_versions_are_checked(document):
    plain = json.loads(render_budgets(Leaderboard.validate(document), "json"))
    assert Budgets.validate(plain) == budgets(Leaderboard.validate(document))
    with pytest.raises(DocumentError, match="newer"):
        Budgets.validate(plain | {"schema_version": 4})
    plain["rows"][0]["budget"]["total"] += 1
    with pytest.raises(DocumentError, match="not the sum"):
        Budgets.validate(plain)


def test_csv_has_the_terms_under_the_names_of_theory(document):
    rows = list(csv.DictReader(io.StringIO(render_budgets(Leaderboard.validate(document), "csv"))))
    for row in rows:
        terms = [float(row[name]) for name in ("E_I", "E_S", "E_D", "E_V")]
        assert math.fsum(terms) == pytest.approx(float(row["total"]))
    assert {row["kl.value"] == "" for row in rows if row["target"] == "digits"} == {True}
    assert len(list(csv.DictReader(io.StringIO(render_budgets(Leaderboard.validate(document), "csv", top=3))))) == 6


def test_csv_without_rows_has_its_header(document):
    small = document | {"rows": [], "rankings": [], "setup": None, "effects": [], "agreement": [], "calibration": []}
    (header,) = render_budgets(Leaderboard.validate(small), "csv").splitlines()
    whole = render_budgets(Leaderboard.validate(document), "csv").splitlines()[0].split(",")
    assert header.split(",") == whole[: len(header.split(","))]
    assert header.endswith("E_I,E_S,E_D,E_V,total")


def test_tables(document):
    text = render_budgets(Leaderboard.validate(document), "markdown", top=2)
    assert text.count("more.") == 2
    for name in ("E_I", "E_S", "E_D", "E_V", "total", "kl"):
        assert f" {name} |" in text
    narrow = render_budgets(Leaderboard.validate(document), "table", width=80)
    assert max(map(len, narrow.split("\n"))) <= 80
    heads = next(line for line in narrow.split("\n") if line.startswith("rank")).split()
    assert heads[2:7] == ["E_I", "E_S", "E_D", "E_V", "total"]


def test_what_is_left_of_cancelling_terms_is_rounding(small):
    small["rows"][1]["budget"] |= {"initialization": 0.5, "score": 1e-17, "variance": 3e-16, "total": 0.5}
    cells = next(
        line for line in render_budgets(Leaderboard.validate(small), "markdown").split("\n") if "ancestral" in line
    )
    assert "e-1" not in cells


def test_no_row_with_a_budget(small):
    for row in small["rows"]:
        row["budget"] = None
    assert "0 of 3 combinations have a budget" in render_budgets(Leaderboard.validate(small), "table")
    assert json.loads(render_budgets(Leaderboard.validate(small), "json"))["rows"] == []


def test_the_marginal_divergence_is_called_what_the_document_calls_it(document):
    document = deepcopy(document)
    for row in document["rows"]:
        row["metrics"] = {name.replace("kl", "gap"): entry for name, entry in row["metrics"].items()}
    for metric in document["setup"]["metrics"]:
        metric["metric"] = metric["metric"].replace("kl", "gap")
    document["calibration"] = []
    measured = document["declared"]["metrics"]
    document["declared"]["metrics"] = {name.replace("kl", "gap"): found for name, found in measured.items()}
    for row in document["rows"]:
        row["violations"] = [v | {"metric": v["metric"].replace("kl", "gap")} for v in row["violations"]]
    board = Leaderboard.validate(document)
    assert "the total bounds gap." in " ".join(render_budgets(board, "table", width=200).split())
    figure = plots.budgets(board, best=3)
    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert "measured gap" in labels
    assert not any("kl" in label for label in labels)
    assert any("· gap " in text.get_text() for text in figure.axes[0].texts)
    for row in document["rows"]:
        row["metrics"].pop("gap", None)
        row["violations"] = []
    text = " ".join(render_budgets(Leaderboard.validate(document), "table", width=200).split())
    assert "the total bounds the marginal divergence." in text
