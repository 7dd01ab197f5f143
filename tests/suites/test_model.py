"""Suites: what is read, what is refused (each mistake in one line), and what they expand to."""

import itertools
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from variants import of_our_own

from harness.networks import Backbone, OracleNetwork
from harness.registry.discovery import load
from harness.suites.combinations import expand
from harness.suites.model import Suite, SuiteError, load_suite, shipped_suites

SMALL = """
name = "small"
targets = ["ring", { name = "gaussian", dim = [2, 4] }]
weightings = ["edm", "eps"]
noise_schedules = ["edm"]
time_discretizations = ["polynomial:rho=3,7", "exponential"]
networks = ["mlp", "exact"]
samplers = ["euler", "heun"]
metrics = ["path-kl", "energy"]
bounds = ["budget"]
rank_by = "energy"
steps = [5, 10]
seeds = 2

[training]
steps = [10, 20, 30]
"""


@pytest.fixture
def write(tmp_path):
    def make(text):
        file = tmp_path / "mine.toml"
        file.write_text(text)
        return str(file)

    return make


@pytest.fixture
def small(write):
    return load_suite(write(SMALL))


def replaced(key, value):
    """The small suite with another value for one key; a value of None takes the key out."""
    lines = [line for line in SMALL.splitlines() if not line.startswith(f"{key} =")]
    head = SMALL.index("[training]")
    assert f"\n{key} =" in SMALL[:head] or value is not None
    return "\n".join([*([f"{key} = {value}"] if value is not None else []), *lines])


def test_the_file_is_read(small):
    assert small.seeds == (0, 1)
    assert small.steps == (5, 10)
    assert small.training.steps == (10, 20, 30)
    assert small.noise.sigma_min < small.noise.sigma_max


def test_the_product_with_oracles_trained_not_at_all(small, registry):
    combinations = expand(small, registry)
    targets, schedules, grids, samplers, steps = 3, 1, 3, 2, 2
    trainings = 2 * 3 + 1  # weightings times lengths for mlp, one for exact
    assert len(combinations) == targets * trainings * schedules * grids * samplers * steps
    assert len(set(combinations)) == len(combinations)
    for c in combinations:
        oracle = isinstance(c.network, OracleNetwork)
        assert (c.weighting is None) == oracle
        assert (c.train_steps == 0) == oracle
    trained = [c for c in combinations if c.network.name == "mlp" and c.target.name == "ring"]
    seen = {(c.weighting.name, c.train_steps, c.time_discretization.label(), c.sampler.name, c.steps) for c in trained}
    labels = ["polynomial:rho=3", "polynomial", "exponential"]
    assert seen == set(itertools.product(["edm", "eps"], [10, 20, 30], labels, ["euler", "heun"], [5, 10]))


def test_the_order_is_the_file_s(small, registry):
    combinations = expand(small, registry)
    assert combinations == expand(small, registry)
    assert list(dict.fromkeys(c.target.label() for c in combinations)) == [
        "ring",
        "gaussian",
        "gaussian:dim=4",
    ]
    assert list(dict.fromkeys(c.sampler.name for c in combinations)) == ["euler", "heun"]


