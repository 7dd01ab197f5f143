"""Which document a command means: by option, by what lies in the directory, and what it then takes."""

import click
import pytest

from harness.cli import installed
from harness.cli.documents import chosen
from harness.cli.kinds import KINDS
from harness.commands import DocumentKind, Source

THEIRS = DocumentKind(lambda *_: "theirs", takes=frozenset({"top"}))


@pytest.fixture
def package(monkeypatch, tmp_path):
    """A directory with the document of a package's command."""

    class Offered:
        name = "verdicts.json"

        def document(self):
            return THEIRS

    monkeypatch.setattr(installed, "documents", lambda: [Offered()])
    (tmp_path / "verdicts.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize("name", KINDS)
def test_an_option_names_a_kind(tmp_path, name):
    assert chosen(Source(tmp_path), name, {"by": None, "top": None}) is KINDS[name]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("bounds", {"by": "kl", "top": None}, "--bounds has its own rule for what is shown; it takes no --by"),
        ("bounds", {"by": "kl", "top": 3}, "it takes no --by and no --top"),
    ],
)
def test_what_a_kind_does_not_take_is_refused(tmp_path, name, options, message):
    with pytest.raises(click.UsageError, match=message):
        chosen(Source(tmp_path), name, options)


def test_the_file_of_a_package_asks_for_its_kind_unless_a_suite_is_named(package):
    assert chosen(Source(package), "", {"by": None, "top": 5}) is THEIRS
    assert chosen(Source(package, suite="quick"), "", {"by": "kl", "top": 5}) is KINDS[""]
    with pytest.raises(click.UsageError, match=r"holds verdicts\.json, which takes no --by and no --bounds"):
        chosen(Source(package), "bounds", {"by": "kl", "top": None})
