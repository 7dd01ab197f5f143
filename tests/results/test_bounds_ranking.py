"""Bounds in competition: what is counted, and how it ranks."""

import numpy as np
import pytest

from harness.components import NAME
from harness.quantities import DIVERGENCES, Declarations
from harness.results.bounds_ranking import PATH, rank_bounds
from harness.results.leaderboard import Leaderboard
from harness.views.bounds_tables import render_bounds


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
            {"bound": b, "metric": m, "value": v, "low": estimate(v)["low"], "bound_value": limit, "bound_high": None}
            for m, v in metrics.items() for b, limit in bounds.items()
            if limit is not None and declared.limits(b, m) and estimate(v)["low"] > limit
            and (m, b) != ("path-kl", "budget")
        ]  # fmt: skip
        terms = template["budget"] if metrics.get("path-kl") is None else {
            "initialization": 0.0, "score": metrics["path-kl"], "discretization": 0.0, "variance": 0.0,
            "total": metrics["path-kl"]}  # fmt: skip
        made.append(template | {
            "steps": i + 1, "train_steps": 500 + i, "bounds": bounds,
            "rank": i + 1, "rank_low": 1, "rank_high": len(rows),
            "metrics": {name: estimate(value) for name, value in metrics.items()},
            "budget": terms if bounds.get("budget") is not None else None, "violations": violations,
        })  # fmt: skip
    document = small | {"rank_by": ["energy"], "rows": made, "effects": [], "agreement": [], "calibration": []}
    ranked = dict.fromkeys(row["target"]["name"] for row in made)
    document["rankings"] = [
        {"target": name, "metric": "energy", "effects_by": "energy", "settling": None, "over_points": []}
        for name in ranked
    ]
    document |= {"declared": declared.model_dump()}
    Leaderboard.validate(document)
    return document


def scores(document, **wanted):
    return {e["bound"]: e for e in document["entries"] if all(e[k] == v for k, v in wanted.items())}


def compete(document):
    """The competition of a leaderboard's bounds, both as plain data."""
    return rank_bounds(Leaderboard.validate(document)).model_dump()


def test_tightness_is_the_quartiles_of_bound_over_measured(small):
    rows = [({"kl": 0.1 * k}, {"loose": 0.1 * k * r, "tight": 0.2 * k}) for k, r in
            zip(range(1, 6), (3, 50, 4, 8, 6), strict=True)]  # fmt: skip
    made = compete(board(small, rows))
    loose, tight = (scores(made)[name] for name in ("loose", "tight"))
    assert loose["tightness"] == pytest.approx({"lower_quartile": 4.0, "median": 6.0, "upper_quartile": 8.0, "n": 5})
    assert tight["tightness"]["median"] == pytest.approx(2.0)
    assert (tight["rank"], loose["rank"]) == (1, 2)
    assert (tight["tightest"], loose["tightest"]) == (5, 0)


def test_validity_comes_before_tightness(small):
    rows = [({"kl": 1.0}, {"loose": 100.0, "wrong": 1.1}), ({"kl": 1.0}, {"loose": 90.0, "wrong": 0.5})]
    made = compete(board(small, rows))
    assert [(s["bound"], s["rank"], s["violations"]) for s in made["bounds"]] == [
        ("loose", 1, 0), ("wrong", 2, 1)]  # fmt: skip


def test_medians_that_differ_by_rounding_are_ties(small):
    made = compete(board(small, [({"kl": 0.3}, {"a": 0.6, "b": 0.6 * (1 + 1e-14)})]))
    assert {s["rank"] for s in made["bounds"]} == {1}
    assert {s["tightest"] for s in made["bounds"]} == {1}


def test_order_is_kendalls_tau_with_the_measured_values(small):
    values = [0.1 * k for k in range(1, 21)]
    rows = [({"kl": v}, {"same": 9 * v, "reverse": 10 - v, "constant": 7.0}) for v in values]
    made = scores(compete(board(small, rows)))
    assert made["same"]["order"]["kendall_tau"] == 1
    assert made["reverse"]["order"]["kendall_tau"] == -1
    assert made["reverse"]["order"]["high"] < -0.1
    assert made["constant"]["order"] == {"kendall_tau": None, "low": None, "high": None, "n": 20}


def test_rows_that_share_a_grid_are_no_independent_rows(small):
    """Twenty trainings on five grids, each with a row of its own and then all on five numbers of steps."""
    values = [0.1 * k for k in range(1, 21)]
    document = board(small, [({"kl": v}, {"same": 9 * v}) for v in values])
    alone = scores(compete(document))["same"]["order"]
    for i, row in enumerate(document["rows"]):
        row["steps"] = 1 + i % 5
    shared = scores(compete(document))["same"]["order"]
    assert shared["kendall_tau"] == alone["kendall_tau"] == 1
    assert shared["low"] < alone["low"] - 0.2


