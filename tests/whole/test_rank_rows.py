"""The directories that `benchmarks/rank_rows.py` makes up are read and ranked as those of runs are."""

import importlib.util
import sys
from pathlib import Path

import pytest

from harness.results.read_board import read_document

PATH = Path(__file__).parents[2] / "benchmarks" / "rank_rows.py"
SPEC = importlib.util.spec_from_file_location("rank_rows", PATH)
rank_rows = importlib.util.module_from_spec(SPEC)
sys.modules["rank_rows"] = rank_rows
SPEC.loader.exec_module(rank_rows)


@pytest.mark.parametrize("metric", rank_rows.METRICS)
def test_all_of_a_made_up_directory_is_there(tmp_path, metric):
    rank_rows.Synthetic(120).write(tmp_path)
    told = []
    board = read_document(tmp_path, [metric], told.append)
    assert told == []
    assert len(board.rows) == 120
    assert {row.status for row in board.rows} == {"ok"}
    assert {estimate.n_seeds for row in board.rows for estimate in row.metrics.values()} == {3}
    # Paths of three samplers of five have a divergence: of these the score error is split.
    paths = [row for row in board.rows if row.budget is not None]
    assert [row.score_split is not None for row in paths] == [True] * len(paths)
    assert len(paths) == 72
