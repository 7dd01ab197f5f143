"""From a result directory to its leaderboard: what it tells of its setup, and of what failed beside the rows."""

from shutil import copytree

import numpy
import pytest
from scipy import stats

from harness.planning.keys import measured
from harness.planning.manifest import Manifest
from harness.records import Record
from harness.registry.discovery import load
from harness.results.leaderboard import Leaderboard
from harness.results.read_board import read_document
from harness.running.runner import Options, run
from harness.store import Store, StoreError
from harness.suites.model import Suite

SUITE = {
    "name": "outcomes",
    "targets": ["gaussian:dim=3,std=0.5", "ring"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["exponential"],
    "networks": ["exact"],
    "samplers": ["exponential-integrator"],
    "metrics": ["path-kl", "energy"],
    "bounds": ["budget"],
    "rank_by": "path-kl",
    "steps": [3],
    "seeds": 2,
    "sampling": {"samples": 40},
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    made = tmp_path_factory.mktemp("outcomes")
    run(Suite.from_mapping(SUITE, "outcomes.toml"), load(), made, Options(1, progress=False))
    return made


def test_the_document_tells_what_made_it(directory):
    board = read_document(directory)
    assert isinstance(board, Leaderboard)
    setup = board.setup
    assert (setup.seeds, setup.sigma_min, setup.sigma_max, setup.samples) == ([0, 1], 0.05, 20.0, 40)
    assert setup.training is None  # the network is exact
    assert {entry.metric: entry.unit for entry in setup.metrics} == {"path-kl": "nats", "energy": "data units^½"}
    gaussian, ring = sorted(setup.targets, key=lambda entry: entry.target)
    assert (gaussian.target, gaussian.dim, gaussian.finite) == ("gaussian", 3, False)
    assert gaussian.sigma_data == pytest.approx(0.5)
    assert (ring.target, ring.dim) == ("ring", 2)


def test_samples_that_left_the_scale_of_the_data_are_no_result(directory, tmp_path):
    """One seed is enough, from ten deviations on; a record from before it was measured says nothing."""

    def read(spread):
        store = Store.open(copytree(directory, tmp_path / str(spread)))
        key = Manifest.model_validate(store.meta("manifest:outcomes")).rows[0].samples[1]
        record = store.get([key])[key]
        payload = {name: value for name, value in record.payload.items() if name != "spread"}
        payload |= {} if spread is None else {"spread": spread}
        store.put([Record(key, record.kind, payload)])
        store.close()
        board = read_document(tmp_path / str(spread))
        return next(row for row in board.rows if row.target.name == "gaussian")

    assert [read(spread).status for spread in (None, 9.9, 10.1)] == ["ok", "ok", "diverged"]
    row = read(1.25e35)
    assert (row.status, row.rank) == ("diverged", 1)
    assert row.reason.startswith("seed 1: samples are 1.25e+35 times as far from the mean of the data as the data")
    assert row.reason.endswith("diverged is beyond 10 (1 of 2 seeds)")


def test_seeds_that_draw_the_same_points_leave_the_floor_as_uncertain_as_one(tmp_path):
    """Of 40 points 8 and 8 are held out: four seeds see the same, and only the noise at σ_min tells them apart."""
    numpy.save(tmp_path / "few.npy", numpy.random.default_rng(0).normal(size=(40, 2)))
    target = f"file:path={tmp_path / 'few.npy'},folds=1"
    few = {"targets": [target], "metrics": ["energy"], "rank_by": "energy", "bounds": []}

    def halfwidth(seeds, samples):
        made = tmp_path / f"{seeds}-{samples}"
        suite = SUITE | few | {"seeds": seeds, "sampling": {"samples": samples}}
        run(Suite.from_mapping(suite, "few.toml"), load(), made, Options(1, progress=False))
        (floor,) = read_document(made).calibration
        return floor.high - floor.value

    assert halfwidth(4, 40) == pytest.approx(halfwidth(1, 40), rel=0.3)
    assert halfwidth(4, 4) > 0.5 * halfwidth(1, 4)


def test_a_bound_is_judged_by_its_own_error_and_not_by_how_networks_differ(directory, tmp_path):
    """Seeds whose networks differ: what a bound says of them is no error of it, and its metric has that spread."""
    store = Store.open(copytree(directory, tmp_path / "spread"))
    manifest = Manifest.model_validate(store.meta("manifest:outcomes"))
    row = next(row for row in manifest.rows if "gaussian" in manifest.components[row.components["target"]].name)
    payload = {"standard_error": 0.1, "bias": 0.05, "freedom": 7, "shared": True}
    keys = [measured(key, manifest.bounds["budget"]) for key in row.samples]
    store.put([Record(key, "bound", {"value": value} | payload) for key, value in zip(keys, (1.0, 3.0), strict=True)])
    store.close()
    made = next(row for row in read_document(tmp_path / "spread").rows if row.target.name == "gaussian")
    assert made.bounds["budget"] == 2.0
    assert made.bound_highs["budget"] == pytest.approx(2.0 + stats.t.ppf(0.975, 7) * 0.1 + 0.05)


def test_a_directory_from_before_there_was_a_setup_is_ranked(directory, tmp_path):
    store = Store.open(copytree(directory, tmp_path / "old"))
    content = store.meta("manifest:outcomes")
    del content["setup"]
    store.set_meta("manifest:outcomes", content)
    store.close()
    old = read_document(tmp_path / "old")
    assert old.setup is None
    assert old.rows == read_document(directory).rows


def test_a_manifest_of_another_version_is_told(directory, tmp_path):
    store = Store.open(copytree(directory, tmp_path / "other"))
    store.set_meta("manifest:outcomes", {"rows": []})
    store.close()
    with pytest.raises(
        StoreError, match="was made by another version of diffusion-harness; run the same command again"
    ):
        read_document(tmp_path / "other")


def test_a_record_of_another_version_is_told(directory, tmp_path):
    copy = copytree(directory, tmp_path / "other")
    store = Store.open(copy)
    key = store.meta("manifest:outcomes")["rows"][0]["samples"][0]
    store.put([Record(key, "sample", {"evaluations": 3})])
    store.close()
    with pytest.raises(StoreError, match=f"record {key} was made by another version of diffusion-harness"):
        read_document(copy)


def test_a_mistake_of_our_own_is_not_taken_for_another_version(directory, monkeypatch):
    def broken(*args, **kwargs):
        raise KeyError("a mistake")

    monkeypatch.setattr("harness.results.read_board.leaderboard", broken)
    with pytest.raises(KeyError, match="a mistake"):
        read_document(directory)


def test_a_metric_that_failed_beside_the_rows_is_told_once(directory, tmp_path):
    copy = copytree(directory, tmp_path / "failed")
    store = Store.open(copy)
    rows = store.meta("manifest:outcomes")
    energy = [measured(key, rows["metrics"]["energy"]) for row in rows["rows"] for key in row["samples"]]
    store.put([Record(key, "metric", reason="metric energy: nan") for key in energy[:3]])
    store.close()
    told = []
    board = read_document(copy, warn=told.append)
    assert told == ["metric energy: nan (3 of 4 samplings have no such value)"]
    assert all(row.ok for row in board.rows)


def test_the_document_tells_which_parameters_differ_from_their_defaults(directory):
    board = read_document(directory)
    changed = {row.target.name: board.setup.changed.get(row.target.digest) for row in board.rows}
    assert changed == {"gaussian": ["dim", "std"], "ring": None}
    assert len(board.setup.changed) == 1


def test_a_long_reason_is_cut_with_what_is_added_to_it(directory, tmp_path):
    copy = copytree(directory, tmp_path / "failed")
    store = Store.open(copy)
    rows = store.meta("manifest:outcomes")
    store.put([Record(measured(rows["rows"][0]["samples"][0], rows["metrics"]["energy"]), "metric", reason="x" * 300)])
    store.close()
    told = []
    read_document(copy, warn=told.append)
    assert [len(line) for line in told] == [300]
    assert told[0].endswith("xx (1 of 4 samplings have no such value)")


@pytest.fixture(scope="module")
def of_few(tmp_path_factory):
    """A suite on 50 rows, each seed with a split of its own; and the directory of its results."""
    folder = tmp_path_factory.mktemp("few")
    numpy.save(folder / "few.npy", numpy.random.default_rng(0).normal(size=(50, 2)))
    few = {"targets": [f"file:path={folder / 'few.npy'}"], "metrics": ["nll-bound", "energy", "path-kl"], "seeds": 3}
    few |= {"rank_by": "nll-bound", "networks": ["exact", "inexact:size=0.5"], "bounds": []}
    run(Suite.from_mapping(SUITE | few, "few.toml"), load(), folder / "made", Options(1, progress=False))
    return folder / "made"


def test_seeds_with_splits_of_their_own_make_an_interval_by_their_spread_alone(of_few):
    """Nothing of `nll-bound` or of the curves behind `path-kl` is the same for two splits."""
    store = Store.read(of_few)
    manifest = Manifest.model_validate(store.meta("manifest:outcomes"))
    board = read_document(of_few)
    for row, planned in zip(board.rows, manifest.rows, strict=True):
        for metric in ("nll-bound", "path-kl"):
            keys = [measured(sample, manifest.metrics[metric]) for sample in planned.samples]
            values = [store.get([key])[key].payload["value"] for key in keys]
            half = stats.t.ppf(0.975, 2) * numpy.std(values, ddof=1) / 3**0.5
            found = row.metrics[metric]
            assert found.value == pytest.approx(numpy.mean(values))
            assert found.high - found.value == pytest.approx(half, rel=1e-3 if metric == "nll-bound" else 0.05)
    store.close()


def test_neighbouring_folds_share_a_part_of_the_floor(of_few):
    """Of three pairs of seeds two are neighbours: of the points of both parts a pair has a third in common."""
    store = Store.read(of_few)
    manifest = Manifest.model_validate(store.meta("manifest:outcomes"))
    (floor,) = read_document(of_few).calibration
    (metrics,) = manifest.calibration.values()
    found = [store.get([key])[key].payload for key in metrics["energy"]]
    store.close()
    spread = stats.t.ppf(0.975, 2) * numpy.std([each["value"] for each in found], ddof=1) / 3**0.5
    within = stats.norm.ppf(0.975) * numpy.mean([each["standard_error"] for each in found])
    assert floor.high - floor.value == pytest.approx(numpy.hypot(spread, within * (1 / 3) ** 0.5), rel=1e-3)


def test_a_fixed_split_widens_intervals_by_the_error_of_its_reference(tmp_path):
    """Of metrics that compare with it, as of the floor; all seeds here draw all of its ten held-out rows."""
    numpy.save(tmp_path / "few.npy", numpy.random.default_rng(0).normal(size=(50, 2)))
    fixed = {"targets": [f"file:path={tmp_path / 'few.npy'},folds=1"], "metrics": ["energy", "path-kl"], "seeds": 3}
    fixed |= {"rank_by": "energy", "networks": ["exact", "inexact:size=0.5"], "bounds": []}
    run(Suite.from_mapping(SUITE | fixed, "few.toml"), load(), tmp_path / "made", Options(1, progress=False))
    store = Store.read(tmp_path / "made")
    manifest = Manifest.model_validate(store.meta("manifest:outcomes"))
    board = read_document(tmp_path / "made")
    (target,) = board.setup.targets
    assert (target.splits, target.held_out) == (1, 10)
    assert board.setup.samples >= 10
    for row in board.rows:
        planned = next(each for each in manifest.rows if each.components["network"] == row.network.digest)
        keys = [measured(sample, manifest.metrics["energy"]) for sample in planned.samples]
        found = [store.get([key])[key].payload for key in keys]
        spread = stats.t.ppf(0.975, 2) * numpy.std([each["value"] for each in found], ddof=1) / 3**0.5
        within = stats.norm.ppf(0.975) * numpy.mean([each["standard_error"] for each in found])
        entry = row.metrics["energy"]
        assert entry.high - entry.value == pytest.approx(numpy.hypot(spread, within), rel=1e-3)
    store.close()
