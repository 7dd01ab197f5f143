"""Grids that ask for a network, networks that ask for a grid: what waits for what."""

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from harness.engine.curves import ExactScoreError, information_from_json, score_error_from_json
from harness.planning.plan import Plan
from harness.registry.discovery import load
from harness.results.directory import read_manifest
from harness.results.read_board import read_document
from harness.running.runner import Options, run
from harness.store import DATABASE, Store
from harness.suites.combinations import expand
from harness.suites.model import Suite
from harness.time_discretizations import GridRequest

SUITE = {
    "name": "rounds",
    "targets": ["gaussian:dim=2,condition=9"],
    "weightings": ["edm", "grid-matched"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["exponential", "fisher"],
    "networks": ["mlp:width=16,depth=1", "inexact"],
    "samplers": ["exponential-integrator", "ancestral"],
    "metrics": ["path-kl"],
    "rank_by": "path-kl",
    "steps": [5],
    "seeds": 2,
    "training": {"steps": [40], "batch_size": 32},
    "sampling": {"samples": 50},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("rounds")
    suite, registry = Suite.from_mapping(SUITE, "rounds.toml"), load()
    run(suite, registry, directory, Options(2, progress=False))
    return directory, Plan(suite, registry, expand(suite, registry), directory / "checkpoints")


def combination(plan, grid, network, sampler, weighting):
    def names(c):
        return c.time_discretization.name, c.network.name, c.sampler.name, getattr(c.weighting, "name", "none")

    return next(c for c in plan.combinations if names(c) == (grid, network, sampler, weighting))


def stored(directory, key):
    store = Store.read(directory)
    try:
        return store.get([key])[key].payload
    finally:
        store.close()


def keys_and_times(directory):
    with sqlite3.connect(directory / DATABASE) as db:
        return db.execute("select key, seconds from records order by key").fetchall()


def test_every_row_is_filled_in_one_run(finished):
    directory, plan = finished
    rows = read_document(directory).model_dump()["rows"]
    assert len(rows) == len(plan.combinations) == 12
    assert all(row["status"] == "ok" for row in rows)


@pytest.mark.parametrize(("network", "weighting"), [("mlp", "edm"), ("inexact", "none")])
@pytest.mark.parametrize("sampler", ["exponential-integrator", "ancestral"])
def test_fisher_is_laid_out_by_the_score_error_of_its_own_network(finished, network, weighting, sampler):
    directory, plan = finished
    c = combination(plan, "fisher", network, sampler, weighting)
    payload = stored(directory, plan.keys.information(c.target))["information"]
    information = information_from_json(payload, c.target.distribution())
    grids = []
    for seed in (0, 1):
        error = ExactScoreError(lambda sigma: c.network.score_error(sigma, 2))
        if network == "mlp":
            error = score_error_from_json(stored(directory, plan.keys.score_error(plan.keys.network(c, seed))))
        grids.append(stored(directory, plan.keys.grid(c, seed))["sigmas"])
        request = GridRequest(5, 0.05, 20.0, c.noise_schedule, information, c.sampler, error)
        np.testing.assert_allclose(grids[-1], c.time_discretization.levels(request).numpy(), rtol=1e-9)
    assert (grids[0] != grids[1]) == (network == "mlp")


def test_a_network_made_for_a_grid_is_trained_for_each(finished):
    _, plan = finished
    keys = {
        (grid, sampler): plan.keys.network(combination(plan, grid, "mlp", sampler, "grid-matched"), 0)
        for grid in ("exponential", "fisher")
        for sampler in ("exponential-integrator", "ancestral")
    }
    # The exponential grid does not ask for the sampler, so that both samplers share a network.
    assert keys["exponential", "ancestral"] == keys["exponential", "exponential-integrator"]
    assert len(set(keys.values())) == 3


def test_a_network_made_for_a_grid_comes_after_it(finished):
    _, plan = finished
    c = combination(plan, "fisher", "mlp", "ancestral", "grid-matched")
    assert c.time_discretization.needs_score_error
    assert not c.grid_follows_network
    assert plan.keys.grid(c, 0) == plan.keys.grid(c, 1)


def test_a_second_run_does_nothing(finished):
    directory, plan = finished
    before = keys_and_times(directory)
    run(plan.suite, load(), directory, Options(2, progress=False))
    assert keys_and_times(directory) == before


def test_what_waits_for_its_grid_is_unfinished(finished, tmp_path):
    # As a run leaves it that was cut off before its last round: the manifest knows rows without samplings.
    copy = shutil.copytree(finished[0], tmp_path / "copy")
    store = Store.open(copy)
    manifest = read_manifest(store)
    rows = [row.model_copy(update={"samples": []}) for row in manifest.rows]
    store.set_meta("manifest:rounds", manifest.model_copy(update={"rows": rows}).model_dump())
    store.close()
    reasons = {row["reason"] for row in read_document(copy).model_dump()["rows"]}
    assert reasons == {"not computed yet: run the same command again"}


def test_where_one_seed_fails_a_grid_for_each_seed_tells_the_reason(tmp_path):
    # One of four networks diverges. It has no grid, so that the row lacks its sampling: that is no work left undone.
    wild = {"method": "gradient-descent", "steps": [300], "points": 8, "levels": 4, "learning_rate": 1.0}
    changes = {"targets": ["gaussian:dim=2"], "training": wild, "weightings": ["edm"], "seeds": 4, "steps": [4]}
    changes |= {"networks": ["mlp:width=16,depth=2"], "samplers": ["exponential-integrator"]}
    run(Suite.from_mapping(SUITE | changes, "rounds.toml"), load(), tmp_path, Options(1, progress=False))
    reasons = {row["reason"] for row in read_document(tmp_path).model_dump()["rows"]}
    assert len(reasons) == 1
    assert "seed 3: training diverged" in reasons.pop()


def test_what_rests_on_measured_information_rests_on_its_range():
    # J(u) is measured over the whole range of noise, which may reach beyond where sampling starts.
    def keys(sigma_max):
        changes = {"noise": {"sigma_min": 0.05, "sigma_max": sigma_max}, "networks": ["inexact"]}
        changes["sampling"] = {"samples": 50, "sigma_max": [5.0]}
        suite, registry = Suite.from_mapping(SUITE | changes, "rounds.toml"), load()
        made = Plan(suite, registry, expand(suite, registry), Path("unused"))
        (c, *_) = [c for c in made.combinations if c.time_discretization.name == "fisher"]
        return made.keys.grid(c, 0), made.keys.sample(c, [5.0, 1.0, 0.05], 0)

    assert not set(keys(5.0)) & set(keys(80.0))
