"""Fitted metrics from suite to leaderboard: fitted once in a directory, fitted again where lost, told to a reader."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from harness.registry.discovery import load
from harness.results.read_board import read_document
from harness.running.runner import Options, run
from harness.store import DATABASE
from harness.suites.model import Suite

FITTED = {
    "name": "fitted",
    "targets": ["digits", "ring"],
    "weightings": [],
    "noise_schedules": ["edm"],
    "time_discretizations": ["polynomial"],
    "networks": ["exact"],
    "samplers": ["heun"],
    "metrics": ["energy", "classifier-frechet:train_steps=150", "label-error:train_steps=150"],
    "rank_by": "energy",
    "steps": [4],
    "seeds": 2,
    "sampling": {"samples": 100},
}


def carried_out(directory, **changes):
    told = []
    suite = Suite.from_mapping(FITTED | changes, "fitted.toml")
    run(suite, load(), directory, Options(2, progress=False, warn=told.append))
    return read_document(directory, suite=suite.name), told


def records(directory):
    with sqlite3.connect(directory / DATABASE) as db:
        return {key: (kind, seconds) for key, kind, seconds in db.execute("select key, kind, seconds from records")}


def blobs(directory):
    return {path.name: path.read_bytes() for path in (directory / "checkpoints").iterdir()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("finished")
    return directory, *carried_out(directory)


def test_it_is_measured_where_there_are_labels_and_nothing_has_failed(finished):
    _, board, told = finished
    assert told == []
    assert {row.status for row in board.rows} == {"ok"}
    for row in board.rows:
        frechet = row.metrics.get("classifier-frechet:train_steps=150")
        assert (frechet is not None) == (row.target.name == "digits")
        # No network here is given labels.
        assert row.metrics.get("label-error:train_steps=150") is None
        assert row.metrics["energy"] is not None


def test_a_held_out_sample_calibrates_it_and_the_page_says_how_good_the_classifier_is(finished):
    _, board, _ = finished
    floors = {(entry.target, entry.metric.partition(":")[0]): entry.value for entry in board.calibration}
    assert floors.keys() == {
        ("digits", "energy"),
        ("ring", "energy"),
        ("digits", "classifier-frechet"),
        ("digits", "label-error"),
    }
    assert floors["digits", "classifier-frechet"] > 0
    assert 0 < floors["digits", "label-error"] < 0.15
    both = "classifier-frechet:train_steps=150, label-error:train_steps=150: by a classifier that gives 9"
    notes = {board.setup.targets[i].dim: board.setup.targets[i].notes for i in (0, 1)}
    assert sum(note.startswith(both) for note in notes[64]) == 1
    assert not any("classifier" in note for note in notes[2])


def test_another_suite_and_another_run_fit_nothing_again(finished):
    directory, *_ = finished
    before, kept = records(directory), blobs(directory)
    # Two metrics and two targets; both metrics of the digits have one and the same classifier.
    assert [kind for kind, _ in before.values()].count("fit") == 4
    assert len(kept) == 1
    carried_out(directory)
    assert records(directory) == before
    carried_out(directory, name="longer", steps=[5], seeds=3)
    after = records(directory)
    assert {key: value for key, value in after.items() if value[0] == "fit"} == {
        key: value for key, value in before.items() if value[0] == "fit"
    }
    assert [kind for kind, _ in after.values()].count("metric") > [kind for kind, _ in before.values()].count("metric")
    assert blobs(directory) == kept


@pytest.mark.parametrize("lost", ["damaged", pytest.param("missing", marks=pytest.mark.slow)])
@pytest.mark.slow
def test_what_was_lost_is_named_and_fitted_again_to_the_same_bits(finished, tmp_path, lost):
    out = Path(shutil.copytree(finished[0], tmp_path / "out"))
    kept = blobs(out)
    (path,) = (out / "checkpoints").iterdir()
    path.write_bytes(b"") if lost == "damaged" else path.unlink()
    _, told = carried_out(out)
    assert any(path.name in line and lost in line for line in told)
    assert blobs(out) == kept
    before = records(out)
    assert carried_out(out)[1] == []
    assert records(out) == before
