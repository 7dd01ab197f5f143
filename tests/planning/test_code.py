"""Which code a result depends on: found without importing it, and blind to what computes nothing."""

import ast
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from harness_oracles.fisher import Fisher
from harness_synthetic.targets import Gaussian

import harness
from harness.engine.worker import FUNCTIONS, perform
from harness.planning.code import NOTHING, Code, installed
from harness.planning.plan import Plan
from harness.registry.discovery import load
from harness.suites.combinations import expand
from harness.suites.model import Suite

HOUSE = Path(harness.__file__).parent
UNITS = sorted(file.stem for file in (HOUSE / "engine" / "units").glob("[a-z]*.py"))

SMALL = {
    "house/__init__.py": "from house import switch\nswitch.on()\ndef offered():\n    from house import views\n",
    "house/switch.py": "def on():\n    pass\n",
    "house/views.py": "",
    "house/room/__init__.py": "",
    "house/room/work.py": (
        "from typing import TYPE_CHECKING\nimport house.tools as tools\nfrom ..words import Word\n"
        "if TYPE_CHECKING:\n    from house import types_only\ndef work():\n    from house.late import later\n"
    ),
    "house/tools.py": "",
    "house/words.py": "class Word:\n    pass\n",
    "house/late.py": "def later():\n    return 1\n",
    "house/types_only.py": "",
}


@pytest.fixture
def house(tmp_path):
    """Build a small package with some files changed; return its code."""

    def build(changes=None):
        for path, text in (SMALL | (changes or {})).items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text, encoding="utf-8")
        return Code({"house": tmp_path / "house"})

    return build


def test_what_runs_is_what_is_imported_but_for_types(house):
    # The package above is imported too: what importing it runs, but nothing that it offers in functions.
    reached = set(house().reached("house.room.work"))
    packages = {"house", "house.room"}
    assert reached == packages | {"house.room.work", "house.switch", "house.tools", "house.words", "house.late"}


WORK = SMALL["house/room/work.py"]


def digests(code):
    return code.reached("house.room.work")