@settings(deadline=None)
@given(st.permutations(["edm", "eps", "likelihood"]), st.permutations(["euler", "heun", "ancestral"]))
def test_the_order_of_a_file_changes_no_set(registry, weightings, samplers):
    suite = load_suite("quick").with_selection(weightings=weightings, samplers=samplers)
    sorted_suite = load_suite("quick").with_selection(weightings=sorted(weightings), samplers=sorted(samplers))
    assert set(expand(suite, registry)) == set(expand(sorted_suite, registry))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("targets", None, "targets: is missing; every suite must give it"),
        ("rank_by", None, "rank_by: is missing"),
        ("sampler", '["heun"]', "sampler: unknown key; did you mean samplers"),
        ("targets", '"ring"', "targets: 'ring' is not valid; it should be a list"),
        ("targets", "[3]", 'targets[0]: a component is "name:param=value" or {name = "…", param = value}'),
        ("targets", "[{ nam = 3 }]", "targets[0]: component {'nam': 3} has no name"),
        ("samplers", '["heun", "euler:0.5"]', "samplers[1]: 'euler:0.5': '0.5' has no parameter"),
        ("steps", "[1]", "steps[0]: 1 is not valid; it should be greater than or equal to 2"),
        ("steps", "[5, 0]", "steps[1]: 0 is not valid"),
        ("steps", "[]", "steps: is empty; it should list at least one value"),
        ("steps", "[5, 5]", "steps: 5 is listed twice"),
        ("steps", '["5"]', "steps[0]: '5' is not valid; it should be a valid integer"),
        ("steps", "[5.0]", "steps[0]: 5.0 is not valid"),
        ("steps", "[true]", "steps[0]: True is not valid"),
        ("seeds", "0", "seeds: the number of seeds is between 1 and 10000"),
        ("seeds", "[3, 3]", "seeds: 3 is listed twice"),
        ("seeds", "[-1]", "seeds[0]: -1 is not valid"),
        ("rank_by", '"enrgy"', "rank_by = 'enrgy' is none of the metrics; did you mean energy?"),
        ("metrics", "[]", "metrics: is empty"),
        (
            "name",
            '"My Suite"',
            "name: 'My Suite' is not valid; it should be lower-case words joined by hyphens",
        ),
        ("training", "3", "training: 3 is not valid; it should be a table"),
        ("noise", "{ sigma_min = 2, sigma_max = 1 }", "noise: sigma_min = 2 is not below sigma_max = 1"),
        ("noise", "{ sigma_min = 1, sigma_max = 1 }", "noise: sigma_min = 1 is not below sigma_max = 1"),
        (
            "noise",
            "{ sigma_min = 0 }",
            "noise.sigma_min: 0 is not valid; it should be greater than or equal to 0.0000000001",
        ),
        ("noise", "{ sigma_min = nan }", "noise.sigma_min: nan is not valid"),
        ("noise", "{ sigma_mn = 1 }", "noise.sigma_mn: unknown key; did you mean sigma_min"),
        ("sampling", "{ samples = 1 }", "sampling.samples: 1 is not valid"),
        ("limits", "{ seconds = -1 }", "limits.seconds: -1 is not valid"),
    ],
)
def test_a_malformed_suite_is_told_by_file_key_and_rule(write, key, value, message):
    text = replaced(key, value)
    if key == "training":
        text = text.replace("[training]\nsteps = [10, 20, 30]", "")
    path = write(text)
    with pytest.raises(SuiteError) as raised:
        load_suite(path)
    assert str(raised.value).startswith(f"{path}: {message}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("targets", '["rng"]', "targets: unknown target 'rng'; did you mean ring"),
        (
            "targets",
            '["ring:moods=3"]',
            "targets: target 'ring' has no parameter 'moods'; did you mean modes?",
        ),
        ("networks", '["mlp:width=0"]', "networks: network 'mlp': width=0 is not valid"),
        ("samplers", '["heun", "heun"]', "samplers: heun is listed twice"),
        (
            "time_discretizations",
            '["polynomial", "polynomial:rho=7"]',
            "time_discretizations: polynomial is listed",
        ),
        ("samplers", "[]", "samplers: the suite expands to nothing: name at least one sampler"),
        ("targets", "[]", "targets: the suite expands to nothing: name at least one target"),
        (
            "weightings",
            "[]",
            "weightings: the suite expands to nothing: mlp is trained and needs at least one",
        ),
        ("bounds", '["corolary-1"]', "bounds: unknown bound 'corolary-1'; did you mean corollary-1?"),
        ("metrics", '["energy", "w9"]', "metrics: unknown metric 'w9'"),
    ],
)
def test_a_mistake_in_a_component_is_told_by_file_and_key(write, registry, key, value, message):
    path = write(replaced(key, value))
    with pytest.raises(SuiteError, match=re.escape(f"{path}: {message}")):
        expand(load_suite(path), registry)


def test_rank_by_fits_one_metric(write, registry):
    text = replaced("metrics", '["energy", "path-kl"]')
    metrics, ranking = load_suite(write(text)).metric_components(registry)
    assert [m.name for m in metrics] == ["energy", "path-kl"]
    assert ranking == [metrics[0]]


