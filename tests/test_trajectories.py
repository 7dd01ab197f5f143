"""Trajectories: the slowest level, thinning, JSON that gives them back bit for bit."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made_trainings import RELU, adam, descended, watched

from harness import trajectories
from harness.trainers import Recording
from harness.trajectories import TIE, slowest_level


class TestSlowest:
    def test_it_is_the_largest_rate_among_the_largest_losses(self):
        rates = np.array([1.0, 5.0, 2.0, 9.0])
        assert slowest_level(np.array([3.0, 3.0, 3.0, 1.0]), rates) == 1
        assert slowest_level(np.array([4.0, 3.0, 3.0, 1.0]), rates) == 0
        assert slowest_level(np.array([3.0, 1.0, 3.0 * (1 - TIE / 2), 1.0]), rates) == 2
        assert slowest_level(np.array([3.0, 1.0, 3.0 * (1 - 2 * TIE), 1.0]), rates) == 0
        assert slowest_level(np.array([np.nan, 1.0, 2.0, np.nan]), rates) == 2
        assert slowest_level(np.array([1.0, 1.0]), np.array([2.0, 2.0])) == 0


class TestTrajectory:
    def test_json_gives_it_back_bit_for_bit(self):
        (snapshot,) = descended(recording=Recording(every=1, probes=2))
        told = json.loads(json.dumps(trajectories.to_json(snapshot.trajectory), allow_nan=False))
        back = trajectories.from_json(told)
        for name, value in vars(snapshot.trajectory).items():
            if isinstance(value, np.ndarray):
                assert np.array_equal(value, getattr(back, name)), name
                assert value.dtype == getattr(back, name).dtype, name
            elif name != "probes":
                assert value == getattr(back, name), name
        for name, value in vars(snapshot.trajectory.probes).items():
            assert np.array_equal(value, getattr(back.probes, name)), name

    def test_thinning_keeps_both_ends(self):
        (snapshot,) = descended()
        thin = snapshot.trajectory.thinned(5)
        assert thin.step.tolist() == [0, 5, 10, 15, 20]
        assert thin.loss.tolist() == snapshot.trajectory.loss[[0, 5, 10, 15, 20]].tolist()
        assert Recording().steps(1000) == list(range(0, 1001, 20))

    def test_one_of_an_earlier_version_says_by_its_method_what_was_minimised(self):
        kept = trajectories.to_json(descended()[0].trajectory)
        del kept["objective"]
        assert trajectories.from_json(kept).objective == "fixed"
        assert trajectories.from_json(kept | {"method": "adam"}).objective == "fresh"
        with pytest.raises(KeyError):
            trajectories.from_json(kept | {"method": "nosuch"})

    def test_an_objective_is_fixed_whatever_the_method_is_called(self):
        trajectory = descended()[0].trajectory
        assert trajectory.fixed
        assert replace(trajectory, method="newton").fixed
        assert not replace(trajectory, renewed=(5,)).fixed
        assert not watched(RELU, adam(batch_size=4), 2).trajectory.fixed
        assert not replace(trajectory, objective="fresh").fixed
