"""A Ray cluster: nodes and workers that are lost, blobs that travel, and the same board to the last bit."""

import collections
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import members, wait_until
from ray_clusters import needed, of_nodes, on_one_node
from suite_files import write_suite

from harness.errors import DiskError
from harness.planning.units import Resources
from harness.registry.discovery import load
from harness.results.read_board import read_document
from harness.running import ray_cluster, ray_connection
from harness.running import runner as run_module
from harness.running.executor import ExecutorError, executor
from harness.running.runner import Options, run
from harness.running.tasks import Task
from harness.store import Store
from harness.suites.model import Suite

SUITE = {
    "name": "small",
    "targets": ["gaussian:dim=2"],
    "weightings": ["edm", "bell-shaped"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["polynomial", "fisher"],
    "networks": ["mlp:width=21,depth=1"],
    "samplers": ["exponential-integrator", "heun"],
    "metrics": ["sliced-wasserstein:projections=16", "path-kl"],
    "bounds": ["budget"],
    "rank_by": "sliced-wasserstein",
    "steps": [4],
    "seeds": 2,
    "training": {"steps": [60, 120], "batch_size": 50},
    "sampling": {"samples": 100},
}

COUNTED = """
import os
import re
import signal
from pathlib import Path
from harness.engine import worker

FOLDER = Path({folder!r})


def note(line):
    with open(FOLDER / "log", "a") as log:
        log.write(line + "\\n")


def work(job):
    note("begin " + " ".join([type(job).__name__, *re.findall("[0-9a-f]{{16,}}", repr(job))]))
    if (FOLDER / "kill one").exists():
        (FOLDER / "kill one").unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return worker.work(job)
"""


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """Let workers note each unit that they begin; a file `kill one` kills the next worker. Return the folder."""
    folder = tmp_path / "counted"
    folder.mkdir()
    (folder / "counted_work.py").write_text(COUNTED.format(folder=str(folder)))
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(run_module, "FUNCTION", "counted_work:work")
    yield folder
    sys.modules.pop("counted_work", None)


def begun(folder):
    """How often each unit was begun."""
    lines = (folder / "log").read_text().splitlines()
    return collections.Counter(line.removeprefix("begin ") for line in lines)


def carry_out(directory, name="ray", workers=None, **changes):
    options = Options(workers, progress=False, executor=name)
    run(Suite.from_mapping(SUITE | changes, "small.toml"), load(), directory, options)


def board(directory):
    """The leaderboard of a directory as canonical JSON, timings aside; and the names of its blobs."""
    document = read_document(directory).model_dump()
    del document["computation"]
    for row in document["rows"]:
        assert row["status"] == "ok"
        del row["seconds"]
    return json.dumps(document, sort_keys=True), sorted(path.name for path in (directory / "checkpoints").iterdir())


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    directory = tmp_path_factory.mktemp("processes")
    carry_out(directory, "processes", workers=2)
    return board(directory)


def at_each_end(monkeypatch, act):
    """Call with the number of units that have ended, after each; return the keys that were kept, in order."""
    kept, keep = [], run_module._Runner._keep

    def keep_and_act(runner, todo, ended):
        keep(runner, todo, ended)
        kept.extend(todo.unit.keys)
        act(len(kept))

    monkeypatch.setattr(run_module._Runner, "_keep", keep_and_act)
    return kept


def survives(cluster, nodes, counted, monkeypatch, directory, losses, workers):
    """Run on a cluster that loses workers and nodes on the way; return how many units were begun more than once.

    Arguments:
        losses: by the number of keys after which it happens: "worker" or "node".
    """
    left = dict(losses)

    def lose(count):
        for moment in [each for each in left if each <= count]:
            if left.pop(moment) == "worker":
                (counted / "kill one").touch()
            else:
                cluster.remove_node(nodes.pop(), allow_graceful=False)

    kept = at_each_end(monkeypatch, lose)
    carry_out(directory, workers=workers)
    assert left == {}
    assert not (counted / "kill one").exists()
    # Nothing is lost, and nothing that had ended is done again: a loss costs the unit that was in hand.
    assert len(kept) == len(set(kept))
    store = Store.read(directory)
    try:
        assert set(store.index()) == set(kept)
    finally:
        store.close()
    return sum(times - 1 for times in begun(counted).values())


def test_nodes_and_workers_that_are_lost_cost_what_they_had_in_hand(expected, counted, monkeypatch, tmp_path):
    with of_nodes(3) as (cluster, nodes):
        losses = {4: "worker", 12: "node", 24: "node"}
        again = survives(cluster, nodes, counted, monkeypatch, tmp_path / "out", losses, workers=3)
    assert 1 <= again <= len(losses)
    assert board(tmp_path / "out") == expected


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_cluster_that_loses_and_gains_nodes_all_the_time(expected, counted, monkeypatch, tmp_path, seed):
    losses = {3 + 7 * i: "node" if (i + seed) % 2 else "worker" for i in range(10)}
    with of_nodes(7) as (cluster, nodes):
        again = survives(cluster, nodes, counted, monkeypatch, tmp_path / "out", losses, workers=4)
    assert 5 <= again <= len(losses)
    assert board(tmp_path / "out") == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", ["processes", "ray"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_neither_executor_nor_number_of_workers_changes_a_bit(expected, tmp_path, name, count):
    if name == "ray":
        needed()
    carry_out(tmp_path / "out", name, workers=count)
    assert board(tmp_path / "out") == expected


@pytest.fixture(scope="class")
def node():
    with on_one_node(cpus=2) as ray:
        yield ray


class TestOnOneNode:
    def test_a_damaged_blob_ends_the_run_and_the_next_one_repairs_it(self, node, expected, tmp_path, monkeypatch):
        def damage(count):
            for path in (tmp_path / "checkpoints").glob("*.safetensors"):
                path.write_bytes(path.read_bytes()[:-1])

        with monkeypatch.context() as patch:
            at_each_end(patch, damage)
            with pytest.raises(DiskError, match="damaged: run the command again"):
                carry_out(tmp_path)
        carry_out(tmp_path)
        assert board(tmp_path) == expected

    @pytest.mark.slow
    def test_a_full_disk_here_ends_the_run_and_the_next_one_goes_on(self, node, expected, tmp_path, monkeypatch):
        def full(folder, content):
            raise DiskError("no room")

        with monkeypatch.context() as patch:
            patch.setattr("harness.blobs.BlobFolder.write", full)
            with pytest.raises(DiskError, match="no room"):
                carry_out(tmp_path)
        carry_out(tmp_path)
        assert board(tmp_path) == expected

    def test_a_node_with_other_code_is_refused(self, node, monkeypatch):
        monkeypatch.setattr(ray_cluster, "code_here", lambda: {"torch": "0.1"})
        with (
            pytest.raises(ExecutorError, match=r"node \S+ has another torch: install there the same diffusion-harness"),
            executor("ray")(1, "math:sqrt") as pool,
        ):
            list(pool.run([Task("a", 0, lambda: 4.0, 1.0, 60.0)]))

    def test_what_no_node_has_is_waited_for_and_then_told(self, node, monkeypatch):
        monkeypatch.setattr(ray_cluster, "START", 3.0)
        task = Task("a", 0, lambda: 4.0, 1.0, 60.0, resources=Resources(1.0, devices=2.0))
        with (
            pytest.raises(ExecutorError, match=r"no worker of the cluster has started within 3 s"),
            executor("ray")(1, "math:sqrt") as pool,
        ):
            list(pool.run([task]))

    def test_workers_that_cannot_start_end_the_run(self, node):
        with (
            pytest.raises(ExecutorError, match=r"no worker of the cluster starts: ModuleNotFoundError: .*no_such_"),
            executor("ray")(1, "no_such_module:work") as pool,
        ):
            list(pool.run([Task("a", 0, lambda: 4.0, 1.0, 60.0)]))


def test_workers_import_nothing_from_the_directory_that_a_run_is_started_in(tmp_path):
    needed()
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "__init__.py").write_text("raise SystemExit('a shadow')")
    (tmp_path / "torch.py").write_text("raise SystemExit('a shadow')")
    script = (
        "import sys; sys.path = [p for p in sys.path if p]\n"
        "from harness.running.ray_cluster import workers\n"
        "from harness.running.tasks import Task\n"
        "with workers(1, 'math:sqrt') as pool:\n"
        "    found = [ended.value for ended in pool.run([Task('a', 0, lambda: 4.0, 1.0, 60.0)])]\n"
        "print(found)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=180)
    assert (done.returncode, done.stdout) == (0, "[2.0]\n"), done.stderr


def test_without_ray_one_line_says_how_to_get_it(monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(ray_connection, "import_module", missing)
    line = r"executor ray needs Ray; install it with: pip install 'diffusion-harness\[ray\]'"
    with pytest.raises(ExecutorError, match=line), executor("ray")(1, "math:sqrt"):
        pass


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense"])
def test_an_address_where_nothing_is_ends_in_one_line(monkeypatch, address):
    needed()
    monkeypatch.setenv("RAY_ADDRESS", address)
    before = time.monotonic()
    line = f"^the cluster at {address} cannot be used: "
    with pytest.raises(ExecutorError, match=line), executor("ray")(1, "math:sqrt"):
        pass
    assert time.monotonic() - before < 60


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="counts processes through /proc")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_ends_the_cluster_that_was_started_and_the_run_goes_on_later(expected, tmp_path, number, status):
    needed()
    file, out = write_suite(tmp_path / "small.toml", SUITE), tmp_path / "out"
    words = [sys.executable, "-m", "harness", "run", str(file), "--out", str(out), "--executor", "ray"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_until(lambda: list((out / "checkpoints").glob("*.safetensors")) or process.poll() is not None)
    # A terminal interrupts Ray's own processes too; whoever ends a program names it alone.
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    _, told = process.communicate(timeout=60)
    line = "interrupted" if number == signal.SIGINT else "ended"
    assert process.returncode == status
    assert told.strip().splitlines()[-1] == f"harness: {line}; the same command goes on where it stopped"
    wait_until(lambda: not members(process.pid))
    carry_out(out, "processes")
    assert board(out) == expected


def test_the_module_is_imported_without_ray():
    script = "import sys, harness.running.ray_cluster; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
