"""Bounds hold: runs that once claimed a violation, or spoiled a whole table by rounding."""

import numpy as np
import pytest

from harness.registry.discovery import load
from harness.results.bounds_ranking import rank_bounds
from harness.results.read_board import read_document
from harness.running.runner import Options, run
from harness.suites.model import Suite

ORACLE = {
    "name": "v",
    "noise_schedules": ["edm"],
    "networks": ["exact"],
    "samplers": ["analytic"],
    "metrics": ["kl", "path-kl"],
    "bounds": ["budget"],
    "rank_by": "path-kl",
    "steps": [2],
    "seeds": 2,
    "sampling": {"samples": 300},
}
MEASURED = ORACLE | {
    "targets": [{"name": "mixture", "dim": 1, "modes": 2, "std": 0.01, "means": [[[-1], [1]]]}],
    "time_discretizations": ["polynomial:rho=1,variable=sigma"],
    "noise": {"sigma_min": 0.02, "sigma_max": 3.0},
}
ROUNDING = ORACLE | {
    "targets": ["gaussian:dim=5,std=0.0203"],
    "time_discretizations": ["exponential:variable=sigma"],
    "noise": {"sigma_min": 0.00012, "sigma_max": 53.58},
}
TRAINED = {
    "name": "v",
    "weightings": ["edm"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["polynomial", "fisher"],
    "networks": [{"name": "mlp", "width": 16, "depth": 1}],
    "initial_laws": ["moment-matched"],
    "bounds": ["budget"],
    "rank_by": "sliced-wasserstein",
    "steps": [4],
    "seeds": 1,
    "training": {"steps": [20], "batch_size": 32},
    "sampling": {"samples": 64},
}


@pytest.fixture
def board(tmp_path):
    def make(suite):
        run(Suite.from_mapping(suite, "v.toml"), load(), tmp_path / "out", Options(1, progress=False))
        return read_document(tmp_path / "out")

    return make


def violations(board):
    return [violation for row in board.rows for violation in row.violations]


def test_the_curves_behind_a_bound_are_measured(board):
    """Truth by quadrature: path 3.10084, marginal 3.09177; J of a mixture is a mean over points."""
    made = board(MEASURED)
    (row,) = made.rows
    assert violations(made) == []
    assert row.metrics["path-kl"].value == pytest.approx(3.10084, abs=0.015)
    assert row.metrics["kl"].low < row.bound_highs["budget"]
    assert rank_bounds(made).bounds[0].violations == 0


def test_what_cancels_leaves_nothing_below_0(board):
    """Terms of 34 nats that cancel exactly: the best variance on a Gaussian."""
    made = board(ROUNDING)
    (row,) = made.rows
    assert row.budget.discretization > 30
    assert 0 <= row.metrics["path-kl"].value < 1e-9
    assert 0 <= row.bounds["budget"] < 1e-9
    assert violations(made) == []
    (standing,) = rank_bounds(made).bounds
    assert (standing.violations, standing.tightness) == (0, None)


def test_few_points_make_a_bound_uncertain(board, tmp_path):
    np.save(tmp_path / "gauss.npy", np.random.default_rng(1).normal(size=(60, 3)))
    changes = {
        "targets": [{"name": "file", "path": str(tmp_path / "gauss.npy")}],
        "samplers": ["analytic"],
        "metrics": ["sliced-wasserstein", "kl", "path-kl"],
    }
    made = board(TRAINED | changes)
    assert violations(made) == []
    for row in made.rows:
        assert row.bound_highs["budget"] == pytest.approx(row.metrics["path-kl"].high)


def test_one_row_does_not_spoil_the_table(board, tmp_path):
    """Data of size 1e-20: terms round to less than 0, and the ring beside them keeps its rows."""
    np.save(tmp_path / "tiny.npy", 1e-20 * np.random.default_rng(0).normal(size=(60, 3)))
    changes = {
        "targets": ["ring", {"name": "file", "path": str(tmp_path / "tiny.npy")}],
        "weightings": ["min-snr", "bell-shaped"],
        "networks": [{"name": "mlp", "width": 16, "depth": 1}, "exact"],
        "samplers": ["ancestral"],
        "metrics": ["sliced-wasserstein", "energy"],
    }
    made = board(TRAINED | changes)
    assert [row.status for row in made.rows if row.target.name == "ring"] == ["ok"] * 6
    assert not any("contradict" in (row.reason or "") for row in made.rows)
