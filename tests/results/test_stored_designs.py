"""Stored designs: found again, drawn from as the run did, in the units of the data; what cannot be is told."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from harness_data.targets import Digits
from ranked_runs import write_table

from harness.components import ComponentError
from harness.engine.denoisers import denoiser_from_checkpoint
from harness.engine.drawing import draw
from harness.engine.labels import sample_labels
from harness.engine.pictures import sample_pictures
from harness.errors import HarnessError
from harness.mixtures import split_order
from harness.registry.discovery import load
from harness.results.document import DocumentError
from harness.results.leaderboard import PUBLISHED
from harness.results.pictures import decoded
from harness.results.read_board import read_document
from harness.results.stored_designs import check_results, chosen_row, chosen_section, stored_design
from harness.store import DATABASE, StoreError


@pytest.fixture(scope="module")
def board(taken):
    return read_document(taken)


def rows_of(board, target, network, sampler=None):
    found = [r for r in board.rows if (r.target.name, r.network.name) == (target, network)]
    return [row for row in found if sampler in (None, row.sampler.name)]


@pytest.mark.parametrize("network", ["mlp", "unet", "exact"])
def test_the_first_samples_of_a_seed_are_those_that_the_run_measured(taken, board, network):
    """By the pictures that the run kept: a byte is a two-hundredth of the range."""
    [row] = [row for row in rows_of(board, "digits", network) if row.pictures is not None]
    drawn = draw(replace(stored_design(taken, row, load()).job(), count=60))
    made = sample_pictures(Digits().distribution(), drawn.points, 0, conditional=network == "unet")
    pairs = list(zip(made.images, row.pictures.images, strict=True))
    assert sum(a is not None for a, _ in pairs) > 10
    for a, b in pairs:
        assert (a is None) == (b is None)
        if a is not None:
            ours, kept = (np.frombuffer(decoded(each), np.uint8).astype(int) for each in (a, b))
            assert np.abs(ours - kept).max() <= 1


def test_a_seed_means_the_same_samples_whatever_their_number(taken, board):
    [row, *_] = rows_of(board, "file", "mlp")
    chosen = stored_design(taken, row, load())
    few, many, other = chosen.draw(5, 7), chosen.draw(300, 7), chosen.draw(5, 8)
    assert np.array_equal(few.points, chosen.draw(5, 7).points)
    np.testing.assert_allclose(many.points[:5], few.points, rtol=1e-4)
    assert np.abs(other.points - few.points).min() > 1e-3
    # The other network, with the same noise, is another map of it.
    assert not np.allclose(chosen.draw(5, 7, network_seed=1).points, few.points, rtol=1e-4)
    assert np.array_equal(chosen.draw(5, network_seed=1).points, chosen.draw(5, 1, network_seed=1).points)


def test_samples_are_in_the_units_of_the_file(taken, board):
    [row, *_] = rows_of(board, "file", "exact", "heun")
    chosen = stored_design(taken, row, load())
    rows = np.loadtxt(taken.parent / "table.csv", delimiter=",", skiprows=1)
    train = rows[split_order(len(rows))[2]]
    centre, deviation = train.mean(0), np.sqrt(((train - train.mean(0)) ** 2).mean())
    plain = draw(replace(chosen.job(), count=20)).points.numpy()
    samples = chosen.draw(20)
    np.testing.assert_allclose(samples.points, centre + deviation * plain, rtol=1e-10)
    assert samples.columns == ("length", "width")
    assert (samples.low, samples.high) == pytest.approx((train.min(), train.max()))


def test_a_network_that_is_told_labels_is_told_those_of_the_seed(taken, board):
    [row, *_] = [row for row in rows_of(board, "digits", "unet") if row.ok]
    samples = stored_design(taken, row, load()).draw(8, 3)
    assert samples.points.shape == (8, 1, 8, 8)
    assert samples.labels.tolist() == sample_labels(Digits().distribution(), 3, 8).tolist()
    [plain, *_] = rows_of(board, "digits", "mlp")
    assert stored_design(taken, plain, load()).draw(8).labels is None


def test_a_row_is_chosen_by_target_and_rank(board):
    for target in ("file", "digits"):
        section = chosen_section(board, target)
        ranked = sorted(section.rows, key=lambda row: row.rank)
        assert chosen_row(board, 1, target) == ranked[0]
        assert chosen_row(board, 3, section.target) == ranked[2]


@pytest.mark.parametrize(
    ("rank", "target", "message"),
    [
        (1, None, "2 such targets; say which: digits, file"),
        (1, "digit", "target 'digit' has no rows here; did you mean digits?"),
        (0, "digits", "rank 0 does not exist: digits has ranks 1 to 5"),
        (6, "digits", "rank 6 does not exist: digits has ranks 1 to 5"),
        (5, "file", "rank 5 of file has no samples, not applicable: "),
    ],
)
def test_what_cannot_be_chosen_is_told(board, rank, target, message):
    with pytest.raises(DocumentError) as told:
        chosen_row(board, rank, target)
    assert message in str(told.value)
    assert len(str(told.value)) <= 300


def test_what_cannot_be_drawn_is_told(taken, board):
    [row, *_] = rows_of(board, "file", "mlp")
    chosen = stored_design(taken, row, load())
    for given, message in [
        ((0,), "0 samples cannot"),
        ((2**24 + 1,), "at most 16777216"),
        ((1, -1), "seed -1 is negative"),
    ]:
        with pytest.raises(HarnessError, match=message):
            chosen.draw(*given)
    with pytest.raises(HarnessError, match=r"no network has seed 5; those of the run: 0, 1"):
        chosen.draw(1, network_seed=5)


def test_a_network_that_is_gone_is_told(taken, board, tmp_path):
    copy = shutil.copytree(taken, tmp_path / "copy")
    for blob in (copy / "checkpoints").iterdir():
        blob.unlink()
    denoiser_from_checkpoint.cache_clear()  # a process reads each once
    [row, *_] = rows_of(board, "file", "mlp")
    with pytest.raises(HarnessError, match=r"checkpoint .* is missing: run the command again"):
        stored_design(copy, row, load()).draw(3)
    [oracle, *_] = rows_of(board, "file", "exact")
    assert len(stored_design(copy, oracle, load()).draw(3).points) == 3


def test_data_that_have_changed_are_told(taken, tmp_path, monkeypatch):
    """Of them come the units, the labels and the start: samples of other data would be nobody's."""
    import harness

    write_table(tmp_path)
    (tmp_path / "taken.toml").write_text((taken.parent / "taken.toml").read_text(), encoding="utf-8")
    one = {"network": "exact", "sampler": "heun", "target": f"file:path={tmp_path / 'table.csv'}"}
    board = harness.run(tmp_path / "taken.toml", out=tmp_path / "out", workers=1, progress=False, **one)
    assert board.best().sample(2).shape == (2, 2)
    text = (tmp_path / "table.csv").read_text().splitlines()
    (tmp_path / "table.csv").write_text("\n".join([*text[:-1], "1,2"]), encoding="utf-8")
    with pytest.raises(ComponentError, match="its code or a file that it reads has changed; run the suite again"):
        harness.rank(tmp_path / "out").best().sample(2)
    (tmp_path / "table.csv").unlink()
    with pytest.raises(HarnessError, match=r"table.csv, the data of this design, is not there; say where"):
        harness.rank(tmp_path / "out").best().sample(2)


def test_a_published_page_has_no_networks(tmp_path):
    (tmp_path / PUBLISHED).write_text(json.dumps({}))
    with pytest.raises(StoreError, match="is a published page, which has no networks"):
        check_results(tmp_path)
    (tmp_path / DATABASE).write_bytes(b"")
    check_results(tmp_path)


def test_a_row_that_the_directory_no_longer_has_is_told(taken, board):
    [row, *_] = rows_of(board, "file", "mlp")
    with pytest.raises(StoreError, match="no longer holds this row"):
        stored_design(taken, row.model_copy(update={"steps": 5}), load())