def test_a_training_that_many_rows_share_is_compared_once(small):
    rows = [({"training-loss": float(1 + k // 4)}, {"some-loss": 5.0 + k // 4}) for k in range(16)]
    (entry,) = compete(board(small, rows))["entries"]
    assert (entry["applies"], entry["order"]["n"], entry["tightness"]["n"]) == (16, 4, 4)


def test_rows_without_the_bound_or_a_positive_value_have_no_ratio(small):
    rows = [
        ({"kl": 0.5}, {"b": 1.0}),
        ({"kl": -0.001}, {"b": 1.0}),
        ({"kl": 0.5}, {"b": None}),
        ({}, {"b": 2.0}),
    ]
    made = scores(compete(board(small, rows)))["b"]
    assert (made["rows"], made["applies"], made["tightness"]["n"]) == (4, 3, 1)
    assert made["order"]["n"] == 2


def test_the_marginal_divergence_is_preferred_and_the_path_divergence_stands_in(small):
    both = board(small, [({"kl": 0.5, "path-kl": 2.0}, {"budget": 2.0, "t": 4.0})])
    assert {(e["metric"], e["tightness"]["median"]) for e in compete(both)["entries"]} == {
        ("kl", 4.0), ("kl", 8.0)}  # fmt: skip
    path = board(small, [({"path-kl": 2.0}, {"budget": 2.0, "t": 4.0})])
    assert {(e["metric"], e["tightness"]["median"]) for e in compete(path)["entries"]} == {
        ("path-kl", 1.0), ("path-kl", 2.0)}  # fmt: skip
    unmeasured = board(small, [({"energy": 0.1}, {"budget": 0.5, "t": 4.0})])
    assert scores(compete(unmeasured))["t"]["tightness"]["median"] == 8.0  # the row's budget: 0.5


def test_mean_order_leaves_path_divergences_out(small):
    path = board(small, [({"path-kl": v}, {"budget": v, "t": 2 * v}) for v in (1.0, 2.0, 3.0)])
    assert {s["kendall_tau"] for s in compete(path)["bounds"]} == {None}


def test_a_bound_is_compared_with_what_it_limits_only(small):
    """A W2 bound of 0.2 is no statement on a divergence of 0.5, nor a marginal one on the paths."""
    rows = [({"kl": 0.5, "path-kl": 3.0, "w2": 0.1}, {"budget": 3.0, "g-w2": 0.2, "exact-kl": 0.5})]
    made = scores(compete(board(small, rows)))
    assert {name: (e["metric"], e["violations"], e["tightest"]) for name, e in made.items()} == {
        "budget": ("kl", 0, 0), "g-w2": ("w2", 0, 1), "exact-kl": ("kl", 0, 1)}  # fmt: skip
    assert made["g-w2"]["tightness"]["median"] == pytest.approx(2.0)


def test_standings_add_up_over_targets(document):
    made = compete(document)
    for standing in made["bounds"]:
        entries = [e for e in made["entries"] if e["bound"] == standing["bound"]]
        for count in ("rows", "applies", "violations", "tightest"):
            assert standing[count] == sum(e[count] for e in entries)
    rows = [r for r in document["rows"] if r["bounds"]["theorem-2"] is not None]
    measured = [r["metrics"].get("kl", {"value": r["budget"]["total"]})["value"] for r in rows]
    ratios = [r["bounds"]["theorem-2"] / value for r, value in zip(rows, measured, strict=True)]
    found = next(s for s in made["bounds"] if s["bound"] == "theorem-2")["tightness"]
    assert found["median"] == pytest.approx(np.median(ratios))


def test_without_bounds_the_board_is_empty(small):
    made = rank_bounds(Leaderboard.validate(board(small, [({"kl": 0.5}, {})])))
    assert made.bounds == []
    assert "0 bounds" in render_bounds(made, "table")


def test_a_metric_that_only_has_the_name_does_not_stand_for_the_path_divergence(small):
    small["declared"]["metrics"]["path-kl"] = {"quantity": "other", "space": "data"}
    made = compete(board(small, [({"path-kl": 0.3}, {"budget": 0.3, "theorem-2": 0.9})]))
    assert {entry["metric"] for entry in made["entries"]} == {PATH}
    assert scores(made)["theorem-2"]["tightness"]["median"] == pytest.approx(3)


def test_the_budget_of_the_points_does_not_stand_for_a_divergence_of_their_features(small):
    first = ({"path-kl": 0.3, "energy": 0.1}, {"inner": 0.6, "budget": 0.3})
    rows = [first, ({"energy": 0.2}, {"inner": 0.6, "budget": 30.0})]
    document = board(small, rows)
    document["declared"]["metrics"]["path-kl"] = {"quantity": "path-kl", "space": "features"}
    document["declared"]["bounds"]["inner"] = {"limits": ["path-kl"], "space": "features", "equals": None}
    made = scores(compete(document), metric="path-kl")["inner"]["tightness"]
    assert (made["n"], made["upper_quartile"]) == (1, pytest.approx(2.0))


def test_no_component_can_be_called_what_the_total_of_a_budget_is():
    assert NAME.fullmatch(PATH) is None
