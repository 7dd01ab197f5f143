"""The documentation: its examples run, its tables match the code, its links and commands hold."""

import dataclasses
import importlib.util
import json
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import types
import typing
from pathlib import Path

import pytest
import shell
from distributions import write_distribution
from pydantic import BaseModel
from strangers import install

from harness.axes import AXES
from harness.bounds import Design
from harness.components import Component
from harness.errors import HarnessError, NotApplicable
from harness.metrics import Experiment
from harness.registry.discovery import AXES_HOOK, load
from harness.registry.references import Reference
from harness.registry.registry import Registry
from harness.results import leaderboard, making, pictures, setup
from harness.running.in_process import in_process
from harness.samplers import SamplerRun
from harness.suites.model import Suite, load_suite
from harness.suites.sections import TRAININGS
from harness.weightings import AdaptiveWeighting, LearnedWeighting

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), *sorted(ROOT.glob("*.md"))]


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def table_rows(text: str) -> list[list[str]]:
    """The cells of every table row whose first cell is code."""
    rows = [line.strip("| ") for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row.split(" | ")] for row in rows]


# Examples of plugins


@pytest.fixture(scope="module")
def examples():
    """The component classes of each Python block of plugins.md, by name."""
    found, before = {}, set(sys.modules)
    for number, code in enumerate(blocks(read("plugins.md"), "python")):
        file = re.match(r"# (\w+)\.py\n", code)
        module = types.ModuleType(file[1] if file else f"docs_example_{number}")
        sys.modules[module.__name__] = module
        exec(compile(code, f"docs/plugins.md, block {number}", "exec"), module.__dict__)
        mine = [v for v in vars(module).values() if getattr(v, "__module__", "") == module.__name__]
        mine = [v for v in mine if isinstance(v, type) and issubclass(v, Component)]
        found |= {cls.name: cls for cls in mine}
    yield found
    for name in set(sys.modules) - before:
        if name.startswith("docs_example_") or name in ("linear_denoiser", "labelled_pair"):
            del sys.modules[name]


@pytest.fixture(scope="module")
def rows(examples, tmp_path_factory):
    """The leaderboard rows of one small suite of every example, and of what ships to compare them with."""
    from harness.results.read_board import read_document
    from harness.running.runner import Options, run

    shipped = load()
    beside = [("sampler", "exponential-integrator"), ("metric", "path-kl"), ("bound", "budget")]
    beside += [("initial_law", "centered")]
    registry = Registry.from_classes([*examples.values(), *(shipped.find(*each) for each in beside)])
    chosen = {f"{axis}s": list(registry.classes(axis)) for axis in ("target", "weighting", "noise_schedule", "network")}
    content = chosen | {
        "name": "examples",
        "time_discretizations": ["asinh"],
        "samplers": list(registry.classes("sampler")),
        "initial_laws": list(registry.classes("initial_law")),
        "metrics": list(registry.classes("metric")),
        "bounds": list(registry.classes("bound")),
        "rank_by": "mean-distance",
        "vary_at_most": 2,
        "steps": [4],
        "seeds": 2,
        "training": {"steps": [20], "batch_size": 32},
        "sampling": {"samples": 100},
    }
    directory = tmp_path_factory.mktemp("examples")
    run(Suite.from_mapping(content, "examples"), registry, directory, Options(progress=False, executor=in_process))
    document = read_document(directory).model_dump()
    leaderboard.Leaderboard.validate(document)
    return document["rows"]


def test_there_is_an_example_for_each_axis(examples):
    axes = load().axes
    assert {cls.axis for cls in examples.values()} == set(axes)
    text = read("plugins.md")
    assert all(f"`{hook}`" in text for hook in (AXES_HOOK, *(axis.hook for axis in axes.values())))


