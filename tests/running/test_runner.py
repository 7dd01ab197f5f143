"""The engine from suite to leaderboard, on a suite that takes seconds."""

import json
import pickle
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from suite_files import write_suite

from harness.arithmetic import in_force
from harness.engine.shortage import IN_PARTS
from harness.engine.traced import Traced
from harness.errors import DiskError
from harness.registry.discovery import load
from harness.results.leaderboard import Leaderboard
from harness.results.read_board import read_document
from harness.running import runner as run_module
from harness.running.runner import Options, run
from harness.running.tasks import KILLED, Ended, timed
from harness.store import DATABASE, Store, StoreError
from harness.suites.model import Suite, SuiteError

# Odd width and batch size: where kernels round by place in a stack, if any do.
TINY = {
    "name": "tiny",
    "targets": ["gaussian:dim=2", "ring"],
    "weightings": ["edm", "bell-shaped"],
    "noise_schedules": ["edm", "ve-sqrt"],
    "time_discretizations": ["polynomial", "exponential", "fisher"],
    "networks": ["mlp:width=21,depth=1", "exact"],
    "samplers": ["exponential-integrator", "heun"],
    "metrics": ["sliced-wasserstein:projections=16", "path-kl"],
    "bounds": ["budget", "theorem-2"],
    "rank_by": "sliced-wasserstein",
    "steps": [4],
    "seeds": 2,
    "training": {"steps": [20, 40], "batch_size": 50},
    "sampling": {"samples": 100},
}


def suite(**changes) -> Suite:
    return Suite.from_mapping(TINY | changes, "tiny.toml")


def carry_out(directory: Path, registry=None, workers=2, **changes) -> list[str]:
    """Run the tiny suite; return what was told on the way."""
    told: list[str] = []
    run(suite(**changes), registry or load(), directory, Options(workers, progress=False, warn=told.append))
    return told


def untimed(directory: Path) -> str:
    """The leaderboard of a directory as canonical JSON, timings aside."""
    document = read_document(directory).model_dump()
    Leaderboard.validate(document)
    del document["command"]  # some runs are typed, some called
    del document["computation"]
    for row in document["rows"]:
        del row["seconds"]
    return json.dumps(document, sort_keys=True)


