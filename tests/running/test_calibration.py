"""Calibration: trials in a worker; what fails or finds no time stays guessed, and no plan ends by it."""

import pytest

from harness.planning.costs import stored
from harness.planning.plan import Plan
from harness.running import calibration
from harness.running.calibration import calibrate
from harness.suites.combinations import expand
from harness.suites.model import Suite

SUITE = {
    "name": "tried",
    "targets": ["gaussian:dim=2"],
    "weightings": ["edm"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["exponential"],
    "networks": ["mlp:width=8,depth=1"],
    "samplers": ["ancestral"],
    "metrics": ["path-kl"],
    "bounds": ["budget"],
    "rank_by": "path-kl",
    "steps": [3],
    "seeds": 2,
    "training": {"steps": [50], "batch_size": 32},
    "sampling": {"samples": 50},
}


@pytest.fixture
def plan(registry, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    suite = Suite.from_mapping(SUITE, "tried.toml")
    return lambda: Plan(suite, registry, expand(suite, registry), tmp_path)


def test_what_is_tried_once_is_known(plan):
    first = plan()
    count = len(first.trials())
    assert count == 4
    assert calibrate(first) is None
    assert first.trials() == plan().trials() == {}
    assert len(stored()) == count + 1  # and what it takes until a worker is ready
    assert first.costs.start() > 0


def test_a_trial_that_fails_is_told_and_the_others_are_kept(plan, monkeypatch):
    first = plan()
    key = next(iter(first.trials()))
    real = Plan.trials
    monkeypatch.setattr(Plan, "trials", lambda self: {k: "no trial" if k == key else t for k, t in real(self).items()})
    assert calibrate(first) == "1 of 4 kinds of work stay guessed: TypeError: str is no trial"
    assert len(stored()) == 4


def test_without_time_all_stays_guessed(plan):
    first = plan()
    before = first.costs.training(*first.stacks(lambda key: True)[0])
    assert calibrate(first, limit=0.0) == "4 of 4 kinds of work stay guessed: trials end after 0 s together"
    assert first.costs.training(*first.stacks(lambda key: True)[0]) == before


def test_workers_that_cannot_start_end_no_plan(plan, monkeypatch):
    def refused(*args):
        raise OSError("no process")

    monkeypatch.setattr(calibration, "workers", refused)
    assert calibrate(plan()) == "4 of 4 kinds of work stay guessed: no process"