def test_the_example_package_adds_an_axis_and_a_command(tmp_path):
    text = read("plugins.md")
    project = [tomllib.loads(block)["project"] for block in blocks(text, "toml")][-1]
    for code in blocks(text, "py"):
        path = tmp_path / re.match(r"# (\S+)\n", code)[1]
        path.parent.mkdir(exist_ok=True)
        path.write_text(code.partition("\n")[2])
    write_distribution(tmp_path, project["name"], project["entry-points"], project["version"])

    def harness(*words):
        done = shell.harness(*words, timeout=60, PYTHONPATH=str(tmp_path))
        done.check_returncode()
        return done.stdout

    assert re.search(r"^  remarks +List what papers say in passing\.$", harness("--help"), re.M)
    assert harness("remarks") == "Few things matter as much as the grid.\n"
    assert harness("show", "remark/grids-matter").startswith("remark grids-matter\nOn grids.")
    assert re.search(r"^remarks +harness-remarks +0\.1 +ok +remarks?: grids-matter", harness("plugins"), re.M)


def test_the_first_example_is_short():
    lines = [line for line in blocks(read("plugins.md"), "python")[0].splitlines() if line.strip()]
    assert len(lines) < 25


def test_every_example_is_strictly_typed(tmp_path):
    """By mypy --strict, and a package that was written from them with it; what `make types` knows is not read again."""
    for number, code in enumerate(blocks(read("plugins.md"), "python")):
        file = re.match(r"# (\w+)\.py\n", code)
        (tmp_path / f"{file[1] if file else f'example_{number}'}.py").write_text(code, encoding="utf-8")
    checked = [str(tmp_path), str(ROOT / "tests" / "third_party" / "harness-labels" / "harness_labels")]
    command = [sys.executable, "-m", "mypy", "--strict", *checked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_example_runs(examples, rows):
    assert {row["status"] for row in rows} == {"ok", "not applicable"}
    used = {row[axis]["name"] for row in rows for axis in AXES if axis in row}
    used |= {name for row in rows for field in ("metrics", "bounds") for name in row[field]}
    used |= {row["network"]["params"].get("precondition") for row in rows}
    used |= {row["weighting"]["params"].get("levels") for row in rows}
    assert {name for name, cls in examples.items() if cls.axis != "claim"} <= used
    # Two targets; of three weightings, trained networks and samplers, and of two starts, what differs from the first of
    # each on two of these axes at most; an oracle, which has no weighting, and what differs from it on one.
    assert len(rows) == 2 * ((1 + 7 + 3 * 2 * 2 + 3 * 2) + (1 + 3))
    without = [row for row in rows if row["status"] == "not applicable"]
    assert {(row["target"]["name"], row["network"]["name"]) for row in without} == {("lattice", "class-affine")}
    assert len(without) == 1 + 2 + 2 + 1
    done = [row for row in rows if row["status"] == "ok"]
    assert {row["nfe"] for row in done if row["sampler"]["name"] == "ralston"} == {8}


def test_every_example_is_certified(examples):
    from harness.certification import certify

    registry = Registry.from_classes([*examples.values(), load().find("preconditioning", "edm")])
    made = [certify(cls(), registry=registry) for cls in examples.values()]
    assert "\n".join(line for each in made for line in each.complaints()) == ""


def test_the_example_with_labels_adds_up_to_its_law(examples):
    """The mean of X_0 given the label, averaged over the labels by their weights given x, is the denoiser."""
    import torch

    law = examples["pair"]().distribution()
    x, u = torch.randn(20, 2, generator=torch.Generator().manual_seed(0)).double(), 0.5**2
    right = (2 * x[:, 0] / (0.3**2 + u)).sigmoid()
    given = [law.moments_given(x, 0.5, torch.full((20,), label))[0] for label in (0, 1)]
    torch.testing.assert_close((1 - right)[:, None] * given[0] + right[:, None] * given[1], law.denoise(x, 0.5))


def test_the_example_claim_is_decided(examples, tmp_path):
    """With the exact score E_D falls about as 1/N: ln 4 from 5 to 20 steps, less where steps are that long."""
    from harness_claims.run import chosen, run_claims

    from harness.running.runner import Options

    shipped = load()
    beside = [c for axis in shipped.axes if axis != "claim" for c in shipped.classes(axis).values()]
    claim = next(cls for cls in examples.values() if cls.axis == "claim")
    registry = Registry.from_classes([*beside, claim])
    options = Options(progress=False, executor=in_process)
    (outcome,) = run_claims(chosen(registry), registry, tmp_path, options, quick=True)
    assert outcome.error == ""
    assert outcome.decision.verdict == "supported"
    assert 0.5 < outcome.decision.effect.value < 1.6


def test_the_example_bound_is_above_the_budget(rows):
    for row in filter(lambda row: row["status"] == "ok", rows):
        applies = row["sampler"]["name"] == "exponential-integrator"
        assert (row["bounds"]["rectangle"] is not None) == applies
        if applies:
            assert row["bounds"]["rectangle"] > row["bounds"]["budget"] > 0


def test_the_example_of_a_fitted_metric_is_the_mahalanobis_distance(examples, rows):
    import torch

    metric = examples["whitened-distance"]()
    law, digits = (load().parse("target", form)[0].distribution() for form in ("gaussian:dim=2", "digits"))
    fitted = metric.fit(law, torch.Generator().manual_seed(0))
    x, y = (torch.randn(50, 2, generator=torch.Generator().manual_seed(s)).double() for s in (1, 2))
    gap = x.mean(0) - y.mean(0)
    exact = (gap @ torch.linalg.solve(law.mean_and_covariance()[1], gap)).sqrt().item()
    assert metric.compare(x, y, fitted).value == pytest.approx(exact, rel=0.05)
    with pytest.raises(NotApplicable, match="do not vary in all directions"):
        metric.fit(digits, torch.Generator())
    assert all(row["metrics"]["whitened-distance"]["value"] > 0 for row in rows if row["status"] == "ok")


def test_the_example_oracle_states_its_score_error(examples, rows):
    """E_S = ½ Σ Δ_j size² d/u_j, with d = 2."""
    from harness.time_discretizations import GridRequest

    request = GridRequest(4, 0.05, 20.0, examples["power"]())
    u = examples["asinh"]().levels(request) ** 2
    expected = 0.1**2 * float(((u[:-1] - u[1:]) / u[:-1]).sum())
    chosen = [(row["network"]["name"], row["sampler"]["name"]) for row in rows]
    row = rows[chosen.index(("shifted", "exponential-integrator"))]
    assert row["budget"]["score"] == pytest.approx(expected, rel=1e-9)


def test_the_example_variances_lie_between_two_samplers(examples):
    import numpy as np

    shipped, sigmas = load(), np.geomspace(20.0, 0.05, 9)
    for blend, name in ((0.0, "exponential-integrator"), (1.0, "ancestral")):
        known = shipped.find("sampler", name)().variances(sigmas, None, None)
        np.testing.assert_allclose(examples["interpolated"](blend=blend).variances(sigmas, None, None), known)


def test_the_example_solver_has_order_two(examples):
    """On N(0, 1) the flow from σ to σ' multiplies by √((1 + σ'²)/(1 + σ²))."""
    import numpy as np
    import torch

    from harness.samplers import SamplerRun

    errors = []
    for steps in (64, 128):
        sigmas = np.geomspace(10.0, 0.1, steps + 1).tolist()
        run = SamplerRun(lambda x, sigma: x / (1 + sigma**2), sigmas, noise=lambda: None)
        end = examples["ralston"]().sample(run, torch.ones(1, 1, dtype=torch.float64))
        errors.append(abs(float(end) - (1.01 / 101) ** 0.5))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)


