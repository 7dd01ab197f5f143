"""What a user can do wrong, through the command line.

A mistake ends in one line on standard error, exit status 2 and nothing lost or left behind; a combination that
fails is a row with a reason, exit status 1, and the others go on.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from distributions import write_distribution
from processes import members, wait_until
from suite_files import write_suite

from harness.cli import main
from harness.store import DATABASE

SUITE = {
    "name": "tiny",
    "targets": ["gaussian:dim=2"],
    "weightings": ["edm"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["polynomial"],
    "networks": ["mlp:width=8,depth=1", "exact"],
    "samplers": ["exponential-integrator", "heun"],
    "metrics": ["energy", "path-kl"],
    "bounds": ["budget"],
    "rank_by": "energy",
    "steps": [4],
    "seeds": 2,
    "training": {"steps": [20], "batch_size": 16},
    "sampling": {"samples": 20},
}
ORACLE = {"weightings": [], "networks": ["exact"], "samplers": ["exponential-integrator"], "seeds": 1}


@pytest.fixture
def write(tmp_path):
    """Write a suite with some keys changed; return its path."""

    def make(**changes):
        return str(write_suite(tmp_path / "tiny.toml", SUITE | changes))

    return make


@pytest.fixture
def harness(capfd):
    """Run the command line here; return the status, what it printed, and the lines on standard error."""

    def call(*args, status=None):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in args])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        if status is not None:
            assert ended.value.code == status, err
        return ended.value.code, out, err.splitlines()

    return call


@pytest.fixture
def refused(harness):
    """Run a command that must end in one line and status 2; return the line."""

    def call(*args):
        status, out, lines = harness(*args)
        assert (status, out, len(lines)) == (2, "", 1), lines
        assert lines[0].startswith("harness: ")
        return lines[0].removeprefix("harness: ")

    return call


def untimed(directory, harness):
    """The leaderboard of a directory, timings aside."""
    content = json.loads(harness("rank", directory, "--format", "json", status=0)[1])
    del content["command"]  # some runs are typed, some called
    del content["computation"]
    for row in content["rows"]:
        del row["seconds"]
    return content


class TestWords:
    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (["quik"], "unknown suite 'quik'; did you mean quick?"),
            (
                [""],
                "unknown suite ''; known: bounds, compute, descent, edm-table1, full, images, images-digits, "
                "images-small, knobs, paper, quick, samplers, start",
            ),
            (["quick", "extra"], "got unexpected extra argument (extra)"),
            (["/dev/null"], "/dev/null: is a device or a pipe; a suite is a TOML file"),
            (["--nonsense"], "no such option '--nonsense'"),
            (["--target", "rng"], "--target: unknown target 'rng'; did you mean ring?"),
            (["--target", "x/ring"], "unknown target 'x/ring'; known: diffusion-harness/ring"),
            (["--weighting", "emd"], "--weighting: unknown weighting 'emd'; did you mean edm?"),
            (["--noise-schedule", "ve"], "--noise-schedule: unknown noise schedule 've'"),
            (["--time-discretization", "poly"], "--time-discretization: unknown time discretization 'poly'"),
            (["--network", "exactt"], "--network: unknown network 'exactt'; did you mean exact"),
            (["--sampler", "hein"], "--sampler: unknown sampler 'hein'; did you mean heun?"),
            (["--sampler", ""], "--sampler: '' names no component"),
            (["--sampler", "heun", "--sampler", "heun"], "--sampler: heun is listed twice"),
            (["--target", "ring:moods=3"], "target 'ring' has no parameter 'moods'; did you mean modes?"),
            (["--target", "ring:modes=x"], "target 'ring': modes='x' is not valid"),
            (["--target", "ring:modes=-1"], "target 'ring': modes=-1 is not valid"),
            (["--target", "ring:modes=true"], "target 'ring': modes=true is not valid"),
            (["--target", "ring:modes=2.5"], "target 'ring': modes=2.5 is not valid"),
            (["--target", "ring:std=true"], "target 'ring': std=true is not valid"),
            (["--target", "gaussian:dim=100000000"], "dim=100000000 is not valid"),
            (["--target", "mixture:means=[[1,2],[3]]"], "means lists 2 points for modes=5"),
            (["--target", "file"], "target 'file' needs parameter 'path'"),
            (["--time-discretization", "polynomial:rho=nan"], "rho='nan' is not valid"),
            (["--time-discretization", "polynomial:rho=1e400"], "rho=inf is not valid"),
            (["--seeds", "0"], "--seeds: the number of seeds is between 1 and 10000"),
            (["--seeds", "1,1"], "--seeds: 1 is listed twice"),
            (["--seeds", "x"], "'x' is no list of whole numbers"),
            (["--steps", "1"], "--steps: 1 is not valid; it should be greater than or equal to 2"),
            (["--steps", "0"], "--steps: 0 is not valid"),
            (["--steps", "1000000"], "--steps: 1000000 is not valid; it should be less than or equal to 10000"),
            (["--steps", ","], "--steps: is empty"),
            (["--train-steps", "0"], "--train-steps: 0 is not valid"),
            (["--workers", "0"], "'--workers': 0 is not in the range"),
        ],
    )
    def test_of_a_run(self, refused, tmp_path, args, message):
        assert message in refused("run", *args, "--out", tmp_path / "out")
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (["rank", "."], "holds no results; make them with: harness run --out"),
            (["rank", "/no/such/place"], "/no/such/place holds no results"),
            (["rank", __file__], "is a file; name the result directory of a run"),
            (["rank", ".", "--format", "xml"], "'xml' is not one of 'table', 'json', 'csv', 'markdown'"),
            (["rank"], "missing argument 'DIRECTORY'"),
            (["publish", "."], "missing argument 'DESTINATION'"),
            (["publish", "/no/such/place", "x"], "/no/such/place holds no results"),
            (["run", "--out", ""], "'--out': '' names no directory"),
            (["claims", "--out", ""], "'--out': '' names no directory"),
            (["publish", ".", ""], "'DESTINATION': '' names no directory"),
            (
                ["run", "--target", "file:path=", "--out", "out"],
                "path='' is not valid: is empty; it should name a file",
            ),
            (["plan", "/dev/zero"], "/dev/zero: is a device or a pipe; a suite is a TOML file"),
            (["plan", "--format", "xml"], "'xml' is not one of 'table', 'json'"),
            (["show", "nope"], "components are listed by: harness plugins"),
            (["rnu"], "no command 'rnu'; did you mean run?"),
        ],
    )
    def test_of_the_other_commands(self, refused, tmp_path, monkeypatch, args, message):
        monkeypatch.chdir(tmp_path)
        assert message in refused(*args)
        assert list(tmp_path.iterdir()) == []

    def test_without_plugins_nothing_is_known(self, refused, tmp_path, monkeypatch):
        monkeypatch.setenv("HARNESS_PLUGINS", "")
        line = refused("run", "--out", tmp_path / "out")
        assert "none is known (not loaded: azula, bao, benton," in line
        assert line.endswith("see harness plugins)")
        assert not (tmp_path / "out").exists()

    def test_a_name_that_two_strangers_claim(self, refused, tmp_path, monkeypatch):
        for who in ("other", "third"):
            write_distribution(tmp_path / "site", f"{who}-step", {"harness": {who: f"{who}_step_module"}})
            (tmp_path / "site" / f"{who}_step_module.py").write_text(
                "from harness import hookimpl\n"
                "from harness.samplers import Sampler\n"
                "class Same(Sampler):\n"
                "    name = 'same'\n"
                "    def step(self, run, x):\n"
                "        return x\n"
                "@hookimpl\n"
                "def harness_samplers():\n"
                "    return [Same]\n"
            )
        monkeypatch.syspath_prepend(tmp_path / "site")
        line = refused("plan", "--sampler", "same")
        assert "'same' is offered by 2 distributions; write other-step/same or third-step/same" in line


class TestSuites:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"sampler": ["heun"]}, "tiny.toml: sampler: unknown key; did you mean samplers"),
            ({"limits": {"second": 1}}, "limits.second: unknown key; did you mean seconds?"),
            ({"noise": {"sigma_min": 2.0, "sigma_max": 1.0}}, "sigma_min = 2 is not below sigma_max = 1"),
            ({"noise": {"sigma_min": 1, "sigma_max": 1}}, "sigma_min = 1 is not below sigma_max = 1"),
            ({"noise": {"sigma_max": 1e300}}, "noise.sigma_max: 1e+300 is not valid; it should be less than"),
            ({"noise": {"sigma_max": "big"}}, "noise.sigma_max: 'big' is not valid"),
            ({"steps": [1]}, "steps[0]: 1 is not valid"),
            ({"steps": 4}, "steps: 4 is not valid; it should be a list"),
            ({"seeds": True}, "seeds: True is not valid"),
            ({"sampling": {"samples": 10**12}}, "sampling.samples: 1000000000000 is not valid"),
            ({"metrics": ["path-kl", "path-kl"], "rank_by": "path-kl"}, "metrics: path-kl is listed twice"),
            ({"rank_by": "kl"}, "rank_by = 'kl' is none of the metrics"),
            ({"rank_by": "energy:x=1"}, "rank_by: metric 'energy' has no parameter 'x'"),
            ({"bounds": ["corolary-1"]}, "bounds: unknown bound 'corolary-1'; did you mean corollary-1?"),
            ({"time_discretizations": [{"name": "polynomial", "rho": ["a", 7]}]}, "rho='a' is not valid"),
            ({"time_discretizations": [{"name": "polynomial", "rho": [7, 7]}]}, "polynomial is listed twice"),
            ({"time_discretizations": [{"name": "polynomial", "rho": []}]}, "rho lists no value"),
            ({"samplers": []}, "samplers: the suite expands to nothing: name at least one sampler"),
            ({"weightings": []}, "the suite expands to nothing: mlp:width=8,depth=1 is trained"),
            ({"limits": {"combinations": 3}}, "4 combinations are more than limits.combinations = 3; pass --yes"),
        ],
    )
    def test_that_are_malformed(self, refused, write, tmp_path, changes, message):
        assert message in refused("run", write(**changes), "--out", tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_that_are_no_toml(self, refused, tmp_path):
        (tmp_path / "odd.toml").write_text('name = "odd"\ntargets = [ring]\n')
        assert "odd.toml: is not valid TOML: Invalid value (at line 2" in refused("run", tmp_path / "odd.toml")

    def test_a_yes_takes_more_than_the_limit(self, harness, write):
        harness("plan", write(limits={"combinations": 3}), "--yes", "--guess", status=0)

    def test_a_metric_that_ranks_may_be_named_by_its_parameters(self, harness, refused, write):
        several = ["energy", "sliced-wasserstein:projections=8", "sliced-wasserstein:projections=16"]
        harness("plan", write(metrics=several, rank_by="sliced-wasserstein:projections=16"), "--guess", status=0)
        line = refused("plan", write(metrics=several, rank_by="sliced-wasserstein"))
        assert "write sliced-wasserstein:projections=8 or sliced-wasserstein:projections=16" in line


POINTS = np.random.default_rng(0).normal(size=(50, 3))


def saved(path, array):
    np.save(path, array, allow_pickle=True)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.array([[object()]], dtype=object), "holds Python objects, which are never loaded"),
        (np.where(np.arange(3) == 1, np.nan, POINTS), "row 1 holds NaN"),
        (POINTS[:, 0], "has shape (50,); an array of shape (rows, columns), (n, height, width) or "),
        (POINTS.reshape(10, 5, 1, 1, 3), "has shape (10, 5, 1, 1, 3)"),
        (POINTS.reshape(5, 10, 3), "holds 5 rows"),
        (POINTS[:1], "holds 1 row"),
        (POINTS[:0], "holds 0 rows"),
        (POINTS[:, :0], "its rows are empty"),
        (POINTS.astype(str), "real numbers (float or integer) are needed"),
        (POINTS + 1j, "holds complex128 values"),
        (lambda data: data[:-100], "is damaged or cut short"),
        (lambda data: data[:20], "is damaged or cut short"),
        (lambda data: data.replace(b"(50, 3)", b"(99999999999999, 3)"), "is damaged or cut short"),
        (lambda data: b"", "is not an .npy file"),
        (lambda data: b"hello", "is not an .npy file"),
        (None, "cannot be read (No such file or directory)"),
    ],
)
def test_arrays_that_cannot_be_used(refused, write, tmp_path, content, message):
    path = tmp_path / "points.npy"
    if callable(content):
        path.write_bytes(content(saved(path, POINTS)))
    elif content is not None:
        saved(path, content)
    line = refused("run", write(), "--out", tmp_path / "out", "--target", f"file:path={path}")
    assert line.startswith(f"{path}: ")
    assert message in line
    # Not even the directory: it would be another suite's from then on.
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of the suite."""
    from harness.registry.discovery import load
    from harness.running.runner import Options, run
    from harness.suites.model import Suite

    directory = tmp_path_factory.mktemp("finished")
    run(Suite.from_mapping(SUITE, "tiny.toml"), load(), directory, Options(2, progress=False))
    return directory


