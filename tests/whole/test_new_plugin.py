"""A package as `harness new-plugin` writes it: built, installed, tested by itself, certified and ranked, unedited."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from strangers import carried_out, here, install

from harness.registry.discovery import load

AXES = load().axes


def made(folder, name, axis):
    """A package, and a folder of distributions where it is installed."""
    done = here("new-plugin", name, "--axis", axis, "--out", folder / name)
    assert done.returncode == 0, done.stderr
    # The build writes beside what it builds: the package stays as it was written.
    shutil.copytree(folder / name, folder / "built" / name)
    return folder / name, install(str(folder / "built" / name), folder / "site")


def own_tests(package, site):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    env = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(command, cwd=package, env=env, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def ralston(tmp_path_factory):
    return made(tmp_path_factory.mktemp("new"), "harness-ralston", "sampler")


def test_it_passes_its_own_tests_and_its_certificate(ralston):
    done = own_tests(*ralston)
    assert done.returncode == 0, done.stdout
    (count,) = re.findall(r"(\d+) passed in", done.stdout)
    assert int(count) > 15
    assert "certificate of sampler ralston " in done.stdout
    assert "warning" not in done.stdout.splitlines()[-1]


@pytest.mark.slow
def test_a_wrong_coefficient_fails_its_tests_and_its_certificate(ralston, tmp_path):
    package, site = ralston
    shutil.copytree(site, tmp_path / "site")
    module = tmp_path / "site" / "harness_ralston" / "__init__.py"
    text = module.read_text()
    assert text.count("level = run.sigma + 2 * h / 3") == 1
    module.write_text(text.replace("level = run.sigma + 2 * h / 3", "level = run.sigma + h / 3"))
    done = own_tests(package, tmp_path / "site")
    assert done.returncode == 1
    failed = re.findall(r"^FAILED (\S+?)(?:::| sampler ralston::)", done.stdout, re.M)
    assert "tests/test_harness_ralston.py" in failed
    assert re.search(r"^FAILED certificate of sampler ralston::strong order", done.stdout, re.M)


def test_it_is_certified_and_ranked_above_the_method_of_a_lower_order(ralston, tmp_path):
    _, site = ralston
    done = here("certify", "harness-ralston", path=site)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^certified +sampler (harness-ralston/)?ralston\b", done.stdout, re.M)
    suite = {
        "name": "ralston",
        "targets": ["gaussian:dim=3,std=0.8"],
        "noise_schedules": ["edm"],
        "time_discretizations": ["polynomial"],
        "networks": ["exact"],
        "samplers": ["ralston", "euler"],
        "metrics": ["kl"],
        "rank_by": "kl",
        "steps": [12],
        "seeds": 3,
        "sampling": {"samples": 500},
    }
    board, _ = carried_out(tmp_path / "run", suite, site)
    assert [(row["rank"], row["sampler"]["name"]) for row in board["rows"]] == [(1, "ralston"), (2, "euler")]
    assert board["rows"][0]["sampler"]["distribution"] == "harness-ralston"
    assert board["rows"][0]["rank_high"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("axis", AXES)
def test_each_axis_passes_its_own_tests_and_its_certificate(axis, tmp_path):
    package, site = made(tmp_path, f"harness-my-{axis.replace('_', '-')}", axis)
    done = own_tests(package, site)
    assert done.returncode == 0, done.stdout
    assert f"certificate of {AXES[axis].words} my-{axis.replace('_', '-')} " in done.stdout