def test_the_example_schedule_and_weighting_are_what_they_say(examples):
    import torch

    sigma = torch.logspace(-2, 2, 9, dtype=torch.float64)
    root = load().find("noise_schedule", "ve-sqrt")()
    torch.testing.assert_close(examples["power"](p=0.5).rate(sigma), root.rate(sigma))
    soft = sigma**2 / (sigma**2 + 0.7**2)
    torch.testing.assert_close(examples["sigmoid"]().omega(sigma, 0.7), soft)


def test_the_example_that_learns_ends_where_every_level_loses_the_same(examples):
    import torch

    from harness.data_spec import DataSpec
    from harness.weight_learners import WeightRequest

    generator, sigma = torch.Generator().manual_seed(0), torch.logspace(-2, 2, 512, dtype=torch.float64)
    learner = examples["levelled"](rate=0.02).learner(WeightRequest(DataSpec((3,), 1.0), sigma))
    for _ in range(1000):
        drawn = 10 ** (4 * torch.rand(256, generator=generator, dtype=torch.float64) - 2)
        normal = torch.randn(256, 3, generator=generator, dtype=torch.float64)
        learner.learn(drawn, normal.square().sum(1) / (1 + drawn**2))
    cells = (learner.omega() / (1 + sigma**2)).log().reshape(16, 32).mean(1)
    assert float(cells.abs().max()) < 0.15


