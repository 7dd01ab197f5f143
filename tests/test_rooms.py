"""The house: rooms of modules, imports one way only; imports for types and inside functions count."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import harness

ROOT = Path(__file__).parents[1]

MAY_IMPORT = {
    "contracts": set(),
    "registry": {"contracts"},
    "engine": {"contracts", "registry"},
    "suites": {"contracts", "registry", "engine"},
    "planning": {"contracts", "registry", "engine", "suites"},
    "running": {"contracts", "registry", "engine", "suites", "planning"},
    "results": {"contracts", "registry", "engine", "suites", "planning"},
    "certification": {"contracts", "registry", "engine", "suites", "results"},
    "racing": {"contracts", "registry", "engine", "suites", "planning", "running", "results"},
    "views": {"contracts", "results"},
    "api": {"contracts", "registry", "suites", "planning", "running", "results", "racing", "views"},
    "testing": {"contracts", "registry", "suites", "running", "results"},
    "cli": {
        *("contracts", "registry", "suites", "planning", "running", "results", "certification", "racing", "views"),
        "api",
    },
}
"""The rooms, and what each may import besides itself. Contracts are the modules on the top level of `harness`."""

UPWARD: set[tuple[str, str]] = set()
"""Arrows against the order that are known."""

FRONT = "harness"
"""The package itself, which every module imports, and which offers its users what the API has: it names that for type
checkers alone, and imports it when it is asked for. These arrows, and no others, are left out."""

MACHINERY = {
    "harness_claims": {"registry", "engine", "suites", "planning", "running", "results", "views"},
    "harness_pytest": {"certification", "results"},
}
"""The rooms that plugins import besides contracts: all of the machinery where claims are carried out and shown; and
certificates, of which tests of other packages are made."""


def modules(root: Path) -> dict[str, Path]:
    """The modules below a folder, by dotted name."""
    found = {}
    for file in root.rglob("*.py"):
        parts = file.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports(file: Path, name: str, known: dict[str, Path]) -> set[str]:
    """The modules among the known ones that a file imports, by any statement anywhere in it."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            # `from package import name` means a module where there is one, else the package's own name.
            found |= {full if (full := f"{base}.{alias.name}") in known else base for alias in node.names}
    return found & set(known) - {name}


def graph(root: Path) -> dict[str, set[str]]:
    """What each module of the package in a folder imports of it."""
    known = {name: file for name, file in modules(root).items() if name.partition(".")[0] == "harness"}
    return {name: imports(file, name, known) for name, file in known.items()}


def without_the_front(arrows: dict[str, set[str]]) -> dict[str, set[str]]:
    """The arrows but for those from the package itself to the API."""
    return {a: {b for b in named if a != FRONT or room(b) != "api"} for a, named in arrows.items()}


def room(module: str) -> str:
    parts = module.split(".")
    if parts[1:] == ["__main__"]:
        return "cli"  # `python -m harness` is the command
    return parts[1] if len(parts) > 1 and parts[1] in MAY_IMPORT else "contracts"


def circle(arrows: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def against_the_order(arrows: dict[str, set[str]]) -> set[tuple[str, str]]:
    pairs = {(a, b) for a, named in arrows.items() for b in named}
    return {(a, b) for a, b in pairs if room(a) != room(b) and room(b) not in MAY_IMPORT[room(a)]}


def beyond_contracts(plugins: Path, house: Path) -> set[tuple[str, str]]:
    known = {name: file for name, file in modules(house).items() if name.partition(".")[0] == "harness"}
    return {
        (name.partition(".")[0], used)
        for name, file in modules(plugins).items()
        for used in imports(file, name, known)
        if room(used) != "contracts"
    }


@pytest.fixture(scope="module")
def arrows():
    return without_the_front(graph(ROOT))


def test_no_module_imports_itself_by_way_of_others(arrows):
    assert circle(arrows) == []


def test_the_order_of_the_rooms_has_no_circle():
    assert circle(MAY_IMPORT) == []


def test_every_folder_is_a_room():
    folders = {file.parent.name for file in (ROOT / "harness").glob("*/__init__.py")}
    assert folders == set(MAY_IMPORT) - {"contracts"}


def test_imports_point_down(arrows):
    assert against_the_order(arrows) == UPWARD


def test_the_front_offers_the_api_and_imports_none_of_it():
    script = "import sys, harness; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(ast.literal_eval(done.stdout))
    assert {name for name in loaded if name.partition(".")[0] == "harness"} == {"harness", "harness.arithmetic"}
    assert not loaded & {"click", "numpy", "pluggy", "pydantic", "scipy", "sklearn", "torch"}
    offered = set(harness.__all__) - {"DISTRIBUTION", "__version__", "hookimpl"}
    assert {getattr(harness, name).__module__.rpartition(".")[0] for name in offered} == {"harness.api"}
    assert offered <= set(dir(harness))
    named = imports(ROOT / "harness" / "__init__.py", "harness", modules(ROOT))
    assert {name for name in named if room(name) == "api"} == {getattr(harness, name).__module__ for name in offered}
    with pytest.raises(AttributeError, match="has no attribute 'rnu'"):
        harness.rnu  # noqa: B018


def test_plugins_import_contracts():
    found: dict[str, set[str]] = {}
    for plugin, module in beyond_contracts(ROOT / "plugins", ROOT):
        found.setdefault(plugin, set()).add(room(module))
    assert found == MACHINERY


# That the tests above see what they should: a small house with one thing wrong


@pytest.fixture
def house(tmp_path):
    def build(**files):
        content = {
            "harness/__init__.py": "",
            "harness/metrics.py": "",
            "harness/engine/__init__.py": "",
            "harness/engine/worker.py": "from harness.metrics import Metric",
            "harness/results/__init__.py": "",
            "harness/results/ranking.py": "from harness import metrics",
            "plugins/harness_wang/__init__.py": "from harness.metrics import Metric",
        }
        for path, text in (content | {path.replace("__", "/") + ".py": text for path, text in files.items()}).items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text, encoding="utf-8")
        return tmp_path

    return build


