import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.planning.units import NotPossible
from harness.running import workers as workers_module
from harness.running.tasks import KILLED, Task
from harness.running.workers import WorkersLost, available_cores, workers


def task(name, argument, *after, stage=0, cost=1.0, limit=60.0):
    make = argument if callable(argument) else lambda: argument
    return Task(name, stage, make, cost, limit, frozenset(after))


@pytest.fixture(scope="module")
def roots():
    with workers(1, "math:sqrt") as pool:
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


def test_a_hanging_task_is_given_up_and_the_others_go_on():
    with workers(1, "time:sleep") as pool:
        start = time.monotonic()
        ended = {e.task.name: e for e in pool.run([task("hangs", 600, limit=1.0, cost=9), task("short", 0.01)])}
        assert time.monotonic() - start < 60
    assert ended["hangs"].reason == "ran out of its time limit of 1 s"
    assert ended["short"].reason is None


def test_a_worker_that_dies_takes_only_its_task():
    with workers(1, "os:_exit") as pool:
        ended = list(pool.run([task("a", 3), task("b", 4)]))
    assert [e.reason for e in ended] == ["its process ended (exit status 3)", "its process ended (exit status 4)"]


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
def test_foreign_components_share_no_process_and_no_more_are_busy(strangers, count):
    one, two = strangers.values()
    arguments = [make for part in range(5) for make in (1.0, one(part=part), two(part=part), (one(), two()), 2.0)]
    tasks = [task(str(n), argument, cost=100 - n) for n, argument in enumerate(arguments)]
    with workers(count, "acme_one:report") as pool:
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


def test_a_task_that_raises_names_file_and_line_and_keeps_its_traceback(strangers):
    with workers(1, "acme_one:fail") as pool:
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
    assert "test_workers.py, line " in ended["no"].reason
    assert ended["no"].traceback.endswith(f"{type(error).__name__}: no luck\n")
    assert ended["yes"].value == 2.0


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_others_kill_is_told_from_one_that_dies(signal_number):
    with workers(1, "signal:raise_signal") as pool:
        (ended,) = pool.run([task("a", int(signal_number))])
    assert ended.reason == KILLED
    with workers(1, "signal:raise_signal") as pool:
        (ended,) = pool.run([task("a", int(signal.SIGABRT))])
    assert ended.reason == "its process ended (exit status -6)"


def test_a_worker_that_is_killed_while_it_waits_fails_no_task():
    start = time.monotonic()
    # Not one task may be said to have failed: a failure is kept.
    with pytest.raises(WorkersLost, match="run the same command again"), workers(1, "math:sqrt") as pool:  # noqa: PT012
        list(pool.run([task("first", 4.0)]))
        kill_the_worker()
        for e in pool.run([task(str(n), 4.0) for n in range(6)]):
            assert e.reason is None
    assert time.monotonic() - start < 60


def kill_the_worker():
    for child in multiprocessing.active_children():
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)


def interrupted():
    with workers(1, "time:sleep") as pool:
        for _ in pool.run([task("short", 0.01), task("long", 600)]):
            raise RuntimeError("stop")


def test_an_error_in_the_caller_ends_the_workers():
    start = time.monotonic()
    with pytest.raises(RuntimeError, match="stop"):
        interrupted()
    assert time.monotonic() - start < 60


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="counts processes through /proc")
def test_workers_end_with_a_killed_parent():
    script = (
        "from harness.running.tasks import Task\n"
        "from harness.running.workers import workers\n"
        "with workers(2, 'time:sleep') as pool:\n"
        "    print('up', flush=True)\n"
        "    list(pool.run([Task(str(i), 0, lambda: 600, 1.0, 900.0) for i in range(4)]))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    assert parent.stdout is not None
    parent.stdout.readline()
    wait_until(lambda: len(members(parent.pid)) >= 4)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not members(parent.pid))


def members(session):
    """Processes of a session that are alive."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(stat.parent.name)
    return found


def wait_until(condition, seconds=90.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_there_is_a_core():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize("others", [0, 3])
def test_an_interrupt_while_workers_start_is_answered_afterwards(monkeypatch, others):
    # Ignored meanwhile it would be lost, and the run would go on. Another thread, without the mask, may be handed it.
    came = []
    done = threading.Event()
    threads = [threading.Thread(target=done.wait, daemon=True) for _ in range(others)]
    for thread in threads:
        thread.start()

    def interrupted():
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        came.append("and was held back")

    monkeypatch.setattr("multiprocessing.forkserver.ensure_running", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            workers_module._context()
    finally:
        done.set()
    assert came == ["and was held back"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_workers_import_nothing_from_the_directory_that_a_run_is_started_in(tmp_path):
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "__init__.py").write_text("raise SystemExit('a shadow')")
    (tmp_path / "torch.py").write_text("raise SystemExit('a shadow')")
    script = (
        "import sys; sys.path = [p for p in sys.path if p]\n"
        "from harness.running.tasks import Task\n"
        "from harness.running.workers import workers\n"
        "if __name__ == '__main__':\n"
        "    with workers(1, 'math:sqrt') as pool:\n"
        "        print([ended.value for ended in pool.run([Task('a', 0, lambda: 4.0, 1.0, 60.0)])])\n"
    )
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "[2.0]\n"), done.stderr
