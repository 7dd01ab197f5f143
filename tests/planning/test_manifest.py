"""The manifest: rows, keys, and what a suite fixes for all of them."""

from pathlib import Path

import pytest

from harness.planning.manifest import Manifest, manifest
from harness.planning.plan import Plan
from harness.suites.combinations import expand
from harness.suites.model import Suite

SUITE = {
    "name": "manifest",
    "targets": ["gaussian:dim=2"],
    "weightings": ["edm"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["exponential"],
    "networks": ["mlp:width=8,depth=1", "exact"],
    "samplers": ["euler"],
    "metrics": ["sliced-wasserstein", "mmd", "kl"],
    "rank_by": "kl",
    "steps": [4],
    "seeds": [3, 5],
    "noise": {"sigma_min": 0.1, "sigma_max": 8.0},
    "training": {"steps": [10, 20], "batch_size": 32},
    "sampling": {"samples": 60},
}


@pytest.fixture(scope="module")
def made(registry):
    def make(**changes):
        suite = Suite.from_mapping(SUITE | changes, "manifest.toml")
        return manifest(Plan(suite, registry, expand(suite, registry), Path("checkpoints")), lambda key: None)

    return make


def test_every_combination_is_a_row_and_is_complete_in_json(made):
    rows = made()
    assert [row.train_steps for row in rows.rows] == [10, 20, 0]
    assert Manifest.model_validate_json(rows.model_dump_json()) == rows


def test_every_component_is_named_once_with_its_origin(made):
    rows = made()
    named = {digest for row in rows.rows for digest in row.components.values()}
    assert named == set(rows.components) == {component.digest for component in rows.components.values()}


def test_an_oracle_has_no_network_to_train(made):
    trained, _, oracle = made(bounds=["budget"]).rows
    assert (len(trained.networks), len(trained.errors), len(trained.tables)) == (2, 2, 2)
    assert made().rows[0].errors == []
    assert (oracle.networks, oracle.errors, oracle.tables, oracle.compute) == ([], [], [], None)
    rows = made()
    assert rows.components[rows.rows[2].components["weighting"]].name == "none"


def test_a_manifest_of_a_version_in_which_all_seeds_had_one_target_is_read(made):
    new = made(metrics=["classifier-frechet", "kl"])
    old = new.model_dump(mode="json")
    del old["splits"]
    for row in old["rows"]:
        (row["information"],), tables = set(row["information"]), set(row.pop("tables"))
        row["table"] = tables.pop() if tables else None
    old["fits"] = {target: {m: key for m, (key,) in found.items()} for target, found in old["fits"].items()}
    assert old["fits"]
    assert Manifest.model_validate(old) == new


def test_a_grid_that_is_not_laid_out_has_no_samples_yet(made):
    """What is to be computed stands before what its keys are made of is known; the grids' own keys are known."""
    assert {(len(row.grids), len(row.samples)) for row in made().rows} == {(2, 0)}


def test_it_tells_what_the_suite_fixes(made):
    setup = made().setup
    assert (setup.sigma_min, setup.sigma_max, setup.samples) == (0.1, 8.0, 60)
    assert setup.training.method == "adam"
    # In the order in which documents have them.
    assert list(setup.training.params.items()) == [("learning_rate", 1e-3), ("batch_size", 32), ("ema_decay", 0.999)]
    assert setup.units == {"sliced-wasserstein": "data units", "mmd": "1", "kl": "nats"}


def test_gradient_descent_finds_its_step_size(made):
    training = {"method": "gradient-descent", "steps": [10], "points": 8, "levels": 4}
    setup = made(training=training).setup
    assert setup.training.method == "gradient-descent"
    assert list(setup.training.params.items()) == [("learning_rate", "auto"), ("points", 8), ("levels", 4)]


def test_the_pair_of_method_and_settings_of_earlier_versions_is_read(made):
    rows = made()
    old = rows.model_dump(mode="json")
    old["setup"]["training"] = [old["setup"]["training"]["method"], old["setup"]["training"]["params"]]
    assert Manifest.model_validate(old) == rows


def test_where_nothing_is_trained_there_is_no_training(made):
    assert made(networks=["exact"], weightings=[]).setup.training is None


def test_a_manifest_from_before_there_was_a_setup_is_read(made):
    old = made().model_dump(exclude={"setup"})
    assert Manifest.model_validate(old).setup is None
