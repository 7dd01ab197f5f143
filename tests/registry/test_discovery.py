"""Discovery, isolation, duplicates and provenance, on distributions made for the occasion."""

import importlib
import os
import random
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from harness.axes import AXES
from harness.components import ComponentError, Request
from harness.registry import discovery
from harness.registry.discovery import PluginError, load
from harness.registry.provenance import source_digest
from harness.registry.registry import Registry
from harness.targets import Target

ROOT = Path(__file__).parents[2]

GRID = """
from typing import ClassVar
from pydantic import Field
from harness import hookimpl
from harness.time_discretizations import TimeDiscretization


class Grid(TimeDiscretization):
    name: ClassVar[str] = "NAME"
    power: float = Field(2.0, gt=0, description="exponent")

    def levels(self, request):
        first, last = request.sigma_range()
        return last + (first - last) * (1 - request.fractions()) ** self.power


@hookimpl
def harness_time_discretizations():
    return [Grid]
"""


def grid(name):
    return GRID.replace("NAME", name)


def offer(body, hook="harness_time_discretizations"):
    """A plugin whose hook returns an expression over Grid."""
    return re.sub(r"def harness.*\n    return .*", f"def {hook}():\n    return {body}", grid("quadratic"))


def info(registry, entry_point):
    return next(plugin for plugin in registry.plugins if plugin.entry_point == entry_point)


def without(registry, *entry_points):
    return [plugin for plugin in registry.plugins if plugin.entry_point not in entry_points]


def test_a_plugin_of_another_distribution_is_found(install, registry):
    install("some-grids", quad=grid("quadratic"))
    found = load()
    assert info(found, "quad").components == {"time_discretization": ("quadratic",)}
    assert info(found, "quad").status == "ok"
    cls = found.find("time_discretization", "quadratic")
    assert found.find("time_discretization", "some-grids/quadratic") is cls
    assert found.find("time_discretization", "Some_Grids/quadratic") is cls
    [made] = found.parse("time_discretization", "quadratic:power=3")
    assert made.power == 3
    assert without(found, "quad") == list(registry.plugins)


def test_only_what_judges_may_lie_where_no_digest_looks(tmp_path, monkeypatch):
    package = tmp_path / "acme_hidden"
    (package / "claims").mkdir(parents=True)
    (package / "claims" / "__init__.py").write_text(grid("hidden"))
    said = "NO_PART_IN_RESULTS = ('claims',)"
    offered = "from acme_hidden.claims import Grid, harness_time_discretizations"
    (package / "__init__.py").write_text(f"{said}\n{offered}\n")
    monkeypatch.syspath_prepend(tmp_path)
    hidden = importlib.import_module("acme_hidden").Grid
    with pytest.raises(PluginError, match="hidden lies in its package's folder 'claims', which no digest covers"):
        discovery.check_class(AXES["time_discretization"], hidden)


