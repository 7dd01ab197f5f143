"""Trainers: whichever it is, each network comes at each length."""

import pytest
import torch
from made_trainings import RELU, TARGET, adam, descent, learner

from harness.engine.courses import Course
from harness.engine.trainers import train_by
from harness.trainers import Recording, Trainer

COURSE = Course(TARGET, RELU, (2, 4), Recording(every=2))


@pytest.mark.parametrize("trainer", [adam(batch_size=8), descent()])
def test_each_network_comes_at_each_length_as_if_alone(trainer):
    learners = [learner(seed=0), learner(seed=1)]
    found = {(each.learner, each.length): each for each in train_by(trainer, learners, COURSE)}
    assert set(found) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    (_, alone) = train_by(trainer, learners[1:], COURSE)
    together = found[1, 1].snapshot
    assert all(torch.equal(value, together.state[name]) for name, value in alone.snapshot.state.items())
    assert together.trajectory.seed == 1
    assert (together.trajectory.target, together.trajectory.network) == (TARGET.label(), RELU.label())
    assert together.trajectory.objective == trainer.objective
    assert (together.objective is not None) == (trainer.objective == "fixed")
    assert 0 < found[0, 0].seconds <= found[0, 1].seconds


def test_a_trainer_that_the_engine_does_not_know_is_named():
    class Other(Trainer):
        step_points = 1

        def seconds(self, steps, networks):
            return 0.0

        def recorded(self, recording, length):
            return {}

    with pytest.raises(TypeError, match="Other is no trainer"):
        train_by(Other(), [learner()], COURSE)
