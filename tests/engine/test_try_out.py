"""Trials: each is the work itself, for a moment, and its seconds foretell those of the whole."""

import pytest
import torch
from harness_ronneberger.unet import NoisyUnet

from harness.engine.trials import EvaluationTrial, HeldOutTrial, ScoreErrorTrial, TargetTrial, TrainingTrial
from harness.engine.try_out import try_out
from harness.planning.plan import Plan
from harness.suites.combinations import expand
from harness.suites.model import Suite

SUITE = {
    "name": "tried",
    "targets": ["ring"],
    "weightings": ["edm"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["exponential"],
    "networks": ["mlp:width=16,depth=1", "exact"],
    "samplers": ["ancestral"],
    "metrics": ["sliced-wasserstein", "path-kl", "nll-bound"],
    "bounds": ["budget"],
    "rank_by": "sliced-wasserstein",
    "steps": [3],
    "seeds": 2,
    "training": {"steps": [4, 400], "batch_size": 32},
    "sampling": {"samples": 50},
}


SHORT = {"steps": [2], "batch_size": 32}


@pytest.fixture
def trials(registry, tmp_path, monkeypatch):
    """Make the trials of a suite, by their kinds."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))

    def make(precision=None, **changes):
        suite = Suite.from_mapping(SUITE | changes, "tried.toml").on("cpu", precision)
        found = {}
        for trial in Plan(suite, registry, expand(suite, registry), tmp_path).trials().values():
            found.setdefault(type(trial), []).append(trial)
        return found

    return make


def test_there_is_one_of_each_kind_of_work(trials):
    counts = {kind: len(found) for kind, found in trials().items()}
    # Of the oracle no training and no score error; both networks are sampled.
    assert counts == {TargetTrial: 1, HeldOutTrial: 1, TrainingTrial: 1, ScoreErrorTrial: 1, EvaluationTrial: 2}


@pytest.mark.parametrize("trainer", [{}, {"training": {"method": "gradient-descent", "steps": [9], "points": 8}}])
def test_each_kind_of_work_can_be_tried(trials, trainer):
    for found in trials(**trainer).values():
        for trial in found:
            seconds = try_out(trial)[:2]
            assert all(0 <= each < 60 for each in seconds)
            assert sum(seconds) > 0


@pytest.mark.parametrize("precision", [None, "float64"])
def test_a_network_that_is_given_labels_is_tried_with_them_in_the_precision_of_the_run(trials, monkeypatch, precision):
    seen, forward = [], NoisyUnet.forward

    def watched(module, x, noise, *labels):
        seen.append((x.dtype, len(labels)))
        return forward(module, x, noise, *labels)

    monkeypatch.setattr(NoisyUnet, "forward", watched)
    unet = "unet:channels=4,levels=1,heads=0,labels=true"
    found = trials(precision, targets=["digits"], networks=[unet], metrics=["sliced-wasserstein"], training=SHORT)
    for kind in (TrainingTrial, ScoreErrorTrial, EvaluationTrial):
        (trial,) = found[kind]
        seen.clear()
        assert sum(try_out(trial)) > 0
        assert set(seen) == {(torch.float64 if precision else torch.float32, 1)}


def test_what_is_evaluated_elsewhere_is_tried_again(registry, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))

    def keys(precision):
        training = {"method": "gradient-descent", "steps": [9], "points": 8}
        suite = Suite.from_mapping(SUITE | {"training": training}, "tried.toml").on("cpu", precision)
        trials = Plan(suite, registry, expand(suite, registry), tmp_path).trials()
        return {(type(trial), getattr(trial, "training", True) is not None): key for key, trial in trials.items()}

    before, after = keys(None), keys("float64")
    assert {kind for kind in before if before[kind] != after[kind]} == {
        (ScoreErrorTrial, True),
        (EvaluationTrial, True),
    }


def test_a_wide_network_takes_longer_at_each_step(trials):
    def pace(width):
        (trial,) = trials(networks=[f"mlp:width={width},depth=2"])[TrainingTrial]
        return try_out(trial)[1]

    assert pace(1024) > 5 * pace(16)


def test_a_value_that_is_no_trial_is_a_mistake():
    with pytest.raises(TypeError, match="str is no trial"):
        try_out("trial")