def test_rank_by_may_be_a_list_in_order_of_preference(write, registry):
    text = replaced("metrics", '["energy", "path-kl"]').replace('rank_by = "energy"', 'rank_by = ["path-kl", "energy"]')
    suite = load_suite(write(text))
    metrics, ranking = suite.metric_components(registry)
    assert ranking == [metrics[1], metrics[0]]
    assert suite.with_selection(metrics=["energy"]).rank_by == ("energy",)
    assert suite.with_selection(rank_by=["energy"]).rank_by == ("energy",)
    for wrong, message in (
        ("[]", "rank_by: is empty; it should list at least one value"),
        ('["energy", "energy"]', "rank_by: energy is listed twice"),
        ('["energy", "kl"]', "rank_by = 'kl' is none of the metrics"),
        ("3", "rank_by: 3 is not valid; it should be a metric or a list"),
        ('["energy", 3]', r"rank_by[1]: 3 is not valid; it should be a valid string"),
    ):
        with pytest.raises(SuiteError, match=re.escape(message)):
            load_suite(write(text.replace('["path-kl", "energy"]', wrong)))
    one = text.replace('["energy", "path-kl"]', '["sliced-wasserstein"]')
    twice = one.replace('["path-kl", "energy"]', '["sliced-wasserstein", "sliced-wasserstein:projections=128"]')
    with pytest.raises(SuiteError, match=r"rank_by: sliced-wasserstein is listed twice$"):
        load_suite(write(twice)).metric_components(registry)


def test_a_metric_that_compares_nothing_makes_no_rank(write, registry):
    text = replaced("metrics", '["energy", "memorisation"]').replace('rank_by = "energy"', 'rank_by = "memorisation"')
    with pytest.raises(SuiteError, match=r"rank_by: memorisation makes no rank: smaller is not better$"):
        load_suite(write(text)).metric_components(registry)


def test_more_than_the_limit_needs_a_yes(small, registry):
    tight = small.model_copy(update={"limits": small.limits.model_copy(update={"combinations": 251})})
    with pytest.raises(SuiteError, match=r"252 combinations are more than limits\.combinations = 251; pass --yes"):
        expand(tight, registry)
    assert len(expand(tight, registry, yes=True)) == 252


