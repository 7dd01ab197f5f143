"""Provenance: where a class comes from, and what its source digest is made of."""

import pytest
from harness_karras.samplers import Heun

from harness.registry import provenance
from harness.registry.provenance import distribution_of, normalize, source_digest, source_root
from harness.registry.registry import Registry


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "some"
    (folder / "rules").mkdir(parents=True)
    (folder / "__init__.py").write_text("NAME = 1\n")
    (folder / "rules" / "rule.py").write_text("RULE = 1\n")
    source_digest.cache_clear()
    return folder


def changed(package, file, left_out=()):
    before = source_digest(package, left_out)
    path = package / file
    path.write_text((path.read_text() if path.exists() else "") + "# more\n")
    source_digest.cache_clear()
    return source_digest(package, left_out) != before


@pytest.mark.parametrize(("file", "counts"), [("__init__.py", True), ("rules/rule.py", True), ("new.py", True)])
def test_every_source_file_counts(package, file, counts):
    assert changed(package, file) == counts


@pytest.mark.parametrize("file", ["notes.json", "rules/weights.bin"])
def test_so_does_every_other_file(package, file):
    assert changed(package, file)


def test_what_python_made_what_is_hidden_and_what_takes_no_part_does_not(package):
    (package / "__pycache__").mkdir()
    assert not changed(package, "__pycache__/__init__.cpython-312.pyc")
    assert not changed(package, ".rule.py.swp")
    assert not changed(package, "rules/rule.py", (package / "rules",))


def test_where_files_lie_does_not_count(package, tmp_path):
    moved = tmp_path / "elsewhere" / "some"
    moved.parent.mkdir()
    before = source_digest(package)
    package.rename(moved)
    assert source_digest(moved) == before


def test_a_component_comes_from_its_outermost_package():
    assert source_root(Heun).name == "harness_karras"
    assert distribution_of(Heun()) == "diffusion-harness"
    assert source_root(type("Typed", (), {"__module__": "nowhere.at_all"})) is None


def test_a_folder_that_takes_no_part_is_named_by_the_package(registry):
    claim = next(iter(registry.classes("claim").values()))
    assert provenance.apart(claim) == "claims"
    assert provenance.apart(Heun) is None


@pytest.fixture
def requiring(tmp_path, monkeypatch):
    """Two distributions on the path, the first of which requires the second, the harness, and one that is missing."""
    lines = {
        "first": ["Second_Grids >=1", "diffusion-harness", "nowhere; extra == 'x'"],
        "second-grids": [],
    }
    for name, required in lines.items():
        info = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        said = [f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {each}" for each in required)]
        (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *said, ""]))
    monkeypatch.syspath_prepend(tmp_path)
    provenance.dependencies.cache_clear()
    return tmp_path / "second_grids-1.0.dist-info" / "METADATA"


def test_versions_of_what_a_stranger_requires_are_part_of_what_it_computes(requiring):
    stranger = type("Stranger", (Heun,), {"name": "stranger"})

    def digest():
        provenance.dependencies.cache_clear()
        return Registry.from_classes([stranger], "first").reference(stranger()).digest

    assert provenance.dependencies("first") == (("second-grids", "1.0"),)
    before = digest()
    requiring.write_text(requiring.read_text().replace("Version: 1.0", "Version: 1.1"))
    assert digest() != before
    assert Registry.from_classes([stranger], "second-grids").provenance(stranger).dependencies == ()


def test_foreign_components_are_told_by_their_package():
    foreign = type("Foreign", (Heun,), {"__module__": "acme_rules.samplers"})
    assert provenance.strangers([Heun()]) == frozenset()
    assert provenance.strangers([Heun(), foreign()]) == {"acme_rules"}


def test_spellings_of_a_distribution_are_one():
    assert normalize("Some_Grids.more") == normalize("some-grids-more")