def records(directory: Path) -> dict[str, tuple[str, float]]:
    """The kind of every record, and the time it took: another time would mean that it was made again."""
    with sqlite3.connect(directory / DATABASE) as db:
        return {key: (kind, seconds) for key, kind, seconds in db.execute("select key, kind, seconds from records")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("finished")
    assert carry_out(directory) == []
    return directory


@pytest.fixture
def copy(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def rows(directory: Path) -> list[dict]:
    return read_document(directory).model_dump()["rows"]


def test_every_design_is_a_row(finished):
    found = rows(finished)
    # Two targets × four grids (two schedules for `polynomial`, none that matters for `exponential` and `fisher`) × two
    # samplers × (two weightings × two lengths + one oracle).
    assert len(found) == 2 * 4 * 2 * (2 * 2 + 1)
    combinations = [names for row in found for names in ({}, *row["same_as"])]
    assert len(combinations) == 2 * 2 * 3 * 2 * (2 * 2 + 1)
    assert {row["status"] for row in found} == {"ok"}
    oracle = [row for row in found if row["network"]["name"] == "exact"]
    assert {(row["weighting"]["name"], row["train_steps"]) for row in oracle} == {("none", 0)}
    assert {row["nfe"] for row in found if row["sampler"]["name"] == "heun"} == {8}


def test_bounds_hold_and_say_where_they_do_not_apply(finished):
    for row in rows(finished):
        stochastic = row["sampler"]["name"] == "exponential-integrator"
        assert (row["bounds"]["budget"] is not None) == stochastic
        assert (row["budget"] is not None) == stochastic
        assert row["violations"] == []
        if stochastic:
            assert row["bounds"]["theorem-2"] >= row["bounds"]["budget"] > 0
            terms = row["budget"]
            parts = terms["initialization"] + terms["score"] + terms["discretization"] + terms["variance"]
            assert parts == pytest.approx(terms["total"], rel=1e-9)
            assert terms["score"] == 0 or row["network"]["name"] == "mlp"


def test_work_is_shared(finished):
    with sqlite3.connect(finished / DATABASE) as db:
        kinds = dict(db.execute("select kind, count(*) from records group by kind"))
    # Two targets × two weightings × two seeds × two lengths; the exponential grids of both schedules are one, and
    # so are the Fisher grids.
    assert kinds["network"] == kinds["score error"] == 16
    assert kinds["sampling"] == 2 * 4 * 2 * (2 * 2 + 1) * 2
    assert len(list((finished / "checkpoints").glob("*.safetensors"))) == 16


def test_equal_grids_are_one_design(finished):
    for row in rows(finished):
        both = row["time_discretization"]["name"] != "polynomial"
        assert [list(other) for other in row["same_as"]] == [["noise_schedule"]] * both
        names = {row["noise_schedule"]["name"], *(other["noise_schedule"]["name"] for other in row["same_as"])}
        assert names == {"edm", "ve-sqrt"} if both else len(names) == 1


def test_a_second_run_does_nothing(copy):
    before = records(copy)
    assert carry_out(copy) == []
    assert records(copy) == before


def test_the_number_of_workers_changes_nothing(tmp_path):
    changes = {"targets": ["ring"], "noise_schedules": ["edm"], "time_discretizations": ["polynomial", "fisher"]}
    for workers in (1, 3):
        carry_out(tmp_path / str(workers), workers=workers, **changes)
    assert untimed(tmp_path / "1") == untimed(tmp_path / "3")


def test_a_row_does_not_depend_on_the_rest_of_the_suite(finished, tmp_path):
    changes = {
        "targets": ["ring"],
        "weightings": ["bell-shaped"],
        "noise_schedules": ["ve-sqrt"],
        "time_discretizations": ["fisher"],
        "networks": ["mlp:width=21,depth=1"],
        "samplers": ["heun", "exponential-integrator"],
        "training": {"steps": [40], "batch_size": 50},
    }
    carry_out(tmp_path, **changes)

    def measured(directory):
        wanted = {}
        for row in rows(directory):
            # `fisher` follows no schedule: in the whole suite the row has two names.
            name = [row[a]["name"] for a in ("target", "weighting", "time_discretization")]
            if name == ["ring", "bell-shaped", "fisher"] and row["train_steps"] == 40:
                wanted[row["sampler"]["name"]] = (row["metrics"], row["budget"], row["bounds"])
        return wanted

    assert len(measured(tmp_path)) == 2
    assert measured(tmp_path) == measured(finished)


def test_adding_a_component_does_only_its_own_work(copy):
    before = records(copy)
    carry_out(copy, samplers=["exponential-integrator", "heun", "euler"])
    after = records(copy)
    assert {key: after[key] for key in before} == before
    # A grid too: `fisher` is laid out for each sampler.
    assert {after[key][0] for key in after.keys() - before.keys()} == {"grid", "sampling", "metric", "bound"}
    assert len(rows(copy)) == 2 * 4 * 3 * 5


def test_a_longer_training_that_fails_leaves_the_shorter_ones(copy, finished):
    carry_out(copy, training=TINY["training"] | {"steps": [20, 40, 10**6]}, limits={"seconds": 0.5, "keep_every": 0.1})
    found = [row for row in rows(copy) if row["train_steps"] == 10**6]
    # A stack has the time of all its networks: here two seeds.
    assert {row["reason"] for row in found} == {"seed 0: training: ran out of its time limit of 1 s"}
    # What they had reached stays: tried again, they go on from there.
    assert list((copy / "unfinished").glob("*.state"))
    carry_out(copy)
    assert untimed(copy) == untimed(finished)


def test_what_was_killed_from_outside_is_tried_again_by_the_next_run(tmp_path, monkeypatch):
    little = {"targets": ["gaussian"], "weightings": ["edm"], "networks": ["mlp:width=21,depth=1"], "seeds": 2}
    keep = run_module._Runner._keep

    def keep_of_a_killed_process(runner, todo, ended):
        killed = todo.unit.stage == 1
        keep(runner, todo, Ended(ended.task, None, KILLED, 0.0) if killed else ended)

    monkeypatch.setattr(run_module._Runner, "_keep", keep_of_a_killed_process)
    carry_out(tmp_path, **little)
    assert {row["reason"] for row in rows(tmp_path)} == {f"seed 0: training: {KILLED}"}
    monkeypatch.undo()
    carry_out(tmp_path, **little)
    assert {row["status"] for row in rows(tmp_path)} == {"ok"}
    before = records(tmp_path)
    carry_out(tmp_path, **little)
    assert records(tmp_path) == before


class Here:
    """Carries out tasks as a worker does, in this process."""

    count = 1

    def __init__(self, function: str) -> None:
        self._function = function

    def run(self, tasks):
        for task in sorted(tasks, key=lambda task: task.stage):
            yield timed(self._function, pickle.dumps(task.argument()), False).ended(task, frozenset())


def test_where_memory_runs_out_a_run_says_so_once_and_its_document_for_good(registry, tmp_path, monkeypatch):
    real = Traced.__call__

    def scarce(traced, *tensors):
        if tensors[-1].numel() > 32:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(traced, *tensors)

    monkeypatch.setattr(Traced, "__call__", scarce)
    one = {axis: TINY[axis][:1] for axis in ("weightings", "noise_schedules", "time_discretizations", "networks")}
    short = suite(
        **one, targets=["gaussian:dim=2"], samplers=["heun"], bounds=[], training={"steps": [5], "batch_size": 64}
    )
    told: list[str] = []
    executor = contextmanager(lambda count, function, for_strangers: iter([Here(function)]))
    run(short, registry, tmp_path, Options(1, progress=False, warn=told.append, executor=executor))
    assert told == [
        "training: memory ran out with 2 networks at once; it goes on with one after the other",
        "training: memory ran out with 1 network of 64 points at once; it goes on with 1 network of 32 points",
    ]
    document = read_document(tmp_path)
    assert all(row["status"] == "ok" for row in rows(tmp_path))
    assert sorted(document.environment["arithmetic"]) == [in_force(), f"{in_force()}; {IN_PARTS}"]


def test_a_file_that_changes_during_a_run_ends_it(tmp_path, monkeypatch):
    # Its new content would be kept under the key of the old.
    file, out = tmp_path / "points.npy", tmp_path / "out"
    np.save(file, np.random.RandomState(0).randn(50, 2))
    little = {"targets": [{"name": "file", "path": str(file)}], "networks": ["exact"], "seeds": 1}
    keep = run_module._Runner._keep

    def keep_and_change(runner, unit, ended):
        keep(runner, unit, ended)
        np.save(file, np.random.RandomState(1).randn(60, 2))

    monkeypatch.setattr(run_module._Runner, "_keep", keep_and_change)
    with pytest.raises(SuiteError, match=r"target file:path=.* changed while it was read"):
        carry_out(out, **little)
    assert len(records(out)) == 1
    monkeypatch.undo()
    carry_out(out, **little)
    assert {row["status"] for row in rows(out)} == {"ok"}


def test_a_checkpoint_that_is_damaged_during_a_run_ends_it_and_the_next_run_repairs_it(tmp_path, monkeypatch):
    keep = run_module._Runner._keep

    def keep_and_damage(runner, unit, ended):
        keep(runner, unit, ended)
        for path in (tmp_path / "checkpoints").glob("*.safetensors"):
            path.write_bytes(path.read_bytes()[:-1])

    little = {"targets": ["gaussian"], "weightings": ["edm"], "networks": ["mlp:width=21,depth=1"], "seeds": 1}
    monkeypatch.setattr(run_module._Runner, "_keep", keep_and_damage)
    with pytest.raises(DiskError, match="damaged: run the command again"):
        carry_out(tmp_path, **little)
    monkeypatch.undo()
    carry_out(tmp_path, **little)
    assert {row["status"] for row in rows(tmp_path)} == {"ok"}


class TestDamage:
    def test_a_damaged_checkpoint_is_named_and_trained_again(self, copy, finished):
        victim = sorted((copy / "checkpoints").glob("*.safetensors"))[3]
        content = bytearray(victim.read_bytes())
        content[-5] ^= 0x40
        victim.write_bytes(content)
        told = carry_out(copy)
        assert any(victim.name in line and "damaged" in line for line in told)
        assert victim.read_bytes() == (finished / "checkpoints" / victim.name).read_bytes()
        assert untimed(copy) == untimed(finished)

    def test_a_damaged_database_is_named_and_computed_again(self, copy, finished):
        with (copy / DATABASE).open("r+b") as file:
            file.write(b"\0" * 4096)
        with pytest.raises(StoreError, match="cannot be read"):
            read_document(copy)
        told = carry_out(copy)
        assert any("is damaged" in line for line in told)
        assert untimed(copy) == untimed(finished)

    def test_a_damaged_record_is_named_and_computed_again(self, copy, finished):
        with sqlite3.connect(copy / DATABASE) as db:
            (key,) = db.execute("select key from records where kind = 'metric' order by key limit 1").fetchone()
            forged = json.dumps({"value": 0.0, "standard_error": 0.0, "bias": 0.0})
            db.execute("update records set payload = ? where key = ?", (forged, key))
        told = carry_out(copy)
        assert any(key in line for line in told)
        assert untimed(copy) == untimed(finished)


class TestDirectory:
    def test_suites_share_what_they_have_in_common(self, copy, finished):
        before = records(finished)
        carry_out(copy, name="other", steps=[3, 4])
        made = records(copy)
        assert {key: made[key] for key in before} == before
        assert {kind for key, (kind, _) in made.items() if key not in before} <= {"grid", "sampling", "metric", "bound"}
        assert read_document(copy, suite="tiny") == read_document(finished)
        assert {row.steps for row in read_document(copy, suite="other").rows} == {3, 4}

    def test_in_use_is_refused(self, copy):
        from filelock import FileLock

        with FileLock(copy / ".lock"), pytest.raises(StoreError, match="in use by another run"):
            carry_out(copy)

    def test_before_anything_is_done_rows_say_so(self, tmp_path):
        store = Store.open(tmp_path)
        store.close()
        with pytest.raises(StoreError, match="holds no rows yet"):
            read_document(tmp_path)


def command(directory: Path, file: Path) -> list[str]:
    return [sys.executable, "-m", "harness", "run", str(file), "--out", str(directory), "--workers", "2"]


def killed_with(count: int, directory: Path, file: Path) -> bool:
    """Run the suite, killed without warning once it has kept some records more; return whether it was still running."""
    before = kept(directory)
    process = subprocess.Popen(
        command(directory, file), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while process.poll() is None and kept(directory) < before + count:
        time.sleep(0.01)
    running = process.poll() is None
    process.kill()
    process.wait()
    return running


def kept(directory: Path) -> int:
    """How many records a directory holds, while a run may be writing there."""
    try:
        return len(records(directory))
    except sqlite3.OperationalError:  # not made yet
        return 0


def survives_kills(times: int, seed: int, finished: Path, directory: Path) -> None:
    """Kill a run some times at random places of its work; what is resumed is the same."""
    file = write_suite(directory / "tiny.toml", TINY)
    out = directory / "out"
    rng = random.Random(seed)
    for _ in range(times):
        assert killed_with(rng.randrange(len(records(finished)) // (times + 1)), out, file)
        if rng.random() < 0.5 and (out / DATABASE).exists():
            # A run that was cut off can be looked at.
            subprocess.run([sys.executable, "-m", "harness", "rank", str(out)], capture_output=True, check=False)
    ended = subprocess.run(command(out, file), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert untimed(out) == untimed(finished)


@pytest.mark.slow
def test_killed_and_resumed(finished, tmp_path):
    survives_kills(1, 0, finished, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_killed_at_random_moments_and_resumed(finished, tmp_path, seed):
    survives_kills(1 + seed % 3, seed, finished, tmp_path)
