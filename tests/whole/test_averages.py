"""A suite with several moving averages of one training: each row is that of the suite with this average alone."""

import csv
import io
import json
import shlex

import pytest
from selected_runs import each_once
from shell import assert_one_line
from shell import called as shell

import harness
from harness.api.merging import merge
from harness.api.verification import verify
from harness.axes import crossed
from harness.results.differences import differences
from harness.results.leaderboard import Leaderboard
from harness.results.read_board import read_document
from harness.results.row_commands import row_command
from harness.results.sections import sections
from harness.store import Store
from harness.views.budgets import render_budgets
from harness.views.publishing import publish
from harness.views.tables import render

DECAYS = [0.9, 0.2, 0]

SUITE = """
name = "averages"
targets = ["ring"]
weightings = ["edm"]
noise_schedules = ["edm"]
time_discretizations = ["polynomial"]
networks = ["mlp:width=8,depth=1", "exact"]
samplers = ["heun", "exponential-integrator"]
metrics = ["sliced-wasserstein", "path-kl"]
bounds = ["theorem-2"]
rank_by = "sliced-wasserstein"
steps = [3]
seeds = 2
training = { steps = [5, 9], batch_size = 16, ema_decay = [0.9, 0.2, 0] }
sampling = { samples = 60 }
"""

OWN = ("steps", "train_steps", "sigma_max", "ema_decay", "status", "metrics", "budget", "bounds", "compute", "nfe")
"""What a row has whatever others there are."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run the suite, or a selection from it, each once; return its directory."""
    folder = tmp_path_factory.mktemp("averages")
    (folder / "averages.toml").write_text(SUITE, encoding="utf-8")
    return each_once(folder / "averages.toml", folder)


def own_rows(board):
    """What rows have whatever others there are, with the digests of their networks."""
    return sorted(
        (
            [row.component(axis).key for axis in crossed()],
            row.model_dump(mode="json", include=set(OWN)),
            None if row.trained is None else board.networks[row.trained].checkpoints,
        ).__repr__()
        for row in board.rows
    )


def test_each_row_is_that_of_the_average_alone(run):
    whole = read_document(run())
    alone = [read_document(run(ema_decay=decay)) for decay in DECAYS]
    assert own_rows(whole) == sorted({row for board in alone for row in own_rows(board)})
    assert len(whole.rows) == 2 * (2 * 3 + 1)
    assert all(row.status == "ok" for row in whole.rows)
    trained = [row for row in whole.rows if row.train_steps]
    assert {row.ema_decay for row in trained} == {0.9, 0.2, 0.0}
    assert {row.ema_decay for row in whole.rows if not row.train_steps} == {None}
    values = {row.metrics["sliced-wasserstein"].value for row in trained}
    assert len(values) == len(trained)  # averages are networks of their own


def test_a_list_of_one_is_the_number(run):
    one, other = (json.loads(read_document(run(ema_decay=given)).to_json()) for given in (0.9, [0.9]))
    for board in (one, other):
        del board["command"], board["computation"]
        for row in board["rows"]:
            del row["seconds"]
    assert one == other
    assert one["setup"]["training"]["params"]["ema_decay"] == 0.9


def test_its_networks_are_trained_once(run):
    store = Store.read(run())
    try:
        keys = store.meta(store.meta_keys("manifest:")[0])["rows"]
    finally:
        store.close()
    assert len({key for row in keys for key in row["networks"]}) == 2 * 2 * 3
    alone = read_document(run(ema_decay=0.9)).setup.training.params
    several = read_document(run()).setup.training.params
    assert several == alone | {"ema_decay": [0.9, 0.2, 0.0]}


def test_the_document_goes_round(run):
    board = read_document(run())
    assert Leaderboard.validate(json.loads(board.to_json())) == board
    assert {(e.choice, e.among) for e in board.effects if e.axis == "ema_decay"} == {
        (choice, "mlp") for choice in ("0.9", "0.2", "0")
    }


