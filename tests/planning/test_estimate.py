"""The estimate: what a suite takes from nothing, counted from its plan."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from harness_karras.networks import Mlp
from processes import memory_of
from suite_files import write_suite

from harness.engine.trials import TargetTrial, TrainingTrial
from harness.engine.try_out import try_out
from harness.errors import ContractError, NotApplicable
from harness.networks import TrainableNetwork
from harness.planning.estimate import ALONE, COPIES, STACKED, estimate
from harness.trainers import STACK_BYTES

DESCENT = {"method": "gradient-descent", "steps": [9], "points": 100, "levels": 10}


def test_it_counts_each_network_once_and_each_use_of_it(planned):
    found = estimate(planned(), 2)
    # Two weightings at two lengths, and the oracle; two grids; two seeds.
    assert (found.combinations, found.networks, found.stacks) == (2 * (2 * 2 + 1), 2 * 2 * 2, 2)
    assert (found.uses, found.samplings) == (2 * 2 * 2 * 2, 2 * found.combinations)


def test_more_workers_take_less_time_until_one_stack_decides_and_more_memory(planned):
    # The stacks of 8 networks of 10⁵ steps are the longest.
    one, two, many = (estimate(planned(training={"steps": [10**5]}), workers) for workers in (1, 2, 1000))
    assert one.seconds > two.seconds >= many.seconds
    stack = max(unit.cost for unit in planned(training={"steps": [10**5]}).fixed_work(lambda key: True))
    assert stack < many.seconds < 1.1 * stack
    assert one.memory < two.memory < many.memory


class Wide(TrainableNetwork):
    name = "test-wide"

    def module(self, data):
        raise NotImplementedError


def test_a_fixed_objective_takes_memory_by_what_the_network_says(planned):
    assert Wide().layer_outputs() == 1024

    def memory(width):
        plan = planned(training=DESCENT, weightings=["edm"], networks=[f"mlp:width={width},depth=1", "exact"])
        return estimate(plan, 1).memory

    # 5 times what a hidden layer puts out before and after its activation, in 8 bytes, for 100 points at 10 levels.
    assert memory(300) - memory(200) == pytest.approx(5 * 2 * 100 * 8 * 100 * 10 / 2**30)


def test_a_stack_takes_that_of_each_network_in_it_up_to_a_bound(planned):
    def memory(seeds, batch_size, width):
        networks, training = [f"mlp:width={width},depth=1,features=1"], {"steps": [9], "batch_size": batch_size}
        return estimate(planned(training=training, weightings=["edm"], networks=networks, seeds=seeds), 1).memory

    # Twice two numbers of 4 bytes a unit; what two networks take more than one is one more.
    assert memory(1, 1000, 300) - memory(1, 1000, 200) == pytest.approx(2 * 2 * 100 * 4 * 1000 / 2**30)
    assert memory(2, 1000, 300) - memory(1, 1000, 300) == pytest.approx(2 * (2 * 300 + 2) * 4 * 1000 / 2**30)
    # Stacks are bounded, one network is not.
    small = memory(1, 1, 1)
    assert memory(16, 50_000, 1000) - small < STACK_BYTES / 2**30 < memory(1, 200_000, 1000) - small


def test_each_worker_takes_that_of_the_data(planned, tmp_path):
    """By the trial of the target, of two files the larger one."""
    paths = [tmp_path / f"{rows}.npy" for rows in (3000, 6000)]
    for path, rows in zip(paths, (3000, 6000), strict=True):
        np.save(path, np.random.default_rng(0).normal(size=(rows, 5)))
    plan = planned(targets=[f"file:path={path}" for path in paths])
    unknown = {workers: estimate(plan, workers).memory for workers in (1, 3)}
    trials = {key: trial for key, trial in plan.trials().items() if isinstance(trial, TargetTrial)}
    plan.costs.known = {**plan.costs.known, **{key: try_out(trial) for key, trial in trials.items()}}
    size = 8 * 6000 * 0.6 * 5 / 2**30
    for workers, before in unknown.items():
        assert estimate(plan, workers).memory - before == pytest.approx(workers * COPIES * size)


def test_a_stack_takes_that_of_its_parameters_where_a_trial_told_them(planned):
    """What a network holds is more in a stack, and is taken as often as there are stacks."""
    width = 70

    def plan_of(seeds):
        changes = {"weightings": ["edm"], "networks": [f"mlp:width={width},depth=1,features=1"], "seeds": seeds}
        return planned(**changes, training={"steps": [1], "batch_size": 16})

    def more(plan, size, workers):
        before = estimate(plan, workers).memory
        (key,) = (key for key, trial in plan.trials().items() if isinstance(trial, TrainingTrial))
        plan.costs.known = {**plan.costs.known, key: (0.0, 0.0, size)}
        return (estimate(plan, workers).memory - before) * 2**30

    (trial,) = (trial for trial in plan_of(1).trials().values() if isinstance(trial, TrainingTrial))
    size = try_out(trial)[2]
    # Two coordinates, cosine and sine of a frequency with its phase; two coordinates out; 4 bytes each.
    assert size == 4 * ((4 + 1) * width + (width + 1) * 2 + 2)
    assert more(plan_of(1), size, 1) == pytest.approx(ALONE * size)
    assert more(plan_of(2), size, 1) == pytest.approx(2 * STACKED * size)
    assert more(plan_of(2), size, 3) == pytest.approx(2 * STACKED * size)


def test_images_are_no_small_points(planned):
    """The default U-Net keeps 5.6 MB for a point of 3×32×32."""
    plan = planned(
        targets=["digits"], networks=["unet"], weightings=["edm"], training={"steps": [9], "batch_size": 256}
    )
    small = planned(networks=["mlp"], weightings=["edm"], training={"steps": [9], "batch_size": 256})
    assert estimate(plan, 1).memory - estimate(small, 1).memory > 1.3


def test_a_network_that_does_not_apply_takes_no_memory_and_one_that_raises_is_named(planned, monkeypatch):
    def memory(answer):
        plan = planned(training=DESCENT, weightings=["edm"], networks=["mlp:width=300,depth=1", "exact"])

        def layer_outputs(self, data=None):
            if isinstance(answer, Exception):
                raise answer
            return answer

        with monkeypatch.context() as patch:
            patch.setattr(Mlp, "layer_outputs", layer_outputs)
            return estimate(plan, 1).memory

    assert memory(NotApplicable("it is for images")) < memory(1)
    with pytest.raises(ContractError, match=r"network .*mlp.*: layer_outputs.* no such layer"):
        memory(ValueError("no such layer"))
    with pytest.raises(ContractError, match=r"layer_outputs: 0\.5; it must be a whole number above 0"):
        memory(0.5)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="no system that tells what processes share")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_small_run_takes_what_was_planned(planned, small_suite, tmp_path, workers):
    """Of all its processes, shared pages once, within a factor 1.5."""
    np.save(tmp_path / "points.npy", np.random.default_rng(0).normal(size=(200, 4)))
    changes = {"targets": [f"file:path={tmp_path / 'points.npy'},folds=1"], "sampling": {"samples": 4000}}
    changes |= {"metrics": ["sliced-wasserstein"], "bounds": [], "rank_by": "sliced-wasserstein"}
    file = write_suite(tmp_path / "small.toml", small_suite | changes)
    command = [sys.executable, "-m", "harness", "run", str(file), "--out", str(tmp_path / "out")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([*command, "--workers", str(workers)], start_new_session=True, **quiet)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, memory_of(process.pid))
        time.sleep(0.05)
    assert process.returncode == 0
    assert 1 / 1.5 < peak / estimate(planned(**changes), workers).memory < 1.5
