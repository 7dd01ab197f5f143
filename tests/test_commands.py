import click
import pytest

from harness.cli import group
from harness.commands import local_option, typed


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["run", "quick"], "harness run quick"),
        (["run", "--out", "/somewhere/here", "quick", "--workers=3"], "harness run quick"),
        (["run", "/somewhere/mine.toml", "--steps", "4,8", "--debug"], "harness run mine.toml --steps 4,8"),
        (["--debug", "run", "--retry-failed", "quick", "--top", "3"], "harness run quick"),
        (["run", "--sampler", "heun", "--out=x y", "--target", "file:path=a b.npy"], None),
        (["run", "--target", "--out", "quick"], "harness run --target --out quick"),
        (["run", "--", "--out"], "harness run -- --out"),
    ],
)
def test_the_command_of_a_page_names_no_place_of_the_machine(words, command):
    expected = command or "harness run --sampler heun --target 'file:path=a b.npy'"
    assert typed(words, group.get_command(None, "run")) == expected


def test_the_options_of_another_command_are_its_own():
    @click.command("mine")
    @click.option("--top")
    @click.option("--debug-level", type=int)
    @click.option("--debugger", is_flag=True)
    @local_option("--where")
    def mine():
        """Have options of its own."""

    words = ["mine", "--top", "frob", "--debug-level=3", "--debugger", "--where", "here"]
    assert typed(words, mine) == "harness mine --top frob --debug-level=3 --debugger"
