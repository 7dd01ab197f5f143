"""A small suite, planned; and its units carried out here, one after the other."""

from pathlib import Path

import pytest

from harness.engine.worker import perform
from harness.planning.plan import Plan
from harness.suites.combinations import expand
from harness.suites.model import Suite

SUITE = {
    "name": "small",
    "targets": ["gaussian:dim=2"],
    "weightings": ["edm", "bell-shaped"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["polynomial", "fisher"],
    "networks": ["mlp:width=8,depth=1", "exact"],
    "samplers": ["exponential-integrator"],
    "metrics": ["path-kl", "energy"],
    "bounds": ["theorem-2"],
    "rank_by": "path-kl",
    "steps": [3],
    "seeds": 2,
    "training": {"steps": [4, 9], "batch_size": 16},
    "sampling": {"samples": 20},
}


@pytest.fixture(scope="session")
def small_suite():
    """Return the small suite as a mapping."""
    return SUITE


@pytest.fixture(scope="session")
def planned(registry):
    """Make the plan of the small suite, with changes, of the components that ship or of those of another registry."""

    def make(folder=Path("unused"), known=registry, **changes):
        suite = Suite.from_mapping(SUITE | changes, "small.toml")
        return Plan(suite, known, expand(suite, known), folder)

    return make


@pytest.fixture(scope="session")
def carry_out():
    """Do all units of some work that are missing among records, which grow; return the units with what each made."""

    def do(work, records):
        done = []

        def missing(key):
            return key not in records

        while units := work.groundwork(missing) or work.work(records.get, missing):
            for unit in sorted(units, key=lambda unit: unit.stage):
                made = {record.key: record for record in perform(unit.job(records.get))}
                done.append((unit, made))
                records |= made
        return done

    return do
