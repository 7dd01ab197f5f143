"""Score errors: measured where a bound, a path divergence or a grid asks for them, and only there."""

import pytest

from harness.engine.jobs import EvaluateSamplesJob
from harness.planning.units import Stage

NETWORKS = ["mlp:width=8,depth=1", "mlp:width=12,depth=1"]
BARE = {"samplers": ["heun"], "time_discretizations": ["polynomial"], "weightings": ["edm"], "bounds": []}


def asked(plan):
    """The networks and samplers of combinations whose score error is asked for."""
    return {(c.network.label(), c.sampler.label()) for c in plan.combinations if plan.score_errors.of(c)}


def measured(plan):
    return [key for unit in plan.fixed_work(lambda key: True) if unit.stage == Stage.SCORE_ERROR for key in unit.keys]


def test_where_nothing_asks_none_is_measured_and_no_number_is_another(planned, carry_out, tmp_path):
    bare, bounded = planned(tmp_path, **BARE), planned(tmp_path, **BARE | {"bounds": ["budget"]})
    assert measured(bare) == []
    assert len(measured(bounded)) == len(bounded.trained_keys()) > 0
    assert all(row.errors == [] for row in bare.contents(lambda key: None, "").rows)
    records, others = {}, {}
    done = carry_out(bare, records)
    jobs = [unit.job(records.get) for unit, _ in done if unit.stage == Stage.SAMPLING]
    assert {job.score_error for job in jobs if isinstance(job, EvaluateSamplesJob)} == {None}
    carry_out(bounded, others)
    assert all(record.ok for record in (*records.values(), *others.values()))
    assert {record.kind for record in others.values()} - {record.kind for record in records.values()} == {
        "score error",
        "bound",
    }
    assert {key: record.payload for key, record in records.items()}.items() <= {
        key: record.payload for key, record in others.items()
    }.items()


def test_a_bound_that_is_asked_for_later_has_it_measured_and_nothing_trained_again(planned, carry_out, tmp_path):
    records = {}
    carry_out(planned(tmp_path, **BARE), records)
    done = carry_out(planned(tmp_path, **BARE | {"bounds": ["budget"]}), records)
    assert {unit.stage for unit, _ in done} == {Stage.SCORE_ERROR, Stage.SAMPLING}
    assert all(record.ok for record in records.values())


def test_a_path_divergence_asks_for_that_of_every_network_of_its_family(planned):
    plan = planned(**BARE | {"networks": NETWORKS, "samplers": ["heun", "ancestral"]})
    assert len(asked(plan)) == 4
    # One of the two networks is sampled by the deterministic sampler alone.
    some = [c for c in plan.combinations if c.sampler.name == "heun" or c.network.label() == NETWORKS[0]]
    apart = type(plan)(plan.suite, plan.keys._registry, some, plan._blobs.path)
    assert asked(apart) == {(NETWORKS[0], "heun"), (NETWORKS[0], "ancestral")}
    assert len(measured(apart)) == len(apart.trained_keys()) / 2


@pytest.mark.parametrize(
    ("changes", "all_of_them"),
    [
        ({}, False),
        ({"time_discretizations": ["fisher"]}, True),
        ({"bounds": ["theorem-2"]}, True),
        ({"metrics": ["path-kl", "nll-bound"]}, False),
    ],
)
def test_a_grid_and_a_bound_ask_and_a_metric_does_not(planned, changes, all_of_them):
    plan = planned(**BARE | changes)
    assert bool(asked(plan)) == all_of_them


def test_whoever_reads_all_asks_for_all(planned):
    plan = planned(**BARE)
    whole = type(plan)(plan.suite, plan.keys._registry, plan.combinations, plan._blobs.path, score_errors=True)
    assert len(measured(whole)) == len(whole.trained_keys())
