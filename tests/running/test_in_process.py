"""The executor in the process that calls: how each task ends, and what it leaves of the process."""

import os

import pytest
import torch

from harness.errors import ContractError, DiskError, NotApplicable
from harness.planning.units import NotPossible
from harness.running.executor import executor
from harness.running.in_process import InProcess, in_process
from harness.running.tasks import Task


def task(name, argument, *after, stage=0, cost=1.0):
    make = argument if callable(argument) else lambda: argument
    return Task(name, stage, make, cost, 60.0, frozenset(after))


def raising(error):
    raise error


def test_it_is_an_executor_of_one_process_that_calls_what_strangers_have():
    with executor(in_process)(None, "math:sqrt") as pool:
        assert pool.count == 1
        assert [each.value for each in pool.run([task("a", 4.0)])] == [2.0]
    with executor(in_process)(8, "math:sqrt", "math:cbrt") as pool:
        assert [each.value for each in pool.run([task("a", 27.0)])] == [pytest.approx(3.0)]


def test_tasks_go_by_stage_and_cost_and_after_what_they_build_on():
    tasks = [task("late", 1, stage=1, cost=9), task("cheap", 1), task("dear", 1, cost=5), task("after", 1, "late")]
    assert [each.task.name for each in InProcess(float).run(tasks)] == ["dear", "cheap", "late", "after"]


@pytest.mark.parametrize(
    ("error", "reason", "applicable", "traced"),
    [
        (ContractError("broke a rule"), "broke a rule", True, True),
        (ZeroDivisionError("no"), "ZeroDivisionError: no", True, True),
        (SystemExit(3), "SystemExit: 3", True, True),
        (NotApplicable("for vectors"), "for vectors", False, False),
        (NotPossible("what it builds on", applicable=False), "what it builds on", False, False),
    ],
)
def test_what_is_raised_is_the_reason(error, reason, applicable, traced):
    failed, went_on = InProcess(lambda x: raising(error) if x else x).run([task("a", 1, cost=2), task("b", 0)])
    assert failed.value is None
    assert failed.reason.startswith(reason)
    assert failed.applicable == applicable
    assert ("raising" in failed.traceback) == traced
    assert (went_on.value, went_on.reason) == (0, None)


@pytest.mark.parametrize("error", [DiskError("full"), KeyboardInterrupt()])
def test_what_ends_a_run_ends_it(error):
    with pytest.raises(type(error)):
        list(InProcess(raising).run([task("a", error)]))


def test_what_a_task_changes_of_the_process_is_put_back_and_told():
    def hostile(seed):
        torch.manual_seed(seed)
        torch.set_default_dtype(torch.float64)
        os.environ["HARNESS_CHANGED"] = "yes"
        raise ValueError

    state = torch.get_rng_state()
    (ended,) = InProcess(hostile).run([task("a", 5)])
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_default_dtype() == torch.float32
    assert "HARNESS_CHANGED" not in os.environ
    assert {"torch's default dtype", "torch's random state", "the environment"} <= set(ended.changed)


def test_libraries_have_one_thread_until_it_is_left():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with in_process(None, "torch:set_num_threads"):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
