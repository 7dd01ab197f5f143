"""Keys: the same where results are, another where anything that a result depends on is."""

import pytest

from harness.planning import keys
from harness.planning.keys import measured


def all_keys(plan):
    """The keys of the first trained combination, by kind."""
    c = next(c for c in plan.combinations if c.weighting is not None)
    network = plan.keys.network(c, 0)
    return {
        "information": plan.keys.information(c.target),
        "table": plan.keys.table(c, 0),
        "grid": plan.keys.grid(c, 0),
        "network": network,
        "error": plan.keys.score_error(network),
        "sample": plan.keys.sample(c, [20.0, 1.0, 0.05], 0),
        "calibration": plan.keys.calibration(c.target, 0, plan.keys.of(plan.metrics[1])),
    }


def changed(planned, **changes):
    before, after = all_keys(planned()), all_keys(planned(**changes))
    return {kind for kind in before if before[kind] != after[kind]}


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"name": "other", "title": "Other", "limits": {"seconds": 1.0}, "seeds": 3}, set()),
        ({"metrics": ["path-kl", "energy", "kl"], "bounds": []}, set()),
        ({"weightings": ["eps"]}, {"table", "network", "error", "sample"}),
        ({"training": {"steps": [5], "batch_size": 16}}, {"network", "error", "sample"}),
        ({"training": {"steps": [4, 9], "batch_size": 17}}, {"network", "error", "sample"}),
        ({"training": {"steps": [4, 9], "batch_size": 16, "microbatch": 32}}, {"network", "error", "sample"}),
        ({"training": {"steps": [4, 9], "batch_size": 16, "warmup_steps": 3}}, {"network", "error", "sample"}),
        ({"steps": [4]}, {"grid"}),
        ({"noise_schedules": ["flow"]}, {"grid"}),
        ({"samplers": ["ancestral"]}, {"sample"}),
        ({"initial_laws": ["moment-matched"]}, {"sample"}),
        ({"sampling": {"samples": 21}}, {"sample", "calibration"}),
        ({"networks": ["mlp:width=9,depth=1"]}, {"network", "error", "sample"}),
        ({"targets": ["ring"]}, {"information", "table", "network", "error", "sample", "calibration"}),
        ({"noise": {"sigma_max": 30.0}}, {"information", "table", "grid", "network", "error", "sample"}),
    ],
)
def test_what_a_result_depends_on_changes_its_key_and_nothing_else_does(planned, changes, kinds):
    assert changed(planned, **changes) == kinds


@pytest.mark.parametrize(("grid", "kinds"), [("tangent", {"grid"}), ("entropic", {"grid"}), ("beta", set())])
def test_a_grid_made_from_the_target_is_another_for_another_target(planned, grid, kinds):
    before, after = (all_keys(planned(time_discretizations=[grid], targets=[t])) for t in ("gaussian", "ring"))
    assert {kind for kind in ("grid",) if before[kind] != after[kind]} == kinds


@pytest.mark.parametrize(
    ("unit", "kinds"),
    [
        ("evaluate_samples", {"sample"}),
        ("train_networks", {"network", "error", "sample"}),
        ("tabulate_weighting", {"table", "network", "error", "sample"}),
        # A sampling holds the budget, which is made of it.
        ("measure_score_errors", {"error", "sample"}),
        ("calibrate_metrics", {"calibration"}),
    ],
)
def test_the_code_of_a_unit_changes_its_records_and_what_is_made_of_them(planned, monkeypatch, unit, kinds):
    before, real = all_keys(planned()), keys.unit
    monkeypatch.setattr(keys, "unit", lambda name: "edited" if name == unit else real(name))
    after = all_keys(planned())
    assert {kind for kind in before if before[kind] != after[kind]} == kinds


def test_the_code_that_a_component_runs_changes_what_it_takes_part_in(planned, monkeypatch):
    before, real = all_keys(planned()), keys.part
    monkeypatch.setattr(keys, "part", lambda c, known: "edited" if c.axis == "sampler" else real(c, known))
    after = all_keys(planned())
    assert {kind for kind in before if before[kind] != after[kind]} == {"sample"}


def test_a_unit_that_does_not_exist_has_no_key():
    """Else its digest would be that of no code, and no result of it would ever be stale."""
    with pytest.raises(LookupError, match=r"harness\.engine\.units\.measure_targt is no module"):
        keys.unit("measure_targt")


def test_a_measurement_belongs_to_a_sampling_and_a_metric():
    assert len({measured("s", "m"), measured("s", "n"), measured("t", "m"), measured("t", "n")}) == 4


def test_adam_is_not_recorded_in_a_suite_and_gradient_descent_is(planned):
    descent = planned(training={"method": "gradient-descent", "steps": [9], "points": 2, "levels": 3})
    trained = [c for c in descent.combinations if c.weighting is not None]
    assert len({descent.keys.trajectory(c, seed) for c in trained for seed in (0, 1)}) == 4
    assert {descent.keys.trajectory(c, 0) for c in descent.combinations if c.weighting is None} == {None}
    plain = planned()
    assert {plain.keys.trajectory(c, 0) for c in plain.combinations} == {None}
