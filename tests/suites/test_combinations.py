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


WIDE = {
    "weightings": ["edm", "eps", "flow"],
    "noise_schedules": ["edm", "cosine"],
    "time_discretizations": ["exponential", "polynomial:rho=3,7"],
    "networks": ["mlp:width=8,depth=1", "mlp:width=8,depth=1,precondition=v", "exact"],
    "samplers": ["euler", "heun"],
    "initial_laws": ["centered", "moment-matched"],
    "targets": ["gaussian:dim=2", "ring"],
    "steps": [4, 8],
    "sampling": {"sigma_max": [20.0, 10.0]},
}


def apart(c, first):
    """On how many axes a combination differs from another, by comparing what it holds."""
    numbers = [("steps", c.steps), ("train_steps", c.train_steps), ("sigma_max", c.sigma_max)]
    axes = [axis for axis, chosen in c.components.items() if axis != "target" and chosen is not None]
    differing = [axis for axis in axes if c.components[axis] != first.components[axis]]
    return len(differing) + sum(value not in (0, getattr(first, name)) for name, value in numbers)


@pytest.mark.parametrize("most", [1, 2, 3, 20])
def test_some_axes_vary_at_once_around_the_first_of_each(registry, most):
    every = made(registry, **WIDE)
    first = every[0]
    near = [c for c in every if apart(c, first) <= most]
    assert made(registry, **WIDE, vary_at_most=most) == near
    assert (len(near) == len(every)) == (most == 20)


def test_one_factor_at_a_time_counts_each_choice_once(registry):
    # The first design, and each other choice beside it: 2 + 1 + 2 + 2 + 1 + 1 + 1 (steps) + 1 (σ_max) + 1 (training),
    # on two targets.
    assert len(made(registry, **WIDE, vary_at_most=1)) == 2 * (1 + 12)


def test_totals_and_shares_vary_as_axes(registry):
    changes = {"compute": {"evaluations": [400_000, 800_000], "training_shares": [0.2, 0.5]}, "training": {}}
    suite = {key: value for key, value in (SUITE | changes).items() if key != "steps"}
    few = expand(Suite.from_mapping(suite | {"vary_at_most": 1}, "few.toml"), registry)
    # Beside the first: the other total, share and weighting; and the oracle, which spends the first total.
    assert len(few) == 5
    assert len(expand(Suite.from_mapping(suite, "few.toml"), registry)) == 2 * 4 + 2


AVERAGES = {"training": {"steps": [10, 20], "ema_decay": [0.9, 0.5, 0]}}


def test_moving_averages_vary_as_lengths_of_training_do(registry):
    found = made(registry, weightings=["edm"], **AVERAGES)
    pairs = [(steps, decay) for steps in (10, 20) for decay in (0.9, 0.5, 0.0)]
    assert [(c.train_steps, c.ema_decay) for c in found] == [*pairs, (0, None)]
    assert [c.ema_decay for c in made(registry, weightings=["edm"])] == [0.999, 0.999, None]


def test_a_moving_average_is_an_axis_on_which_one_may_vary(registry):
    few = made(registry, **AVERAGES, vary_at_most=1)
    # The first; the other weighting, length, and two averages; and the oracle.
    assert [(c.weighting and c.weighting.name, c.train_steps, c.ema_decay) for c in few] == [
        *(("edm", 10, decay) for decay in (0.9, 0.5, 0.0)),
        *(("edm", 20, 0.9), ("eps", 10, 0.9), (None, 0, None)),
    ]


def test_a_total_is_divided_for_each_moving_average(registry):
    changes = {
        "compute": {"evaluations": [400_000], "training_shares": [0.2, 0.5]},
        "training": {"ema_decay": [0.9, 0]},
    }
    suite = {key: value for key, value in (SUITE | changes).items() if key != "steps"}
    found = expand(Suite.from_mapping(suite, "few.toml"), registry)
    assert len({(c.train_steps, c.steps, c.ema_decay) for c in found if c.weighting is not None}) == 4
    assert len(found) == 2 * 4 + 1


def test_a_product_too_large_to_go_through_is_counted(registry):
    numbers = list(range(2, 2002))
    wide = WIDE | {"steps": numbers, "training": {"steps": numbers}, "vary_at_most": 3}
    with pytest.raises(SuiteError, match=r"few\.toml: \d+ combinations are more than limits\.combinations = 20000"):
        made(registry, **wide)
    with pytest.raises(SuiteError, match="vary_at_most"):
        made(registry, vary_at_most=0)
