"""What the system does not allow is told by its name, nothing is lost, and the same command goes on without it."""

import os
import shlex
import shutil
import subprocess
import sys

import pytest
from distributions import write_distribution
from shell import called
from strangers import here

from harness import limits
from harness.errors import TRY_AGAIN, failure_line
from harness.results.read_board import read_document
from harness.store import Store

SUITE = """
name = "tiny"
targets = ["gaussian:dim=2"]
weightings = ["edm"]
noise_schedules = ["edm"]
time_discretizations = ["polynomial"]
networks = ["mlp:width=8,depth=1", "exact"]
samplers = ["heun"]
metrics = ["energy"]
rank_by = "energy"
steps = [4]
seeds = 1
training = { steps = [20], batch_size = 16 }
sampling = { samples = 20 }
"""


@pytest.fixture
def run(tmp_path):
    """Run the suite in a shell that has said something first; return the process."""
    (tmp_path / "tiny.toml").write_text(SUITE)
    words = [sys.executable, "-m", "harness", "run", tmp_path / "tiny.toml", "--out", tmp_path / "out", "--workers", 2]

    def call(first, *shell):
        line = f"{first} && exec {shlex.join(map(str, words))}"
        return subprocess.run([*shell, "bash", "-c", line], capture_output=True, text=True, timeout=120)

    return call


def rows(directory):
    return [(row.status, row.metrics) for row in read_document(directory).rows]


@pytest.mark.parametrize(
    ("option", "allowed", "what", "needed"),
    [
        ("n", 20, "open files", 28),
        ("u", 8, "processes and threads", 16),
        ("v", 60_000, "kB of address space", 2_000_000),
        ("v", 150_000, "kB of address space", 2_000_000),
        ("v", 700_000, "kB of address space", 2_000_000),
        ("d", 500_000, "kB of data", 1_000_000),
    ],
)
def test_too_low_a_limit_is_named_with_what_is_needed(run, option, allowed, what, needed):
    done = run(f"ulimit -{option} {allowed}")
    rule = f"and a run needs {needed}; set ulimit -{option} to that or more"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"harness: {allowed} {what} are allowed here, {rule}\n"


@pytest.mark.slow
def test_what_is_asked_for_is_enough(run):
    done = run("ulimit -n 28 && ulimit -u 16 && ulimit -v 2000000 && ulimit -d 1000000")
    assert (done.returncode, done.stderr) == (0, "")


def test_no_room_for_semaphores_is_told_with_its_place(run, tmp_path):
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("a full /dev/shm needs root and unshare")
    full = "mount -t tmpfs -o size=4k tmpfs /dev/shm && (head -c 9000 /dev/zero > /dev/shm/full 2> /dev/null; true)"
    done = run(full, "unshare", "-m")
    if "mount" in done.stderr or "unshare" in done.stderr:
        pytest.skip("mounting a small /dev/shm is not allowed here")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "harness: worker processes cannot be started: No space left on device; their semaphores need room in /dev/shm\n"
    )
    whole = called("run", tmp_path / "tiny.toml", "--out", tmp_path / "out", "--workers", 2)
    assert (whole.returncode, whole.stderr) == (0, "")
    assert [status for status, _ in rows(tmp_path / "out")] == ["ok", "ok"]


GREEDY = """
import torch
from harness import hookimpl
from harness.samplers import Sampler


class Greedy(Sampler):
    name = "greedy"

    def step(self, run, x):
        torch.empty(400_000_000)
        return run.denoiser(x, run.sigma)


@hookimpl
def harness_samplers():
    return [Greedy]
"""


@pytest.mark.slow
def test_a_unit_that_meets_a_limit_is_tried_again_by_the_next_run(run, tmp_path, monkeypatch):
    """No row keeps a failure that the machine of a day was to blame for."""
    write_distribution(tmp_path / "site", "greedy", {"harness": {"greedy": "greedy"}})
    (tmp_path / "site" / "greedy.py").write_text(GREEDY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    suite = tmp_path / "tiny.toml"
    suite.write_text(SUITE.replace('["heun"]', '["heun", "greedy"]'))
    done = run("ulimit -v 2200000")
    assert done.returncode == 1, done.stderr
    store = Store.read(tmp_path / "out")
    reasons = {str(record.reason) for record in store.failures() if "traceback" in record.payload}
    store.close()
    assert all("allowed here are 2200000 kB of address space (ulimit -v); " in reason for reason in reasons), reasons
    assert all(reason.endswith(TRY_AGAIN) for reason in reasons)
    assert reasons
    statuses = [status for status, _ in rows(tmp_path / "out")]
    assert sorted(statuses) == ["failed", "failed", "ok", "ok"]
    done = here("run", suite, "--out", tmp_path / "out", "--workers", 2, path=tmp_path / "site")
    assert (done.returncode, done.stderr) == (0, "")
    assert [status for status, _ in rows(tmp_path / "out")] == ["ok"] * 4


def test_an_error_that_no_limit_made_names_none():
    assert limits.reached(ValueError("no luck")) == ""
    assert limits.reached(FileNotFoundError(2, "No such file")) == ""
    assert TRY_AGAIN not in failure_line(ValueError("no luck"))
    assert "(ulimit -n); the next run tries again" in failure_line(OSError(24, "Too many open files"))
