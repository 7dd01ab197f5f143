"""`harness publish`: what was certified stands on the page, and what failed is refused."""

import pytest
from click.testing import CliRunner

from harness.certification import certify, memory
from harness.cli import group
from harness.results.leaderboard import Leaderboard
from harness.results.read_board import read_document

pytestmark = pytest.mark.usefixtures("drawn_once")


@pytest.fixture
def board(taken, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return read_document(taken)


def publish(taken, folder, *options):
    pytest.importorskip("matplotlib")
    return CliRunner().invoke(group, ["publish", str(taken), str(folder), *options], standalone_mode=False)


def kept(registry, board, verdict):
    """Remember a certificate of the first sampler of a board, with this verdict of each of its properties."""
    sampler = next(reference for axis, reference in board.components() if axis == "sampler")
    made = certify(registry.remake("sampler", sampler), registry=registry)
    properties = [each.model_copy(update={"verdict": verdict}) for each in made.properties]
    memory.remember([made.model_copy(update={"properties": properties})])
    return sampler.name


def test_what_was_certified_stands_on_the_page(taken, board, registry, tmp_path):
    name = kept(registry, board, "pass")
    assert publish(taken, tmp_path / "page").exception is None
    page = (tmp_path / "page" / "README.md").read_text(encoding="utf-8")
    section = page.partition("## Certificates\n")[2].partition("\n## ")[0]
    assert f"| sampler | {name} | certified |" in " ".join(section.split())
    assert "1 certified, " in section
    published = Leaderboard.read(tmp_path / "page" / "leaderboard.json")
    assert {each.standing for each in published.certificates} == {"certified", "unclaimed"}


def test_a_leaderboard_with_a_component_that_failed_is_refused_unless_told(taken, board, registry, tmp_path):
    name = kept(registry, board, "fail")
    refused = publish(taken, tmp_path / "page")
    assert str(refused.exception).startswith(f"the certificate of sampler {name} failed; harness certify says why")
    assert not (tmp_path / "page").exists()
    assert publish(taken, tmp_path / "page", "--uncertified").exception is None
    assert "| failed |" in " ".join((tmp_path / "page" / "README.md").read_text(encoding="utf-8").split())
