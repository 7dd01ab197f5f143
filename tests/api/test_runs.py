"""Runs from Python: a script as a user writes it, data as arrays, and the choices of the command line."""

import subprocess
import sys

import numpy as np
import pytest

import harness
from harness.api.runs import run
from harness.errors import HarnessError
from harness.results.read_board import read_document
from harness.suites.model import load_suite

SUITE = """
name = "tiny"
targets = ["ring"]
weightings = ["edm"]
noise_schedules = ["edm"]
time_discretizations = ["exponential"]
networks = ["exact"]
samplers = ["heun", "euler"]
metrics = ["sliced-wasserstein"]
rank_by = "sliced-wasserstein"
steps = [3]
seeds = 1
sampling = { samples = 30 }
"""

SCRIPT = """
import harness

print("started")
board = harness.run("tiny.toml", workers=2, sampler="heun", steps=[3, 4])
print(board.directory, [row.row.steps for row in board.rows], board.best().sample(2).shape)
"""


@pytest.fixture
def suite(tmp_path):
    (tmp_path / "tiny.toml").write_text(SUITE, encoding="utf-8")
    return tmp_path / "tiny.toml"


def test_a_script_without_a_guard_runs_once(suite):
    """Worker processes of Python's own would run the script again, and each of theirs."""
    script = suite.with_name("script.py")
    script.write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run([sys.executable, "script.py"], cwd=suite.parent, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    started, told = done.stdout.splitlines()
    assert started == "started"
    assert told in ("runs/tiny [3, 4] (2, 2)", "runs/tiny [4, 3] (2, 2)")


def test_an_array_is_kept_beside_the_results_and_its_work_is_done_once(suite, tmp_path):
    rows = 5 + 40 * np.random.default_rng(0).standard_normal((50, 3))
    board = harness.run(suite, data=rows, out=tmp_path / "out", workers=1, progress=False, sampler="heun")
    [kept] = (tmp_path / "out").glob("data-*.npy")
    assert np.array_equal(np.load(kept), rows)
    assert board.best().sample(4).shape == (4, 3)
    assert abs(board.best().sample(100).mean() - 5) < 20
    again = harness.run(suite, data=rows.tolist(), out=tmp_path / "out", workers=1, progress=False, sampler="heun")
    assert [r.value for r in again.rows] == [r.value for r in board.rows]
    assert list((tmp_path / "out").glob("data-*.npy")) == [kept]


def test_images_and_files_are_data_too(suite, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, 4, 5), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    for data in (images, tmp_path / "images.npy", str(tmp_path / "images.npy")):
        board = harness.run(suite, data=data, out=tmp_path / "out", workers=1, progress=False, sampler="heun")
        assert board.best().sample(2).shape == (2, 1, 4, 5)


def test_a_suite_is_one_too_and_choices_are_those_of_the_shell(suite, tmp_path):
    board = run(load_suite(str(suite)), out=tmp_path / "out", workers=1, progress=False, samples=20, steps=2)
    assert board.suite == "tiny-selection"
    assert board.document == read_document(tmp_path / "out")
    assert board.document.setup.samples == 20
    assert {row.components["sampler"] for row in board.rows} == {"heun", "euler"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"samplers": "heun"}, "has no choice 'samplers'; did you mean samples or sampler"),
        ({"sampler": "heunn"}, "did you mean heun"),
        ({"steps": 0}, "steps"),
        ({"seeds": "many"}, "seeds"),
        ({"suite": "quik"}, "quick"),
        ({"data": [[1.0, 2.0], [3.0]]}, "data is no array"),
        ({"data": [1.0, 2.0]}, "data is an array of shape (2,) of float64; give real numbers of shape (rows, columns)"),
        ({"data": np.array([["a"], ["b"]])}, "give real numbers"),
        ({"data": np.array([[object()]])}, "give real numbers"),
        ({"data": np.ones((20, 2))}, "its rows are all the same"),
        ({"data": 1e-200 * np.arange(40.0).reshape(20, 2)}, "its rows differ by less than 1e-100"),
        ({"data": np.full((20, 2), np.nan)}, "holds NaN"),
        ({"data": "none.npy"}, "none.npy: cannot be read"),
        ({"data": np.ones((20, 2)), "target": "ring"}, "data and target are both given"),
        ({"executor": "cloud"}, "cloud"),
        ({"workers": 0}, "0 workers do nothing"),
        ({"minutes": 1.0}, "give until_settled=True"),
    ],
)
def test_mistakes_are_one_line(suite, tmp_path, given, message):
    with pytest.raises(HarnessError) as told:
        run(**{"suite": suite, "out": tmp_path / "out", "workers": 1, "progress": False} | given)
    assert message in str(told.value)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) <= 400
