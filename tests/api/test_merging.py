"""Parts of a suite that were run apart become what one run would have made; what cannot be merged is refused."""

import json
import shutil
from contextlib import closing
from types import SimpleNamespace

import numpy as np
import pytest
from selected_runs import each_once
from shell import called as shell

import harness
from harness.api.merging import MergeError, _check_score_errors, merge
from harness.api.verification import verify
from harness.planning.calls import CALLS
from harness.records import Record
from harness.results.read_board import read_document
from harness.store import Store
from harness.views.publishing import publish

SUITE = """
name = "parts"
title = "Which part is best?"
targets = ["file:path=table.csv"]
weightings = ["edm", "eps", "likelihood"]
noise_schedules = ["edm", "cosine"]
time_discretizations = ["polynomial"]
networks = ["mlp:width=4,depth=1", "exact"]
samplers = ["heun", "exponential-integrator"]
metrics = ["sliced-wasserstein", "path-kl"]
rank_by = "sliced-wasserstein"
steps = [3, 4]
seeds = 2
training = { steps = [2], batch_size = 8 }
sampling = { samples = 30 }
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run the suite, or a selection from it, each once."""
    folder = tmp_path_factory.mktemp("parts")
    (folder / "parts.toml").write_text(SUITE, encoding="utf-8")
    np.savetxt(folder / "table.csv", np.random.default_rng(0).standard_normal((40, 2)), delimiter=",")
    return each_once(folder / "parts.toml", folder)


def untimed(directory):
    """A leaderboard but for what tells of how it was run."""
    board = json.loads(read_document(directory).to_json())
    for row in board["rows"]:
        del row["seconds"]
    for field in ("suite", "command", "computation", "definition"):
        del board[field]
    return board


PARTS = {
    "sampler": [{"sampler": ["heun"]}, {"sampler": ["exponential-integrator"]}],
    "weightings, of which two are one": [{"weighting": ["edm", "eps"]}, {"weighting": ["likelihood"]}],
    "lengths that overlap": [{"steps": [3]}, {"steps": [3, 4]}],
    "three, one of them the whole": [{"steps": [3]}, {}, {"sampler": ["heun"]}],
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if i % 3 else pytest.mark.slow) for i, name in enumerate(PARTS)]
)
def test_parts_are_what_one_run_makes(name, run, tmp_path):
    whole, parts = run(), [run(**each) for each in PARTS[name]]
    found = merge(parts, tmp_path / "all")
    assert untimed(tmp_path / "all") == untimed(whole)
    assert found.rows == len(read_manifest_rows(whole))
    assert found.counts == [len(read_manifest_rows(part)) for part in parts]


def read_manifest_rows(directory):
    store = Store.read(directory)
    try:
        return store.meta(store.meta_keys("manifest:")[0])["rows"]
    finally:
        store.close()


def test_a_merged_directory_is_a_result_directory(run, tmp_path):
    parts = [run(sampler=["heun"]), run(sampler=["exponential-integrator"])]
    out = tmp_path / "all"
    merge(parts, out)
    board = harness.rank(out)
    assert board.best().sample(8).shape == (8, 2)
    publish(board.document, tmp_path / "published", "harness merge")
    found = verify(tmp_path / "published")
    assert found.passed
    assert not found.notes
    assert "the suite" in found.checked
    store = Store.read(out)
    assert len(store.meta(CALLS)) == 2
    store.close()
    assert len(board.document.computation.calls) == 2
    assert board.document.computation.core_seconds > 0
    assert not list(tmp_path.glob(".*"))


