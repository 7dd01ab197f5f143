"""Provenance: where a class comes from, and what its source digest is made of."""

import pytest
from harness_karras.samplers import Heun

from harness.registry import provenance
from harness.registry.provenance import distribution_of, normalize, source_digest, source_root


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


def test_what_is_no_source_and_what_takes_no_part_does_not(package):
    assert not changed(package, "notes.txt")
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


def test_spellings_of_a_distribution_are_one():
    assert normalize("Some_Grids.more") == normalize("some-grids-more")