BROKEN = {
    "raises": ("raise RuntimeError('no\\nluck')", "RuntimeError: no luck"),
    "exits": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "imports": ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    "syntax": ("def f(:", "SyntaxError"),
    "misspelled": (
        offer("[Grid]", "harness_time_discretisations"),
        "did you mean harness_time_discretizations",
    ),
    "unmarked": (offer("[Grid]").replace("@hookimpl", ""), "not marked with @harness.hookimpl"),
    "arguments": (
        offer("[Grid]").replace("harness_time_discretizations()", "harness_time_discretizations(x)"),
        "PluginValidationError",
    ),
    "hook_raises": (offer("1 / 0"), "ZeroDivisionError"),
    "nothing": (offer("None"), "returned None; it must return a list of classes"),
    "no_list": (offer("Grid"), "it must return a list of classes"),
    "instance": (offer("[Grid()]"), "no subclass of harness.time_discretizations.TimeDiscretization"),
    "wrong_axis": (offer("[Grid]", "harness_samplers"), "no subclass of harness.samplers.Sampler"),
    "twice": (offer("[Grid, Grid]"), "offers the name 'quadratic' twice"),
    "bad_name": (grid("Quadratic Grid"), "a name is lower-case words joined by hyphens"),
    "no_name": (re.sub(r"    name: .*\n", "", grid("x")), "name is None"),
    "abstract": (grid("quadratic").replace("def levels", "def level"), "does not define levels"),
    "other_axis": (
        grid("quadratic").replace("    power", '    axis: ClassVar[str] = "grid"\n    power'),
        "must keep 'time_discretization'",
    ),
    "reserved": (
        grid("quadratic").replace("power: float", "levels: float").replace("self.power", "2"),
        "levels",
    ),
    "not_annotated": (
        grid("quadratic").replace("power: float = Field(2.0", "power = Field(2.0"),
        "power is not annotated: a parameter is annotated; what is fixed is a property where the contract has one, "
        "or else a ClassVar (bad_luck_broken.py, line 8)",
    ),
    "method": (
        offer("[Drawing]", "harness_samplers")
        + "\n\nfrom harness.samplers import Sampler\n\n\nclass Drawing(Sampler):\n"
        "    name = 'drawing'\n\n    def deterministic(self):\n        return False\n\n"
        "    def step(self, run, x):\n        return x\n",
        "drawing has deterministic as a method; it is a property of Sampler: write @property above it",
    ),
    "bad_default": (grid("quadratic").replace("Field(2.0", "Field(-2.0"), "power=-2.0 is not valid"),
    "nan_default": (grid("quadratic").replace("Field(2.0", "Field(float('nan')"), "nan"),
    "set": (
        grid("quadratic")
        .replace("power: float = Field(2.0, gt=0", "parts: dict[str, frozenset[str] | None] = Field({}")
        .replace("self.power", "2"),
        "parameter 'parts' holds a set, whose order is by chance; take a tuple",
    ),
    "parts": (
        grid("quadratic")
        .replace(
            "from pydantic", "from harness.networks import Network\nfrom harness.components import Part\nfrom pydantic"
        )
        .replace("power: float = Field(2.0, gt=0", "nets: tuple[Part[Network], ...] = Field(()")
        .replace("self.power", "2"),
        "parameter 'nets' holds components inside another type; a component is a parameter by itself, as Part[",
    ),
    "local": (
        grid("quadratic").replace("class Grid", "class Base").replace('"quadratic"', '"base"')
        + "\n\ndef made():\n    class Local(Base):\n        name = 'local'\n\n    return Local\n\n\nGrid = made()\n",
        "local is defined in a function; worker processes find classes at the top level of modules",
    ),
    "thawed": (
        grid("quadratic").replace("    power", '    model_config = {"frozen": False}\n    power'),
        "changes the model configuration",
    ),
}


@pytest.mark.filterwarnings("ignore:Field name:UserWarning")
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_costs_its_own_line_and_nothing_else(install, registry, kind):
    source, reason = BROKEN[kind]
    install("bad-luck", broken=source, fine=grid("fine-grid"))
    found = load()
    assert info(found, "broken").status == "failed"
    assert info(found, "broken").components == {}
    assert reason in info(found, "broken").reason
    assert "\n" not in info(found, "broken").reason
    assert [(p.plugin, p.distribution) for p in found.problems] == [("broken", "bad-luck")]
    assert info(found, "fine").status == "ok"
    assert without(found, "broken", "fine") == list(registry.plugins)
    assert found.classes("sampler") == registry.classes("sampler")
    offered = set(found.classes("time_discretization")) - set(registry.classes("time_discretization"))
    assert offered == {"fine-grid"}


def test_a_plugin_that_hangs_is_given_up(install):
    # The time is up soon after it has begun, however fast the machine is.
    sleeps = "    signal.setitimer(signal.ITIMER_REAL, 0.01)\n    time.sleep(30)\n"
    stubborn = f"import signal, time\ntry:\n{sleeps}except Exception:\n    pass\ntime.sleep(30)"
    install("slow-grids", slow=stubborn, fine=grid("fine-grid"))
    found = load("slow,fine")
    assert info(found, "slow").reason == f"took longer than {discovery.SECONDS_TO_LOAD:g} s to load"
    assert info(found, "fine").status == "ok"


def test_what_loading_changes_of_the_process_is_put_back_and_told(install, monkeypatch, tmp_path):
    monkeypatch.setenv("SOME", "thing")
    monkeypatch.chdir(tmp_path)
    change = "import os, random\nos.environ['OTHER'] = '1'\ndel os.environ['SOME']\nos.chdir('/')\nrandom.seed(1)\n"
    install("some-grids", quad=change + grid("quadratic"))
    before = random.getstate()
    found = load()
    assert info(found, "quad").status == "ok"
    assert [problem.reason for problem in found.problems] == [
        f"changed {what} when it was loaded; it was put back"
        for what in ("the working directory", "the environment", "Python's random state")
    ]
    assert (os.environ["SOME"], "OTHER" in os.environ, Path.cwd()) == ("thing", False, tmp_path)
    assert random.getstate() == before


def test_functions_that_a_stranger_patches_are_put_back_where_results_are_ranked(install):
    """In a process of its own: here numpy has long been imported, there the stranger would be the first."""
    change = "import math, numpy\nnumpy.mean = numpy.allclose = math.log = lambda *args, **named: 7.0\n"
    site = install("some-grids", quad=change + grid("quadratic"))
    code = (
        "from harness.registry.discovery import load; found = load(); import math, numpy; "
        "print([problem.reason.split()[1] for problem in found.problems], numpy.mean([1, 3]), math.log(1))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(site)}, capture_output=True, text=True
    )
    assert done.stdout == "['math.log', 'numpy.allclose', 'numpy.mean'] 2.0 0.0\n", done.stderr


