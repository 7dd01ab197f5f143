"""What results took: each record once, whoever shares it, and the calls in which a suite asked."""

import itertools
import json

import pytest
from shell import called as shell

import harness
from harness.planning.calls import CALLS
from harness.results.directory import read_manifest
from harness.results.read_board import document
from harness.running import call_log
from harness.running.call_log import CallLog
from harness.store import Store
from harness.suites.model import Suite

SUITE = {
    "name": "timed", "targets": ["gaussian:dim=2"], "weightings": ["edm"], "noise_schedules": ["edm", "cosine"],
    "time_discretizations": ["exponential"], "networks": ["mlp:width=4,depth=1", "exact"],
    "samplers": ["euler", "heun"], "metrics": ["sliced-wasserstein"], "rank_by": "sliced-wasserstein", "steps": [3],
    "seeds": 2, "training": {"steps": [2], "batch_size": 8}, "sampling": {"samples": 20},
}  # fmt: skip


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Two suites in one directory, the second a part of the first; both are done in a call of their own."""
    place = tmp_path_factory.mktemp("timed") / "out"
    for changes in ({}, {"name": "part", "samplers": ["heun"]}, {"name": "more", "seeds": [1, 7]}):
        suite = Suite.from_mapping(SUITE | changes, "timed.toml")
        harness.run(suite, out=place, workers=2, progress=False)
    return place


def read(directory, suite):
    store = Store.read(directory)
    try:
        manifest = read_manifest(store, suite)
        seconds = {record.key: record.seconds for record in store.get(manifest.record_keys()).values()}
        return document(store, suite=suite), seconds
    finally:
        store.close()


@pytest.mark.parametrize("suite", ["timed", "part", "more"])
def test_all_records_of_a_suite_are_counted_once(directory, suite):
    board, seconds = read(directory, suite)
    assert len(board.rows) < len(seconds)
    assert board.computation.core_seconds == pytest.approx(sum(seconds.values()), rel=1e-12)


def test_calls_are_those_in_which_the_suite_asked_for_something_new(directory):
    calls = {suite: read(directory, suite)[0].computation.calls for suite in ("timed", "part", "more")}
    assert {suite: len(own) for suite, own in calls.items()} == {"timed": 1, "part": 0, "more": 1}
    for (call,) in (calls["timed"], calls["more"]):
        assert call.ended
        assert call.workers == 2
        assert 0 < call.core_seconds < 2 * call.wall_seconds
    assert calls["timed"][0].started <= calls["more"][0].started
    (first, _) = json.loads(shell("rank", str(directory), "--suite", "timed", "--format", "json").stdout), None
    assert first["computation"]["calls"] == [calls["timed"][0].model_dump()]


def test_a_call_is_noted_as_it_goes_on(tmp_path, monkeypatch):
    clock = itertools.count(0.0, 4.0)
    monkeypatch.setattr(call_log.time, "monotonic", lambda: next(clock))
    store = Store.open(tmp_path)
    noted = []

    def interrupted():
        with CallLog(store, ["manifest:x"]) as log:
            assert store.meta(CALLS) is None
            for _ in range(5):
                log.count(1.5, 3)
                noted.append(store.meta(CALLS)[-1]["core_seconds"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    # The first unit at once, then whenever ten seconds have passed.
    assert noted == [1.5, 1.5, 1.5, 6.0, 6.0]
    (call,) = store.meta(CALLS)
    assert (call["core_seconds"], call["workers"], call["ended"]) == (7.5, 3, False)
    with CallLog(store, ["manifest:y"]):
        pass  # nothing was done
    with CallLog(store, ["manifest:y"]) as log:
        log.count(1.0, 1)
    assert [(each["works"], each["ended"]) for each in store.meta(CALLS)] == [
        (["manifest:x"], False),
        (["manifest:y"], True),
    ]
    store.close()
