"""The units of a plan: each makes what it says, nothing is made twice, whoever asks."""

from pathlib import Path

import pytest
from harness_claims.plan import DescentsPlan
from harness_karras.networks import Mlp

from harness.engine.jobs import (
    CalibrateMetricsJob,
    EvaluateSamplesJob,
    FitMetricJob,
    LayOutGridJob,
    MeasureScoreErrorsJob,
    TrainNetworksJob,
)
from harness.planning.plan import Plan
from harness.planning.units import Resources, Stage
from harness.records import Record
from harness.suites.combinations import expand
from harness.trainers import GradientDescent, Recording, TrajectoryRequest

DESCENT = {"method": "gradient-descent", "steps": [4, 9], "points": 2, "levels": 3}


@pytest.fixture(scope="module")
def finished(planned, carry_out, tmp_path_factory):
    plan, records = planned(tmp_path_factory.mktemp("checkpoints")), {}
    return plan, carry_out(plan, records), records


def test_each_unit_makes_the_records_that_it_says(finished):
    _, done, records = finished
    assert all(set(unit.keys) == set(made) for unit, made in done)
    assert all(record.ok for record in records.values())
    assert sum(len(made) for _, made in done) == len(records)


def test_nothing_is_left_and_what_is_lost_is_made_with_what_it_takes(finished):
    plan, _, records = finished
    assert not plan.groundwork(lambda key: key not in records)
    assert not plan.work(records.get, lambda key: key not in records)
    network = plan.trained_keys()[0]
    units = plan.work(records.get, lambda key: key == network)
    # Its score error is measured again: it may have been trained on another machine.
    assert [unit.stage for unit in units] == [Stage.TRAINING, Stage.SCORE_ERROR]
    assert network in units[0].keys


def test_networks_of_one_shape_are_stacked_but_for_learned_weightings(finished):
    plan, done, _ = finished
    stacks = [unit for unit, _ in done if unit.stage == Stage.TRAINING]
    # Two seeds of each weighting: `edm` and `bell-shaped`, which adapts.
    assert sorted(unit.networks for unit in stacks) == [2, 2]
    assert len(plan.trained_keys()) == 2 * 2 * 2
    assert all(unit.cost > 0 for unit, _ in done)


def test_gradient_descent_trains_each_network_by_itself(planned):
    units = [unit for unit in planned(training=DESCENT).fixed_work(lambda key: True) if unit.stage == Stage.TRAINING]
    assert [unit.networks for unit in units] == [1] * 4
    # At each of two lengths a network and its trajectory.
    assert {len(unit.keys) for unit in units} == {4}


def test_the_stages_follow_each_other(finished):
    plan, _, records = finished
    assert {unit.stage for unit in plan.groundwork(lambda key: True)} == {Stage.GROUNDWORK}
    later = {unit.stage for unit in plan.work(records.get, lambda key: True)}
    assert later == {Stage.TRAINING, Stage.SCORE_ERROR, Stage.SAMPLING}


@pytest.mark.parametrize("first", ["suite", "request"])
def test_a_suite_and_a_request_for_the_same_descent_share_its_records(planned, carry_out, registry, tmp_path, first):
    plan = planned(tmp_path, training=DESCENT, weightings=["edm"], time_discretizations=["polynomial"])
    trainer = GradientDescent(points=2, levels=3)
    request = TrajectoryRequest("gaussian:dim=2", "mlp:width=8,depth=1", "edm", (0, 1), 9, trainer, Recording())
    asked, records = DescentsPlan({"way": request}, registry, tmp_path), {}
    one, other = (plan, asked) if first == "suite" else (asked, plan)
    before = {key for _, made in carry_out(one, records) for key in made}
    after = carry_out(other, records)
    if first == "suite":
        assert after == []
    else:
        # The suite has a shorter length besides, on the way to which the longer is made again.
        again = {key for unit, made in after if unit.stage != Stage.TRAINING for key in made}
        assert not again & before
        assert before <= set(records)
        kinds = {records[key].kind for key in before}
        assert kinds == {"weighting table", "network", "trajectory"}
        assert before <= {plan.keys.table(plan.combinations[0], 0), *plan.trained_keys()} | {
            plan.keys.trajectory(c, seed) for c in plan.combinations for seed in (0, 1)
        }


def test_a_network_that_is_asked_for_with_probes_is_the_suites_own(planned, registry, tmp_path):
    plan = planned(tmp_path, training=DESCENT, weightings=["edm"])
    request = TrajectoryRequest(
        *("gaussian:dim=2", "mlp:width=8,depth=1", "edm", (0,), 9),
        GradientDescent(points=2, levels=3),
        Recording(every=1, probes=2),
    )
    (unit,) = DescentsPlan({"way": request}, registry, tmp_path).work({}.get, lambda key: True)
    network, trajectory = unit.keys
    assert network in plan.trained_keys()
    assert trajectory not in {plan.keys.trajectory(c, 0) for c in plan.combinations}


