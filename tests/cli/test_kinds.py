"""The kinds of documents that a leaderboard gives: what their options do, and what they take."""

import json

import pytest

from harness.cli.kinds import KINDS
from harness.commands import Source
from harness.registry.discovery import load
from harness.running.runner import Options, run
from harness.suites.model import Suite

SUITE = {
    "name": "kinds",
    "targets": ["gaussian:dim=2"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["exponential", "polynomial"],
    "networks": ["exact"],
    "samplers": ["exponential-integrator"],
    "metrics": ["path-kl"],
    "bounds": ["budget"],
    "rank_by": "path-kl",
    "steps": [5],
    "seeds": 1,
    "sampling": {"samples": 16},
}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    directory = tmp_path_factory.mktemp("kinds")
    run(Suite.from_mapping(SUITE, "kinds.toml"), load(), directory, Options(1, progress=False))
    return Source(directory)


def test_each_has_an_option_but_the_leaderboard_itself():
    assert {name: bool(kind.shown) for name, kind in KINDS.items()} == {"": False, "bounds": True, "budget": True}
    assert {name for name, kind in KINDS.items() if kind.publish is None} == {"budget"}
    assert KINDS["bounds"].takes == frozenset()


@pytest.mark.parametrize(("name", "field"), [("", "effects"), ("bounds", "entries"), ("budget", "without")])
def test_each_shows_its_own_document(source, name, field):
    shown = json.loads(KINDS[name].show(source, "json", None, None))
    assert (shown["suite"], field in shown) == ("kinds", True)
    table = KINDS[name].show(source, "table", None, 80)
    assert "kinds" in table
    assert max(map(len, table.splitlines())) <= 80


@pytest.mark.parametrize(("name", "title"), [("", "# Leaderboard `kinds`"), ("bounds", "# Bounds of `kinds`")])
def test_each_that_has_a_page_is_published(source, name, title, tmp_path):
    KINDS[name].publish(source, tmp_path / "page", "harness run kinds")
    page = (tmp_path / "page" / "README.md").read_text(encoding="utf-8")
    assert page.startswith(title)
    assert "harness run kinds" in page