def test_in_the_shell(run, tmp_path):
    parts = [str(run(sampler=[name])) for name in ("heun", "exponential-integrator")]
    done = shell("merge", *parts, "--out", str(tmp_path / "all"))
    assert done.returncode == 0, done.stderr
    assert f"Leaderboard: harness rank {tmp_path / 'all'}" in done.stdout
    done = shell("merge", *parts, "--out", str(tmp_path / "all"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "is there already" in done.stderr


def refused(parts, out):
    """The one line in which a merge is refused; nothing is left of it."""
    with pytest.raises(MergeError) as caught:
        merge(parts, out)
    assert not out.exists()
    assert list(out.parent.iterdir()) == []
    assert len(str(caught.value)) <= 300
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 1}, "seeds is [0, 1] in "),
        ({"samples": 20}, "sampling.samples is 30 in "),
        ({"sigma_max": 10.0}, "noise.sigma_max is 20.0 in "),
        ({"batch_size": 9}, "training.batch_size is 8 in "),
        ({"metric": ["sliced-wasserstein"]}, "metrics is ['path-kl', 'sliced-wasserstein'] in "),
        ({"precision": "float64"}, "environment.precision is float32 in "),
    ],
)
def test_the_first_setting_that_differs_is_named(changes, message, run, tmp_path):
    small = {"weighting": ["edm"], "noise_schedule": ["edm"], "steps": [3]}
    parts = [run(**small, sampler=["heun"]), run(**small, sampler=["exponential-integrator"], **changes)]
    said = refused(parts, tmp_path / "out")
    assert message in said
    assert str(parts[1]) in said


def test_what_is_no_product_is_refused(run, tmp_path):
    parts = [run(sampler=["heun"]), run(steps=[3])]
    assert "8 of the 32 combinations of their components are in none of them" in refused(parts, tmp_path / "out")


def test_another_suite_one_directory_and_a_published_board_are_refused(run, tmp_path):
    part = run(sampler=["heun"])
    assert "name two or more" in refused([part], tmp_path / "out")
    publish(harness.rank(part).document, tmp_path / "published", "harness run")
    with pytest.raises(MergeError, match="published leaderboard: ranks and intervals take the values of each seed"):
        merge([part, tmp_path / "published"], tmp_path / "out")


def test_a_result_that_two_have_otherwise_is_refused(run, tmp_path):
    parts = [run(sampler=["heun"]), tmp_path / "elsewhere"]
    shutil.copytree(run(sampler=["exponential-integrator"]), parts[1])
    store = Store.open(parts[1])
    manifest = store.meta(store.meta_keys("manifest:")[0])
    (record,) = store.get([manifest["rows"][0]["information"][0]]).values()
    store.put([type(record)(record.key, record.kind, {**record.payload, "sigma_data": 3.0}, None, record.seconds)])
    store.close()
    with pytest.raises(MergeError, match=r"elsewhere cannot be merged: the target \w+ has another content"):
        merge(parts, tmp_path / "out")


def test_a_score_error_that_no_part_asked_for_and_the_whole_does_is_refused(tmp_path):
    """No product of parts lacks one, since the row that asks is in a part: rows of another choice may."""
    made = SimpleNamespace(rows=[SimpleNamespace(networks=["trained", "failed"], errors=["missing", "never made"])])
    with closing(Store.open(tmp_path)) as store:
        store.put([Record("trained", "network"), Record("failed", "network", reason="diverged")])
        with pytest.raises(MergeError, match="the score error of 1 networks was not measured"):
            _check_score_errors(made, store)
        store.put([Record("missing", "score error")])
        _check_score_errors(made, store)


def test_results_of_other_code_are_refused(run, tmp_path):
    parts = [run(sampler=["heun"]), tmp_path / "older"]
    shutil.copytree(run(sampler=["exponential-integrator"]), parts[1])
    store = Store.open(parts[1])
    (key,) = store.meta_keys("manifest:")
    manifest = store.meta(key)
    manifest["rows"][0]["samples"] = ["another", "key"]
    store.set_meta(key, manifest)
    store.close()
    with pytest.raises(MergeError, match="older was made by other code of the harness"):
        merge(parts, tmp_path / "out")
    store = Store.open(parts[1])
    manifest["definition"] = None
    store.set_meta(key, manifest)
    store.close()
    with pytest.raises(MergeError, match="older was made before directories held their suite: run the same command"):
        merge(parts, tmp_path / "out")
