"""The setup of a leaderboard: its rules, one by one."""

import pytest
from pydantic import ValidationError

from harness.results.setup import Setup

TARGET = {"target": "ring", "dim": 2, "sigma_data": 0.5, "second_moment": 0.75, "finite": False, "notes": []}
TARGET |= {"train": None, "held_out": None, "pictures": None, "splits": 1, "tested": None}
SETUP = {
    "seeds": [0, 1],
    "sigma_min": 0.05,
    "sigma_max": 20.0,
    "samples": 100,
    "training": {"method": "adam", "params": {"batch_size": 8}},
    "targets": [TARGET],
    "metrics": [{"metric": "kl", "unit": "nats"}, {"metric": "own", "unit": ""}],
    "changed": {"0" * 32: ["precondition"]},
}


def test_a_setup_is_what_it_says():
    assert Setup.model_validate(SETUP).model_dump() == SETUP
    assert Setup.model_validate(SETUP | {"training": None}).training is None


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"sigma_min": 20.0}, "sigma_min 20 is not below sigma_max 20"),
        ({"sigma_min": 0.0}, "greater than 0"),
        ({"sigma_max": float("inf")}, "finite"),
        ({"seeds": []}, "at least 1 item"),
        ({"samples": 0}, "greater than or equal to 1"),
        ({"targets": [TARGET | {"dim": 0}]}, "greater than or equal to 1"),
        ({"targets": [TARGET | {"sigma_data": -0.1}]}, "greater than or equal to 0"),
        ({"targets": [TARGET | {"finite": 1}]}, "valid boolean"),
        ({"training": {"method": "", "params": {}}}, "at least 1 character"),
        ({"lanes": 2}, "Extra inputs"),
    ],
)
def test_what_breaks_a_rule_is_refused(change, rule):
    with pytest.raises(ValidationError, match=rule):
        Setup.model_validate(SETUP | change)