def test_a_column_tells_it_where_rows_differ_in_it_alone(run):
    several, one = (read_document(run(**chosen)) for chosen in ({}, {"ema_decay": 0.9}))
    assert "ema decay" in render(several, "table")
    assert "| ema decay " in render(several, "markdown")
    assert {line["ema_decay"] for line in csv.DictReader(io.StringIO(render(several, "csv")))} == {
        *("0.9", "0.2", "0.0", "")
    }
    assert "| ema decay " not in render(one, "markdown")
    assert "ema" not in render(one, "table")
    assert "ema_decay" not in render(one, "csv").partition("\n")[0]
    assert "ema_decay" in render_budgets(several, "csv").partition("\n")[0]
    assert "ema_decay" not in render_budgets(one, "csv")
    (section,) = sections(one)
    assert "ema_decay" not in section.constants()
    assert not any("ema" in each for row in section.rows for each in section.combination(row))


def test_an_oracle_has_none(run):
    (section,) = sections(read_document(run()))
    oracle = next(row for row in section.rows if not row.train_steps)
    assert section.names_of(oracle)["ema_decay"] == "n/a"
    assert not any("ema" in each or each == "n/a" for each in section.combination(oracle))
    trained = next(row for row in section.rows if row.ema_decay == 0.2)
    assert "ema decay 0.2" in section.combination(trained)


def test_the_command_of_a_row_names_its_average(run):
    several, one = (read_document(run(**chosen)) for chosen in ({}, {"ema_decay": 0.9}))
    for row in several.rows:
        words = shlex.split(row_command(several, row))
        given = words[words.index("--ema-decay") + 1] if "--ema-decay" in words else None
        assert given == (None if row.ema_decay is None else repr(row.ema_decay))
    # Of a selection, whose decay the shell may have chosen; of a suite with one decay nobody has to.
    assert "--ema-decay 0.9" in row_command(one, next(row for row in one.rows if row.train_steps))
    plain = Leaderboard.validate(json.loads(one.to_json()) | {"suite": "averages"})
    assert not any("--ema-decay" in row_command(plain, row) for row in plain.rows)


def test_parts_are_what_one_run_makes(run, tmp_path):
    parts = [run(ema_decay=0.9), run(ema_decay=[0.2, 0])]
    merge(parts, tmp_path / "all")
    merged, whole = (json.loads(read_document(each).to_json()) for each in (tmp_path / "all", run()))
    for board in (merged, whole):
        for field in ("suite", "command", "computation", "definition"):
            del board[field]
        for row in board["rows"]:
            del row["seconds"]
    assert merged == whole


@pytest.mark.slow
def test_what_is_published_is_verified_and_rows_are_made_again(tmp_path):
    (tmp_path / "averages.toml").write_text(SUITE, encoding="utf-8")
    # In a worker, as rows are made again.
    harness.run(tmp_path / "averages.toml", out=tmp_path / "out", workers=1, progress=False)
    publish(read_document(tmp_path / "out"), tmp_path / "published", "harness run averages")
    found = verify(tmp_path / "published", rows=4)
    assert found.passed
    assert "the suite" in found.checked
    assert [each.verdict for each in found.remade.rows] == ["same bits"] * 4
    document = json.loads((tmp_path / "published" / "leaderboard.json").read_text())
    place = next(i for i, row in enumerate(document["rows"]) if row["ema_decay"] == 0.2)
    document["rows"][place]["ema_decay"] = 0.3
    (tmp_path / "published" / "leaderboard.json").write_text(json.dumps(document))
    assert not verify(tmp_path / "published").passed


def test_against_a_board_with_one_of_them_that_one_is_compared(run):
    found = differences(read_document(run(ema_decay=0.2)), read_document(run()))
    assert (found.both, found.gone, found.new) == (2 * 3, 0, 2 * 4)
    assert found.changes == []
    assert found.same > 0
    found = differences(read_document(run(ema_decay=0.2)), read_document(run(ema_decay=0.9)))
    # Boards with one each are compared design by design, as for any other setting.
    assert (found.both, found.gone, found.new) == (2 * 3, 0, 0)
    assert all("ema_decay" not in change.design for change in found.changes)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("1", "--ema-decay: 1.0 is not valid; it should be less than 1"),
        ("0.9,0.9", "--ema-decay: 0.9 is listed twice"),
        ("0.9,1.5", "--ema-decay: 1.5 is not valid; it should be less than 1"),
        (",", "--ema-decay: is empty; it should list at least one value"),
        ("nan", "--ema-decay: nan is not valid; it should be less than 1"),
        ("-1", "--ema-decay: -1.0 is not valid; it should be greater than or equal to 0"),
    ],
)
def test_a_mistake_in_the_shell_is_one_line(given, line):
    assert_one_line(shell("plan", "quick", "--ema-decay", given), line)
