"""Fuzzed inputs end as expected mistakes do: a slice of what `fuzzing.py` makes; a whole run is `make test-slow`."""

import pytest
from whole import fuzzing


def test_every_input_ends_as_it_should(tmp_path):
    found = [(seed, fault, said.errors[-200:]) for seed, fault, said in fuzzing.faults(range(60), tmp_path)]
    assert found == []


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_board_makes_sense(seed, tmp_path):
    assert fuzzing.run_suite(seed, tmp_path) == ""


@pytest.mark.slow
def test_three_thousand_inputs(tmp_path):
    found = [(seed, fault, said.errors[-200:]) for seed, fault, said in fuzzing.faults(range(60, 3240), tmp_path)]
    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 63))
def test_boards_make_sense(seed, tmp_path):
    assert fuzzing.run_suite(seed, tmp_path) == ""


def test_a_fault_would_be_found():
    words = ["plan", "--guess", "quick"]
    assert fuzzing.Said(words, 70, "", 0.1).fault() == "status 70"
    assert fuzzing.Said(words, 2, "harness: a\nharness: b\n", 0.1).fault() == "2 lines of error"
    assert fuzzing.Said(words, 2, "harness: " + "a" * 300, 0.1).fault() == "a line of 309 characters"
    assert fuzzing.Said(words, 0, "", 6.0).fault() == "6.0 s"
    assert fuzzing.Said(words, 2, "harness: unknown\n", 0.1).fault() == ""
