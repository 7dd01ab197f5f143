"""Boards in Python: the same numbers, names and mistakes that the command line has."""

import csv
import io
import sys
import types

import numpy as np
import pytest

import harness
from harness.errors import HarnessError
from harness.results.read_board import read_document
from harness.views.tables import render


@pytest.fixture(scope="module")
def board(taken):
    return harness.rank(taken)


def test_a_board_is_what_the_command_line_shows(board, taken):
    document = read_document(taken)
    assert board.document == document
    assert str(board) == render(document, "table")
    assert (board.suite, board.directory) == ("taken", taken)
    assert sorted(board.targets) == ["digits", "file"]
    assert repr(board) == f"Board('taken', 10 designs on {', '.join(board.targets)}, {taken})"


def test_rows_are_target_by_target_and_the_best_is_first(board):
    assert [row.target for row in board.rows] == [target for target in board.targets for _ in range(5)]
    for target in board.targets:
        rows = board.for_target(target)
        assert [row.rank for row in rows] == sorted(row.rank for row in rows)
        best = board.best(target)
        assert (best.rank, best.row) == (1, rows[0].row)
        assert best.value == min(row.value for row in rows if row.value is not None)
        assert best.ranks[0] <= 1 <= best.ranks[1]
        assert board.at(3, target).rank == 3
        assert best.metrics[best.metric].value == best.value
    assert {row.status for row in board.for_target("file")} == {"ok", "not applicable"}


def test_records_are_the_rows_of_the_csv(board):
    rows = list(csv.DictReader(io.StringIO(render(board.document, "csv"))))
    records = board.records()
    assert [row["rank"] for row in rows] == [str(record["rank"]) for record in records]
    value = "metrics.sliced-wasserstein.value"
    assert [float(row[value]) for row in rows if row[value]] == [r[value] for r in records if value in r]
    assert any(row.row.pictures for row in board.rows)
    assert not [name for record in records for name in record if name.startswith("pictures")]


def test_a_frame_is_made_of_the_records(board, monkeypatch):
    made = types.SimpleNamespace(DataFrame=types.SimpleNamespace(from_records=lambda records: ("frame", records)))
    monkeypatch.setitem(sys.modules, "pandas", made)
    assert board.frame() == ("frame", board.records())
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(HarnessError, match="a DataFrame needs pandas: pip install pandas"):
        board.frame()


def test_a_frame_of_pandas_has_a_row_a_design(board):
    pytest.importorskip("pandas")
    frame = board.frame()
    assert len(frame) == 20
    assert frame["rank"].tolist() == [record["rank"] for record in board.records()]


def test_a_design_gives_levels_samples_and_exports(board):
    best = board.best("file")
    assert best.sigmas.shape == (5,)
    assert (best.sigmas[0], best.sigmas[-1]) == (20, 0.05)
    assert (np.diff(best.sigmas) < 0).all()
    samples = best.sample(3, seed=1)
    assert samples.shape == (3, *best.shape) == (3, 2)
    assert np.array_equal(samples, best.draw(3, seed=1).points)
    assert best.recipe().levels[0] == pytest.approx(20 * best.recipe().scale)
    assert (
        best.export("edm", sigma_data=1.0)
        .splitlines()[1]
        .startswith("--steps=5 --sigma_min=0.05 --sigma_max=20 --rho=7")
    )
    assert best.components["target"] == "file"
    assert repr(best) == f"RankedDesign(rank 1 of file, sliced-wasserstein {best.value:.4g})"


def test_another_metric_ranks(taken):
    with pytest.raises(HarnessError, match="kl"):
        harness.rank(taken, by="kl")
    assert harness.rank(taken, by="sliced-wasserstein", suite="taken").rows[0].metric == "sliced-wasserstein"


def test_mistakes_are_one_line(board, tmp_path):
    with pytest.raises(HarnessError, match="2 such targets; say which"):
        board.best()
    with pytest.raises(HarnessError, match="has no rows here"):
        board.for_target("moon")
    with pytest.raises(HarnessError, match="rank 11 does not exist"):
        board.at(11, "digits")
    absent = next(row for row in board.for_target("file") if row.status != "ok")
    for ask in (absent.sample, absent.recipe, lambda: absent.sigmas, lambda: absent.export("json")):
        with pytest.raises(HarnessError, match=r"has no samples, not applicable: network unet"):
            ask()
    with pytest.raises(HarnessError, match="holds no results"):
        harness.rank(tmp_path)
    with pytest.raises(HarnessError, match="no format 'gif'"):
        board.best("file").export("gif")


def test_what_is_damaged_is_a_warning(taken, tmp_path):
    import shutil
    import sqlite3

    copy = shutil.copytree(taken, tmp_path / "copy")
    database = sqlite3.connect(copy / "results.sqlite")
    with database:
        database.execute("update records set payload = '{}' where kind = 'metric'")
    database.close()
    with pytest.warns(UserWarning, match="is damaged: a run computes it again") as found:
        harness.rank(copy)
    assert found[0].filename == __file__
