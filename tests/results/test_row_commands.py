"""The command of a row: what the shell reads in it is that row, alone."""

import random
import shlex
from pathlib import Path

import click
import pytest

from harness.axes import crossed, numbers_of
from harness.cli.selection import suite_argument
from harness.components import parse_request
from harness.planning.manifest import absent
from harness.registry.discovery import load
from harness.results.leaderboard import Leaderboard
from harness.results.published import read_published
from harness.results.row_commands import component_form, row_command
from harness.suites.combinations import expand

BOARDS = Path(__file__).parents[2] / "leaderboards"


def asked(words):
    """The suite that a command line asks for."""
    found = []

    @click.command()
    @suite_argument
    def command(suite):
        found.append(suite)

    assert words[:2] == ["harness", "run"]
    command.main(words[2:], standalone_mode=False)
    return found[0]


def parts(row):
    return {axis: (row.component(axis).name, row.component(axis).params) for axis in crossed()}


@pytest.mark.parametrize("name", ["quick", "designs", "paper", "knobs", "descent", "start", "compute"])
def test_it_makes_the_row(name):
    board, registry = read_published(BOARDS / name / "leaderboard.json"), load()
    for row in random.Random(0).sample(board.rows, 8):
        found = expand(asked(shlex.split(row_command(board, row))), registry)
        own = [c for c in found if numbers_of(c) == numbers_of(row)]
        if name == "compute":  # version 2: its components have fewer parameters, its rows other steps
            assert found
            continue
        assert len(own) == 1
        assert len(found) == 1 or name == "start"
        for axis, kind in crossed().items():
            component, reference = own[0].component(axis), row.component(axis)
            made = absent(kind) if component is None else registry.reference(component)
            assert made.name == reference.name
            assert made.params.items() >= reference.params.items()


def test_every_parameter_can_be_read_back():
    for board in sorted(BOARDS.glob("*/leaderboard.json")):
        if board.parent.name == "bounds":
            continue
        for row in read_published(board).rows:
            for axis in crossed():
                request = parse_request(component_form(row.component(axis)))
                assert request.settings() == [row.component(axis).params]


def test_a_stranger_has_its_distribution():
    board = read_published(BOARDS / "quick" / "leaderboard.json")
    theirs = board.rows[0].sampler.model_copy(update={"distribution": "theirs", "params": {"a": "b,c"}})
    assert component_form(theirs) == 'theirs/heun:a="b,c"'


def test_what_the_shell_chose_of_the_suite_stands_in_it(small):
    setup = {
        "seeds": [3], "sigma_min": 0.01, "sigma_max": 40.0, "samples": 100, "targets": [], "changed": {},
        "training": {"method": "adam", "params": {"batch_size": 64, "learning_rate": 0.001}},
        "metrics": [{"metric": name, "unit": "1"} for row in small["rows"] for name in row["metrics"]],
    }  # fmt: skip
    for row in small["rows"]:
        for entry in row["metrics"].values():
            entry["n_seeds"] = 1
    board = Leaderboard.validate(small | {"suite": "quick-selection", "setup": setup})
    told = row_command(board, board.rows[0])
    assert told.startswith("harness run quick --target ")
    assert "--seeds 3, --samples 100 --sigma-min 0.01 --sigma-max 40.0 --batch-size 64 --learning-rate 0.001" in told