@pytest.mark.parametrize(("heading", "record"), [("Metric", Experiment), ("Bound", Design)])
def test_what_a_metric_and_a_bound_are_given_is_documented(heading, record):
    section = read("plugins.md").partition(f"\n### {heading}\n")[2].partition("\n### ")[0]
    told = [row[0].strip("`") for row in table_rows(section)]
    assert told == [field.name for field in dataclasses.fields(record)]


def test_what_the_docs_say_of_the_contracts_is_so():
    text = read("plugins.md")
    assert f"{AdaptiveWeighting.every} of an `AdaptiveWeighting`" in text
    assert LearnedWeighting.every == 1
    assert SamplerRun.__annotations__["memory"] == "dict[str, Any]"
    assert "a `dict[str, Any]`" in text


def test_the_package_installs_as_written(tmp_path):
    text = read("plugins.md")
    project, _ = blocks(text, "toml")
    (module,) = tomllib.loads(project)["project"]["entry-points"]["harness"].values()
    package = tmp_path / "source" / module
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(blocks(text, "python")[0], encoding="utf-8")
    (package.parent / "pyproject.toml").write_text(project, encoding="utf-8")
    install(package.parent, tmp_path / "site")
    show = [sys.executable, "-m", "harness", "show", "harness-asinh/asinh", "--format", "json"]
    done = subprocess.run(show, env={"PYTHONPATH": str(tmp_path / "site")}, capture_output=True, check=True)
    (page,) = json.loads(done.stdout)["components"]
    assert (page["distribution"], page["axis"]) == ("harness-asinh", "time_discretization")


