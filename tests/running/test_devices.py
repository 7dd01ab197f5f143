import json

import pytest
import torch
from click.testing import CliRunner
from harness_karras.networks import Mlp
from harness_karras.weightings import EdmWeighting
from harness_synthetic.targets import Ring
from suite_files import write_suite

from harness.cli import group
from harness.engine.adam import train
from harness.engine.courses import Learner, LevelTable
from harness.engine.levels import table_levels
from harness.engine.trials import TrainingTrial
from harness.errors import HarnessError
from harness.planning.estimate import estimate
from harness.planning.keys import Keys
from harness.planning.plan import Plan
from harness.registry.discovery import load
from harness.running.devices import resolved
from harness.suites.combinations import expand
from harness.suites.model import Suite
from harness.trainers import Adam

GPU = torch.cuda.is_available()
needs_gpu = pytest.mark.skipif(not GPU, reason="no GPU here")

SUITE = {
    "name": "placed",
    "targets": ["ring"],
    "weightings": ["edm"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["polynomial"],
    "networks": ["mlp:width=16,depth=2", "exact"],
    "samplers": ["heun"],
    "metrics": ["sliced-wasserstein"],
    "rank_by": "sliced-wasserstein",
    "steps": [4],
    "seeds": 1,
    "training": {"steps": [20], "batch_size": 32},
    "sampling": {"samples": 64},
}


def test_auto_is_a_gpu_where_there_is_one():
    assert resolved("auto") == ("cuda" if GPU else "cpu")
    assert resolved("cpu") == "cpu"


@pytest.mark.skipif(GPU, reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told_in_one_line():
    with pytest.raises(HarnessError, match=r"^--device cuda: torch .* sees no GPU; write --device cpu$"):
        resolved("cuda")


@pytest.mark.skipif(GPU, reason="there is a GPU")
@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_gpu_that_is_not_there_leaves_nothing_behind(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(group, [command, "quick", "--device", "cuda"])
    assert isinstance(done.exception, HarnessError)
    assert list(tmp_path.iterdir()) == []


def test_a_plan_is_that_of_a_run_on_the_same_device_and_in_the_same_precision(tmp_path, monkeypatch):
    def kept(plan, workers):
        planned.append(plan)
        return estimate(plan, workers)

    planned = []
    monkeypatch.setattr("harness.planning.estimate.estimate", kept)
    for words in ([], ["--device", "auto", "--precision", "float64"]):
        done = CliRunner().invoke(group, ["plan", suite_file(tmp_path), "--guess", *words])
        assert done.exit_code == 0, done.output
    assert planned[0].suite.place() == {"device": "cpu", "precision": "float32"}
    # The first may be there twice: what is imported on the way takes the estimate that is watched.
    planned = [planned[0], planned[-1]]
    assert planned[1].suite.place() == {"device": "cuda" if GPU else "cpu", "precision": "float64"}
    first, second = (plan.trials() for plan in planned)
    trained = [{key for key, trial in trials.items() if isinstance(trial, TrainingTrial)} for trials in (first, second)]
    assert trained[0]
    assert not trained[0] & trained[1]


DESCENT = {"method": "gradient-descent", "steps": [20], "points": 4, "levels": 3}


def keys(device, precision, training):
    changes = {"time_discretizations": ["polynomial", "fisher"], "training": training}
    registry, suite = load(), Suite.from_mapping(SUITE | changes, "placed").on(device, precision)
    found, every = Keys(suite, registry), expand(suite, registry)
    follows, trained = sorted((c for c in every if c.weighting is not None), key=lambda c: not c.grid_follows_network)
    oracle = next(c for c in every if c.weighting is None and c.grid_follows_network)
    network = found.network(trained, 0)
    return {
        "target": found.information(trained.target),
        "table": found.table(trained, 0),
        "grid": found.grid(trained, 0),
        "grid of a network": found.grid(follows, 0),
        "grid of an oracle": found.grid(oracle, 0),
        "network": network,
        "score error": found.score_error(network),
        "sample": found.sample(trained, [1.0, 0.5], 0),
        "oracle": found.network(oracle, 0),
        "oracle sample": found.sample(oracle, [1.0, 0.5], 0),
    }


@pytest.mark.parametrize("training", [SUITE["training"], DESCENT], ids=["adam", "gradient-descent"])
@pytest.mark.parametrize(("device", "precision"), [("cuda", None), ("cpu", "float64")])
def test_what_networks_compute_depends_on_device_and_precision_and_nothing_else_does(device, precision, training):
    before, after = keys("cpu", None, training), keys(device, precision, training)
    computed = {"network", "score error", "grid of a network", "sample"}
    # Gradient descent trains in float64 anyway: the network is the same, and evaluated in another precision.
    same = {"network"} if training is DESCENT and precision else set()
    assert {kind for kind in before if before[kind] != after[kind]} == computed - same


def test_float32_named_is_adams_by_default_and_another_precision_of_descent():
    assert keys("cpu", None, SUITE["training"]) == keys("cpu", "float32", SUITE["training"])
    before, after = keys("cpu", None, DESCENT), keys("cpu", "float32", DESCENT)
    assert {kind for kind in before if before[kind] != after[kind]} >= {"network", "score error", "sample"}


@pytest.mark.parametrize(
    ("training", "precision", "told"),
    [
        (SUITE["training"], None, ("float32", "float32")),
        (DESCENT, None, ("float64", "float32")),
        (DESCENT, "float64", ("float64", "float64")),
        (DESCENT, "float32", ("float32", "float32")),
    ],
)
def test_provenance_says_in_which_precision_networks_train_and_in_which_they_are_evaluated(
    training, precision, told, tmp_path
):
    registry = load()
    suite = Suite.from_mapping(SUITE | {"training": training}, "placed").on("cpu", precision)
    environment = Plan(suite, registry, expand(suite, registry), tmp_path).contents(lambda key: None, "").environment
    assert (environment["training_precision"], environment["precision"]) == told


def trained(**place):
    law, network, levels = Ring().distribution(), Mlp(width=16, depth=2), table_levels(0.05, 20.0)
    weighting, scale = EdmWeighting(), law.sigma_data
    table = LevelTable(weighting.density(levels, scale), weighting.omega(levels, scale))
    trainer = Adam(batch_size=32, **place)
    return next(train(network, law, [Learner(weighting, table, seed) for seed in (0, 1)], trainer, [40]))


@pytest.mark.parametrize(
    "place",
    [
        {"precision": "float64"},
        pytest.param({"device": "cuda"}, marks=needs_gpu),
        pytest.param({"device": "cuda", "precision": "float64"}, marks=needs_gpu),
    ],
    ids=str,
)
def test_the_same_curve_within_rounding_wherever_it_is_trained(place):
    for here, there in zip(trained(), trained(**place), strict=True):
        assert there.loss == pytest.approx(here.loss, rel=1e-4)
        for name, value in here.state.items():
            other = there.state[name]
            assert other.device.type == "cpu"
            assert other.dtype == (torch.float64 if place.get("precision") else torch.float32)
            assert (other - value).norm() < 1e-3 * value.norm().clamp_min(1e-3)
    assert not torch.equal(trained()[0].state["function.last.weight"].double(), other.double())


def suite_file(folder):
    return str(write_suite(folder / "placed.toml", SUITE))


@pytest.mark.parametrize(
    "place",
    [
        {"precision": "float64", "device": "cpu"},
        pytest.param({"device": "cuda", "precision": "float32"}, marks=needs_gpu),
    ],
    ids=str,
)
def test_a_board_says_where_and_in_which_precision(tmp_path, place):
    def run(*options):
        done = CliRunner().invoke(group, ["run", suite, "--out", out, "--workers", "1", *options])
        assert done.exit_code == 0, done.output
        board = json.loads(CliRunner().invoke(group, ["rank", out, "--format", "json"]).output)
        values = {row["network"]["name"]: row["metrics"]["sliced-wasserstein"]["value"] for row in board["rows"]}
        return {name: board["environment"][name] for name in ("device", "precision")}, values

    suite, out = suite_file(tmp_path), str(tmp_path / "out")
    told, before = run()
    assert told == {"device": "cpu", "precision": "float32"}
    told, after = run("--device", place["device"], "--precision", place["precision"])
    assert told == place
    # An oracle is computed on the CPU in float64 wherever networks are.
    assert before["exact"] == after["exact"]
    assert before["mlp"] != after["mlp"]
    assert before["mlp"] == pytest.approx(after["mlp"], rel=1e-3)