@pytest.mark.parametrize(
    "text",
    [
        '"""A docstring."""\n' + WORK,
        WORK.replace("def work():\n", 'def work():\n    "Another."\n'),
        WORK + "# a comment\n\n\n",
        WORK.replace("def work()", "def work( )"),
        WORK + '"""What a constant above means."""\n',
        WORK.replace("types_only", "views"),
        WORK + '__all__ = ["work"]\n',
    ],
)
def test_what_computes_nothing_changes_nothing(house, text):
    before = digests(house())
    assert digests(house({"house/room/work.py": text})) == before


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("house/room/work.py", WORK + "X = 1\n"),
        ("house/room/work.py", WORK.replace("later\n", "later as sooner\n")),
        ("house/late.py", "def later():\n    return 2\n"),
        ("house/late.py", "def later():\n    return 1.0\n"),
        ("house/words.py", "class Word:\n    length = 3\n"),
        ("house/__init__.py", SMALL["house/__init__.py"].replace("switch.on()", "switch.on\n")),
    ],
)
def test_what_computes_changes_its_module_alone(house, file, text):
    before = digests(house())
    after = digests(house({file: text}))
    changed = [name for name in before if before[name] != after[name]]
    assert changed == [file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")]


def test_what_does_not_run_changes_nothing(house):
    before = digests(house())
    assert digests(house({"house/views.py": "X = 1", "house/types_only.py": "X = 1"})) == before


# The harness itself


@pytest.fixture
def edited(tmp_path):
    """Return the digests of all units after one file of the harness was edited."""
    copy = shutil.copytree(HOUSE, tmp_path / "harness", ignore=shutil.ignore_patterns("__pycache__"))

    def units(file=None, old="", new=""):
        if file is not None:
            text = (copy / file).read_text(encoding="utf-8")
            assert old in text
            (copy / file).write_text(text.replace(old, new), encoding="utf-8")
        code = Code({"harness": copy})
        return {unit: code.digest(f"harness.engine.units.{unit}") for unit in UNITS}

    return units


def changed(before, after):
    return {unit for unit in before if before[unit] != after[unit]}


def test_a_word_in_a_docstring_or_a_comment_makes_nothing_stale(edited):
    before = edited()
    assert edited("engine/sampling.py", '"""Sample.', '"""Draw samples.') == before
    assert edited("engine/adam.py", "    stack = Stack(", "    # Here.\n    stack = Stack(") == before


def test_sampling_is_no_part_of_training(edited):
    before = edited()
    assert changed(before, edited("engine/sampling.py", "batch: int = 4096", "batch: int = 4095")) == {
        "evaluate_samples"
    }


def test_training_is_no_part_of_sampling(edited):
    before = edited()
    after = edited("engine/adam.py", "MOST_TRACED = 64", "MOST_TRACED = 32")
    assert changed(before, after) == {"train_networks"}


def test_no_unit_runs_what_only_the_parent_does():
    for unit in UNITS:
        rooms = {name.split(".")[1] for name in installed().reached(f"harness.engine.units.{unit}") if "." in name}
        assert not rooms & {"suites", "planning", "running", "results", "views", "cli", "store", "hookspecs", "axes"}


def test_a_module_is_read_once_for_all_units(monkeypatch):
    read, real = [], Code._module
    monkeypatch.setattr(Code, "_module", lambda self, node, file: read.append(node) or real(self, node, file))
    parsed, parse = [], ast.parse
    monkeypatch.setattr(ast, "parse", lambda text: parsed.append(text) or parse(text))
    code = Code({"harness": HOUSE})
    for unit in UNITS:
        code.digest(f"harness.engine.units.{unit}")
    assert len(parsed) == len(set(read)) < len(read)


def test_the_parent_imports_none_of_it():
    script = (
        "import sys; from harness.planning.keys import unit; unit('train_networks'); unit('evaluate_samples');"
        "print([name for name in sys.modules if name in ('torch', 'scipy') or name.startswith('harness.engine.')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Components: the code of the harness that they run


def test_a_component_runs_what_its_module_imports():
    installed().of_class(Gaussian)
    reached = installed().reached(Gaussian.__module__)
    assert {"harness.mixtures", "harness.targets", "harness_synthetic.information"} <= set(reached)
    assert "harness.budget" not in reached
    assert installed().of_class(Gaussian) != installed().of_class(Fisher)


def test_a_class_without_a_file_runs_nothing():
    cls = type("Typed", (), {"__module__": "nowhere.at_all"})
    assert installed().of_class(cls) == NOTHING


# Against what Python imports

SUITE = {
    "name": "code",
    "targets": ["gaussian:dim=2"],
    "weightings": ["bell-shaped"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["fisher"],
    "networks": ["mlp:width=8,depth=1"],
    "samplers": ["analytic"],
    "initial_laws": ["moment-matched"],
    "metrics": ["path-kl", "energy", "label-error:train_steps=2"],
    "bounds": ["theorem-2"],
    "rank_by": "path-kl",
    "steps": [3],
    "seeds": 1,
    "sampling": {"samples": 20},
}
ADAM = {"steps": [60], "batch_size": 16}
DESCENT = {"method": "gradient-descent", "steps": [60], "points": 2, "levels": 2}
OF_DATA = {"samplers": ["analytic:law=population"], "training": ADAM}

SCRIPT = """
import importlib, os, pickle, sys
from pathlib import Path
# What takes long to import is imported once, and nothing of ours: each unit is done in a fork of this process.
import numpy, pydantic, safetensors.torch, scipy.interpolate, scipy.linalg, scipy.special, torch
assert not any(name.partition(".")[0] == "harness" for name in sys.modules)
for name, out, *files in (line.split("\t") for line in sys.stdin.read().splitlines()):
    if os.fork() == 0:
        function = getattr(importlib.import_module(f"harness.engine.units.{name}"), name)
        for file in files:
            assert all(record.ok or not record.applicable for record in function(pickle.loads(Path(file).read_bytes())))
        Path(out).write_text(" ".join(name for name in sys.modules if name.partition(".")[0] == "harness"))
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """Jobs of each kind of unit, in files, by the unit's name; and the components that take part in them."""
    folder, files, components = tmp_path_factory.mktemp("jobs"), {}, set()
    np.save(folder / "rows.npy", np.random.default_rng(0).normal(size=(20, 2)))
    of_data = OF_DATA | {"targets": [f"file:path={folder / 'rows.npy'}"], "metrics": ["path-kl"]}
    for changes in ({"training": ADAM}, {"training": DESCENT}, of_data):
        suite, registry = Suite.from_mapping(SUITE | changes, "code.toml"), load()
        plan = Plan(suite, registry, expand(suite, registry), folder)
        for job in done(plan):
            name = FUNCTIONS[type(job)].__module__.rpartition(".")[2]
            made = files.setdefault(name, [])
            made.append(folder / f"{name} {len(made)}.pickle")
            made[-1].write_bytes(pickle.dumps(job))
        c = plan.combinations[0]
        axes = ("target", "weighting", "noise_schedule", "time_discretization", "network", "sampler", "initial_law")
        components |= {type(getattr(c, axis)) for axis in axes} | {type(each) for each in (*plan.metrics, *plan.bounds)}
    return files, components


def done(plan):
    """Do all units of a plan here, one after the other; yield their jobs."""
    records = {}

    def missing(key):
        return key not in records

    while units := plan.groundwork(missing) or plan.work(records.get, missing):
        for unit in sorted(units, key=lambda unit: unit.stage):
            job = unit.job(records.get)
            yield job
            records |= {record.key: record for record in perform(job)}


def test_every_kind_of_unit_is_tried(jobs):
    assert set(jobs[0]) == set(UNITS)


@pytest.fixture(scope="module")
def imported(jobs, tmp_path_factory):
    """The modules of ours that doing a unit imports, by the unit's name."""
    folder = tmp_path_factory.mktemp("imported")
    lines = ["\t".join([unit, str(folder / unit), *map(str, files)]) for unit, files in jobs[0].items()]
    words = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(words, input="\n".join(lines), capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    return {unit: set((folder / unit).read_text().split()) for unit in jobs[0]}


@pytest.mark.parametrize("unit", UNITS)
def test_what_a_unit_imports_is_among_the_code_of_its_records(jobs, imported, unit):
    components = jobs[1]
    for cls in components:
        installed().of_class(cls)
    known = {name for cls in components for name in installed().reached(cls.__module__)}
    known |= set(installed().reached(f"harness.engine.units.{unit}"))
    assert f"harness.engine.units.{unit}" in imported[unit]
    # What a job is, not what is done with it; and how its blobs come to it, whose contents have digests of their own.
    carried = {
        "harness.engine.jobs",
        "harness.engine",
        "harness.engine.units",
        "harness.blobs",
        "harness.whole_files",
    }
    assert imported[unit] <= known | carried