def test_an_interrupt_is_no_failure_of_the_plugin(install):
    install("bad-luck", broken="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load()


def test_unreadable_metadata_is_a_problem_of_its_own(install, registry):
    folder = install("odd-grids", quad=grid("quadratic"))
    next(folder.glob("*.dist-info/entry_points.txt")).write_text("[harness]\nthis is no pair\n")
    found = load()
    assert found.plugins == registry.plugins
    assert [(p.plugin, "odd_grids" in p.distribution) for p in found.problems] == [("entry_points.txt", True)]


def test_a_name_that_a_stranger_claims_too_is_ours(install, registry):
    install("aaa-grids", a=grid("exponential"))
    found = load()
    assert found.problems == ()
    ours = found.find("time_discretization", "exponential")
    assert ours is found.find("time_discretization", "diffusion-harness/exponential")
    assert ours is registry.find("time_discretization", "exponential")
    theirs = found.find("time_discretization", "aaa-grids/exponential")
    assert theirs is not ours
    names = set(found.classes("time_discretization"))
    assert {"aaa-grids/exponential", "exponential", "polynomial"} <= names
    assert found.label(theirs()) == "aaa-grids/exponential"
    assert found.label(ours()) == "exponential"
    assert found.label(found.parse("time_discretization", "polynomial")[0]) == "polynomial"


def test_a_name_that_two_strangers_claim_means_neither(install):
    for name in ("aaa-grids", "bbb-grids"):
        install(name, a=grid("quadratic"))
    found = load()
    line = "time discretization 'quadratic' is offered by 2 distributions; write aaa-grids/quadratic or bbb-grids/quad"
    with pytest.raises(ComponentError, match=line):
        found.find("time_discretization", "quadratic")
    assert {p.distribution for p in found.problems} == {"aaa-grids", "bbb-grids"}


def test_one_distribution_may_not_claim_a_name_twice(install):
    install("two-grids", a=grid("quadratic"), b=grid("quadratic"))
    found = load()
    for name in ("quadratic", "two-grids/quadratic"):
        with pytest.raises(ComponentError, match="plugins a and b of one distribution, two-grids"):
            found.find("time_discretization", name)
    assert {p.plugin for p in found.problems} == {"a", "b"}
    assert not any("quadratic" in name for name in found.classes("time_discretization"))


def test_the_order_of_discovery_does_not_matter(install, monkeypatch):
    install("bbb-grids", x=grid("quadratic"), y=grid("cubic"))
    install("aaa-grids", z=grid("quadratic"), w="raise RuntimeError")
    before = load()
    distributions = list(metadata.distributions())
    for seed in range(3):
        random.Random(seed).shuffle(distributions)
        monkeypatch.setattr(discovery.metadata, "distributions", lambda: list(distributions))
        again = load()
        assert again.plugins == before.plugins
        assert again.problems == before.problems
        assert all(list(again.classes(a).items()) == list(before.classes(a).items()) for a in before.axes)


def test_the_environment_chooses_the_plugins(install, monkeypatch):
    install("some-grids", quad=grid("quadratic"), other="raise RuntimeError")
    monkeypatch.setenv("HARNESS_PLUGINS", "quad, karras")
    found = load()
    assert {p.entry_point for p in found.plugins if p.status == "ok"} == {"quad", "karras"}
    assert info(found, "other").status == "off"
    assert found.problems == ()
    assert set(found.classes("time_discretization")) == {"quadratic", "polynomial"}
    monkeypatch.setenv("HARNESS_PLUGINS", "")
    assert all(not load().classes(axis) for axis in found.axes)
    monkeypatch.setenv("HARNESS_PLUGINS", "karas")
    with pytest.raises(PluginError, match="no plugin 'karas' is installed; did you mean karras"):
        load()
    assert info(load("some-grids/quad"), "quad").status == "ok"


def test_unknown_names_come_with_candidates(registry):
    with pytest.raises(ComponentError, match="unknown sampler 'hein'; did you mean heun"):
        registry.find("sampler", "hein")
    with pytest.raises(ComponentError, match="did you mean diffusion-harness/heun"):
        registry.find("sampler", "difusion-harness/heun")


def test_a_failed_plugin_is_named_beside_the_candidates(install):
    install("some-grids", quad="raise RuntimeError")
    with pytest.raises(ComponentError, match=r"not loaded: quad; see harness plugins"):
        load().find("time_discretization", "quadratic")


def test_a_request_makes_the_product(registry):
    made = registry.make("time_discretization", Request("polynomial", {"rho": (3, 7), "variable": ("sigma",)}))
    assert [(c.rho, c.variable) for c in made] == [(3.0, "sigma"), (7.0, "sigma")]
    assert made == registry.parse("time_discretization", "polynomial:rho=3,7,variable=sigma")
    table = {"name": "polynomial", "rho": [3, 7], "variable": "sigma"}
    assert made == registry.parse("time_discretization", table)


def test_references_identify_component_version_and_source(install):
    folder = install("some-grids", quad=grid("quadratic"))
    found = load()
    cls = found.find("time_discretization", "quadratic")
    reference = found.reference(cls(power=3))
    assert reference.model_dump() == {
        "name": "quadratic",
        "params": {"power": 3.0},
        "distribution": "some-grids",
        "version": "1.0",
        "digest": reference.digest,
    }
    assert found.reference(cls(power=3.0)) == reference
    assert found.reference(cls(power=2)).digest != reference.digest

    module = next(folder.glob("*.py"))
    module.write_text(module.read_text() + "\n# edited\n")
    source_digest.cache_clear()
    edited = load()
    again = edited.find("time_discretization", "quadratic")
    assert edited.reference(again(power=3)).digest != reference.digest


def test_a_package_hashes_all_its_sources_wherever_it_lies(tmp_path):
    for place in ("a", "b"):
        (tmp_path / place / "pkg" / "sub").mkdir(parents=True)
        (tmp_path / place / "pkg" / "__init__.py").write_text("x = 1")
        (tmp_path / place / "pkg" / "sub" / "m.py").write_text("y = 1")
    (tmp_path / "b" / "pkg" / "__pycache__").mkdir()
    (tmp_path / "b" / "pkg" / "__pycache__" / "m.pyc").write_text("made of it")
    assert source_digest(tmp_path / "a" / "pkg") == source_digest(tmp_path / "b" / "pkg")
    (tmp_path / "b" / "pkg" / "sub" / "m.py").write_text("y = 2")
    source_digest.cache_clear()
    assert source_digest(tmp_path / "a" / "pkg") != source_digest(tmp_path / "b" / "pkg")
    alike = {source_digest(tmp_path / place / "pkg", (tmp_path / place / "pkg" / "sub",)) for place in ("a", "b")}
    assert len(alike) == 1


def test_a_target_that_reads_data_is_identified_by_its_content(registry):
    content = ["first"]

    class Stored(Target):
        name = "stored"

        def distribution(self):
            raise NotImplementedError

        def content_digest(self):
            return content[0]

    found = Registry.from_classes([Stored])
    first = found.reference(Stored()).digest
    assert found.reference(Stored()).digest == first
    content[0] = "second"
    assert found.reference(Stored()).digest != first
    with pytest.raises(ComponentError, match="offered by no loaded plugin"):
        registry.reference(Stored())


def test_every_axis_has_a_hook_and_every_hook_an_axis():
    from harness import hookspecs

    specified = {name for name in vars(hookspecs) if name.startswith("harness_")}
    assert specified == {discovery.AXES_HOOK, *(axis.hook for axis in AXES.values())}
    assert [axis.contract.axis for axis in AXES.values()] == list(AXES)
    for name in specified:
        assert getattr(hookspecs, name).__doc__


def test_own_plugins_are_sound_and_documented(registry):
    assert registry.problems == ()
    assert all(plugin.status == "ok" for plugin in registry.plugins)
    for axis in registry.axes:
        for name, cls in registry.classes(axis).items():
            assert cls.statement if axis == "claim" else cls.formula, name
            assert cls.source, name
            assert cls.__doc__, name
            for parameter, field in cls.model_fields.items():
                assert field.description, f"{name}: {parameter}"


def test_own_plugins_come_through_entry_points_alone(registry):
    # An editable install also allows `import plugins.harness_x`: a second module object, with second classes.
    for axis in registry.axes:
        for cls in registry.classes(axis).values():
            assert cls.__module__.partition(".")[0].startswith("harness_")
    assert not [name for name in sys.modules if name.partition(".")[0] == "plugins"]
    wrong = re.compile(r"^\s*(from|import) plugins\b", re.M)
    for folder in ("harness", "plugins", "tests", "benchmarks"):
        for file in (ROOT / folder).rglob("*.py"):
            assert not wrong.search(file.read_text()), f"{file} imports a plugin past its entry point"


def test_the_core_imports_no_plugin():
    for file in (ROOT / "harness").rglob("*.py"):
        assert not re.findall(r"^\s*(?:from|import) harness_\w+", file.read_text(), re.M), file


def test_loading_is_free_of_torch():
    code = "import harness.registry.discovery as p, sys; print(len(p.load().plugins), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, torch = done.stdout.split()
    assert int(count) >= 10
    assert torch == "False"
