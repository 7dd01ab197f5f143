"""The remaining time: planned costs, corrected by what was measured."""

import pytest

from harness.running.progress import Progress
from harness.running.tasks import Ended, Task

TASKS = [Task(f"{stage} {i}", stage, lambda: None, cost, 60.0) for stage, cost in ((0, 1.0), (1, 10.0)) for i in (0, 1)]


@pytest.fixture
def progress():
    with Progress(TASKS, workers=2, shown=False) as bar:
        yield bar


def test_before_anything_is_measured_it_is_what_was_planned(progress):
    assert progress.remaining() == (2 * 1.0 + 2 * 10.0) / 2


def test_what_took_twice_as_long_makes_the_rest_take_twice_as_long(progress):
    progress.advance(Ended(TASKS[0], None, None, 2.0), "groundwork")
    # The stage that is not measured yet is as wrong as the one that is.
    assert progress.remaining() == pytest.approx((1.0 + 20.0) * 2 / 2)
    progress.advance(Ended(TASKS[2], None, None, 5.0), "training")
    assert progress.remaining() == pytest.approx((1.0 * 2 + 10.0 * 0.5) / 2)


def test_what_failed_is_done_and_tells_no_time(progress):
    progress.advance(Ended(TASKS[0], None, "took longer than 60 s", 60.0), "groundwork")
    assert progress.remaining() == (1.0 + 20.0) / 2


def test_nothing_is_shown_where_it_is_not_wanted(progress, capsys):
    progress.advance(Ended(TASKS[0], None, None, 2.0), "groundwork")
    assert capsys.readouterr() == ("", "")