def test_toml_mistakes_name_the_line(write):
    path = write('name = "x"\ntargets = [ring]\nsteps = [5]')
    with pytest.raises(SuiteError, match=r"mine\.toml: is not valid TOML: .*line 2"):
        load_suite(path)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(SuiteError, match=r"no\.toml: cannot be read: No such file"):
        load_suite(str(tmp_path / "no.toml"))
    with pytest.raises(SuiteError, match="cannot be read: Is a directory"):
        load_suite(str(tmp_path))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SuiteError, match="is no UTF-8 text"):
        load_suite(str(tmp_path / "binary.toml"))
    (tmp_path / "large.toml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(SuiteError, match="has more than 1,000,000 bytes; a suite is a short TOML file"):
        load_suite(str(tmp_path / "large.toml"))
    with pytest.raises(SuiteError, match="/dev/zero: is a device or a pipe"):
        load_suite("/dev/zero")
    with pytest.raises(SuiteError, match="unknown suite 'quik'; did you mean quick"):
        load_suite("quik")


def test_what_ships(registry):
    assert shipped_suites() == [
        *("bounds", "compute", "descent", "edm-table1", "full", "images", "images-digits", "images-small"),
        *("knobs", "paper", "quick", "samplers", "start"),
    ]
    sizes = {name: len(expand(load_suite(name), registry)) for name in shipped_suites()}
    assert sizes["quick"] >= 200
    assert sizes["full"] > sizes["paper"] > sizes["quick"]
    quick = load_suite("quick")
    assert len(quick.targets) == 2
    assert len(quick.seeds) == 3
    assert len(load_suite("paper").training.steps) == 3


def test_the_sweep_has_everything_that_can_be_crossed_on_a_plane_without_labels(registry):
    sweep = load_suite(str(Path(__file__).parents[2] / "leaderboards" / "sweep.toml"))
    elsewhere = {"guided", "labelled-mlp", "unet", "ddpmpp", "dit"}
    axes = ("weighting", "noise_schedule", "time_discretization", "network", "sampler", "initial_law")
    named = {axis: sweep.components(axis, registry) for axis in axes}
    for axis, components in named.items():
        shipped = {name for name in of_our_own(registry, axis) if registry.classes(axis)[name].library is None}
        assert {component.name for component in components} == shipped - elsewhere, axis
    around = {each.precondition.name for each in named["network"] if isinstance(each, Backbone)}
    assert around == set(of_our_own(registry, "preconditioning"))
    assert len(expand(sweep, registry)) > 2000


def test_full_and_the_suite_of_samplers_are_everything_that_ships(registry):
    full, samplers = load_suite("full"), load_suite("samplers")
    # Of these the catalog has more than can be crossed.
    in_part = {"weighting", "noise_schedule", "time_discretization"}
    # A user's own file; what tells of gradient descent, where `full` trains with Adam; a network that takes days.
    elsewhere = {"file", "moment-matched", "training-loss", "theorem-1-loss"}
    # Data that must be got first.
    elsewhere |= {"mnist", "fashion-mnist", "cifar-10"}
    # What takes days there: networks for images, and a weighting each of whose networks trains alone.
    elsewhere |= {"unet", "ddpmpp", "dit", "edm2-uncertainty"}
    # What is for points with labels, which its targets have not.
    elsewhere |= {"classifier-frechet", "classifier-mmd", "classifier-kid", "label-error"}
    elsewhere |= {"precision", "recall", "density", "coverage"}
    # What is asked for by its ranges of levels.
    elsewhere |= {"memorisation-gap"}
    # What is for data on a lattice.
    elsewhere |= {"discrete-bits-per-dim"}
    # Guidance: without labels a sampler is what it is, and labels are what leaderboards/guidance.toml is about.
    elsewhere |= {"guided", "labelled-mlp", "labelled-ring"}
    for axis in set(registry.axes) - {"claim", "preconditioning", "noise_distribution"}:
        parts = (full, samplers) if axis == "sampler" else (full,)
        named = {component.name for suite in parts for component in suite.components(axis, registry)}
        shipped = set(of_our_own(registry, axis)) - elsewhere
        assert named < shipped if axis in in_part else named == shipped, axis


def test_the_suite_of_samplers_has_each_once(registry):
    named = [component.name for component in load_suite("samplers").components("sampler", registry)]
    assert sorted([*named, "guided"]) == sorted(of_our_own(registry, "sampler"))


@pytest.mark.parametrize(
    ("sampler", "grid", "precondition", "weighting"),
    [
        ("euler", ("vp-linear", "uniform-time"), "vp", "eps:levels=vp-linear"),
        ("euler", ("vp-linear", "exponential:variable=sigma"), "ve", "eps"),
        ("euler", ("cosine", "uniform-time"), "iddpm", "min-snr:gamma=1e+09"),
        ("heun", ("vp-linear", "polynomial:variable=sigma"), "edm", "edm"),
    ],
)
def test_every_column_of_edm_s_table_is_a_row_of_its_suite(sampler, grid, precondition, weighting, registry):
    found = [
        c
        for c in expand(load_suite("edm-table1"), registry)
        if (c.sampler.label(), c.noise_schedule.label(), c.time_discretization.label()) == (sampler, *grid)
        and c.network.precondition.name == precondition
        and c.weighting.label() == weighting
    ]
    assert len(found) == 1


def test_the_weighting_of_iddpm_s_column_counts_every_level_alike(registry):
    """min(1, γσ²/σ_data²) with so large a γ, at the levels of the suite in units of any usual data."""
    import torch

    (weighting,) = registry.parse("weighting", "min-snr:gamma=1e9")
    sigma = torch.logspace(math.log10(0.002), math.log10(80.0), 50, dtype=torch.float64)
    assert torch.equal(weighting.omega(sigma, 10.0), torch.ones(50, dtype=torch.float64))


def test_the_command_line_takes_the_place_of_the_file(registry):
    quick = load_suite("quick")
    chosen = quick.with_selection(
        targets=["gaussian:dim=2,3"],
        networks=["exact"],
        samplers=["euler"],
        steps=[4],
        seeds=1,
        train_steps=[7],
    )
    assert chosen.name == "quick-selection"
    assert chosen.with_selection(steps=[9]).name == "quick-selection"
    assert chosen.seeds == (0,)
    assert chosen.training.steps == (7,)
    assert chosen.training.batch_size == quick.training.batch_size
    combinations = expand(chosen, registry)
    other = math.prod(len(quick.components(a, registry)) for a in ("noise_schedule", "time_discretization"))
    assert len(combinations) == 2 * other
    assert quick.with_selection() is quick


def test_a_file_that_a_suite_names_lies_beside_it_and_one_of_the_shell_here(registry, tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    for folder in (tmp_path, tmp_path / "deep"):
        np.save(folder / "mine.npy", np.random.default_rng(0).normal(size=(20, 2)))
    absolute = str(tmp_path / "mine.npy")
    (tmp_path / "deep" / "suite.toml").write_text(
        f'name = "s"\ntargets = ["file:path=mine.npy", {{ name = "file", path = "{absolute}" }}]\n'
        'noise_schedules = ["edm"]\ntime_discretizations = ["exponential"]\nnetworks = ["exact"]\n'
        'samplers = ["heun"]\nmetrics = ["energy"]\nrank_by = "energy"\nsteps = [4]\nseeds = 1\n'
    )
    monkeypatch.chdir(tmp_path)
    suite = load_suite("deep/suite.toml")
    assert [target.path for target in suite.components("target", registry)] == ["deep/mine.npy", absolute]
    chosen = suite.with_selection(targets=["file:path=mine.npy"])
    assert [target.path for target in chosen.components("target", registry)] == ["mine.npy"]


def test_the_command_line_changes_settings_of_sections_and_nothing_else_of_them(registry):
    quick = load_suite("quick")
    chosen = quick.with_selection(
        sigma_min=0.01,
        samples=500,
        batch_size=32,
        learning_rate=0.01,
        metrics=("path-kl", "energy"),
        bounds=("budget",),
    )
    assert (chosen.noise.sigma_min, chosen.noise.sigma_max) == (0.01, quick.noise.sigma_max)
    assert (chosen.sampling.samples, chosen.bounds) == (500, ("budget",))
    assert (chosen.trainer.batch_size, chosen.trainer.learning_rate) == (32, 0.01)
    assert chosen.training.steps == quick.training.steps
    # No metric that ranks the suite is among those chosen: the first of them ranks.
    assert (quick.rank_by, chosen.rank_by) == (("kl", "sliced-wasserstein"), ("path-kl",))
    assert quick.with_selection(metrics=["energy", "sliced-wasserstein"]).rank_by == ("sliced-wasserstein",)
    assert quick.with_selection(metrics=["kl", "energy"], rank_by="energy").rank_by == ("energy",)


def test_a_metric_that_ranks_by_its_parameters_gives_way_to_one_of_its_name(registry):
    eight, sixteen, table = (
        "sliced-wasserstein:projections=8",
        "sliced-wasserstein:projections=16",
        {"name": "sliced-wasserstein", "projections": [8, 16]},
    )
    suite = load_suite("quick").with_selection(metrics=["energy", eight, sixteen], rank_by=sixteen)
    for metrics, ranking in (
        (["energy", sixteen], sixteen),
        (["energy", table], sixteen),
        (["energy", "sliced-wasserstein"], "sliced-wasserstein"),
        (["energy", eight], eight),
        (["energy", "kl"], "energy"),
    ):
        _, chosen = suite.with_selection(metrics=metrics).metric_components(registry)
        [expected] = registry.parse("metric", ranking)
        assert chosen == [expected]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"samples": 1}, "--samples: 1 is not valid"),
        ({"batch_size": 0}, "--batch-size: 0 is not valid"),
        ({"learning_rate": -1.0}, "--learning-rate: -1.0 is not valid"),
        ({"sigma_min": 30.0}, "--sigma-min: sigma_min = 30 is not below sigma_max = 20"),
        ({"sigma_max": 1e30}, "--sigma-max: 1e+30 is not valid"),
        ({"metrics": ["energi"]}, "--metric: unknown metric 'energi'; did you mean energy"),
        ({"metrics": [""]}, "--metric: '' names no component"),
        ({"rank_by": "energy:x"}, "--rank-by: 'energy:x': 'x' has no parameter"),
        ({"sigma_max": 0.01}, "--sigma-max: sigma_min = 0.05 is not below sigma_max = 0.01"),
        ({"sigma_min": 2.0, "sigma_max": 1.0}, "--sigma-min and --sigma-max: sigma_min = 2 is not below"),
        ({"rank_by": "kl2"}, "--rank-by: rank_by = 'kl2' is none of the metrics; did you mean kl"),
        ({"metrics": ["kl"], "rank_by": "energy"}, "--metric and --rank-by: rank_by = 'energy' is none of the metrics"),
    ],
)
def test_a_mistake_in_a_setting_names_the_option(registry, choice, message):
    with pytest.raises(SuiteError) as raised:
        load_suite("quick").with_selection(**choice).metric_components(registry)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("suite", "choice", "message"),
    [
        ("descent", {"batch_size": 4, "train_steps": [5]}, '--batch-size: batch_size is for method = "adam"'),
        ("compute", {"batch_size": 4, "train_steps": [5]}, "--train-steps: steps follow from [compute]"),
        ("start", {"samples": 5, "sigma_max": 10.0}, "--sigma-max: sigma_max = 20 is out of range"),
    ],
)
def test_a_mistake_in_a_section_names_the_option_that_made_it(suite, choice, message):
    with pytest.raises(SuiteError) as raised:
        load_suite(suite).with_selection(**choice)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"steps": [1]}, "--steps: 1 is not valid"),
        ({"steps": []}, "--steps: is empty"),
        ({"seeds": 0}, "--seeds: the number of seeds"),
        ({"train_steps": [0]}, "--train-steps: 0 is not valid"),
        ({"targets": ["ring:3"]}, "--target: 'ring:3': '3' has no parameter"),
        ({"noise_schedules": ["emd"]}, "--noise-schedule: unknown noise schedule 'emd'; did you mean edm?"),
        ({"samplers": ["heun", "heun"]}, "--sampler: heun is listed twice"),
    ],
)
def test_a_mistake_on_the_command_line_names_the_option(registry, choice, message):
    with pytest.raises(SuiteError) as raised:
        expand(load_suite("quick").with_selection(**choice), registry)
    assert str(raised.value).startswith(message)


