"""Costs: measured where there was a trial, else guessed; kept in the user's cache."""

import json

import pytest

from harness.engine.trials import TrainingTrial
from harness.planning import costs
from harness.planning.estimate import estimate
from harness.planning.units import Stage
from harness.user_cache import cache_file


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))


def measured(plan, seconds):
    """Make as if every trial of a plan had found the same, and each kind of work two numbers."""
    plan.costs.known = dict.fromkeys((*plan.trials(), plan.costs.start_key()), (seconds, seconds))
    return plan


def test_what_trials_found_is_what_units_cost(planned):
    plan = measured(planned(), 0.5)
    assert plan.trials() == {}
    units = [*plan.groundwork(lambda key: True), *plan.fixed_work(lambda key: True)]
    trainings = [unit for unit in units if unit.stage is Stage.TRAINING]
    # Of 9 steps: at the start, and a step.
    assert {unit.cost for unit in trainings} == {0.5 + 9 * 0.5}
    # Four networks at a time, 48 levels, each with the exact denoiser and the networks.
    errors = [unit for unit in units if unit.stage is Stage.SCORE_ERROR and unit.networks > 1]
    assert {unit.cost for unit in errors} == {48 * (0.5 + 4 * 0.5)}
    assert plan.costs.sampling(plan.combinations[0]) == 0.5 + 3 * 0.5


def test_the_estimate_follows_what_was_measured(planned):
    one, ten = (estimate(measured(planned(), seconds), 2).seconds for seconds in (1.0, 10.0))
    assert ten > 5 * one


def test_width_and_length_are_told_apart(planned):
    """The keys of trials tell what their seconds depend on, and nothing else: not the grid, not the length."""
    plan = planned(networks=["mlp:width=8,depth=1", "mlp:width=64,depth=1"], weightings=["edm"])
    trained = [key for key, trial in plan.trials().items() if isinstance(trial, TrainingTrial)]
    assert len(trained) == 2
    longer = planned(training={"steps": [4, 900], "batch_size": 16}, time_discretizations=["exponential"])
    assert set(longer.trials()) == set(planned().trials())


def test_a_weighting_that_learns_is_tried_by_itself(planned):
    """Its steps take longer than those of one that stays."""
    plan = planned(weightings=["edm", "edm2-uncertainty"])
    trained = [trial for trial in plan.trials().values() if isinstance(trial, TrainingTrial)]
    assert sorted(trial.learners[0].weighting.name for trial in trained) == ["edm", "edm2-uncertainty"]


def test_what_is_kept_is_known_to_the_next_plan(planned):
    plan = planned()
    first = next(iter(plan.trials()))
    costs.store({first: (1.0, 2.0)})
    costs.store({"other": (3.0,)})
    again = planned()
    assert again.costs.known == {first: (1.0, 2.0), "other": (3.0,)}
    assert first not in again.trials()


@pytest.mark.parametrize("content", ["", "[]", json.dumps({"a": "x", "b": [-1.0], "c": [None]})])
def test_a_cache_that_holds_anything_else_is_empty(planned, content):
    cache_file(costs.FILE).write_text(content)
    assert costs.stored() == {}
    assert planned().costs.held_out(planned().combinations[0].target) > 0
