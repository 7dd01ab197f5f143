"""`harness new-plugin`: what it writes is a package that passes its own tests and strict types, on every axis."""

import ast
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from string import Template

import pytest
import shell

import harness.cli
from harness.axes import AXES
from harness.cli.new_package import NewPackage, NewPackageError
from harness.registry.discovery import load

ROOT = Path(harness.cli.__file__).parents[2]
TEMPLATES = [ROOT / "harness" / "templates", ROOT / "plugins" / "harness_claims" / "templates"]
ALL = load().axes


def distribution(axis):
    return f"harness-my-{axis.replace('_', '-')}"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A package on each axis, by axis, written without a process each."""
    registry, folder = load(), tmp_path_factory.mktemp("written")
    for name, axis in registry.axes.items():
        package = NewPackage(distribution(name), axis)
        package.check(registry)
        package.write(folder / name)
    return {name: folder / name for name in registry.axes}


def test_every_axis_has_a_template_whose_words_are_known(written):
    assert [{each.name for each in home.iterdir()} for home in TEMPLATES] == [{*AXES, "package"}, {"claim"}]
    assert set(ALL) == {*AXES, "claim"}
    known = {"distribution", "package", "component", "class_name", "axis_words", "option", "run"}
    for file in (file for home in TEMPLATES for file in home.glob("*/*")):
        assert file.suffix == ".tmpl"
        template = Template(file.read_text(encoding="utf-8"))
        assert template.is_valid()
        assert set(template.get_identifiers()) <= known


@pytest.mark.parametrize("axis", ALL)
def test_it_is_complete(written, axis):
    folder, package = written[axis], distribution(axis).replace("-", "_")
    files = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    must = {"pyproject.toml", "README.md", ".gitignore", ".github/workflows/tests.yml", f"tests/test_{package}.py"}
    must |= {f"src/{package}/__init__.py", f"src/{package}/py.typed"}
    assert files - {f"src/{package}/denoiser.py"} == must
    text = "\n".join((folder / file).read_text(encoding="utf-8") for file in files)
    assert "$" not in text
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["name"] == distribution(axis)
    assert project["project"]["entry-points"]["harness"] == {f"my-{axis.replace('_', '-')}": package}
    assert project["project"]["license"] == "Apache-2.0"
    assert project["project"]["readme"] in files
    assert project["tool"]["pytest"]["ini_options"]["harness_certify"] == [distribution(axis)]


@pytest.mark.parametrize("axis", ALL)
def test_the_component_names_its_source_and_describes_its_parameters(written, axis, monkeypatch):
    package = distribution(axis).replace("-", "_")
    monkeypatch.syspath_prepend(written[axis] / "src")
    module = __import__(package)
    (cls,) = getattr(module, ALL[axis].hook)()
    assert cls.name == f"my-{axis.replace('_', '-')}"
    assert cls.source
    assert cls.formula or axis == "claim"
    assert "Source: " in module.__doc__
    assert all(field.description and not field.is_required() for field in cls.model_fields.values())
    monkeypatch.delitem(sys.modules, package)


@pytest.mark.slow
def test_all_pass_their_own_tests(written):
    """In one process; each in a module of its own."""
    sources = os.pathsep.join(str(folder / "src") for folder in written.values())
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    command += ["-c", os.devnull, "--rootdir", str(written["target"].parent)]
    command += [str(folder / "tests") for folder in written.values()]
    env = {**os.environ, "PYTHONPATH": sources}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=env)
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_are_strictly_typed(written):
    sources = os.pathsep.join(str(folder / "src") for folder in written.values())
    places = [str(path) for folder in written.values() for path in (folder / "src", folder / "tests")]
    # With the settings and so the cache of `make types`.
    command = [sys.executable, "-m", "mypy", "--strict", *places]
    env = {**os.environ, "MYPYPATH": sources}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, env=env)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("words", [["check", "--select", "E,F,W,I,B,UP,SIM,C4,PT,RET"], ["format", "--check"]])
def test_all_are_tidy(written, words):
    options = ["--isolated", "--no-cache", "--line-length", "120", "--target-version", "py311"]
    for folder in written.values():
        command = [sys.executable, "-m", "ruff", *words, *options, "."]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_command_says_what_it_wrote_and_what_to_do(tmp_path):
    done = subprocess.run(
        [*shell.MAIN, "new-plugin", "harness-ralston", "--axis", "sampler"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "harness-ralston: sampler ralston, in src/harness_ralston/__init__.py",
        "next: cd harness-ralston; pip install -e '.[dev]'; pytest",
    ]
    module = tmp_path / "harness-ralston" / "src" / "harness_ralston" / "__init__.py"
    classes = [node.name for node in ast.parse(module.read_text()).body if isinstance(node, ast.ClassDef)]
    assert classes == ["Ralston"]


def test_a_folder_of_another_name_may_be_given_with_parents(tmp_path):
    place = tmp_path / "a" / "b"
    done = shell.harness("new-plugin", "ralston", "--axis", "noise-schedule", "--out", place)
    assert done.returncode == 0, done.stderr
    assert (place / "src" / "ralston" / "__init__.py").is_file()


BAD = [
    ("harness_ralston", "sampler", "names no package: a name is lower-case words joined by hyphens"),
    ("Harness-Ralston", "sampler", "names no package"),
    ("../ralston", "sampler", "names no package"),
    ("ralston ", "sampler", "names no package"),
    ("", "sampler", "names no package"),
    ("harness-", "sampler", "names no package"),
    ("harness-2m", "sampler", "names no package"),
    ("2m", "sampler", "names no package"),
    ("ral\nston", "sampler", "names no package"),
    ("größe", "sampler", "names no package"),
    ("x" * 4000, "sampler", "is too long: a component has 60 characters at most"),
    ("class", "sampler", "package class would hide a word of Python"),
    ("json", "sampler", "package json would hide module json of Python"),
    ("torch", "sampler", "package torch would hide the installed distribution torch"),
    ("scikit-learn", "sampler", "would hide the installed distribution scikit-learn"),
    ("diffusion-harness", "sampler", "would hide the installed distribution diffusion-harness"),
    ("sklearn", "sampler", "package sklearn would hide module sklearn"),
    ("harness", "sampler", "package harness would hide module harness"),
    ("harness-karras", "sampler", "package harness_karras would hide module harness_karras"),
    ("tests", "sampler", "package tests would hide module tests"),
    ("heun", "sampler", "sampler heun is one of diffusion-harness already"),
    ("harness-heun", "sampler", "sampler heun is one of diffusion-harness already"),
    ("harness-sampler", "sampler", "class Sampler would hide a name that its module uses"),
    ("harness-coefficients", "preconditioning", "class Coefficients would hide a name that its module uses"),
    ("harness-value-error", "sampler", "class ValueError would hide a name that its module uses"),
    ("harness-ralston", "smapler", "unknown axis 'smapler'; did you mean sampler"),
    ("harness-ralston", "", "unknown axis ''; known: bound, "),
]


@pytest.mark.parametrize(("name", "axis", "message"), BAD, ids=[f"{n[:20]!r} {a}" for n, a, _ in BAD])
def test_a_bad_name_writes_nothing(tmp_path, name, axis, message):
    from harness.errors import HarnessError
    from harness.registry.names import axis_named

    registry = load()

    def make():
        package = NewPackage(name, registry.axes[axis_named(registry, axis)])
        package.check(registry)
        package.write(tmp_path / "out")

    with pytest.raises(HarnessError) as told:
        make()
    assert message in str(told.value)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) <= 300
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["heun", "--axis", "sampler"], "sampler heun is one of diffusion-harness already"),
        (["a\nb", "--axis", "sampler"], "names no package"),
        (["ralston"], "missing option '--axis'"),
        (["--axis", "sampler"], "missing argument 'NAME'"),
        (["ralston", "--axis", "sampler", "--out", ""], "'' names no directory"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(tmp_path, words, message):
    out = [] if "--out" in words else ["--out", tmp_path / "out"]
    shell.assert_one_line(shell.called("new-plugin", *words, *out), message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_what_is_there_is_left_alone(tmp_path, kind):
    place = tmp_path / "out"
    if kind == "folder":
        place.mkdir()
    elif kind == "file":
        place.write_text("mine")
    else:
        place.symlink_to(tmp_path / "nowhere")
    before = [str(each) for each in tmp_path.rglob("*")]
    with pytest.raises(NewPackageError, match=r"is there already; give a new folder with --out"):
        NewPackage("harness-ralston", AXES["sampler"]).write(place)
    assert [str(each) for each in tmp_path.rglob("*")] == before


def test_what_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    real = Path.write_text

    def full(path, *words, **settings):
        if path.name == "README.md":
            raise OSError(28, "No space left on device")
        return real(path, *words, **settings)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(NewPackageError, match="out cannot be written: No space left on device"):
        NewPackage("harness-ralston", AXES["sampler"]).write(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_registers_an_axis_may_bring_its_templates(tmp_path, monkeypatch):
    from harness.axes import Axis

    folder = tmp_path / "remarks_of_mine"
    own = folder / "templates" / "remark"
    own.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (own / "module.py.tmpl").write_text("class $class_name: ...\n")
    (own / "test.py.tmpl").write_text("import $package\n")
    monkeypatch.syspath_prepend(tmp_path)
    NewPackage("harness-said", Axis("remark", "remarks_of_mine.contract:Remark")).write(tmp_path / "out")
    assert (tmp_path / "out" / "src" / "harness_said" / "__init__.py").read_text() == "class Said: ...\n"
    assert "--remark said" in (tmp_path / "out" / "README.md").read_text()


def test_an_axis_of_a_package_that_brings_none_has_none(tmp_path, monkeypatch):
    from harness.axes import Axis

    (tmp_path / "remarks_of_theirs").mkdir()
    (tmp_path / "remarks_of_theirs" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    rule = "axis remark has no templates: its package remarks_of_theirs brings none"
    with pytest.raises(NewPackageError, match=rule):
        NewPackage("harness-said", Axis("remark", "remarks_of_theirs.contract:Remark")).write(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_names_that_a_listing_has_are_those_that_are_refused():
    registry = load()
    shown = json.loads(shell.harness("plugins", "--format", "json").stdout)
    for plugin in shown["plugins"]:
        for name in plugin["components"].get("noise_schedule", []):
            with pytest.raises(NewPackageError, match="is one of diffusion-harness already"):
                NewPackage(name, AXES["noise_schedule"]).check(registry)


@pytest.mark.parametrize("axis", AXES)
def test_its_page_runs_the_component_where_one_of_that_name_would_run(written, axis):
    """With an installed one of the axis in its place: the options exist, and mean one more design."""
    import shlex

    from harness.cli import group
    from harness.suites.combinations import expand
    from harness.suites.model import load_suite

    registry = load()
    (line,) = [each for each in (written[axis] / "README.md").read_text().splitlines() if "harness run" in each]
    other = {"target": "gaussian", "network": "relu", "preconditioning": "v"}.get(axis) or next(
        iter(registry.classes(axis))
    )
    words = shlex.split(line.replace(f"my-{axis.replace('_', '-')}", other))[2:]
    context = group.get_command(None, "run").make_context("run", words)
    chosen = {each.plural: context.params[name] for name, each in AXES.items() if name in context.params}
    suite = load_suite("quick").with_selection(**chosen)
    made = {each for combination in expand(suite, registry) for each in combination.components.values() if each}
    made |= {*suite.components("metric", registry), *suite.components("bound", registry)}
    made |= {inner for each in made for inner in each.inner_components()}
    assert other in {each.name for each in made if each.axis == axis}