def test_a_sound_house_passes(house):
    root = house()
    assert circle(graph(root)) == []
    assert against_the_order(graph(root)) == set()
    assert beyond_contracts(root / "plugins", root) == set()


def test_views_draw_from_documents_and_open_no_store():
    found = graph(ROOT)
    reading = {"harness.store", "harness.results.read_board", "harness.results.reader", "harness.results.directory"}
    assert {
        (name, used) for name, uses in found.items() if name.startswith("harness.views.") for used in uses & reading
    } == set()


def test_no_two_public_classes_have_one_name():
    places: dict[str, list[str]] = {}
    for folder in (ROOT / "harness", ROOT / "plugins" / "harness_claims"):
        for file in folder.rglob("*.py"):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places.setdefault(node.name, []).append(str(file.relative_to(ROOT)))
    assert len(places) > 150
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def named_twice(folder):
    """Names that modules of a folder give to types, or that one imports for another's, with more than one meaning."""
    meanings: dict[str, set[tuple[str, str]]] = {}
    for file in folder.glob("*.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign):
                for each in node.targets:
                    if isinstance(each, ast.Name) and not each.id.startswith("_"):
                        meanings.setdefault(each.id, set()).add((file.stem, each.id))
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if alias.asname:
                        place = (str(node.module).rpartition(".")[2], alias.name)
                        meanings.setdefault(alias.asname, set()).add(place)
    return {name for name, places in meanings.items() if len(places) > 1}


OWN_PAGE = {"PAGE", "TITLE"}
"""What each module of the site that makes a page calls its own."""


def test_names_of_the_site_have_one_meaning():
    assert named_twice(ROOT / "harness" / "views" / "site") == OWN_PAGE


def test_a_name_with_two_meanings_is_seen(tmp_path):
    (tmp_path / "a.py").write_text("from x.c import PAGE as FOLDER\nPageOf = int\nALONE = 1\n")
    (tmp_path / "b.py").write_text('FOLDER = "f"\nPageOf = str\nfrom x.a import ALONE as ALONE\n')
    assert named_twice(tmp_path) == {"FOLDER", "PageOf"}


def test_the_front_may_name_the_api_and_nothing_else(house):
    root = house(harness__api__boards="")
    (root / "harness" / "__init__.py").write_text("from harness.api import boards\nimport harness.results.ranking")
    assert against_the_order(without_the_front(graph(root))) == {("harness", "harness.results.ranking")}


LATE = ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {}", "def f():\n    {}", "class C:\n    {}", "{}")


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("how", ["from harness.results import ranking", "from ..results.ranking import rank"])
def test_an_arrow_up_is_found(house, late, how):
    found = against_the_order(graph(house(harness__engine__training=late.format(how))))
    assert found == {("harness.engine.training", "harness.results.ranking")}


@pytest.mark.parametrize("late", LATE)
def test_a_contract_that_imports_a_room_is_found(house, late):
    found = against_the_order(graph(house(harness__bounds=late.format("import harness.engine.worker"))))
    assert found == {("harness.bounds", "harness.engine.worker")}


@pytest.mark.parametrize("late", LATE)
def test_a_circle_is_found(house, late):
    root = house(harness__targets="from harness.bounds import B", harness__bounds=late.format("from .targets import T"))
    assert set(circle(graph(root))) == {"harness.targets", "harness.bounds"}


@pytest.mark.parametrize("late", LATE)
def test_a_plugin_that_imports_machinery_is_found(house, late):
    root = house(plugins__harness_wang__bounds=late.format("from harness.engine.worker import run"))
    assert beyond_contracts(root / "plugins", root) == {("harness_wang", "harness.engine.worker")}
