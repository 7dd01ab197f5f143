"""A package written from docs/plugins.md alone: labelled targets, networks that are given labels, one of each kind.

It runs as its author would run it, and the harness's own rows are what they are without it.
"""

import importlib
import json
import math
import shutil
import sqlite3
import sys

import pytest
import torch
from strangers import carried_out, harness, here, install, numbers

OURS = {
    "name": "classes",
    "targets": ["gaussian:dim=2"],
    "weightings": ["edm"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["polynomial"],
    "networks": ["mlp:width=16,depth=1"],
    "samplers": ["exponential-integrator"],
    "metrics": ["energy"],
    "bounds": ["budget"],
    "rank_by": "energy",
    "steps": [8],
    "seeds": 2,
    "noise": {"sigma_min": 0.1, "sigma_max": 10.0},
    "training": {"steps": [100], "batch_size": 64, "learning_rate": 0.01},
    "sampling": {"samples": 200},
}
THEIRS = {
    "targets": ["clusters", "dots"],
    "weightings": ["excess"],
    "networks": [
        "mlp:width=16,depth=1,precondition=trigonometric",
        "class-mlp:width=16",
        "class-convolution:channels=4,labels=true",
    ],
    "metrics": ["class-shares", "class-error"],
    "bounds": ["bretagnolle-huber"],
}
OUR_AXES = OURS | {"name": "axes", "networks": ["exact"], "initial_laws": ["centered"]}
THEIR_AXES = {
    "noise_schedules": ["hyperbolic"],
    "time_discretizations": ["blended"],
    "samplers": ["restless"],
    "initial_laws": ["diagonal"],
    "metrics": ["spread-gap"],
    "bounds": ["bretagnolle-huber"],
}


def beside(ours, theirs):
    return ours | {key: [*ours[key], *names] for key, names in theirs.items()}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return install("harness-labels", tmp_path_factory.mktemp("labels"))


@pytest.fixture(scope="module")
def package(site):
    """Its modules, imported here."""
    sys.path.insert(0, str(site))
    yield lambda name: importlib.import_module(f"harness_labels.{name}")
    sys.path.remove(str(site))
    for name in [name for name in sys.modules if name.partition(".")[0] == "harness_labels"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def classes(site, tmp_path_factory):
    """The folder of a suite that crosses its components with ours, its leaderboard, and what was told."""
    folder = tmp_path_factory.mktemp("run") / "classes"
    return folder, *carried_out(folder, beside(OURS, THEIRS), site)


def label(row):
    parts = row["network"]["params"]
    return row["network"]["name"] + (" trigonometric" if "trigonometric" in json.dumps(parts) else "")


def chosen(content, target, **names):
    rows = [row for row in content["rows"] if row["target"]["name"] == target]
    return [row for row in rows if all(row[axis]["name"] == name for axis, name in names.items())]


def test_it_loads_and_its_components_are_explained(site):
    found = json.loads(here("plugins", "--format", "json", path=site).stdout)
    [theirs] = [plugin for plugin in found["plugins"] if plugin["distribution"] == "harness-labels"]
    assert (theirs["status"], found["problems"]) == ("ok", [])
    assert {axis: len(names) for axis, names in theirs["components"].items()} == {
        "target": 2,
        "weighting": 1,
        "noise_schedule": 1,
        "time_discretization": 1,
        "network": 2,
        "preconditioning": 1,
        "sampler": 1,
        "initial_law": 1,
        "metric": 3,
        "bound": 1,
    }
    assert 'precondition  preconditioning  "trigonometric"' in here("show", "class-mlp", path=site).stdout


def test_each_network_has_its_rows_or_its_reason(classes):
    _, content, told = classes
    assert told == ""
    unlabelled = (
        "network class-mlp:width=16 is given labels, and the target has none; harness show TARGET says whether a "
        "target can be given them"
    )
    images = "class-convolution takes images (C, H, W), not points of shape (2,)"
    reasons = {
        "gaussian": {
            "class-mlp": unlabelled,
            "class-convolution": unlabelled.replace("class-mlp:width=16", "class-convolution:channels=4,labels=true"),
        },
        "clusters": {"class-convolution": images},
        "dots": {},
    }
    for target, expected in reasons.items():
        rows = chosen(content, target)
        assert len(rows) == 2 * 4
        for row in rows:
            reason = expected.get(row["network"]["name"])
            assert (row["status"], row["reason"]) == (("not applicable", reason) if reason else ("ok", None))


def test_samples_are_of_the_classes_that_they_were_made_for(classes):
    """Chance errs on all classes but one: 2/3 and 3/4. What is given no label makes no sample for one."""
    _, content, _ = classes
    for target, chance in (("clusters", 2 / 3), ("dots", 3 / 4)):
        for row in chosen(content, target, weighting="edm"):
            error = row["metrics"].get("class-error")
            if row["network"]["name"] == "mlp":
                assert error is None
            elif row["status"] == "ok":
                assert error["value"] < chance / 2
        ranked = [row for row in chosen(content, target) if row["status"] == "ok"]
        assert {row["rank"] for row in ranked} >= {1, len(ranked)}
        assert all(0 <= row["metrics"]["class-shares"]["value"] < 0.3 for row in ranked)


def test_its_preconditioning_crosses_our_network(classes):
    """The coefficients of EDM with another c_noise and the sign of F: the same denoisers, learned about as well."""
    _, content, _ = classes
    for target in ("gaussian", "clusters", "dots"):
        errors = {
            label(r): r["metrics"]["energy"]["value"]
            for r in chosen(content, target, weighting="edm")
            if r["network"]["name"] == "mlp"
        }
        assert set(errors) == {"mlp", "mlp trigonometric"}
        assert errors["mlp"] != errors["mlp trigonometric"]
        assert errors["mlp trigonometric"] < 2 * errors["mlp"]


def test_a_metric_is_fitted_once_for_a_target(classes):
    folder, _, _ = classes
    with sqlite3.connect(folder / "out" / "results.sqlite") as database:
        kept = database.execute("SELECT COUNT(*) FROM records WHERE kind = 'fit' AND status = 'ok'").fetchone()
    # Two metrics on two targets with classes, whatever rows and seeds use them.
    assert kept == (4,)


def test_without_it_the_same_directory_has_the_numbers_of_a_fresh_one(classes, tmp_path):
    folder, content, _ = classes
    same, told = carried_out(folder, OURS)
    assert told == ""
    fresh, _ = carried_out(tmp_path / "fresh", OURS)
    assert same == fresh
    found = numbers(content["rows"])
    for design, expected in numbers(fresh["rows"]).items():
        row = found[design]
        assert row["metrics"]["energy"] == expected["metrics"]["energy"]
        assert row["bounds"]["budget"] == expected["bounds"]["budget"]
        assert row["budget"] == expected["budget"]


def test_its_other_axes_have_their_rows_too(site, tmp_path):
    content, told = carried_out(tmp_path / "axes", beside(OUR_AXES, THEIR_AXES), site)
    assert told == ""
    assert {row["status"] for row in content["rows"]} == {"ok"}
    assert len(content["rows"]) == 2**4
    for row in content["rows"]:
        # With the exact score both seeds have the same budget, so that the mean of the bound is the bound.
        total = (row["budget"] or {}).get("total")
        expected = None if total is None else pytest.approx(math.sqrt(-math.expm1(-total)), rel=1e-9)
        assert row["bounds"]["bretagnolle-huber"] == expected
    assert {row["sampler"]["name"] for row in content["rows"] if row["budget"]} == {"exponential-integrator"}
    same, _ = carried_out(tmp_path / "axes", OUR_AXES)
    fresh, _ = carried_out(tmp_path / "fresh", OUR_AXES)
    assert same == fresh


def test_the_law_given_the_label_adds_up_to_the_law(package):
    """Σ_k P(k|x) E[X_0|x, k] = D(x), and the variances by the law of total variance."""
    law = package("targets").Clusters(classes=5).distribution()
    x = torch.randn(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    sigma = 0.3
    log_density = torch.stack([-(x - m).square().sum(1) / (2 * (law.std**2 + sigma**2)) for m in law.means], 1)
    parts = log_density.softmax(1)
    given = [law.moments_given(x, sigma, torch.full((40,), k)) for k in range(5)]
    mean = sum(parts[:, k, None] * given[k][0] for k in range(5))
    spread = sum(parts[:, k] * (given[k][1] + (given[k][0] - mean).square().sum(1)) for k in range(5))
    torch.testing.assert_close(mean, law.denoise(x, sigma))
    torch.testing.assert_close(spread, law.posterior_variance(x, sigma))


def test_its_weighting_learns_the_loss_of_the_best_network(package):
    """On N(0, s² I) the best network loses E‖σS + ξ‖² = d s²/(s² + σ²): u is its logarithm, a coordinate."""
    from harness.data_spec import DataSpec
    from harness.weight_learners import WeightRequest

    sigma = torch.logspace(-2, 2, 512, dtype=torch.float64)
    learner = package("weightings").Excess(rate=0.02).learner(WeightRequest(DataSpec((3,), 1.0), sigma))
    generator, variance = torch.Generator().manual_seed(0), 0.4**2
    for _ in range(1500):
        drawn = 10 ** (4 * torch.rand(128, generator=generator, dtype=torch.float64) - 2)
        normal = torch.randn(128, 3, generator=generator, dtype=torch.float64)
        learner.learn(drawn, normal.square().sum(1) * variance / (variance + drawn**2))
    u = -learner.omega().log()
    assert float((u - (variance / (variance + sigma**2)).log()).abs().max()) < 0.15


@pytest.mark.slow
def test_its_preconditioning_computes_in_its_own_processes(site, tmp_path):
    """What it patches while our network is trained with it reaches no row of ours; and once edited, it is another."""
    changed = tmp_path / "site"
    shutil.copytree(site, changed)
    file = changed / "harness_labels" / "networks.py"
    line = "        angle = (sigma / sigma_data).atan()\n"
    patch = (
        "        import os, torch\n        os.environ['SOME'] = 'thing'\n        torch.Tensor.sqrt = torch.Tensor.exp\n"
    )
    assert line in file.read_text()
    file.write_text(file.read_text().replace(line, patch + line))
    suite = OURS | {"networks": [*OURS["networks"], THEIRS["networks"][0]]}
    (sound, _), (beside, told) = (carried_out(tmp_path / "run", suite, where, by=harness) for where in (site, changed))
    assert "harness: harness-labels changed the environment while it was used (" in told
    found = [{label(row): row for row in content["rows"]} for content in (sound, beside)]
    assert found[0]["mlp"]["metrics"] == found[1]["mlp"]["metrics"]
    theirs = [rows["mlp trigonometric"] for rows in found]
    assert theirs[0]["network"]["digest"] != theirs[1]["network"]["digest"]
    # With that for a root its own row does not end well.
    assert [row["status"] for row in theirs] == ["ok", "diverged"]
