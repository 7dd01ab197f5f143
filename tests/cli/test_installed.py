"""What packages add: listed without an import, called like the harness's own, harmless where it is broken."""

import os
import re
import signal
import subprocess

import pytest
import shell
from distributions import write_distribution
from shell import MAIN

from harness.cli import COMMANDS

GREETING = '''"""Greet whoever asks.

More that the help does not need.
"""

import sys, time, click
from harness.commands import Resumable
from harness.errors import HarnessError

print("imported")

@click.command("greet", cls=Resumable)
@click.option("--how", default="well")
def command(how):
    if how == "badly":
        raise HarnessError("nobody is\\nhere")
    if how == "broken":
        1 / 0
    click.echo(f"hello, {how}")
    sys.stdout.flush()
    if how == "slowly":
        time.sleep(60)
    return 1 if how == "twice" else 0
'''


@pytest.fixture
def house(tmp_path):
    """A folder of distributions, and the `harness` that sees it."""

    def package(distribution, added, files=(), group="commands"):
        write_distribution(tmp_path, distribution, {"console_scripts": {"run": "x:y"}, f"harness_{group}": added})
        for path, text in dict(files).items():
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_text(text)

    def harness(*words):
        return shell.harness(*words, timeout=60, PYTHONPATH=str(tmp_path))

    package.harness, package.folder = harness, tmp_path
    return package


@pytest.fixture
def greeting(house):
    files = {"polite/__init__.py": "", "polite/greeting.py": GREETING}
    house("polite", {"greet": "polite.greeting:command"}, files)
    return house


