"""The budget view with the split of the score error: the same numbers in every format, at every width."""

import csv
import io
import json

import pytest

from harness.results.budgets import Budgets, budgets
from harness.results.leaderboard import Leaderboard
from harness.results.terms import SCORE_MAX, SPLIT
from harness.views.budgets import FRESH, SPLIT_MEANING, render_budgets
from harness.views.digits import number, with_interval
from harness.views.publishing import render_files
from harness.views.tables import render


def trained(document):
    return [row for row in document["rows"] if row["score_split"]]


def test_json_carries_the_rows_own_split(document):
    made = json.loads(render_budgets(Leaderboard.validate(document), "json"))
    Budgets.validate(made)
    expected = [row["score_split"] for row in document["rows"] if row["budget"] and row["status"] == "ok"]
    assert [row["score_split"] for row in made["rows"]] == expected
    assert any(expected)


def test_csv_has_every_term_with_its_interval(document):
    found = list(csv.DictReader(io.StringIO(render_budgets(Leaderboard.validate(document), "csv"))))
    rows = budgets(Leaderboard.validate(document)).rows
    assert len(found) == len(rows)
    for line, row in zip(found, rows, strict=True):
        split = row.score_split
        for term in (SCORE_MAX, *SPLIT):
            for key in ("value", "low", "high"):
                expected = "" if split is None else str(getattr(getattr(split, term.field), key))
                assert line[f"{term.symbol}.{key}"] == expected


def test_a_table_that_is_wide_enough_has_intervals_and_a_narrow_one_values(document):
    first = next(row for row in document["rows"] if row["score_split"] and row["target"]["name"] == "ring")
    whole = first["score_split"]["score_max"]
    told, plain = with_interval(whole["value"], whole["low"], whole["high"]), number(whole["value"])
    wide = render_budgets(Leaderboard.validate(document), "table", top=1, width=None)
    assert told in wide
    assert all(term.symbol in wide for term in (SCORE_MAX, *SPLIT))
    for width in (60, 80, 100, 120, 160, 200, 240):
        text = render_budgets(Leaderboard.validate(document), "table", top=1, width=width)
        assert max(map(len, text.split("\n"))) <= width or width < 80
        head = next(line for line in text.split("\n") if line.startswith("rank"))
        if "E_S(max)" in head:
            assert told in text or plain in text
        # A term that is left out never stands for its neighbour: heads and cells go together.
        assert ("ε_n" not in head) or ("ε_train" in head)


def test_what_the_terms_mean_is_said_where_there_are_any(document):
    flat = " ".join(render_budgets(Leaderboard.validate(document), "table", width=100).split())
    assert SPLIT_MEANING in flat
    assert FRESH in flat
    for row in trained(document):
        row["score_split"]["objective"] = "fixed"
    assert FRESH not in " ".join(render_budgets(Leaderboard.validate(document), "table", width=100).split())
    for row in trained(document):
        row["score_split"] = None
    text = render_budgets(Leaderboard.validate(document), "table", width=200)
    assert "ε_train" not in text
    assert "E_S(max)" not in text


def test_a_row_that_is_not_trained_says_not_applicable(document):
    second = [row for row in document["rows"] if row["budget"]][1]
    second["score_split"] = None
    lines = render_budgets(Leaderboard.validate(document), "markdown", top=2).split("\n")
    table = [line for line in lines if line.startswith("|")][2:4]
    assert [line.count("n/a") for line in table] == [0, 5]


@pytest.mark.parametrize("format", ["table", "markdown", "csv", "json"])
def test_a_document_from_before_the_split_still_reads(document, format):
    for row in document["rows"]:
        del row["score_split"]
    assert render_budgets(Leaderboard.validate(document), format)
    assert all(row.score_split is None for row in Leaderboard.validate(document).rows)


def test_the_flat_leaderboard_has_the_split_too(document):
    found = list(csv.DictReader(io.StringIO(render(Leaderboard.validate(document), "csv"))))
    rows = {(r["target.name"], r["rank"]): r for r in found}
    for row in trained(document):
        line = rows[row["target"]["name"], str(row["rank"])]
        assert float(line["score_split.training.value"]) == row["score_split"]["training"]["value"]
        assert line["score_split.objective"] == "fresh"


def test_the_page_tells_the_best_rows_in_figures(document):
    page = render_files(Leaderboard.validate(document), "harness run x")["README.md"].decode()
    part = page.split("## Where the error comes from")[1].split("\n## ")[0]
    assert "ring, the best 5:" in part
    assert part.count("ε_approx") >= 2
    assert len([line for line in part.split("\n") if line.startswith("|")]) == 2 * (2 + 5)
