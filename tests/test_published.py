"""The leaderboards that this repository publishes: read, and in agreement with themselves."""

from pathlib import Path

import pytest

from harness.results.bounds import BoundsBoard
from harness.results.consistency import inconsistencies
from harness.results.published import read_any

BOARDS = sorted(Path(__file__).parents[1].glob("leaderboards/*/leaderboard.json"))


@pytest.mark.parametrize("file", BOARDS, ids=lambda file: file.parent.name)
def test_it_follows_from_its_rows(file):
    board = read_any(file)
    assert isinstance(board, BoundsBoard) or not [str(each) for each in inconsistencies(board)]
