"""Executors: what holds of each, wherever tasks are carried out."""

import importlib
import sys
import threading
import time
from importlib import metadata
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from ray_clusters import on_one_node

from harness import DISTRIBUTION
from harness.arithmetic import in_force
from harness.errors import DiskError
from harness.planning.units import NotPossible
from harness.running.executor import ExecutorError, executor
from harness.running.tasks import Task


def task(name, argument, *after, stage=0, cost=1.0, limit=60.0):
    make = argument if callable(argument) else lambda: argument
    return Task(name, stage, make, cost, limit, frozenset(after))


@pytest.fixture(scope="module", params=["processes", "ray"])
def start(request):
    """Start an executor: its factory."""
    if request.param == "processes":
        yield executor("processes")
        return
    with on_one_node(cpus=3):
        yield executor("ray")


@pytest.fixture(scope="module")
def roots(start):
    with start(1, "math:sqrt") as pool:
        yield pool


def test_values_come_back_with_the_time_they_took(roots):
    ended = {e.task.name: e for e in roots.run([task(str(n), float(n)) for n in range(20)])}
    assert {name: e.value for name, e in ended.items()} == {str(n): n**0.5 for n in range(20)}
    assert all(0 <= e.seconds < 1 and e.reason is None for e in ended.values())


def test_early_stages_and_dear_tasks_go_first(roots):
    tasks = [
        task("late", 1.0, stage=1, cost=9),
        task("cheap", 1.0, cost=1),
        task("dear", 1.0, cost=5),
        task("after", 1.0, "late", cost=99),
    ]
    assert [e.task.name for e in roots.run(tasks)] == ["dear", "cheap", "late", "after"]


def test_what_a_task_builds_on_has_ended_when_its_argument_is_made(roots):
    seen = []

    def argument(name):
        return lambda: seen.append(name) or 4.0

    ended = []
    for e in roots.run(
        [task("b", argument("b"), "a", cost=9), task("a", argument("a")), task("c", argument("c"), "b")]
    ):
        ended.append(e.task.name)
        assert set(seen) - set(ended) <= {"a", "b", "c"}
    assert ended == seen == ["a", "b", "c"]


def test_a_raising_task_gives_its_reason_and_the_others_go_on(roots):
    ended = {e.task.name: e for e in roots.run([task("bad", -1.0), task("good", 4.0), task("next", 9.0, "bad")])}
    assert ended["bad"].reason.startswith("ValueError: ")
    assert ended["bad"].value is None
    assert (ended["good"].value, ended["next"].value) == (2.0, 3.0)


def test_a_task_whose_ground_failed_says_so_without_running(roots):
    def impossible():
        raise NotPossible("training: diverged")

    ended = {e.task.name: e for e in roots.run([task("no", impossible), task("then", 4.0, "no")])}
    assert ended["no"].reason == "training: diverged"
    assert ended["then"].value == 2.0


def test_a_hanging_task_is_given_up_and_the_others_go_on(start):
    with start(1, "time:sleep") as pool:
        before = time.monotonic()
        ended = {e.task.name: e for e in pool.run([task("hangs", 600, limit=1.0, cost=9), task("short", 0.01)])}
        assert time.monotonic() - before < 60
    assert ended["hangs"].reason == "ran out of its time limit of 1 s"
    assert ended["short"].reason is None


STRANGER = """
import os
import time
import torch
from harness.samplers import Sampler


class Foreign(Sampler):
    name = "foreign"
    part: int = 0

    def step(self, run, x):
        return x


def report(argument):
    start, before = time.monotonic(), (str(torch.get_default_dtype()), os.environ.get("FOREIGN"))
    if isinstance(argument, Foreign):
        torch.set_default_dtype(torch.float64)
        os.environ["FOREIGN"] = "here"
    time.sleep(0.05)
    return os.getpid(), start, time.monotonic(), before


def fail(argument):
    raise RuntimeError("no luck")


def die(file):
    with open(file, "a") as tries:
        tries.write("x")
    os._exit(3)


def meet_a_full_disk(argument):
    from harness.errors import DiskError

    raise DiskError("no room")
"""


@pytest.fixture
def strangers(tmp_path, monkeypatch):
    """Components of two packages of no distribution, by the name of the package; the first has functions to call."""
    made = {}
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("acme_one", "acme_two"):
        (tmp_path / f"{name}.py").write_text(STRANGER)
        made[name] = importlib.import_module(name).Foreign
    yield made
    for name in made:
        del sys.modules[name]