@pytest.fixture
def copy(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "copy"))


@pytest.fixture
def good(finished, harness):
    return untimed(finished, harness)


def overwritten(content, where, new):
    return content[:where] + new + content[where + len(new) :]


DAMAGES = {
    "cut in the middle": lambda data: data[: len(data) // 2],
    "header of zeros": lambda data: overwritten(data, 0, bytes(100)),
    "a page of zeros": lambda data: overwritten(data, 8192, bytes(4096)),
}


class TestDirectories:
    @pytest.mark.parametrize("damage", DAMAGES)
    def test_a_damaged_database(self, refused, harness, write, copy, good, damage):
        path = copy / DATABASE
        path.write_bytes(DAMAGES[damage](path.read_bytes()))
        assert str(path) in refused("rank", copy)
        _, _, lines = harness("run", write(), "--out", copy, "--workers", 2, status=0)
        assert len(lines) == 1
        assert f"{path} is damaged" in lines[0]
        assert "moved to results.sqlite.damaged-1" in lines[0]
        assert untimed(copy, harness) == good

    def test_an_empty_database(self, refused, harness, write, copy, good):
        path = copy / DATABASE
        path.write_bytes(b"")
        assert refused("rank", copy) == f"{path} is empty: it was cut off; harness run computes it again"
        _, _, lines = harness("run", write(), "--out", copy, "--workers", 2, status=0)
        assert lines == [f"harness: {path} is empty, though checkpoints lie beside it: computing again"]
        assert untimed(copy, harness) == good

    def test_any_byte_of_the_database(self, harness, write, copy, good):
        """What is read is right, missing or refused, whatever byte was changed."""
        path = copy / DATABASE
        content = path.read_bytes()
        rng = random.Random(0)
        values = {json.dumps(row["metrics"]) for row in good["rows"]}
        outcomes = set()
        for _ in range(60):
            where = rng.randrange(len(content))
            path.write_bytes(overwritten(content, where, bytes([content[where] ^ 1 << rng.randrange(8)])))
            status, out, lines = harness("rank", copy, "--format", "json")
            outcomes.add(status)
            assert status in (0, 2)
            if status == 2:
                assert len(lines) == 1
                continue
            for row in json.loads(out)["rows"]:
                assert json.dumps(row["metrics"]) in values or row["status"] == "failed"
        assert 0 in outcomes

    def test_damaged_records_are_named_and_made_again(self, harness, write, copy, good):
        with contextlib.closing(sqlite3.connect(copy / DATABASE)) as db, db:
            db.execute("update records set payload = x'ff00' where kind = 'sampling'")
            db.execute("update records set status = 'failed', reason = 'no' where kind = 'metric'")
        _, out, lines = harness("rank", copy, status=0)
        assert "not computed yet" in out
        assert len(lines) == 11
        assert "is damaged: a run computes it again" in lines[0]
        assert lines[-1].startswith("harness: … and ")
        harness("run", write(), "--out", copy, "--workers", 2, status=0)
        assert untimed(copy, harness) == good

    def test_damaged_rows_are_named_and_written_again(self, refused, harness, write, copy, good):
        with contextlib.closing(sqlite3.connect(copy / DATABASE)) as db, db:
            db.execute("update meta set value = replace(value, '\"steps\": 4', '\"steps\": 5')")
        assert "manifest:tiny in" in refused("rank", copy)
        harness("run", write(), "--out", copy, status=0)
        assert untimed(copy, harness) == good

    def test_a_log_that_was_left_over(self, harness, write, copy, good):
        Path(f"{copy / DATABASE}-wal").write_bytes(random.Random(0).randbytes(5000))
        assert untimed(copy, harness) == good
        harness("run", write(), "--out", copy, status=0)
        assert untimed(copy, harness) == good

    @pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"no weights"), Path.unlink])
    def test_a_damaged_checkpoint(self, harness, write, copy, finished, good, change):
        path = sorted((copy / "checkpoints").iterdir())[0]
        change(path)
        (copy / "checkpoints" / "x.1.part").write_bytes(b"of a run that was killed")
        _, _, lines = harness("run", write(), "--out", copy, "--workers", 2, status=0)
        assert len(lines) == 1
        assert str(path) in lines[0]
        assert path.read_bytes() == (finished / "checkpoints" / path.name).read_bytes()
        assert len(list((copy / "checkpoints").iterdir())) == 2
        assert untimed(copy, harness) == good

    def test_of_several_suites(self, refused, harness, write, copy, tmp_path):
        _, out, _ = harness("run", write(name="other"), "--out", copy, status=0)
        assert f"harness rank {copy} --suite other --format csv" in out
        for args in (["rank", copy], ["publish", copy, tmp_path / "page"]):
            assert "holds 2 suites; choose one with --suite: other, tiny" in refused(*args)
            assert "holds no suite 'tinny'; did you mean tiny?" in refused(*args, "--suite", "tinny")
        harness("publish", copy, tmp_path / "page", "--suite", "tiny", status=0)
        assert json.loads((tmp_path / "page" / "leaderboard.json").read_text())["suite"] == "tiny"
        _, out, _ = harness("rank", copy, "--suite", "other", "--format", "json", status=0)
        assert json.loads(out)["suite"] == "other"

    def test_of_a_newer_program(self, refused, write, copy):
        with contextlib.closing(sqlite3.connect(copy / DATABASE)) as db, db:
            db.execute("update meta set value = '2' where key = 'schema_version'")
        before = (copy / DATABASE).read_bytes()
        for args in (["run", write(), "--out", copy], ["rank", copy], ["publish", copy, copy / "page"]):
            assert "has schema 2, this harness knows up to 1: update diffusion-harness" in refused(*args)
        assert (copy / DATABASE).read_bytes() == before

    def test_of_another_program(self, refused, write, tmp_path):
        with contextlib.closing(sqlite3.connect(tmp_path / DATABASE)) as db, db:
            db.execute("create table records (a)")
            db.execute("create table meta (b)")
        before = (tmp_path / DATABASE).read_bytes()
        for args in (["run", write(), "--out", tmp_path], ["rank", tmp_path]):
            assert "holds no results of this program (no such column: value)" in refused(*args)
        with contextlib.closing(sqlite3.connect(tmp_path / DATABASE)) as db:
            assert db.execute("select sql from sqlite_master order by sql").fetchall() == [
                ("CREATE TABLE meta (b)",),
                ("CREATE TABLE records (a)",),
            ]
        assert len(before) == (tmp_path / DATABASE).stat().st_size

    def test_in_use(self, refused, harness, write, copy, good):
        from filelock import FileLock

        with FileLock(copy / ".lock"):
            assert "is in use by another run" in refused("run", write(), "--out", copy)
            assert untimed(copy, harness) == good

    def test_unfinished(self, harness, write, copy):
        with contextlib.closing(sqlite3.connect(copy / DATABASE)) as db, db:
            db.execute("delete from records where kind in ('sampling', 'metric')")
        _, out, lines = harness("rank", copy, status=0)
        assert lines == []
        assert "not computed yet: run the same command again" in out

    def test_whose_name_is_odd(self, harness, refused, write, finished, tmp_path, good):
        odd = Path(shutil.copytree(finished, tmp_path / "ä b?#%20 'ü'☃"))
        harness("run", write(), "--out", odd, status=0)
        assert untimed(odd, harness) == good

    def test_ranked_by_what_was_not_measured(self, refused, finished):
        assert "no metric 'kl' was measured; known: energy, path-kl" in refused("rank", finished, "--by", "kl")
        assert "no metric '' was measured" in refused("rank", finished, "--by", "")


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own: call it with mount's options to make it, and again to change it."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a small disk needs root and mount")
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options):
        again = "remount," if place.is_mount() else ""
        command = ["mount", "-t", "tmpfs", "-o", again + options, "tmpfs", str(place)]
        if subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip("mounting a small disk is not allowed here")
        return place

    yield mount
    if place.is_mount():
        subprocess.run(["umount", "--lazy", str(place)], check=True)


