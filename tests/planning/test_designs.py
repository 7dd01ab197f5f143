"""Designs: two names of one design are found from what its stages receive, and nothing else is."""

import pytest


@pytest.fixture
def designs(planned, carry_out):
    """The design of each combination of a suite whose groundwork is done, by the names of some axes."""

    def find(*axes, **changes):
        plan, records = planned(**changes), {}
        carry_out(_Groundwork(plan), records)
        rows = plan.contents(records.get, "").rows
        names = [tuple(plan.keys.label(c.component(axis)) for axis in axes) for c in plan.combinations]
        return dict(zip(names, (row.design for row in rows), strict=True))

    return find


class _Groundwork:
    """The first round of a plan, without what follows from it."""

    def __init__(self, plan):
        self.groundwork = plan.groundwork

    def work(self, find, missing):
        return []


def test_a_grid_that_ignores_the_schedule_makes_one_design(designs):
    found = designs(
        "noise_schedule",
        "time_discretization",
        networks=["exact"],
        noise_schedules=["edm", "cosine"],
        time_discretizations=["fisher", "uniform-time"],
    )
    assert None not in found.values()
    assert found["edm", "fisher"] == found["cosine", "fisher"]
    assert len(set(found.values())) == 3


def test_a_weighting_is_the_table_that_training_receives(designs):
    """`eps` on its log-uniform density is `likelihood`. `flow` and `v-cosine` weigh alike and draw other levels."""
    weightings = ["eps", "likelihood", "edm", "flow", "v-cosine"]
    changes = {"networks": ["mlp:width=8,depth=1"], "training": {"steps": [4], "batch_size": 16}}
    found = designs("weighting", weightings=weightings, time_discretizations=["polynomial"], **changes)
    assert found["eps",] == found["likelihood",]
    assert len(set(found.values())) == 4


SAME_TABLE = [
    ("eps", "prediction-error:of=eps"),
    ("edm", 'prediction-error:of=edm,levels="log-normal"'),
    ("flow:levels=logit-normal", 'prediction-error:of=velocity,levels="log-normal:mean=0,std=1"'),
    ("v-cosine", 'prediction-error:of=v,levels="uniform-time:schedule=\\"cosine:s=0\\""'),
    ("soft-min-snr", 'p2:levels="uniform-time:schedule=cosine"'),
    ("eps:levels=vp-linear", "p2:gamma=0"),
    ("sigmoid", "monotone:of=sigmoid"),
]


def test_two_names_for_one_table_are_one_design(designs):
    weightings = [name for pair in SAME_TABLE for name in pair]
    changes = {"networks": ["mlp:width=8,depth=1"], "training": {"steps": [4], "batch_size": 16}}
    found = list(designs("weighting", weightings=weightings, time_discretizations=["polynomial"], **changes).values())
    assert None not in found
    assert found[::2] == found[1::2]
    assert len(set(found)) == len(SAME_TABLE)


def test_a_learned_weighting_is_more_than_the_table_it_starts_from(designs):
    weightings = ["edm:p_mean=-0.4,p_std=1", "edm2-uncertainty", "edm2-uncertainty:learning_rate=0.01"]
    changes = {"networks": ["mlp:width=8,depth=1"], "training": {"steps": [4], "batch_size": 16}}
    found = designs("weighting", weightings=weightings, time_discretizations=["polynomial"], **changes)
    assert None not in found.values()
    assert len(set(found.values())) == 3


def test_networks_and_samplers_tell_designs_apart(designs):
    found = designs(
        "network", "sampler", networks=["exact", "inexact"], samplers=["heun", "euler"], time_discretizations=["fisher"]
    )
    assert len(set(found.values())) == len(found) == 4


def test_what_is_not_known_yet_is_no_design(planned):
    assert {row.design for row in planned().contents(lambda key: None, "").rows} == {None}
