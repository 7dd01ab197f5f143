"""Combinations: what each takes part in, and what collapses where nothing is trained."""

import re

import pytest

from harness.axes import crossed
from harness.suites.combinations import expand
from harness.suites.model import Suite, SuiteError

SUITE = {
    "name": "few",
    "targets": ["gaussian:dim=2"],
    "weightings": ["edm", "eps"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["exponential"],
    "networks": ["mlp:width=8,depth=1", "exact"],
    "samplers": ["euler"],
    "metrics": ["energy"],
    "rank_by": "energy",
    "steps": [4],
    "seeds": 1,
    "training": {"steps": [10, 20]},
}


def made(registry, **changes):
    return expand(Suite.from_mapping(SUITE | changes, "few.toml"), registry)


def test_each_has_a_component_on_every_axis_in_their_order(registry):
    assert all(list(c.components) == list(crossed()) for c in made(registry))


def test_an_oracle_is_one_whatever_trains_the_others(registry):
    trained = [c for c in made(registry) if c.weighting is not None]
    (oracle,) = (c for c in made(registry) if c.weighting is None)
    assert [(c.weighting.name, c.train_steps) for c in trained] == [("edm", 10), ("edm", 20), ("eps", 10), ("eps", 20)]
    assert (oracle.train_steps, oracle.network.name) == (0, "exact")
    assert list(oracle.taken_by("training")) == ["network"]


def test_the_units_share_out_the_design(registry):
    c = made(registry)[0]
    assert {unit: list(c.taken_by(unit)) for unit in ("grid", "training", "sampling")} == {
        "grid": ["noise_schedule", "time_discretization"],
        "training": ["weighting", "network"],
        "sampling": ["sampler", "initial_law"],
    }
    assert c.taken_by("sampling")["sampler"] is c.component("sampler") is c.sampler


def test_a_network_that_is_trained_needs_what_trains_it(registry):
    line = "few.toml: weightings: the suite expands to nothing: mlp:width=8,depth=1 is trained and needs at least one"
    with pytest.raises(SuiteError, match=re.escape(line)):
        made(registry, weightings=[])
    assert len(made(registry, weightings=[], networks=["exact"])) == 1


def test_bounds_that_a_suite_does_not_list_are_those_of_the_axis(registry):
    assert Suite.from_mapping(SUITE, "few.toml").bounds == ()