class TestDisks:
    @pytest.mark.parametrize("size", ["16k", "150k"])
    def test_a_full_one_loses_nothing(self, refused, harness, write, disk, good, size):
        out = disk(f"size={size}") / "out"
        assert "cannot be written: " in refused("run", write(), "--out", out, "--workers", 2)
        disk("size=20m")
        harness("run", write(), "--out", out, "--workers", 2, status=0)
        assert untimed(out, harness) == good

    def test_one_without_room_for_a_checkpoint_ends_the_run(self, refused, harness, write, disk):
        large = {"networks": ["mlp:width=400,depth=2"], "training": {"steps": [2], "batch_size": 2}}
        out = disk("size=1m") / "out"
        line = refused("run", write(**large), "--out", out, "--workers", 2)
        assert ".safetensors cannot be written: " in line
        assert not list((out / "checkpoints").glob("*.part"))
        disk("size=20m")
        # No network was to blame: none is kept as failed.
        harness("run", write(**large), "--out", out, "--workers", 2, status=0)

    def test_a_read_only_one_can_be_looked_at(self, refused, harness, write, disk, finished, tmp_path, good):
        place = disk("size=20m")
        out = Path(shutil.copytree(finished, place / "out"))
        for tail in ("-wal", "-shm"):
            Path(f"{out / DATABASE}{tail}").unlink(missing_ok=True)
        disk("ro")
        line = refused("run", write(), "--out", out)
        assert line == f"{out} cannot be written: Read-only file system"
        line = refused("run", write(), "--out", place / "new")
        assert line == f"{place / 'new'} cannot be written: Read-only file system"
        assert untimed(out, harness) == good
        pytest.importorskip("matplotlib")
        line = refused("publish", out, place / "page")
        assert line == f"{place / 'page'} cannot be written: Read-only file system"
        assert not (place / "page").exists()
        disk("rw")

    @pytest.mark.parametrize("place", ["/proc/none", "/dev/null/none"])
    def test_places_where_nothing_can_be(self, refused, write, finished, place):
        assert f"{place} cannot be written: " in refused("run", write(), "--out", place)
        pytest.importorskip("matplotlib")
        assert f"{place} cannot be written: " in refused("publish", finished, place)

    def test_files_that_may_not_grow(self, harness, write, tmp_path, good):
        code = (
            "import resource, sys\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))\n"
            "from harness.cli import main; main()"
        )
        words = ["run", write(), "--out", str(tmp_path / "out"), "--workers", "2"]
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1
        assert "out cannot be written: " in done.stderr
        harness(*words, status=0)
        assert untimed(tmp_path / "out", harness) == good


