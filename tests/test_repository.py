"""What stands around the code for whoever finds it: true of it, and readable by the programs that read it."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import harness
from harness.cli import COMMANDS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_citation_is_one_of_this_software():
    """The keys that the Citation File Format 1.2.0 requires, and what they say."""
    cited = yaml.safe_load(read("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors"} <= cited.keys()
    assert (cited["cff-version"], cited["type"]) == ("1.2.0", "software")
    assert cited["authors"] == [{"name": "The maintainers of diffusion-harness"}]
    assert cited["license"] == PROJECT["license"]
    assert str(cited["version"]) == harness.__version__
    assert cited["title"].startswith(PROJECT["name"])
    for reference in cited["references"]:
        assert {"type", "title", "authors"} <= reference.keys()


def test_the_changelog_begins_with_this_version():
    assert re.findall(r"^## (\S+)", read("CHANGELOG.md"), re.M)[0] == harness.__version__


def test_what_the_changelog_names_exists():
    named = re.findall(r"`harness ([a-z-]+)[^`]*`", read("CHANGELOG.md"))
    assert {"run", "recommend", "new-plugin"} <= set(named)
    assert set(named) <= set(COMMANDS)


def test_the_workflow_runs_what_runs_on_any_machine():
    workflow = yaml.safe_load(read(".github/workflows/tests.yml"))
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert workflow["permissions"] == {"contents": "read"}
    (python,) = (step["with"]["python-version"] for step in job["steps"] if "with" in step)
    assert PROJECT["requires-python"] == f">={python}"
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert "make check" in read(".ci/run")


def test_what_contributing_types_is_what_make_knows():
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.M))
    typed = re.findall(r"^make ([a-z-]+)", read("CONTRIBUTING.md"), re.M)
    assert len(typed) == 5
    assert set(typed) <= targets
    assert re.search(r"^check: lint types test\b", read("Makefile"), re.M)


@pytest.mark.parametrize("file", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.md")), ids=lambda file: file.stem)
def test_an_issue_template_has_the_head_that_forges_read(file):
    _, head, body = file.read_text(encoding="utf-8").split("---\n", 2)
    assert yaml.safe_load(head).keys() == {"name", "about", "labels"}
    assert body.strip()


def test_the_classifiers_are_known_ones():
    known = pytest.importorskip("trove_classifiers", reason="hatchling brings the list").classifiers
    assert set(PROJECT["classifiers"]) <= known
    assert "Typing :: Typed" in PROJECT["classifiers"]
    assert (ROOT / "harness" / "py.typed").is_file()
    # A licence is told by its expression; beside one, indexes refuse classifiers of it.
    assert not [each for each in PROJECT["classifiers"] if each.startswith("License")]