def test_work_tells_its_longest_training(planned, registry, tmp_path):
    request = TrajectoryRequest(
        "gaussian:dim=2", "relu:width=8,depth=1", "edm", (0,), 7, GradientDescent(), Recording()
    )
    assert planned().length == 9
    assert planned(networks=["exact"], weightings=[]).length == 0
    assert DescentsPlan({"way": request}, registry, tmp_path).length == 7


@pytest.mark.parametrize(("device", "devices"), [("cpu", 0.0), ("cuda", 1.0)])
def test_what_trains_or_evaluates_networks_asks_for_the_device_of_the_run(finished, registry, device, devices):
    plan, _, records = finished
    suite = plan.suite.on(device, None).with_selection(metrics=["path-kl", "energy", "classifier-frechet"])
    other = Plan(suite, registry, expand(suite, registry), Path("unused"))
    assert {unit.resources for unit in other.groundwork(lambda key: True)} == {Resources()}
    # Fits, late grids, what a perfect generator scores and oracles are computed on the CPU and wait for no device.
    on_the_cpu = {FitMetricJob, CalibrateMetricsJob, LayOutGridJob}
    oracles = {
        other.keys.sample(c, records[other.keys.grid(c, seed)].payload["sigmas"], seed)
        for c in other.combinations
        for seed in suite.seeds
        if c.weighting is None
    }
    found = {"placed": set(), "elsewhere": set()}
    for unit in other.work(records.get, lambda key: True):
        job = unit.job(lambda key: records.get(key, Record(key, "made", {"sha256": "0", "notes": []})))
        elsewhere = type(job) in on_the_cpu or not oracles.isdisjoint(unit.keys)
        found["elsewhere" if elsewhere else "placed"].add((type(job), unit.resources))
    assert found["placed"] == {
        (kind, Resources(1.0, devices)) for kind in (TrainNetworksJob, MeasureScoreErrorsJob, EvaluateSamplesJob)
    }
    assert found["elsewhere"] == {(kind, Resources()) for kind in (*on_the_cpu, EvaluateSamplesJob)}


def test_what_a_stranger_wrote_is_in_no_unit_of_ours(finished, monkeypatch):
    plan, _, records = finished
    foreign = {type(plan.metrics[0]), plan.combinations[0].weighting.__class__}
    monkeypatch.setattr("harness.registry.provenance.stranger", lambda cls: "acme" if cls in foreign else None)
    metrics = [
        unit.job(records.get) for unit in plan.work(records.get, lambda key: True) if unit.stage == Stage.SAMPLING
    ]
    kinds = set()
    for job in metrics:
        # Pairs of a calibration, or by key beside a sampling.
        measured = job.metrics.values() if isinstance(job.metrics, dict) else [metric for _, metric in job.metrics]
        weighting = getattr(getattr(job, "network", None), "components", {}).get("weighting")
        kinds.add((type(weighting) in foreign, *sorted({type(each) in foreign for each in measured})))
    # A row of the stranger's may have all in one process.
    assert kinds == {(False, False), (False, True), (True, False, True)}
    keys = [key for unit in plan.work(records.get, lambda key: True) for key in unit.keys]
    assert len(keys) == len(set(keys))


def test_networks_that_are_given_labels_have_grids_of_their_own_where_these_follow_the_target(planned):
    unet = "unet:channels=4,levels=1,heads=0"
    rules = ["polynomial", "fisher-limit"]
    plan = planned(targets=["digits"], networks=[unet, f"{unet},labels=true"], time_discretizations=rules)
    keys = {(c.time_discretization.name, c.labelled): plan.keys.grid(c, 0) for c in plan.combinations}
    assert keys["polynomial", True] == keys["polynomial", False]
    assert keys["fisher-limit", True] != keys["fisher-limit", False]
    units = [unit for unit in plan.groundwork(lambda key: True) if not set(keys.values()).isdisjoint(unit.keys)]
    jobs = [unit.job(lambda key: Record(key, "target", {})) for unit in units]
    assert {job.key: job.labelled for job in jobs} == {
        keys["polynomial", False]: False,
        keys["fisher-limit", False]: False,
        keys["fisher-limit", True]: True,
    }


def test_a_network_that_cannot_say_whether_it_is_given_labels_ends_no_plan(planned, monkeypatch):
    def conditional(network):
        raise RuntimeError("not today")

    plan = planned(time_discretizations=["fisher-limit"], networks=["mlp:width=8,depth=1"])
    before = [unit.keys for unit in plan.groundwork(lambda key: True)]
    monkeypatch.setattr(Mlp, "conditional", property(conditional))
    assert [unit.keys for unit in plan.groundwork(lambda key: True)] == before
