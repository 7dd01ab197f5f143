"""Bounds in competition: what is counted, how it ranks, what a document may say, and how it is shown."""

import csv
import io
import json
import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from harness.quantities import DIVERGENCES, Declarations
from harness.results.bounds import bounds_json_schema, bounds_to_json, validate_bounds
from harness.results.bounds_ranking import rank_bounds
from harness.results.document import LeaderboardError
from harness.results.leaderboard import validate
from harness.views.bounds_tables import render_bounds
from harness.views.budgets import budgets, render_budgets, validate_budgets
from harness.views.publishing import publish_bounds, render_files


def estimate(value):
    return {"value": value, "low": value - 0.1 * abs(value), "high": value + 0.1 * abs(value), "n_seeds": 3}


LIMITS = {"g-w2": ["w2"], "exact-kl": ["marginal-kl"], "some-loss": ["training-loss"]}
"""What some made-up bounds limit; the others limit the path divergence."""


def board(small, rows):
    """The small document with other rows: each a dictionary of metrics (values) and bounds."""
    template = small["rows"][1]
    made = []
    names = {name for _, bounds in rows for name in bounds}
    limited = {name: {"limits": LIMITS.get(name, list(DIVERGENCES))} for name in names} | small["declared"]["bounds"]
    declared = Declarations.model_validate(small["declared"] | {"bounds": limited})
    for i, (metrics, bounds) in enumerate(rows):
        violations = [
            {"bound": b, "metric": m, "value": v, "low": estimate(v)["low"], "bound_value": limit}
            for m, v in metrics.items() for b, limit in bounds.items()
            if limit is not None and declared.limits(b, m) and estimate(v)["low"] > limit
            and (m, b) != ("path-kl", "budget")
        ]  # fmt: skip
        terms = template["budget"] if metrics.get("path-kl") is None else {
            "initialization": 0.0, "score": metrics["path-kl"], "discretization": 0.0, "variance": 0.0,
            "total": metrics["path-kl"]}  # fmt: skip
        made.append(template | {
            "steps": i + 1, "rank": i + 1, "rank_low": 1, "rank_high": len(rows), "bounds": bounds,
            "metrics": {name: estimate(value) for name, value in metrics.items()},
            "budget": terms if bounds.get("budget") is not None else None, "violations": violations,
        })  # fmt: skip
    document = small | {"metric": "energy", "rows": made, "effects": [], "agreement": [], "calibration": []}
    document |= {"declared": declared.model_dump()}
    validate(document)
    return document


def scores(document, **wanted):
    return {e["bound"]: e for e in document["entries"] if all(e[k] == v for k, v in wanted.items())}