# The pages on Python


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """A folder of its own, in which relative paths lie."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def executed(page: str) -> dict:
    """The names that the Python of a page makes, block after block."""
    made = {}
    for number, code in enumerate(blocks(read(page), "python")):
        exec(compile(code, f"docs/{page}, block {number}", "exec"), made)
    return made


def test_the_tutorial_runs_as_it_stands(scratch, capsys):
    (text,) = blocks(read("tutorial.md"), "toml")
    (scratch / "moons.toml").write_text(text, encoding="utf-8")
    made = executed("tutorial.md")
    points, samples = made["points"], made["samples"]
    assert len(made["board"].rows) == 12
    assert abs(samples.mean(0) - points.mean(0)).max() < 0.4 * points.std()
    assert samples.std() == pytest.approx(points.std(), rel=0.3)
    assert made["best"].recipe().levels[0] == pytest.approx(20 * points.std(), rel=0.2)
    done = subprocess.run([sys.executable, "-I", "-S", "design.py"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len((scratch / "sigmas.npy").read_bytes()) == 128 + 13 * 8
    shown = capsys.readouterr().out
    assert "12 combinations ranked" in shown
    assert "--P_mean=-1.893" in shown  # -1.2 + ln ½: from deviation 1 to EDM's
    assert "ahead of" in shown


def test_the_script_of_the_page_on_python_runs(scratch):
    made = executed("python.md")
    assert made["samples"].shape == (64, 2)
    assert (scratch / "runs" / "ring" / "results.sqlite").is_file()


@pytest.mark.parametrize("heading", ["Board", "RankedDesign", "Recommended", "BestGrids"])
def test_all_that_the_page_on_python_names_is_there(heading):
    import harness

    section = read("python.md").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [row[0] for row in table_rows(section)] or [section]
    named = {name for cell in cells for name in re.findall(r"`(\w+)(?:\(.*?\))?(?:\.[^`]*)?`", cell)} - {"str"}
    cls = getattr(harness, heading)
    public = {name for name in (*vars(cls), *cls.__dataclass_fields__) if not name.startswith("_")}
    assert named <= public | {"harness"}, named - public
    if heading != "BestGrids":
        assert public - named <= {"suite", "metric", "directory", "board", "shape", "stored"}


def test_the_choices_of_a_run_are_the_options_of_the_shell():
    from harness.api.runs import _selection
    from harness.cli import group

    options = {option.name for option in group.get_command(None, "run").params}
    own = {"suite", "out", "executor", "workers", "yes", "retry_failed", "top", "device", "precision", "debug"}
    own |= {"until_settled", "minutes"}
    for name in options - own:
        assert _selection({name: "x"})
    with pytest.raises(HarnessError, match="no choice 'top'"):
        _selection({"top": 1})


# The tutorial on plugins


class Shell:
    """What a page types, line after line, in a folder; a package that it installs lies in a folder of its own."""

    def __init__(self, folder):
        self.folder, self.site = folder, folder / "site"
        self.said = ""

    def type(self, block):
        for line in block.splitlines():
            if line.startswith("cd "):
                self.folder /= line.removeprefix("cd ")
            elif line == "pip install -e '.[dev]'":
                # Without a network; its metadata from what was built, its modules from where they are edited.
                shutil.copytree(self.folder, self.site.parent / "built")
                install(str(self.site.parent / "built"), self.site)
            elif line.startswith("pip install "):
                assert importlib.util.find_spec(line.removeprefix("pip install ")), line
            else:
                self.said = self.run(line)

    def run(self, line):
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        sources = os.pathsep.join([str(self.folder / "src"), str(self.site)])
        env = {**os.environ, "PATH": path, "PYTHONPATH": sources, "COLUMNS": "200"}
        done = subprocess.run(
            ["bash", "-c", line], cwd=self.folder, env=env, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.mark.slow
def test_the_tutorial_on_plugins_runs_as_it_stands(tmp_path):
    """Every command succeeds; and a mistake that the page names is found as it says."""
    page = read("plugin-tutorial.md")
    begin, certify, rank = blocks(page, "sh")
    module, family = blocks(page, "py")
    shell = Shell(tmp_path)
    shell.type(begin)
    tests, board = blocks(page, "text")
    assert all(line.split("[")[0] in shell.said for line in tests.splitlines())
    code = shell.folder / "src" / "harness_two_stage" / "__init__.py"
    code.write_text(module, encoding="utf-8")
    (shell.folder / "tests" / "test_family.py").write_text(family, encoding="utf-8")
    shell.type(certify)
    assert "The second stage at a part α of the step" in shell.said
    shell.type(rank)
    (rank_again,) = [line for line in rank.splitlines() if line.startswith("harness rank")]
    begins = [[re.split("  +", line)[1:4] for line in text.splitlines()] for text in (board, shell.run(rank_again))]
    assert begins[0] == begins[1][8:15]
    board = leaderboard.Leaderboard.read(shell.folder / "leaderboard" / "leaderboard.json")
    rows = {(row.sampler.name, row.sampler.params.get("alpha"), row.steps): row for row in board.rows}
    assert len(rows) == 2 * 5
    for steps in (8, 12):
        ours, heun = rows["two-stage", 1.0, steps], rows["heun", None, steps]
        assert ours.metrics["kl:points=512"].value == pytest.approx(heun.metrics["kl:points=512"].value, rel=1e-6)
        assert ours.metrics["kl:points=512"].value < rows["euler", None, steps].metrics["kl:points=512"].value
    (wrong,) = re.findall(r"`(level = [^`]+)` in the step", page)
    code.write_text(module.replace("level = run.sigma + self.alpha * h", wrong), encoding="utf-8")
    with pytest.raises(AssertionError, match=r"certificate of sampler two-stage::strong order") as told:
        shell.run("pytest")
    (failed,) = re.findall(r"(\d+) failed, \d+ passed in", str(told.value))
    assert f"{failed} tests fail" in page


# Tables that repeat what the code says


def test_every_key_of_a_suite_is_documented():
    def keys(model, prefix=""):
        for name, field in model.model_fields.items():
            yield prefix + name, field
            (kind, *_) = typing.get_args(field.annotation) or [field.annotation]
            kinds = TRAININGS.values() if name == "training" else [kind]
            for kind in kinds:
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    yield from keys(kind, f"{name}.")

    wanted = {}
    for name, field in keys(Suite):
        if name in wanted:
            continue  # the first method that has a key says what it is where it is not given
        if field.is_required():
            wanted[name] = "required"
        elif isinstance(field.default, BaseModel):
            wanted[name] = "as below"
        else:
            value = list(field.default) if isinstance(field.default, tuple) else field.default
            wanted[name] = f"`{json.dumps(value)}`"
    section = read("suites.md").partition("## Keys")[2].partition("\n## ")[0]
    assert {row[0].strip("`"): row[2] for row in table_rows(section)} == wanted


def limits(schema: dict, name: str) -> list[str]:
    """The numbers that a key's values are limited by, as they are written."""
    section, _, key = name.rpartition(".")
    owners = [each for kind, each in schema["$defs"].items() if kind.endswith(section.capitalize())]
    declared = next(each["properties"][key] for each in (owners if section else [schema]) if key in each["properties"])
    parts = [declared, declared.get("items", {})]
    words = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
    return [f"{part[word]:.0f}" for part in parts for word in words if word in part]