def test_the_help_lists_it_by_the_first_line_of_its_docstring_and_imports_nothing(greeting):
    (greeting.folder / "polite" / "__init__.py").write_text("raise SystemExit('imported')")
    done = greeting.harness("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    assert re.search(r"^  greet +Greet whoever asks\.$", done.stdout, re.M)
    assert greeting.harness("gret").stderr == "harness: no command 'gret'; did you mean greet? (see harness --help)\n"


def test_it_is_called_like_one_of_the_harness(greeting):
    done = greeting.harness("greet", "--how", "twice")
    # What its package prints as it is imported is no output of the command.
    assert (done.returncode, done.stdout, done.stderr) == (1, "hello, twice\n", "imported\n")
    assert "--debug" in greeting.harness("greet", "--help").stdout
    for words, status, said in (
        (["--how", "badly"], 2, "harness: nobody is here"),
        (
            ["--how", "broken"],
            70,
            "harness: unexpected error: ZeroDivisionError: division by zero (--debug shows where)",
        ),
        (["--hwo"], 2, "harness: no such option '--hwo'"),
    ):
        done = greeting.harness("greet", *words)
        assert done.returncode == status
        assert done.stderr.splitlines()[1].startswith(said)
    assert "Traceback" in greeting.harness("greet", "--how", "badly", "--debug").stderr


def test_one_that_can_go_on_says_so_when_it_is_interrupted(greeting):
    env = os.environ | {"PYTHONPATH": str(greeting.folder)}
    process = subprocess.Popen(
        [*MAIN, "greet", "--how", "slowly"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "hello, slowly\n"
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.splitlines()[-1] == "harness: interrupted; the same command goes on where it stopped"


BROKEN = {
    "absent": ("nowhere:command", "No module named 'nowhere'"),
    "leaving": ("leaving:command", "SystemExit: bye"),
    "nameless": ("numbers_only:wrong", "AttributeError: module 'numbers_only' has no attribute 'wrong'"),
    "number": ("numbers_only:number", "numbers_only:number is int, no click.Command"),
}


def test_a_broken_one_costs_one_line_and_nothing_else(greeting):
    files = {"leaving.py": '"""Leave."""\nraise SystemExit("bye")', "numbers_only.py": "number = 3"}
    greeting("rude", {name: value for name, (value, _) in BROKEN.items()}, files)
    listed = greeting.harness("--help")
    assert listed.returncode == 0
    assert re.search(r"^  absent +\(of rude, cannot be read: .*nowhere\)$", listed.stdout, re.M)
    assert re.search(r"^  leaving +Leave\.$", listed.stdout, re.M)
    assert re.search(r"^  nameless +\(of rude\)$", listed.stdout, re.M)
    for name, (_, reason) in BROKEN.items():
        done = greeting.harness(name)
        assert (done.returncode, done.stdout) == (2, "")
        assert re.fullmatch(rf"harness: rude/{name}[^\n]*{re.escape(reason)}\n", done.stderr)
    assert greeting.harness("greet").stdout == "hello, well\n"
    assert greeting.harness("show", "heun").returncode == 0


def test_none_takes_the_name_of_another(greeting):
    greeting("rude", {"show": "polite.greeting:command", "claims": "polite.greeting:command"})
    greeting("warm", {"greet": "polite.greeting:command"})
    listed = greeting.harness("--help").stdout
    for name, text in (("show", COMMANDS["show"][1]), ("rude/show", "Greet whoever asks."), ("claims", "Run an exp")):
        assert re.search(rf"^  {name} +{re.escape(text)}", listed, re.M)
    assert "sampler heun" in greeting.harness("show", "heun").stdout
    assert greeting.harness("rude/show").stdout == greeting.harness("rude/claims").stdout == "hello, well\n"
    # Two strangers of one name: neither has it.
    told = greeting.harness("greet").stderr
    assert told == "harness: no command 'greet'; write polite/greet or warm/greet (see harness --help)\n"
    assert greeting.harness("warm/greet").stdout == "hello, well\n"


DOCUMENT = """
from harness.commands import DocumentKind

def show(source, form, top, width):
    return f"{(source.directory / 'poem.txt').read_text()} as {form}"

def publish(source, destination, command):
    destination.mkdir()
    (destination / "README.md").write_text(f"{(source.directory / 'poem.txt').read_text()} by {command}")

KIND = DocumentKind(show, publish)
"""


def test_a_kind_of_document_is_shown_and_published(house):
    files = {"poem.txt": "poems:KIND", "prose.txt": "nowhere:KIND", "note.txt": "poems:publish"}
    house("poet", files, {"poems.py": DOCUMENT}, "documents")
    made = house.folder / "made"
    made.mkdir()
    (made / "poem.txt").write_text("roses")
    page = house.folder / "page"
    done = house.harness("publish", made, page, "--command", "harness rhyme")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"Published: {page}\n", "")
    assert (page / "README.md").read_text() == "roses by harness rhyme"
    done = house.harness("rank", made, "--format", "csv")
    assert (done.returncode, done.stdout, done.stderr) == (0, "roses as csv\n", "")
    done = house.harness("rank", made, "--budget", "--top", "3")
    assert (done.returncode, "holds poem.txt, which takes no --top and no --budget" in done.stderr) == (2, True)
    done = house.harness("publish", made, page, "--by", "kl")
    assert (done.returncode, "holds poem.txt, which takes no --by" in done.stderr) == (2, True)
    (made / "poem.txt").rename(made / "prose.txt")
    done = house.harness("publish", made, page)
    told = "harness: poet/prose.txt cannot be loaded: ModuleNotFoundError: No module named 'nowhere'\n"
    assert (done.returncode, done.stderr) == (2, told)
    (made / "prose.txt").rename(made / "note.txt")
    done = house.harness("rank", made)
    assert (done.returncode, done.stderr) == (2, "harness: poet/note.txt: poems:publish is function, no DocumentKind\n")


def test_files_that_cannot_be_read_are_no_commands(greeting):
    folder = greeting.folder / "odd-1.0.dist-info"
    folder.mkdir()
    (folder / "entry_points.txt").write_bytes(b"[harness_commands]\n\xff = x:y\n")
    (greeting.folder / "none-1.0.dist-info").mkdir()
    done = greeting.harness("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "greet" in done.stdout


def test_the_shell_completes_it_and_passes_over_a_broken_one(greeting):
    greeting("rude", {"greedy": "nowhere:command"})
    env = {"PYTHONPATH": str(greeting.folder), "COMP_CWORD": "1", "_HARNESS_COMPLETE": "bash_complete"}
    for words, number, expected in (
        ("harness gre", 1, ["greedy", "greet"]),
        ("harness greet --h", 2, ["--how", "--help"]),
    ):
        env |= {"COMP_WORDS": words, "COMP_CWORD": str(number)}
        done = subprocess.run(MAIN, capture_output=True, text=True, env=os.environ | env, timeout=60)
        assert [line.partition(",")[2] for line in done.stdout.splitlines()] == expected
