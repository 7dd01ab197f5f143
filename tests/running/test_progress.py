"""The remaining time: planned costs, corrected by what was measured."""

import itertools
import threading

import pytest

from harness.running import progress as progress_module
from harness.running.progress import Progress
from harness.running.tasks import Ended, Task

TASKS = [Task(f"{stage} {i}", stage, lambda: None, cost, 60.0) for stage, cost in ((0, 1.0), (1, 10.0)) for i in (0, 1)]


@pytest.fixture
def progress():
    with Progress(TASKS, workers=2, shown=False) as bar:
        yield bar


def test_before_anything_is_measured_it_is_what_was_planned(progress):
    assert progress.remaining() == (2 * 1.0 + 2 * 10.0) / 2


def test_what_was_measured_corrects_the_rest_by_how_much_of_it_that_was(progress):
    progress.advance(Ended(TASKS[0], None, None, 2.0), "groundwork")
    # Of 22 planned seconds one was measured, which took two: (2 + 2.2)/(1 + 2.2). Of its own stage half: (2 + 0.2 of
    # that)/(1 + 0.2).
    whole = (2 + 2.2) / (1 + 2.2)
    assert progress.remaining() == pytest.approx((1.0 * (2 + 0.2 * whole) / 1.2 + 20.0 * whole) / 2)
    progress.advance(Ended(TASKS[2], None, None, 5.0), "training")
    whole = (7 + 2.2) / (11 + 2.2)
    assert progress.remaining() == pytest.approx(
        (1.0 * (2 + 0.2 * whole) / 1.2 + 10.0 * (5 + 2 * whole) / (10 + 2)) / 2
    )


def test_a_few_small_units_do_not_tell_how_long_the_large_ones_take():
    """Groundwork that takes a tenth of its plan, then training that takes what was planned: the time left falls."""
    small = [Task(f"small {i}", 0, lambda: None, 0.1, 60.0) for i in range(20)]
    large = [Task(f"large {i}", 1, lambda: None, 25.0, 60.0) for i in range(20)]
    shown = []
    with Progress([*small, *large], workers=1, shown=False) as bar:
        for task, share in [*((each, 0.1) for each in small), *((each, 1.0) for each in large)]:
            bar.advance(Ended(task, None, None, share * task.cost), "x")
            shown.append(bar.remaining())
    true = [sum(25.0 for _ in large[max(0, i - 19) :]) for i in range(40)]
    assert all(abs(told - left) <= 0.1 * left + 1 for told, left in zip(shown, true, strict=True))
    assert all(later <= earlier + 1e-9 for earlier, later in itertools.pairwise(shown[20:]))


def test_what_failed_is_done_and_tells_no_time(progress):
    progress.advance(Ended(TASKS[0], None, "took longer than 60 s", 60.0), "groundwork")
    assert progress.remaining() == (1.0 + 20.0) / 2


def test_nothing_is_shown_where_it_is_not_wanted(progress, capsys):
    progress.advance(Ended(TASKS[0], None, None, 2.0), "groundwork")
    assert capsys.readouterr() == ("", "")


def test_where_there_is_no_terminal_a_line_a_minute(monkeypatch, capsys):
    clock = itertools.count(0.0, 25.0)
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: next(clock))
    with Progress(TASKS, workers=1) as bar:
        for task in TASKS:
            bar.advance(Ended(task, None, None, task.cost), "training")
    # The clock is read at the start, at each unit, and where a line is told.
    assert capsys.readouterr().err == "harness: 3 of 4 units done (training), about 0:10 left\n"
    with Progress(TASKS, workers=1, last=False) as bar:
        for task in TASKS:
            bar.advance(Ended(task, None, None, task.cost), "groundwork")
    assert capsys.readouterr().err == "harness: 3 of 4 units done (groundwork)\n"


def test_a_line_comes_though_no_unit_has_ended(monkeypatch, capsys):
    monkeypatch.setattr(progress_module, "EVERY", 0.01)
    told, given = threading.Event(), []
    monkeypatch.setattr(progress_module, "tell", lambda line, shown: (given.append(line), told.set()))
    with Progress(TASKS, workers=1):
        assert told.wait(30)
    assert given[0] == "0 of 4 units done"
