import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from processes import members, wait_until

from harness.running import workers as workers_module
from harness.running.tasks import KILLED, Parcel, Task
from harness.running.workers import WorkersLost, available_cores, workers


def task(name, argument, *after, stage=0, cost=1.0, limit=60.0):
    make = argument if callable(argument) else lambda: argument
    return Task(name, stage, make, cost, limit, frozenset(after))


def test_a_worker_that_dies_takes_only_its_task():
    with workers(1, "os:_exit") as pool:
        ended = list(pool.run([task("a", 3), task("b", 4)]))
    assert [e.reason for e in ended] == ["its process ended (exit status 3)", "its process ended (exit status 4)"]


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


def test_of_many_sets_of_strangers_only_the_last_few_keep_processes(monkeypatch):
    monkeypatch.setattr(workers_module, "packed", lambda n: Parcel(pickle.dumps(n), frozenset([f"stranger {n % 7}"])))
    before, most = set(multiprocessing.active_children()), 0
    with workers(1, "math:sqrt") as pool:
        for ended in pool.run([task(str(n), float(n)) for n in range(14)]):
            assert ended.value == float(ended.task.name) ** 0.5
            most = max(most, len(set(multiprocessing.active_children()) - before))
    # One that is busy, and those that are kept. Our own has had no task, and no process.
    assert 1 < most <= 1 + workers_module.KEPT
    assert not set(multiprocessing.active_children()) - before


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


def test_workers_have_what_they_share_before_their_first_task():
    """A server tells of no module that it cannot import."""
    with workers(1, "sys:modules.__contains__") as pool:
        ended = list(pool.run([task(name, name) for name in (*workers_module._SHARED, "harness.registry.discovery")]))
    assert {each.task.name: each.value for each in ended} == {
        **dict.fromkeys(workers_module._SHARED, True),
        "harness.registry.discovery": False,
    }


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
