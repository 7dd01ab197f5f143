"""The options that choose from a suite, and what a shell completes."""

import click
import pytest
from shell import harness

from harness.cli import selection


def completed(words):
    env = {
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
        "_HARNESS_COMPLETE": "bash_complete",
    }
    done = harness(**env)
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_the_shell_completes_commands_and_components():
    assert completed("harness pl") == ["plan", "plugins"]
    assert completed("harness show poly") == ["polynomial"]


def test_components_complete_to_parameters():
    kind = selection.ComponentType("time_discretization")

    def complete(text):
        return [item.value for item in kind.shell_complete(None, None, text)]

    assert complete("poly") == ["polynomial"]
    assert complete("polynomial:") == ["polynomial:rho=", "polynomial:variable="]
    assert complete("polynomial:rho=3,v") == ["polynomial:rho=3,variable="]
    assert complete("polynomial:rho=3") == []
    suites = [item.value for item in selection.SuiteType().shell_complete(None, None, "q")]
    assert suites == ["quick", "q"]


def test_the_selection_becomes_a_suite():
    found = []

    @click.command()
    @click.option("--other", type=int)
    @selection.suite_argument
    def command(suite, other):
        found.append((suite, other))

    command.main([], standalone_mode=False)
    assert found[-1][0].name == "quick"
    words = ["quick", "--target", "ring:modes=3,4", "--target", "gaussian", "--noise-schedule", "edm"]
    words += ["--steps", "4,8", "--seeds", "2", "--train-steps", "5", "--other", "3"]
    command.main(words, standalone_mode=False)
    suite, other = found[-1]
    assert suite.targets == ("ring:modes=3,4", "gaussian")
    assert (suite.steps, suite.seeds, suite.training.steps, other) == ((4, 8), (0, 1), (5,), 3)
    command.main(["--rank-by", "path-kl,kl"], standalone_mode=False)
    assert found[-1][0].rank_by == ("path-kl", "kl")
    command.main(["--seeds", "4,7"], standalone_mode=False)
    assert found[-1][0].seeds == (4, 7)
    command.main(["--seeds", "4,"], standalone_mode=False)
    assert found[-1][0].seeds == (4,)
    with pytest.raises(click.BadParameter, match="'x' is no list of whole numbers"):
        command.main(["--steps", "x"], standalone_mode=False)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("kl", ["kl"]),
        ("kl,energy", ["kl", "energy"]),
        ("kl:points=64,particles=128, energy", ["kl:points=64,particles=128", "energy"]),
        (
            "site/kl:points=64,sliced-wasserstein:projections=8",
            ["site/kl:points=64", "sliced-wasserstein:projections=8"],
        ),
        ("", [""]),
    ],
)
def test_commas_join_metrics_but_not_their_parameters(text, names):
    assert selection.Names().convert(text, None, None) == names