@pytest.mark.parametrize("count", [1, 2])
def test_foreign_components_share_no_process_and_no_more_are_busy(start, strangers, count):
    one, two = strangers.values()
    arguments = [make for part in range(5) for make in (1.0, one(part=part), two(part=part), (one(), two()), 2.0)]
    tasks = [task(str(n), argument, cost=100 - n) for n, argument in enumerate(arguments)]
    with start(count, "acme_one:report") as pool:
        ended = list(pool.run(tasks))
    assert [each.reason for each in ended] == [None] * len(tasks)
    served = {}
    for each in ended:
        served.setdefault(each.value[0], set()).add(each.strangers)
    assert all(len(kinds) == 1 for kinds in served.values())
    assert set.union(*served.values()) == {
        frozenset(),
        frozenset({"acme_one"}),
        frozenset({"acme_two"}),
        frozenset({"acme_one", "acme_two"}),
    }
    times = [each.value[1:3] for each in ended]
    assert max(sum(start <= moment < end for start, end in times) for moment, _ in times) <= count
    # What they change is put back before the next one.
    assert {each.value[3] for each in ended} == {("torch.float32", None)}
    changed = {each.strangers: each.changed for each in ended}
    assert changed[frozenset()] == ()
    assert changed[frozenset({"acme_one"})] == ("the environment", "torch's default dtype")


def test_a_task_that_raises_names_file_and_line_and_keeps_its_traceback(start, strangers):
    with start(1, "acme_one:fail") as pool:
        (ended,) = pool.run([task("bad", 1.0)])
    line = STRANGER.splitlines().index('    raise RuntimeError("no luck")') + 1
    assert ended.reason == f"RuntimeError: no luck (acme_one.py, line {line})"
    assert ended.traceback.startswith("Traceback (most recent call last):")
    assert ended.traceback.endswith("RuntimeError: no luck\n")


def test_what_cannot_be_sent_fails_alone(roots):
    ended = {e.task.name: e for e in roots.run([task("no", lambda: threading.Lock()), task("yes", 4.0)])}
    assert ended["no"].reason == "TypeError: cannot pickle '_thread.lock' object"
    assert ended["yes"].value == 2.0


class Unsendable:
    """Raises where it says how it is sent; a stranger's code may raise anything."""

    def __init__(self, error):
        self.error = error

    def __reduce__(self):
        raise self.error


@pytest.mark.parametrize("error", [RuntimeError("no luck"), SystemExit("no luck"), RecursionError("no luck")])
def test_whatever_it_raises_when_it_is_sent(roots, error):
    ended = {e.task.name: e for e in roots.run([task("no", Unsendable(error)), task("yes", 4.0)])}
    assert ended["no"].reason.startswith(f"{type(error).__name__}: no luck (")
    assert "test_executors.py, line " in ended["no"].reason
    assert ended["no"].traceback.endswith(f"{type(error).__name__}: no luck\n")
    assert ended["yes"].value == 2.0


def interrupted(start):
    with start(1, "time:sleep") as pool:
        for _ in pool.run([task("short", 0.01), task("long", 600)]):
            raise RuntimeError("stop")


def test_an_error_in_the_caller_ends_the_workers(start):
    before = time.monotonic()
    with pytest.raises(RuntimeError, match="stop"):
        interrupted(start)
    assert time.monotonic() - before < 60


def test_a_task_that_ends_its_process_takes_no_other_and_is_not_tried_for_ever(start, strangers, tmp_path):
    with start(1, "acme_one:die") as pool:
        ended = list(pool.run([task("a", str(tmp_path / "a")), task("b", str(tmp_path / "b"), "a")]))
        assert [(each.task.name, each.value) for each in ended] == [("a", None), ("b", None)]
        assert {each.reason.split(":")[0] for each in ended} <= {
            "its process ended (exit status 3)",
            "lost its worker 3 times",
        }
        assert [len((tmp_path / name).read_text()) for name in "ab"] in ([1, 1], [3, 3])


def test_a_disk_that_cannot_be_written_ends_the_run(start, strangers):
    with pytest.raises(DiskError, match=r"^no room$"), start(1, "acme_one:meet_a_full_disk") as pool:
        list(pool.run([task("a", 1.0), task("b", 1.0)]))


def test_each_end_says_with_which_arithmetic(roots):
    (ended,) = roots.run([task("root", 4.0)])
    assert ended.arithmetic == in_force()


def test_what_is_not_installed_is_told_with_what_is():
    with pytest.raises(ExecutorError, match="executor 'rai' is unknown; did you mean ray"):
        executor("rai")


class Entry(NamedTuple):
    """An entry point, as far as executors are found by it."""

    name: str
    owner: str
    content: object

    @property
    def dist(self):
        return SimpleNamespace(name=self.owner)

    def load(self):
        if isinstance(self.content, Exception):
            raise self.content
        return self.content


def test_a_package_may_bring_an_executor_and_takes_no_name_of_ours(monkeypatch):
    entries = [
        Entry("processes", "Acme_Grid", 1),
        Entry("processes", DISTRIBUTION, 2),
        Entry("grid", "Acme_Grid", 3),
        Entry("twice", "Acme_Grid", 4),
        Entry("twice", "other", 5),
        Entry("broken", "other", ImportError("no such library")),
    ]
    monkeypatch.setattr(metadata, "entry_points", lambda group: entries)
    names = ["processes", "acme-grid/processes", "grid", "acme-grid/twice", "other/twice"]
    assert [executor(name) for name in names] == [2, 1, 3, 4, 5]
    with pytest.raises(ExecutorError, match="executor 'twice' is unknown"):
        executor("twice")
    with pytest.raises(ExecutorError, match="executor broken cannot be loaded: ImportError: no such library"):
        executor("broken")
