"""The trajectory of practical training: in the units of the objective, and no bit of the network is other."""

import json

import numpy as np
import pytest
import torch
from harness_karras.networks import Mlp
from made_trainings import (
    HIGH,
    LOW,
    RELU,
    TARGET,
    adam,
    descended,
    learner,
    watched,
)

from harness import trajectories
from harness.engine.adam import train
from harness.engine.adam_recording import train_recorded
from harness.engine.courses import Course
from harness.engine.levels import table_levels
from harness.trainers import Recording


@pytest.fixture(scope="module")
def law():
    return TARGET.distribution()


@pytest.mark.parametrize("together", [True, False])
def test_networks_recorded_in_one_unit_have_the_trajectories_that_they_have_alone(monkeypatch, together):
    # Also where a stack would change them, so that each trains, and is recorded, by itself.
    trainer, learners = adam(batch_size=33), [learner(seed=0), learner(seed=1), learner(seed=2)]
    course = Course(TARGET, RELU, (10, 20), Recording(every=5))
    alone = [list(train_recorded([each], trainer, course)) for each in learners]
    monkeypatch.setattr("harness.engine.adam.separable", lambda *given: together)
    for length, snapshots in enumerate(train_recorded(learners, trainer, course)):
        for place, snapshot in enumerate(snapshots):
            expected = trajectories.to_json(alone[place][length][0].trajectory)
            assert trajectories.to_json(snapshot.trajectory) == expected, (length, place)


class TestPractical:
    def test_recording_changes_no_bit(self, law):
        how, network = adam(batch_size=64, learning_rate=2e-3), Mlp(width=16, depth=2)
        recorded = watched(network, how, 30, every=4, cells=3)
        ((other,),) = train(network, law, [learner()], how, (30,))
        assert recorded.loss == other.loss
        assert all(torch.equal(v, other.state[k]) for k, v in recorded.state.items())
        t = recorded.trajectory
        assert t.step.tolist() == [0, 4, 8, 12, 16, 20, 24, 28, 29]
        assert t.distance[0] == 0
        assert (np.diff(t.distance) > 0).all()

    def test_it_is_in_the_units_of_the_objective(self):
        """At the start both see the same network: ½∫β̂E‖σS + ξ‖², its levels and its gradient."""
        practical = watched(RELU, adam(batch_size=20_000, learning_rate=1e-9), 1, cells=3).trajectory
        (paper,) = descended(lengths=(1,), points=400, levels=65, learning_rate=1e-12)
        assert practical.loss[0] == pytest.approx(paper.trajectory.loss[0], rel=0.1)
        assert practical.gradient[0] == pytest.approx(paper.trajectory.gradient[0], rel=0.2)
        edges = table_levels(LOW, HIGH, 4).numpy()
        cell = np.clip(np.searchsorted(edges, paper.trajectory.sigma) - 1, 0, 2)
        mass = np.bincount(cell, paper.trajectory.beta)
        assert practical.beta == pytest.approx(mass, abs=0.03)
        assert practical.level_loss[0] == pytest.approx(np.bincount(cell, paper.trajectory.level_loss[0]), rel=0.2)

    def test_a_cell_without_a_point_is_unknown(self):
        t = watched(RELU, adam(batch_size=1), 2, every=1, cells=8).trajectory
        assert np.isnan(t.residual).sum() == 2 * 7
        told = json.loads(json.dumps(trajectories.to_json(t), allow_nan=False))
        assert np.isnan(trajectories.from_json(told).residual).sum() == 2 * 7
