"""A run that is killed in mid-training goes on from there, and its board is that of a run that never was."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from shell import called
from suite_files import write_suite

from harness.registry.discovery import load
from harness.results.leaderboard import Leaderboard
from harness.results.read_board import read_document
from harness.running.runner import Options, run
from harness.suites.model import Suite, SuiteError
from harness.unfinished import UNFINISHED, Reached, UnfinishedFolder

LONG = {
    "name": "long",
    "targets": ["ring"],
    "weightings": ["edm", "edm2-uncertainty:features=8"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["polynomial"],
    "networks": ["mlp:width=21,depth=1"],
    "samplers": ["heun"],
    "metrics": ["sliced-wasserstein:projections=16"],
    "rank_by": "sliced-wasserstein",
    "steps": [4],
    "seeds": 2,
    "training": {"steps": [30, 300], "batch_size": 50, "warmup_steps": 10, "clip_norm": 1.0},
    "sampling": {"samples": 100},
    "limits": {"keep_every": 0.01},
}


def untimed(directory):
    """The board as JSON, without what tells of its making."""
    document = read_document(directory).model_dump()
    Leaderboard.validate(document)
    for row in document["rows"]:
        row.pop("seconds", None)
    return json.dumps({"rows": document["rows"], "setup": document["setup"]}, default=str, sort_keys=True)


def command(directory, file):
    return [sys.executable, "-m", "harness", "run", str(file), "--out", str(directory), "--workers", "2"]


def states(directory):
    """The states in a result directory: how far each training had come, by file."""
    found = {}
    for file in (directory / UNFINISHED).glob("*.state"):
        code, key = file.stem.split("-")
        reached = UnfinishedFolder(directory / UNFINISHED, code).reached(key)
        found[file.name] = Reached(0, 0) if reached is None else reached
    return found


def killed_in_training(directory, file, step):
    """Kill a run and its workers as soon as some training has passed a step; return how far each had come."""
    process = subprocess.Popen(
        command(directory, file), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not any(each.step >= step for each in states(directory).values()):
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return states(directory)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The board of a run that was not cut off."""
    directory = tmp_path_factory.mktemp("whole") / "out"
    run(Suite.from_mapping(LONG, "long.toml"), load(), directory, Options(2, progress=False))
    # Nothing stays of what was kept on the way.
    assert not (directory / UNFINISHED).exists()
    return untimed(directory)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The folder of a run that was killed, with its suite, and how far each training had come."""
    folder = tmp_path_factory.mktemp("killed")
    file = write_suite(folder / "long.toml", LONG)
    return folder, killed_in_training(folder / "out", file, 60)


def test_killed_in_mid_training_it_goes_on_from_there(whole, killed, tmp_path):
    folder, reached = killed
    file, out = folder / "long.toml", Path(shutil.copytree(folder / "out", tmp_path / "out"))
    ended = called("run", file, "--out", out, "--workers", 2)
    assert ended.returncode == 0, ended.stderr
    (told,) = re.findall(r"(\d) networks? go(?:es)? on in mid-training, from steps? ([\d,]+)", ended.stderr)
    assert int(told[0]) == len(reached)
    assert int(told[1].replace(",", "")) == min(each.step for each in reached.values()) > 0
    assert untimed(out) == whole
    assert not (out / UNFINISHED).exists()


def test_a_damaged_state_is_told_and_its_training_begins_anew(whole, killed, tmp_path):
    folder, reached = killed
    file, out = folder / "long.toml", Path(shutil.copytree(folder / "out", tmp_path / "out"))
    for name in reached:
        place = out / UNFINISHED / name
        place.write_bytes(place.read_bytes()[:-1])
    ended = called("run", file, "--out", out, "--workers", 2)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("of a training that was cut off is damaged: it begins anew") == len(reached)
    assert "mid-training" not in ended.stderr
    assert untimed(out) == whole


def test_how_often_states_are_kept_is_a_number_above_zero():
    with pytest.raises(SuiteError, match=r"limits.keep_every: 0 is not valid; it should be greater than 0"):
        Suite.from_mapping(LONG | {"limits": {"keep_every": 0}}, "long.toml")
