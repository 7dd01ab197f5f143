"""Distributions of strangers, installed as a stranger would, and the command with them on its path."""

import contextlib
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import shell
from suite_files import write_suite

from harness.results.read_board import read_document

HERE = Path(__file__).parent / "third_party"


def harness(*args, path=None, **environment):
    """Run the command with a folder of distributions on the path."""
    on_path = {} if path is None else {"PYTHONPATH": str(path)}
    return shell.harness(*args, timeout=300, **environment, **on_path)


@contextlib.contextmanager
def on_path(path):
    """Have a folder of distributions on this process' path, and nothing of it imported afterwards."""
    before = set(sys.modules)
    sys.path.insert(0, str(path))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(path))
        for name in sys.modules.keys() - before:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(path)):
                del sys.modules[name]


def here(*args, path=None):
    """Run the command as `harness`, in this process: for distributions that do no harm."""
    with contextlib.nullcontext() if path is None else on_path(path):
        return shell.called(*args)


def listed(path=None, **environment):
    """What `harness plugins` lists, as JSON values."""
    done = harness("plugins", "--format", "json", path=path, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def install(name, folder):
    """Build a distribution of `third_party`, or of another path, and install it into a folder; return the folder."""
    pytest.importorskip("hatchling", reason="building a distribution without a network needs hatchling")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    done = subprocess.run([*pip, "--target", str(folder), str(HERE / name)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def carried_out(folder, suite, path=None, status=0, by=here):
    """Run a suite; return its leaderboard, timings aside, and what was told on the way.

    `by` is what calls the command: `harness` for distributions that may harm this process.
    """
    folder.mkdir(exist_ok=True)
    file = write_suite(folder / "suite.toml", suite)
    done = by("run", file, "--out", folder / "out", "--workers", 2, path=path)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    # Ranking needs no plugin: none of theirs is on the path of this process.
    content = json.loads(read_document(folder / "out").to_json())
    del content["command"]  # some runs are typed, some called
    del content["computation"]
    for row in content["rows"]:
        del row["seconds"]
    return content, done.stderr


def numbers(rows):
    """What was measured, by target and design."""
    axes = ("target", "weighting", "noise_schedule", "time_discretization", "network", "sampler")
    names = ("status", "metrics", "budget", "nfe", "bounds", "steps")
    return {json.dumps([row[axis]["digest"] for axis in axes]): {name: row[name] for name in names} for row in rows}