class TestRows:
    def test_a_schedule_that_has_no_such_time(self, harness, write, tmp_path):
        changes = {"noise": {"sigma_min": 1e-3, "sigma_max": 20}, "noise_schedules": ["edm", "ve-geometric"]}
        _, out, lines = harness("run", write(**ORACLE, **changes), "--out", tmp_path / "out", status=1)
        assert lines == []
        assert "1 combination ranked by energy, 1 failed" in out
        assert "What failed, again: --retry-failed   Tracebacks: harness rank " in out
        rows = {r["noise_schedule"]["name"]: r for r in untimed(tmp_path / "out", harness)["rows"]}
        assert rows["edm"]["status"] == "ok"
        assert "puts sigma_min=0.001 at t=-0.27" in rows["ve-geometric"]["reason"]

    def test_the_widest_range_of_levels(self, harness, write, tmp_path):
        schedules = ["edm", "ve-sqrt", "vp-linear", "cosine", "flow"]
        grids = ["polynomial", "exponential", "uniform-time", "cosine", "fisher"]
        changes = {"noise": {"sigma_min": 1e-10, "sigma_max": 1e10}, "noise_schedules": schedules}
        suite = write(**ORACLE, **changes, time_discretizations=grids)
        status, _, lines = harness("run", suite, "--out", tmp_path / "out")
        assert (status in (0, 1), lines) == (True, [])
        rows = untimed(tmp_path / "out", harness)["rows"]
        assert {row["status"] for row in rows} <= {"ok", "failed", "diverged"}
        # In steps over twenty powers of ten samples may end anywhere; that is told, and no other row is lost for it.
        grids = {row["time_discretization"]["name"] for row in rows if row["status"] != "failed"}
        assert "exponential" in grids


