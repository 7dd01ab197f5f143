"""How much of an estimated time rests on trials."""

import pytest

from harness.planning.estimate import estimate
from harness.planning.tried import tried_work


def grids(plan):
    units = [*plan.groundwork(lambda key: True), *plan.fixed_work(lambda key: True)]
    return sum(unit.cost == 0.1 for unit in units)


def tried(plan):
    return tried_work(plan, 1, estimate(plan, 1).seconds)


def test_a_time_is_known_where_most_kinds_and_most_of_it_were_tried(planned):
    plan = planned(training={"steps": [10**5]})
    plan.costs.known = {}
    kinds = list(plan.trials())
    nothing = tried(plan)
    assert (nothing.kinds, nothing.guessed, nothing.known) == (len(kinds), len(kinds), False)
    # What is left is the start, and what has no trial: the grids.
    assert nothing.seconds == pytest.approx(plan.costs.start() + 0.1 * grids(plan))
    plan.costs.known = dict.fromkeys(kinds, (3.0, 0.5, 0.0))
    every = tried(plan)
    assert (every.guessed, every.known, every.seconds) == (0, True, estimate(plan, 1).seconds)
    plan.costs.known = dict.fromkeys(kinds[: len(kinds) // 3], (1e6, 1e3, 0.0))
    few = tried(plan)
    assert not few.known
    assert few.seconds == pytest.approx(estimate(plan, 1).seconds, rel=0.1)
    # Nearly all kinds, which take nearly nothing beside the one that is guessed.
    plan.costs.known = dict.fromkeys(kinds[1:], (1e-6, 1e-9, 0.0))
    assert not tried(plan).known
    assert list(plan.trials()) == kinds[:1]
