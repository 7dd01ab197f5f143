"""What a stranger's target and sampler say for samples and exports is checked, and named where it is wrong."""

import pytest
import torch
from harness_song.samplers import Euler
from harness_synthetic.targets import Ring

from harness.data_units import DataUnits
from harness.engine.drawing import plain_step_of, units_of
from harness.errors import ContractError


class Odd(Ring):
    name = "odd-ring"

    def data_units(self):
        return FOUND[0]()


FOUND = [lambda: None]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: None, "returned NoneType; it must return a harness.data_units.DataUnits"),
        (lambda: DataUnits((3,)), "data_units"),
        (lambda: DataUnits((2,), undo=lambda x: x / 0), "not finite"),
        (lambda: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_units_that_are_none_name_their_target(made, message):
    FOUND[0] = made
    with pytest.raises(ContractError) as told:
        units_of(Odd())
    assert "odd-ring" in str(told.value)
    assert message in str(told.value)


def test_units_restore_points_in_their_shape():
    FOUND[0] = lambda: DataUnits((2, 1), 3.0, undo=lambda x: 3 * x + 1)
    units = units_of(Odd())
    assert torch.equal(units.restore(torch.ones(5, 2)), torch.full((5, 2, 1), 4.0, dtype=torch.float64))


@pytest.mark.parametrize(("text", "message"), [(3, "returned int; it must return text"), ("def step(:", "SyntaxError")])
def test_a_plain_step_that_is_none_names_its_sampler(text, message):
    class Own(Euler):
        name = "own"

        def plain_step(self):
            return text

    with pytest.raises(ContractError) as told:
        plain_step_of(Own())
    assert "sampler own: plain_step" in str(told.value)
    assert message in str(told.value)
    assert plain_step_of(Euler()).startswith("def step(")
