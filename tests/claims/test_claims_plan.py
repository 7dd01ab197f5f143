"""Trainings that claims ask for: their keys, and what cannot be asked for."""

import pytest
from harness_claims.plan import descents
from made_trainings import descent

from harness.errors import HarnessError
from harness.trainers import Recording, TrajectoryRequest


class TestRequests:
    def request(self, **changes):
        given = {"target": "gaussian", "network": "relu:width=8", "weighting": "edm", "seeds": (0, 3), "steps": 5}
        given |= {"trainer": descent(), "recording": Recording(every=1)}
        return TrajectoryRequest(**(given | changes))

    def test_keys_follow_what_is_asked(self, registry):
        def wanted(**changes):
            return descents(self.request(**changes), registry).learners[0]

        others = [{"network": "relu:width=9"}, {"steps": 6}, {"seeds": (1,)}, {"trainer": descent(points=5)}]
        assert len({wanted(**changes).keys for changes in ({}, *others)}) == 5
        assert wanted() == wanted()

    def test_a_network_is_the_same_however_it_is_watched(self, registry):
        def wanted(recording, steps=5):
            return descents(self.request(recording=recording, steps=steps), registry).learners[0]

        plain, probed = wanted(Recording(every=1)), wanted(Recording(every=1, probes=2))
        assert plain.keys == probed.keys
        assert plain.trajectories != probed.trajectories
        # What records the same steps is the same recording, however it is said.
        assert wanted(Recording(), 100) == wanted(Recording(every=2, cells=9, radii=(0.5,)), 100)

    @pytest.mark.parametrize(
        ("changes", "rule"),
        [
            ({"network": "exact"}, "not one that is trained"),
            ({"network": "relu:width=8,16"}, "stands for 2"),
            ({"weighting": "nosuch"}, "nosuch"),
            ({"weighting": "grid-matched"}, "made for a grid"),
        ],
    )
    def test_what_cannot_be_is_told(self, registry, changes, rule):
        with pytest.raises(HarnessError, match=rule):
            descents(self.request(**changes), registry)
