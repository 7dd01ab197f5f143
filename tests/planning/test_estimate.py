"""The estimate: what a suite takes from nothing, counted from its plan."""

import pytest
from harness_karras.networks import Mlp

from harness.errors import ContractError, NotApplicable
from harness.networks import TrainableNetwork
from harness.planning.estimate import estimate

DESCENT = {"method": "gradient-descent", "steps": [9], "points": 100, "levels": 10}


def test_it_counts_each_network_once_and_each_use_of_it(planned):
    found = estimate(planned(), 2)
    # Two weightings at two lengths, and the oracle; two grids; two seeds.
    assert (found.combinations, found.networks, found.stacks) == (2 * (2 * 2 + 1), 2 * 2 * 2, 2)
    assert (found.uses, found.samplings) == (2 * 2 * 2 * 2, 2 * found.combinations)


def test_more_workers_take_less_time_until_one_stack_decides_and_more_memory(planned):
    # The stacks of 8 networks of 10⁵ steps are the longest.
    one, two, many = (estimate(planned(training={"steps": [10**5]}), workers) for workers in (1, 2, 1000))
    assert one.seconds > two.seconds >= many.seconds
    stack = max(unit.cost for unit in planned(training={"steps": [10**5]}).fixed_work(lambda key: True))
    assert stack < many.seconds < 1.1 * stack
    assert one.memory < two.memory < many.memory


class Wide(TrainableNetwork):
    name = "test-wide"

    def module(self, data):
        raise NotImplementedError


def test_a_fixed_objective_takes_memory_by_what_the_network_says(planned):
    assert Wide().layer_outputs() == 128

    def memory(width):
        plan = planned(training=DESCENT, weightings=["edm"], networks=[f"mlp:width={width},depth=1", "exact"])
        return estimate(plan, 1).memory

    # 8 layers' outputs of 8 bytes, for 100 points at 10 levels.
    assert memory(300) - memory(200) == pytest.approx(100 * 8 * 8 * 100 * 10 / 2**30)


def test_a_network_that_does_not_apply_takes_no_memory_and_one_that_raises_is_named(planned, monkeypatch):
    def memory(answer):
        plan = planned(training=DESCENT, weightings=["edm"], networks=["mlp:width=300,depth=1", "exact"])

        def layer_outputs(self):
            if isinstance(answer, Exception):
                raise answer
            return answer

        with monkeypatch.context() as patch:
            patch.setattr(Mlp, "layer_outputs", layer_outputs)
            return estimate(plan, 1).memory

    assert memory(NotApplicable("it is for images")) < memory(1)
    with pytest.raises(ContractError, match=r"network .*mlp.*: layer_outputs.* no such layer"):
        memory(ValueError("no such layer"))
    with pytest.raises(ContractError, match=r"layer_outputs: 0\.5; it must be a whole number above 0"):
        memory(0.5)
