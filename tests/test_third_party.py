"""Distributions of strangers, built and installed as a stranger would, into a folder of their own.

`install_third_party(name)` makes the folder; the command sees it through PYTHONPATH.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "third_party"


def harness(*args, path=None, **environment):
    """Run the command with a folder of distributions on the path."""
    env = {k: v for k, v in os.environ.items() if k != "HARNESS_PLUGINS"} | environment
    if path is not None:
        env["PYTHONPATH"] = str(path)
    code = "import sys; from harness.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *args], env=env, capture_output=True, text=True, timeout=300
    )


def listed(path=None, **environment):
    done = harness("plugins", "--format", "json", path=path, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def install(name, folder):
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


@pytest.fixture(scope="module")
def quadratic(tmp_path_factory):
    return install("harness-quadratic", tmp_path_factory.mktemp("quadratic"))


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    return install("harness-broken", tmp_path_factory.mktemp("broken"))


@pytest.fixture(scope="module")
def alone():
    return listed()


def test_an_installed_distribution_adds_its_line(quadratic, alone):
    found = listed(quadratic)
    added = [plugin for plugin in found["plugins"] if plugin not in alone["plugins"]]
    assert added == [
        {
            "entry_point": "quadratic",
            "distribution": "harness-quadratic",
            "version": "1.2.3",
            "status": "ok",
            "reason": "",
            "components": {"time_discretization": ["quadratic"]},
        }
    ]
    assert [plugin for plugin in found["plugins"] if plugin in alone["plugins"]] == alone["plugins"]
    assert found["problems"] == []


def test_its_component_is_explained(quadratic):
    done = harness("show", "quadratic", "--format", "json", path=quadratic)
    [page] = json.loads(done.stdout)["components"]
    assert (page["axis"], page["distribution"], page["version"]) == (
        "time_discretization",
        "harness-quadratic",
        "1.2.3",
    )
    assert page["parameters"] == [
        {
            "name": "power",
            "type": "number",
            "required": False,
            "default": 2.0,
            "constraints": "> 0",
            "description": "how fast the steps shrink",
        }
    ]
    assert "(1 − j/N)^power" in harness("show", "harness-quadratic/quadratic", path=quadratic).stdout


def test_a_broken_distribution_changes_nothing_but_its_own_lines(broken, alone):
    found = listed(broken)
    theirs = {p["entry_point"]: p for p in found["plugins"] if p["distribution"] == "harness-broken"}
    assert [p for p in found["plugins"] if p["distribution"] != "harness-broken"] == alone["plugins"]
    reasons = {name: plugin["reason"] for name, plugin in theirs.items() if plugin["status"] == "failed"}
    assert reasons == {
        "broken-class": "harness_samplers returned <class 'harness_broken.malformed.Identity'>, "
        "no subclass of harness.samplers.Sampler",
        "broken-hook": "unknown hook 'harness_weighting'; did you mean harness_weightings "
        "or harness_metrics or harness_targets?",
        "broken-import": "RuntimeError: this plugin is broken on purpose",
    }
    assert theirs["broken-results"]["status"] == "ok"
    assert {p["plugin"]: p["reason"] for p in found["problems"]} == reasons


def test_the_table_tells_each_reason(broken):
    table = harness("plugins", path=broken).stdout
    assert "this plugin is broken on purpose" in table
    assert "unknown hook 'harness_weighting'" in table
    assert "Traceback" not in table


def test_the_environment_leaves_it_out(broken, quadratic):
    found = listed(broken, HARNESS_PLUGINS="song")
    assert {p["entry_point"] for p in found["plugins"] if p["status"] == "ok"} == {"song"}
    assert found["problems"] == []
    done = harness("plugins", path=quadratic, HARNESS_PLUGINS="quadratik")
    assert done.returncode == 2
    assert (
        done.stderr
        == "harness: HARNESS_PLUGINS: no plugin 'quadratik' is installed; did you mean quadratic?\n"
    )