def test_the_range_of_every_key_of_a_suite_is_documented():
    schema = Suite.model_json_schema()
    section = read("suites.md").partition("## Keys")[2].partition("\n## ")[0]
    for name, kind, *_ in table_rows(section):
        assert set(limits(schema, name.strip("`"))) <= set(re.findall(r"\d+", kind)), name


def test_the_suite_in_the_docs_is_one(tmp_path):
    import numpy as np

    from harness.suites.combinations import expand

    (text,) = blocks(read("suites.md"), "toml")
    file = tmp_path / "my-suite.toml"
    file.write_text(text, encoding="utf-8")
    np.save(tmp_path / "points.npy", np.arange(20.0).reshape(10, 2))
    suite = load_suite(str(file))
    # Two targets × three grids × two samplers × two step counts × (three weightings + one oracle).
    assert len(expand(suite, load())) == 2 * 3 * 2 * 2 * 4


MODELS = {
    "Document": leaderboard.Leaderboard,
    "Grid": making.Grid,
    "Networks": making.Networks,
    "Computation": making.Computation,
    "Call": making.Call,
    "Setup": setup.Setup,
    "TrainingSetup": setup.TrainingSetup,
    "TargetSetup": setup.TargetSetup,
    "MetricSetup": setup.MetricSetup,
    "TargetPictures": pictures.TargetPictures,
    "SamplePictures": pictures.SamplePictures,
    "CertificateSummary": leaderboard.CertificateSummary,
    "Row": leaderboard.Row,
    "Component": Reference,
    "Estimate": leaderboard.Estimate,
    "Budget": leaderboard.Terms,
    "Violation": leaderboard.Violation,
    "Calibration": leaderboard.Calibration,
    "Settling": leaderboard.Settling,
    "Ranking": leaderboard.Ranking,
    "Agreement": leaderboard.Agreement,
    "Effect": leaderboard.Effect,
}


@pytest.mark.parametrize("heading", MODELS)
def test_every_field_of_the_json_contract_is_documented(heading):
    text = read("leaderboard.md").partition("\n## JSON")[2]
    section = text.partition(f"\n### {heading}\n")[2].partition("\n### ")[0]
    assert [row[0].strip("`") for row in table_rows(section)] == list(MODELS[heading].model_fields)