class TestRanking:
    def test_tightness_is_the_quartiles_of_bound_over_measured(self, small):
        rows = [({"kl": 0.1 * k}, {"loose": 0.1 * k * r, "tight": 0.2 * k}) for k, r in
                zip(range(1, 6), (3, 50, 4, 8, 6), strict=True)]  # fmt: skip
        made = rank_bounds(board(small, rows))
        loose, tight = (scores(made)[name] for name in ("loose", "tight"))
        assert loose["tightness"] == pytest.approx(
            {"lower_quartile": 4.0, "median": 6.0, "upper_quartile": 8.0, "n": 5}
        )
        assert tight["tightness"]["median"] == pytest.approx(2.0)
        assert (tight["rank"], loose["rank"]) == (1, 2)
        assert (tight["tightest"], loose["tightest"]) == (5, 0)

    def test_validity_comes_before_tightness(self, small):
        rows = [({"kl": 1.0}, {"loose": 100.0, "wrong": 1.1}), ({"kl": 1.0}, {"loose": 90.0, "wrong": 0.5})]
        made = rank_bounds(board(small, rows))
        assert [(s["bound"], s["rank"], s["violations"]) for s in made["bounds"]] == [
            ("loose", 1, 0), ("wrong", 2, 1)]  # fmt: skip

    def test_medians_that_differ_by_rounding_are_ties(self, small):
        made = rank_bounds(board(small, [({"kl": 0.3}, {"a": 0.6, "b": 0.6 * (1 + 1e-14)})]))
        assert {s["rank"] for s in made["bounds"]} == {1}
        assert {s["tightest"] for s in made["bounds"]} == {1}

    def test_order_is_kendalls_tau_with_the_measured_values(self, small):
        values = [0.1 * k for k in range(1, 21)]
        rows = [({"kl": v}, {"same": 9 * v, "reverse": 10 - v, "constant": 7.0}) for v in values]
        made = scores(rank_bounds(board(small, rows)))
        assert made["same"]["order"]["kendall_tau"] == 1
        assert made["reverse"]["order"]["kendall_tau"] == -1
        assert made["reverse"]["order"]["high"] < -0.1
        assert made["constant"]["order"] == {"kendall_tau": None, "low": None, "high": None, "n": 20}

    def test_a_training_that_many_rows_share_is_compared_once(self, small):
        rows = [({"training-loss": float(1 + k // 4)}, {"some-loss": 5.0 + k // 4}) for k in range(16)]
        (entry,) = rank_bounds(board(small, rows))["entries"]
        assert (entry["applies"], entry["order"]["n"], entry["tightness"]["n"]) == (16, 4, 4)

    def test_rows_without_the_bound_or_a_positive_value_have_no_ratio(self, small):
        rows = [
            ({"kl": 0.5}, {"b": 1.0}),
            ({"kl": -0.001}, {"b": 1.0}),
            ({"kl": 0.5}, {"b": None}),
            ({}, {"b": 2.0}),
        ]
        made = scores(rank_bounds(board(small, rows)))["b"]
        assert (made["rows"], made["applies"], made["tightness"]["n"]) == (4, 3, 1)
        assert made["order"]["n"] == 2

    def test_the_marginal_divergence_is_preferred_and_the_path_divergence_stands_in(self, small):
        both = board(small, [({"kl": 0.5, "path-kl": 2.0}, {"budget": 2.0, "t": 4.0})])
        assert {(e["metric"], e["tightness"]["median"]) for e in rank_bounds(both)["entries"]} == {
            ("kl", 4.0), ("kl", 8.0)}  # fmt: skip
        path = board(small, [({"path-kl": 2.0}, {"budget": 2.0, "t": 4.0})])
        assert {(e["metric"], e["tightness"]["median"]) for e in rank_bounds(path)["entries"]} == {
            ("path-kl", 1.0), ("path-kl", 2.0)}  # fmt: skip
        unmeasured = board(small, [({"energy": 0.1}, {"budget": 0.5, "t": 4.0})])
        assert scores(rank_bounds(unmeasured))["t"]["tightness"]["median"] == 8.0  # the row's budget: 0.5

    def test_mean_order_leaves_path_divergences_out(self, small):
        path = board(small, [({"path-kl": v}, {"budget": v, "t": 2 * v}) for v in (1.0, 2.0, 3.0)])
        assert {s["kendall_tau"] for s in rank_bounds(path)["bounds"]} == {None}

    def test_a_bound_is_compared_with_what_it_limits_only(self, small):
        """A W2 bound of 0.2 is no statement on a divergence of 0.5, nor a marginal one on the paths."""
        rows = [({"kl": 0.5, "path-kl": 3.0, "w2": 0.1}, {"budget": 3.0, "g-w2": 0.2, "exact-kl": 0.5})]
        made = scores(rank_bounds(board(small, rows)))
        assert {name: (e["metric"], e["violations"], e["tightest"]) for name, e in made.items()} == {
            "budget": ("kl", 0, 0), "g-w2": ("w2", 0, 1), "exact-kl": ("kl", 0, 1)}  # fmt: skip
        assert made["g-w2"]["tightness"]["median"] == pytest.approx(2.0)

    def test_standings_add_up_over_targets(self, document):
        made = rank_bounds(document)
        for standing in made["bounds"]:
            entries = [e for e in made["entries"] if e["bound"] == standing["bound"]]
            for count in ("rows", "applies", "violations", "tightest"):
                assert standing[count] == sum(e[count] for e in entries)
        rows = [r for r in document["rows"] if r["bounds"]["theorem-2"] is not None]
        measured = [r["metrics"].get("kl", {"value": r["budget"]["total"]})["value"] for r in rows]
        ratios = [r["bounds"]["theorem-2"] / value for r, value in zip(rows, measured, strict=True)]
        found = next(s for s in made["bounds"] if s["bound"] == "theorem-2")["tightness"]
        assert found["median"] == pytest.approx(np.median(ratios))

    def test_without_bounds_the_board_is_empty(self, small):
        made = validate_bounds(rank_bounds(board(small, [({"kl": 0.5}, {})])))
        assert made.bounds == []
        assert "0 bounds" in render_bounds(made, "table")


class TestContract:
    def change(self, document, **changes):
        made = rank_bounds(document)
        made["bounds"][0] |= changes
        return made

    @pytest.mark.parametrize(
        ("changes", "rule"),
        [
            ({"violations": 3}, "violations is not the sum|does not follow|violations, tightest ≤ applies"),
            ({"applies": 10_000}, "applies ≤ rows"),
            ({"targets": 1}, "targets is not the number"),
            ({"rank": 2}, "does not follow its score"),
            (
                {"tightness": {"lower_quartile": 2.0, "median": 1.0, "upper_quartile": 3.0, "n": 1}},
                "is above",
            ),
            ({"kendall_tau": math.nan}, "finite"),
            ({"surprise": 1}, "Extra inputs"),
        ],
    )
    def test_a_document_that_contradicts_itself_is_refused(self, document, changes, rule):
        with pytest.raises(LeaderboardError, match=rule):
            validate_bounds(self.change(document, **changes))

    def test_versions(self, document):
        made = rank_bounds(document)
        with pytest.raises(LeaderboardError, match="2 is newer than this harness reads \\(1\\)"):
            validate_bounds(made | {"schema_version": 2})
        with pytest.raises(LeaderboardError, match="JSON object"):
            validate_bounds([])

    def test_json_goes_round(self, document):
        made = rank_bounds(document)
        text = bounds_to_json(made)
        assert validate_bounds(json.loads(text)) == validate_bounds(made)
        assert bounds_to_json(json.loads(text)) == text
        assert set(bounds_json_schema()["properties"]) == set(made)


class TestShown:
    def test_every_bound_is_in_every_format(self, document):
        made = rank_bounds(document)
        for form in ("table", "markdown"):
            text = render_bounds(made, form)
            for entry in [*made["bounds"], *made["entries"]]:
                assert entry["bound"] in text
        rows = list(csv.DictReader(io.StringIO(render_bounds(made, "csv"))))
        assert [row["target"] for row in rows] == ["", "", *(e["target"] for e in made["entries"])]
        assert float(rows[0]["tightness.median"]) == made["bounds"][0]["tightness"]["median"]
        assert json.loads(render_bounds(made, "json")) == made
        with pytest.raises(LeaderboardError, match="no format 'html'"):
            render_bounds(made, "html")

    def test_a_table_fits_its_width(self, document):
        for width in (80, 100, 140):
            lines = render_bounds(rank_bounds(document), "table", width=width).split("\n")
            assert max(map(len, lines)) <= width

    def test_published_page_and_plot(self, document, tmp_path):
        pytest.importorskip("matplotlib")
        files = {path.name for path in publish_bounds(document, tmp_path / "bounds", "harness run quick")}
        assert files == {"leaderboard.json", "README.md", "tightness.svg"}
        page = (tmp_path / "bounds" / "README.md").read_text()
        assert "2 bounds on 2 targets; 1 violations" in page
        assert "](tightness.svg)" in page
        ElementTree.parse(tmp_path / "bounds" / "tightness.svg")
        document_read = json.loads((tmp_path / "bounds" / "leaderboard.json").read_text())
        assert document_read == rank_bounds(document)

    def test_plot_has_the_medians(self, document):
        pytest.importorskip("matplotlib")
        from harness.views import plots

        made = validate_bounds(rank_bounds(document))
        figure = plots.tightness(made)
        drawn = {
            (axes.get_title("left"), float(line.get_xdata()[0]))
            for axes in figure.axes for line in axes.get_lines()
            if line.get_label().startswith(("median", "violated"))
        }  # fmt: skip
        assert drawn == {(e.target, e.tightness.median) for e in made.entries if e.tightness}

    def test_the_leaderboards_page_has_a_section(self, document):
        pytest.importorskip("matplotlib")
        page = render_files(validate(document), "harness run quick")["README.md"].decode()
        section = page.partition("## Bounds")[2].partition("\n## ")[0]
        assert "| theorem-2" in section
        assert "tightness.svg" in section


class TestBudgets:
    def test_rows_and_terms(self, document):
        made = budgets(document)
        kept = [row for row in document["rows"] if row["status"] == "ok" and row["budget"]]
        assert len(made.rows) == len(kept)
        assert made.without == sum(row["status"] == "ok" and not row["budget"] for row in document["rows"])
        for shown, row in zip(made.rows, sorted(kept, key=lambda r: r["target"]["name"] != "ring"), strict=True):
            assert shown.budget.model_dump() == row["budget"]
            assert set(shown.metrics) == {"kl"} & set(row["metrics"])

    def test_json_goes_round_and_versions_are_checked(self, document):
        plain = json.loads(render_budgets(document, "json"))
        assert validate_budgets(plain) == budgets(document)
        with pytest.raises(LeaderboardError, match="newer"):
            validate_budgets(plain | {"schema_version": 3})
        plain["rows"][0]["budget"]["total"] += 1
        with pytest.raises(LeaderboardError, match="not the sum"):
            validate_budgets(plain)

    def test_csv_has_the_terms_under_the_names_of_theory(self, document):
        rows = list(csv.DictReader(io.StringIO(render_budgets(document, "csv"))))
        for row in rows:
            terms = [float(row[name]) for name in ("E_I", "E_S", "E_D", "E_V")]
            assert math.fsum(terms) == pytest.approx(float(row["total"]))
        assert {row["kl.value"] == "" for row in rows if row["target"] == "digits"} == {True}
        assert len(list(csv.DictReader(io.StringIO(render_budgets(document, "csv", top=3))))) == 6

    def test_csv_without_rows_has_its_header(self, document):
        small = document | {"rows": [], "effects": [], "agreement": [], "calibration": []}
        (header,) = render_budgets(small, "csv").splitlines()
        whole = render_budgets(document, "csv").splitlines()[0].split(",")
        assert header.split(",") == whole[: len(header.split(","))]
        assert header.endswith("E_I,E_S,E_D,E_V,total")

    def test_tables(self, document):
        text = render_budgets(document, "markdown", top=2)
        assert text.count("more.") == 2
        for name in ("E_I", "E_S", "E_D", "E_V", "total", "kl"):
            assert f" {name} |" in text
        narrow = render_budgets(document, "table", width=80)
        assert max(map(len, narrow.split("\n"))) <= 80
        heads = next(line for line in narrow.split("\n") if line.startswith("rank")).split()
        assert heads[2:7] == ["E_I", "E_S", "E_D", "E_V", "total"]

    def test_what_is_left_of_cancelling_terms_is_rounding(self, small):
        small["rows"][1]["budget"] |= {"initialization": 0.5, "score": 1e-17, "variance": 3e-16, "total": 0.5}
        cells = next(line for line in render_budgets(small, "markdown").split("\n") if "ancestral" in line)
        assert "e-1" not in cells

    def test_no_row_with_a_budget(self, small):
        for row in small["rows"]:
            row["budget"] = None
        assert "0 of 3 combinations have a budget" in render_budgets(small, "table")
        assert json.loads(render_budgets(small, "json"))["rows"] == []
