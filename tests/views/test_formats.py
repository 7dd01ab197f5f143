"""Formats: each is made from the forms that a document has, and every command offers all of them."""

import subprocess
import sys

import pytest
from click.testing import CliRunner
from harness_claims.command import command as claims

from harness.cli.kinds import KINDS
from harness.cli.rank import command as rank
from harness.results.leaderboard import Leaderboard
from harness.views import formats
from harness.views.tables import board_view


@pytest.fixture
def with_tabs(monkeypatch):
    """A house with one more format: a function of a view, and its line."""
    monkeypatch.setitem(formats.FORMATS, "tabs", lambda view, top, width: "\t".join(view.rows(top)[0]) + "\n")


def test_a_format_is_a_line_in_the_table(small, with_tabs):
    text = formats.render(board_view(Leaderboard.validate(small)), "tabs")
    assert text.startswith("rank\t")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_cell_of_a_csv_is_a_formula(text):
    view = formats.View(None, None, None, lambda top: [{"name": f"{text}\x07\n", "n": -1, "plain": "a=1"}])
    assert formats.render(view, "csv") == f"name,n,plain\n'{text}  ,-1,a=1\n"


@pytest.mark.parametrize("command", [rank, claims])
def test_commands_offer_every_format(command):
    assert f"[{'|'.join(formats.FORMATS)}]" in "".join(CliRunner().invoke(command, ["--help"]).output.split())


def test_commands_take_their_flags_from_the_kinds():
    options = {name for parameter in rank.params for name in parameter.opts}
    assert {f"--{name}" for name, kind in KINDS.items() if kind.shown} <= options


ONE = ["--target=ring", "--network=exact", "--noise-schedule=edm", "--time-discretization=exponential"]


@pytest.mark.parametrize("words", [["show", "heun"], ["plugins"], ["plan", "quick", "--sampler=heun", *ONE]])
def test_what_shows_no_document_imports_no_contract_of_one(words):
    script = (
        "import sys; from harness.cli import group\n"
        "group.main(sys.argv[1:], standalone_mode=False)\n"
        "print([m for m in sys.modules if m.startswith('harness.results')])"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
