"""The unit of the data changes no ranking, and what a reader must know of data stands above their table."""

import numpy as np
import pytest

from harness.registry.discovery import load
from harness.results.read_board import read_document
from harness.running.runner import Options, run
from harness.suites.model import Suite
from harness.views.tables import render

SUITE = {
    "name": "units",
    "weightings": ["edm", "flow"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["polynomial", "fisher"],
    "networks": ["mlp:width=8,depth=1", "exact"],
    "samplers": ["heun", "ancestral"],
    "initial_laws": ["centered", "moment-matched"],
    "metrics": ["sliced-wasserstein", "energy", "path-kl"],
    "rank_by": "sliced-wasserstein",
    "steps": [4],
    "seeds": 2,
    "training": {"steps": [20], "batch_size": 16},
    "sampling": {"samples": 40},
}


def board(folder, points, **params):
    np.save(folder / "points.npy", points)
    target = {"name": "file", "path": str(folder / "points.npy"), **params}
    suite = Suite.from_mapping(SUITE | {"targets": [target]}, "units.toml")
    run(suite, load(), folder / "out", Options(2, progress=False))
    return read_document(folder / "out")


def told(leaderboard):
    """What each row says, by its design."""
    axes = ("weighting", "time_discretization", "network", "sampler", "initial_law")
    rows = {tuple(getattr(row, axis).digest for axis in axes): row for row in leaderboard.rows}
    return {
        design: ((row.rank, row.rank_low, row.rank_high), {name: m.value for name, m in row.metrics.items()})
        for design, row in rows.items()
    }


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    points = np.random.default_rng(0).normal(5, [1, 3], (60, 2))
    return [board(tmp_path_factory.mktemp("units"), points * factor) for factor in (1.0, 1000.0)]


def test_the_unit_of_the_data_changes_no_ranking(boards):
    one, thousand = map(told, boards)
    assert len(one) == 24
    assert one.keys() == thousand.keys()
    for design, (places, metrics) in one.items():
        assert thousand[design][0] == places
        assert thousand[design][1] == pytest.approx(metrics, rel=1e-4)


def test_the_unit_is_told(boards):
    notes = [board.setup.targets[0].notes for board in boards]
    units = [float(told[0].rpartition("stands for ")[2].partition(" of")[0]) for told in notes]
    assert units[1] == pytest.approx(1000 * units[0], rel=1e-3)


def test_the_range_of_levels_is_held_against_the_data(tmp_path):
    points = np.random.default_rng(0).normal(50, [0.1, 3], (60, 2))
    leaderboard = board(tmp_path, points, standardize="none")
    text = " ".join(render(leaderboard, "table", width=200).split())
    assert "note: deviations of columns differ by a factor of" in text
    assert "note: σ_max = 20 is below 3 m₂ = " in text
    assert "note: σ_min = 0.05 is above a tenth of the least deviation of a column, 0.0" in text
    assert "d = 2, σ_data " in text
