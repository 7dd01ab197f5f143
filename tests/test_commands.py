import pytest

from harness.commands import typed


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["run", "quick"], "harness run quick"),
        (["run", "--out", "/somewhere/here", "quick", "--workers=3"], "harness run quick"),
        (["run", "/somewhere/mine.toml", "--steps", "4,8", "--debug"], "harness run mine.toml --steps 4,8"),
        (["run", "--sampler", "heun", "--out=x y", "--target", "file:path=a b.npy"], None),
    ],
)
def test_the_command_of_a_page_names_no_place_of_the_machine(words, command):
    expected = command or "harness run --sampler heun --target 'file:path=a b.npy'"
    assert typed(words) == expected