def command(*args):
    return [sys.executable, "-m", "harness", *map(str, args)]


class TestShell:
    @pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="counts processes through /proc")
    def test_an_interrupt_leaves_no_process_and_loses_nothing(self, harness, write, tmp_path):
        longer = {"training": {"steps": [400], "batch_size": 64}, "weightings": ["edm", "eps"], "seeds": 4}
        suite, out = write(**longer), tmp_path / "out"

        def started():
            return len(members(process.pid)) > 1

        def working():
            if not (out / DATABASE).exists():
                return False
            with contextlib.closing(sqlite3.connect(out / DATABASE)) as db:
                try:
                    return db.execute("select count(*) from records").fetchone()[0] > 0
                except sqlite3.OperationalError:  # there is no table yet
                    return False

        # While the workers' imports go on, and while they work.
        for moment in (started, working):
            process = subprocess.Popen(
                command("run", suite, "--out", out),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            wait_until(moment)
            assert process.poll() is None
            os.killpg(process.pid, signal.SIGINT)
            told, complained = process.communicate(timeout=90)
            assert process.returncode == 130
            line = "harness: interrupted; the same command goes on where it stopped"
            assert (told, complained.strip()) == ("", line)
            wait_until(lambda session=process.pid: not members(session))
        harness("run", suite, "--out", out, "--workers", 2, status=0)
        harness("run", suite, "--out", tmp_path / "whole", "--workers", 2, status=0)
        assert untimed(out, harness) == untimed(tmp_path / "whole", harness)

    def test_a_reader_that_leaves_is_not_complained_of(self, write, finished):
        line = " ".join(map(str, command("run", write(), "--out", finished)))
        script = f'{line} | head -1; echo "${{PIPESTATUS[0]}}"'
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
        first, status = done.stdout.splitlines()
        assert first.startswith("tiny: 4 combinations")
        # Everything may have fitted into the pipe.
        assert status in ("141", "0")
        assert done.stderr == ""

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    def test_output_that_goes_nowhere(self, finished):
        with open("/dev/full", "w") as full:
            done = subprocess.run(command("rank", finished), stdout=full, stderr=subprocess.PIPE, text=True)
        assert (done.returncode, done.stderr) == (2, "harness: No space left on device\n")
        line = " ".join(map(str, command("rank", finished)))
        done = subprocess.run(["bash", "-c", f"{line} >&-"], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
