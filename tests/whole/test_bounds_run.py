"""Every bound that ships, from suite to leaderboards: where it applies it holds, and it applies somewhere."""

import csv
import io
import json
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.publish import command as publish_command
from harness.cli.rank import command
from harness.registry.discovery import load
from harness.results.bounds import BoundsBoard
from harness.results.budgets import Budgets
from harness.results.read_board import read_document
from harness.running.runner import Options, run
from harness.suites.model import Suite

BOUNDS = [
    "budget", "theorem-2", "theorem-3", "corollary-1", "benton", "chen-lee-lu", "conforti:steps=largest,each",
    "ancestral-telescope", "affine-gaussian-kl", "gao-zhu-w2",
]  # fmt: skip
LABELS = {*BOUNDS, "conforti", "conforti:steps=each"} - {"conforti:steps=largest,each"}

SUITE = {
    "name": "bounds",
    "targets": ["gaussian:dim=3,std=0.7,condition=10.0,mean=0.4", "ring"],
    "weightings": ["edm"],
    "noise_schedules": ["ve-sqrt"],
    "time_discretizations": ["polynomial:rho=7", "exponential", "fisher"],
    "networks": ["mlp:width=16,depth=1", "exact", "inexact"],
    "samplers": ["exponential-integrator", "ancestral", "analytic", "euler", "heun"],
    "metrics": ["kl:points=64,particles=64", "path-kl", "w2"],
    "bounds": BOUNDS,
    "rank_by": "path-kl",
    "steps": [5],
    "seeds": 2,
    "training": {"steps": [60], "batch_size": 64},
    "sampling": {"samples": 100},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("bounds")
    run(Suite.from_mapping(SUITE, "bounds.toml"), load(), directory, Options(2, progress=False))
    return directory


@pytest.fixture(scope="module")
def document(finished):
    return read_document(finished).model_dump()


def test_no_bound_is_violated(document):
    assert {row["status"] for row in document["rows"]} == {"ok"}
    assert [row["violations"] for row in document["rows"] if row["violations"]] == []


def test_bounds_apply_exactly_where_they_say(document):
    for row in document["rows"]:
        sampler, gaussian = row["sampler"]["name"], row["target"]["name"] == "gaussian"
        exact, grid = row["network"]["name"] == "exact", row["time_discretization"]["name"]
        frozen = sampler == "exponential-integrator"
        expected = {
            "theorem-3": frozen and row["network"]["name"] == "mlp",
            "budget": sampler in ("exponential-integrator", "ancestral", "analytic"),
            "corollary-1": frozen and grid in ("polynomial", "exponential"),
            "ancestral-telescope": sampler == "ancestral",
            "affine-gaussian-kl": gaussian and exact,
            "gao-zhu-w2": gaussian and exact and sampler == "euler",
        }
        for bound in LABELS:
            assert (row["bounds"][bound] is not None) == expected.get(bound, frozen), (bound, sampler, grid)


def test_path_bounds_are_above_the_budget(document):
    marginal = {"budget", "affine-gaussian-kl", "gao-zhu-w2"}
    for row, bound in product(document["rows"], LABELS - marginal):
        if row["bounds"][bound] is not None:
            assert row["bounds"][bound] >= row["budget"]["total"] * (1 - 1e-9)


def test_the_exact_divergence_is_the_measured_one(document):
    checked = 0
    for row in document["rows"]:
        if row["bounds"]["affine-gaussian-kl"] is not None:
            checked += 1
            kl = next(m for name, m in row["metrics"].items() if name.startswith("kl"))
            assert row["bounds"]["affine-gaussian-kl"] == pytest.approx(kl["value"], rel=1e-6, abs=2e-12)
    assert checked == 15


def show(*args):
    done = CliRunner().invoke(command, [str(a) for a in args])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_rank_bounds_in_every_format(finished):
    made = BoundsBoard.validate(json.loads(show(finished, "--bounds", "--format", "json")))
    assert {s.bound for s in made.bounds} == LABELS
    assert {s.violations for s in made.bounds} == {0}
    assert made.bounds[0].bound == "affine-gaussian-kl"
    for form in ("table", "markdown", "csv"):
        text = show(finished, "--bounds", "--format", form)
        assert all(label in text for label in LABELS)


def test_rank_budget_in_every_format(finished, document):
    made = Budgets.validate(json.loads(show(finished, "--budget", "--format", "json")))
    assert len(made.rows) == sum(row["budget"] is not None for row in document["rows"])
    rows = list(csv.DictReader(io.StringIO(show(finished, "--budget", "--format", "csv"))))
    assert len(rows) == len(made.rows)
    assert all(float(row["path-kl.value"]) == pytest.approx(float(row["total"])) for row in rows)
    assert "E_I" in show(finished, "--budget")
    assert " E_V |" in show(finished, "--budget", "--format", "markdown")


@pytest.mark.parametrize("args", [["--bounds", "--budget"], ["--bounds", "--by", "kl"], ["--bounds", "--top", "3"]])
def test_views_exclude_one_another(finished, args):
    done = CliRunner().invoke(command, [str(finished), *args])
    assert done.exit_code == 2


def test_publish_bounds(finished, tmp_path):
    pytest.importorskip("matplotlib")
    done = CliRunner().invoke(publish_command, [str(finished), str(tmp_path / "bounds"), "--bounds"])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "bounds" / "README.md").read_text()
    assert f"{len(LABELS)} bounds on 2 targets; 0 violations" in page
    BoundsBoard.validate(json.loads((tmp_path / "bounds" / "leaderboard.json").read_text()))
