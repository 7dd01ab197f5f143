"""Kept data: what samples need of the data of an answer, so that it can be taken elsewhere without them."""

import shutil

import numpy as np
import pytest
import torch
from harness_data.targets import File
from harness_oracles.initial_laws import MomentMatched
from harness_song.initial_laws import Centered

import harness
from harness.data_units import DataUnits
from harness.errors import HarnessError
from harness.results import kept_data
from harness.results.kept_data import FILE, affine, keep_data, kept_target, picture_range
from harness.running.in_process import in_process
from harness.running.runner import Options
from harness.running.runner import run as carry_out
from harness.suites.model import Suite

SUITE = {
    "name": "kept",
    "weightings": ["edm"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["polynomial:rho=7"],
    "networks": ["mlp:width=8,depth=1", "exact"],
    "samplers": ["heun"],
    "initial_laws": ["moment-matched"],
    "metrics": ["sliced-wasserstein"],
    "rank_by": "sliced-wasserstein",
    "steps": [4],
    "seeds": 2,
    "training": {"steps": [3], "batch_size": 16},
    "sampling": {"samples": 20},
}


def target_in(folder, standardize):
    rng = np.random.default_rng(0)
    rows = 1e3 + rng.normal(size=(60, 3)) @ [[1.0, 2.0, 0.0], [0.0, 50.0, 0.0], [0.0, 0.0, 0.1]]
    table = np.column_stack([rows, rng.integers(0, 2, 60)])
    np.savetxt(folder / "t.csv", table, delimiter=",", header="a,b,c,k", comments="", fmt="%.17g")
    return File(path=str(folder / "t.csv"), labels="k", standardize=standardize)


@pytest.mark.parametrize("standardize", ["none", "scale", "columns", "whiten"])
def test_what_is_kept_is_what_the_data_say(tmp_path, standardize):
    whole = target_in(tmp_path, standardize)
    splits = [(whole.for_seed(seed), [seed]) for seed in (0, 7)]
    keep_data(tmp_path, "digest", splits, (MomentMatched(), 20.0))
    for target, (seed,) in splits:
        kept = kept_target(tmp_path, "digest", seed)
        law, own = target.distribution(), kept.distribution()
        assert own.data == law.data
        assert (kept.label(), picture_range(kept)) == (target.label(), picture_range(target))
        assert torch.equal(own.class_weights(), law.class_weights())
        for ours, theirs in zip(own.mean_and_covariance(), law.mean_and_covariance(), strict=True):
            assert torch.equal(ours, theirs)
        points = torch.randn(9, law.dim, dtype=torch.float64)
        back, units = kept.data_units(), target.data_units()
        assert (back.shape, back.scale, back.columns) == (units.shape, units.scale, units.columns)
        torch.testing.assert_close(back.restore(points), units.restore(points), rtol=1e-13, atol=1e-13)


def test_no_more_is_kept_than_is_asked_for(tmp_path, monkeypatch):
    """Of a start at N(0, σ²I) no covariance; of two splits where there is room for one, the first."""
    target = target_in(tmp_path, "scale")
    splits = [(target.for_seed(seed), [seed]) for seed in (0, 1)]
    keep_data(tmp_path, "digest", splits, (Centered(), 20.0))
    assert kept_target(tmp_path, "other", 0) is None
    assert kept_target(tmp_path, "digest", 5) is None
    law = kept_target(tmp_path, "digest", 1).distribution()
    for asked in (law.mean_and_covariance, lambda: law.denoise(torch.zeros(1, 3), 1.0)):
        with pytest.raises(
            HarnessError, match=r"takes the data themselves, file:.*; say where the data are now: --data"
        ):
            asked()
    monkeypatch.setattr(kept_data, "MOST", 9)
    keep_data(tmp_path, "digest", splits, (Centered(), 20.0))
    assert kept_target(tmp_path, "digest", 0) is not None
    assert kept_target(tmp_path, "digest", 1) is None
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:50])
    with pytest.raises(HarnessError, match=r"is damaged .*--data PATH"):
        kept_target(tmp_path, "digest", 0)


def test_a_way_back_that_is_not_affine_is_not_kept():
    assert affine(DataUnits((2,), undo=torch.exp), 2) is None
    assert affine(DataUnits((2,), undo=lambda x: x.flip(1)), 2)[1].tolist() == [[0, 1], [1, 0]]


@pytest.fixture(scope="module")
def run(tmp_path_factory, registry):
    """A run whose data have gone to another place, and samples of it from before."""
    folder = tmp_path_factory.mktemp("kept")
    rows = np.random.default_rng(0).normal(size=(60, 2)) * 3 + 5
    np.save(folder / "t.npy", rows)
    suite = Suite.from_mapping({**SUITE, "targets": [f"file:path={folder / 't.npy'}"]}, "kept")
    carry_out(suite, registry, folder / "out", Options(progress=False, executor=in_process))
    board = harness.rank(folder / "out")
    before = {row.components["network"]: row.sample(5, seed=3) for row in board.rows}
    board.best().stored.keep_data()
    (folder / "t.npy").rename(folder / "elsewhere.npy")
    np.save(folder / "other.npy", rows + 1)
    return folder, before


def test_an_answer_is_sampled_from_without_its_data(run):
    folder, before = run
    rows = {row.components["network"]: row for row in harness.rank(folder / "out").rows}
    np.testing.assert_allclose(rows["mlp"].sample(5, seed=3), before["mlp"], rtol=1e-12)
    assert "fitted to the data (moment-matched)" in rows["mlp"].export("json")
    with pytest.raises(HarnessError, match=r"takes the data themselves, .*; say where the data are now: --data PATH"):
        rows["exact"].sample(5)
    np.testing.assert_array_equal(rows["exact"].reading(folder / "elsewhere.npy").sample(5, seed=3), before["exact"])


def test_data_elsewhere_must_be_the_same(run, tmp_path):
    folder, before = run
    shutil.copytree(folder / "out", tmp_path / "out")
    (tmp_path / "out" / FILE).unlink()
    row = next(row for row in harness.rank(tmp_path / "out").rows if row.components["network"] == "mlp")
    with pytest.raises(HarnessError, match=r"t\.npy, the data of this design, is not there; say where"):
        row.sample(5)
    with pytest.raises(HarnessError, match=r"other\.npy is not what target file of .* read for these results"):
        row.reading(folder / "other.npy").sample(5)
    np.testing.assert_array_equal(row.reading(folder / "elsewhere.npy").sample(5, seed=3), before["mlp"])