def test_the_schema_version_is_the_documented_one():
    assert f"schema version {leaderboard.Leaderboard.version()}." in read("leaderboard.md")


@pytest.fixture(scope="module")
def make_catalog():
    spec = importlib.util.spec_from_file_location("make_catalog", DOCS / "make_catalog.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_the_catalog_is_up_to_date(make_catalog):
    told = make_catalog.written(read("catalog.md"))
    assert make_catalog.catalog(load(), told) == read("catalog.md"), "run: python docs/make_catalog.py"


def test_every_component_of_the_catalog_has_a_certificate_of_which_all_holds(make_catalog):
    told = make_catalog.written(read("catalog.md"))
    assert len(told) > 130
    registry = load()
    # What does not hold of another project's library is told by docs/implementations.md.
    theirs = {name for axis in AXES for name, cls in registry.classes(axis).items() if cls.library is not None}
    held = {name: re.fullmatch(r"([1-9]\d*) of \1", words) for name, words in told.items() if name[1] not in theirs}
    assert len(held) > 130
    assert [name for name, match in held.items() if not match] == []


@pytest.mark.slow
def test_the_catalog_says_what_certificates_say_now(make_catalog):
    told, now = make_catalog.written(read("catalog.md")), make_catalog.measured(load())
    assert {name: told.get(name) for name in now} == now
    # What needs a library that is absent here cannot be measured again.
    theirs = {name for axis in AXES for name, cls in load().classes(axis).items() if cls.library is not None}
    assert {name for name in told if name not in now} <= {name for name in told if name[1] in theirs}


def test_the_architecture_is_one_page_that_names_every_room():
    page = read("architecture.md")
    assert len(page.splitlines()) <= 100
    rooms = {f"{folder.name}/" for folder in (ROOT / "harness").iterdir() if (folder / "__init__.py").is_file()}
    section = page.partition("## Rooms")[2].partition("\n## ")[0]
    assert {row[0].strip("`") for row in table_rows(section)} == rooms | {"harness/", "plugins/"}


def test_all_that_the_architecture_points_to_exists():
    page = read("architecture.md")
    picture = set(re.findall(r"\b(?:suites|planning|engine|running|results|views)\.\w+", page.partition("## Rooms")[0]))
    named = set(re.findall(r"`([a-z_]+(?:\.\w+)*)`", page.partition("## Where is")[2].partition("\n## Rules")[0]))
    assert min(len(picture), len(named)) > 10
    for name in picture | named:
        pkgutil.resolve_name(name if name.startswith("harness_") else f"harness.{name}")


# Links and commands


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_resolve(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{page.name}: {link}"


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands() -> list:
    found = []
    for page in PAGES:
        for block in blocks(page.read_text(encoding="utf-8"), "sh"):
            for line in block.splitlines():
                words = shlex.split(re.split(r" [|>&;]", line.removeprefix("$ "))[0], comments=True)
                words = [word for word in words if not re.match(r"[A-Z_]+=", word)]
                if words and Path(words[0]).name == "harness":
                    found.append(pytest.param(words[1:], id=f"{page.stem}: {' '.join(words)}"[:80]))
    return found


@pytest.mark.parametrize("words", commands())
def test_commands_are_understood(words):
    """Only parsed: their argument and options exist, and take such values."""
    from harness.cli import group

    if not words or words[0] not in group.list_commands(None):
        assert words in ([], ["--help"], ["--version"])
        return
    command = group.get_command(None, words[0])
    with command.make_context(words[0], words[1:]) as context:
        if context.params.get("suite") == "quick":
            keys = {f"{axis}s": context.params[axis] for axis in AXES if axis in context.params}
            suite = load_suite("quick").with_selection(**keys)
            known = load()
            for axis in (name for name, axis in AXES.items() if axis.role != "part"):
                forms = [f for f in getattr(suite, f"{axis}s") if not str(f).startswith(("asinh", "two-stage"))]
                assert [known.parse(axis, form) for form in forms]