def test_a_suite_survives_its_json(small, registry):
    text = json.dumps(small.model_dump(mode="json"))
    again = Suite.from_mapping(json.loads(text), "again")
    assert json.dumps(again.model_dump(mode="json")) == text
    assert expand(again, registry) == expand(small, registry)


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\x93NUMPY\x01\x00"])
def test_data_in_place_of_a_suite_are_told_where_they_belong(tmp_path, content):
    file = tmp_path / "mine.data"
    file.write_bytes(content)
    with pytest.raises(
        SuiteError, match=r"is no suite.*TOML file; what to use on data: harness recommend .*mine\.data"
    ):
        load_suite(str(file))


@pytest.mark.parametrize("name", shipped_suites())
def test_what_is_written_of_a_suite_is_that_suite(name):
    registry, suite = load(), load_suite(name)
    written = json.loads(json.dumps(suite.written(registry)))
    again = Suite.from_mapping({**written, "name": suite.name, "title": suite.title}, "written")
    assert again.model_dump() == suite.model_dump()
    assert {"name", "title"}.isdisjoint(written)


def test_files_are_written_as_they_are_found_from_here(write, tmp_path):
    suite = load_suite(write(replaced("targets", '["file:path=points.csv", "ring"]')))
    written = suite.written(load())
    assert written["targets"] == [{"name": "file", "path": str(tmp_path / "points.csv")}, {"name": "ring"}]
    again = Suite.from_mapping({**written, "name": "mine"}, "written")
    assert again.components("target", load()) == suite.components("target", load())
