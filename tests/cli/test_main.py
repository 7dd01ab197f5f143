"""The command line as a user meets it, in processes of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pytest
from shell import MAIN, assert_one_line, harness

from harness import __version__
from harness.cli import COMMANDS, group, main
from harness.suites.model import load_suite, shipped_suites


def test_help_lists_every_command():
    done = harness("--help")
    assert done.returncode == 0
    for name, (_, text) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(text[:30])}", done.stdout, re.M)
    assert harness("--version").stdout == f"harness {__version__}\n"


@pytest.mark.parametrize("args", [["--help"], ["--no-such-option"], ["rnu"]])
def test_help_and_usage_errors_import_nothing_heavy(args):
    code = (
        "import sys\nfrom harness.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print(sorted({m.partition('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True)
    loaded = set(re.findall(r"'(\w+)'", done.stderr.splitlines()[-1]))
    assert "click" in loaded
    assert not loaded & {"torch", "numpy", "scipy", "pydantic", "pluggy", "tabulate", "tqdm"}


def test_help_is_nearly_as_fast_as_click():
    def seconds(*command):
        start = time.perf_counter()
        subprocess.run(command, capture_output=True)
        return time.perf_counter() - start

    ratios = []
    for _ in range(5):
        bare = seconds(sys.executable, "-c", "import click")
        ratios.append(seconds(*MAIN, "--help") / bare)
        ratios.append(seconds(*MAIN, "--no-such-option") / bare)
    assert median(ratios) < 0.25 / 0.07


def test_no_command_shows_the_help():
    done = harness()
    assert done.returncode == 2
    assert "Commands:" in done.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--no-such-option"], "no such option '--no-such-option'"),
        (["rnu"], "no command 'rnu'; did you mean run?"),
        (["list"], "no command 'list'; suites are listed by: harness suites, components by: harness plugins"),
        (["run", "--step", "5"], "no such option '--step'; did you mean --steps or --train-steps? (see harness run"),
        (["run", "--schedule", "edm"], "no such option '--schedule'; did you mean --noise-schedule? (see"),
        (["show", "quick"], "quick is no component but a suite; what it compares, and how long it takes: harness plan"),
        (["show", "asinh"], "components are listed by: harness plugins"),
        (["show", "Karras"], "unknown component 'Karras'; it stands in what is said of "),
        (["plugins", "--format", "xml"], "'xml' is not one of 'table', 'json' (see harness plugins --help)"),
        (["plugins", "--frmat", "json"], "no such option '--frmat'"),
        (["show"], "missing argument 'COMPONENT'"),
        (["show", "polynomal"], "unknown component 'polynomal'; did you mean polynomial"),
        (["show", "--axis", "sampler", "edm"], "unknown sampler 'edm'; did you mean "),
        (["show", "sampler/hein"], "unknown sampler 'hein'; did you mean heun?"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(args, message):
    assert_one_line(harness(*args), message)


def test_debug_shows_the_traceback_wherever_it_stands():
    for args in (["--debug", "show", "nothing"], ["show", "nothing", "--debug"]):
        done = harness(*args)
        assert "Traceback" in done.stderr
        assert "ComponentError" in done.stderr


def fake(monkeypatch, tmp_path, body):
    """A process whose `plugins` command is another function."""
    (tmp_path / "fake_command.py").write_text(
        "import os, signal, sys, time, click\nfrom harness.errors import HarnessError\n"
        f"@click.command()\ndef command():\n    {body}\n"
    )
    code = "import harness.cli as c\nc.COMMANDS['plugins'] = ('fake_command:command', 'fake')\nc.main(['plugins'])"
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    return subprocess.Popen(
        [sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(
    ("body", "status", "stderr"),
    [
        ("click.get_current_context().exit(1)", 1, ""),
        ("pass", 0, ""),
        ("raise HarnessError('two\\nlines')", 2, "harness: two lines\n"),
        ("open('/no/such/file')", 2, "harness: /no/such/file: No such file or directory\n"),
        (
            "1 / 0",
            70,
            "harness: unexpected error: ZeroDivisionError: division by zero (--debug shows where)\n",
        ),
        ("raise click.UsageError('Odd.')", 2, "harness: odd (see harness plugins --help)\n"),
        ("raise click.Abort", 2, "harness: aborted\n"),
        (
            "raise OSError(28, 'No space left on device', 'runs/x')",
            2,
            "harness: runs/x: No space left on device\n",
        ),
    ],
)
def test_exit_status_and_message(monkeypatch, tmp_path, body, status, stderr):
    process = fake(monkeypatch, tmp_path, body)
    _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (status, stderr)


@pytest.mark.parametrize(
    ("name", "content", "hides"),
    [
        ("numpy", "", "the library numpy"),
        ("numpy", "1 / 0", "the library numpy"),
        ("scipy", "else", "the library scipy"),
        ("json", "", "Python's own module json"),
    ],
)
def test_a_file_that_hides_a_library_is_told(tmp_path, name, content, hides):
    (tmp_path / f"{name}.py").write_text(content)
    done = harness("recommend", "nothing.npy", PYTHONPATH=str(tmp_path))
    assert_one_line(done, f"harness: {tmp_path / name}.py hides {hides}: remove or rename it (")


def test_a_file_that_hides_nothing_that_is_used_is_not_blamed(monkeypatch, tmp_path):
    (tmp_path / "this.py").write_text("")
    _, told = (process := fake(monkeypatch, tmp_path, "1 / 0")).communicate(timeout=60)
    assert (process.returncode, "unexpected error: ZeroDivisionError" in told) == (70, True)


def test_an_interrupt_is_told_in_one_line(monkeypatch, tmp_path):
    process = fake(monkeypatch, tmp_path, "print('ready', flush=True); time.sleep(60)")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.strip() == "harness: interrupted"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_to_end_is_told_in_one_line(monkeypatch, tmp_path, number, status):
    process = fake(monkeypatch, tmp_path, "print('ready', flush=True); time.sleep(60)")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert (process.returncode, told.strip()) == (status, "harness: ended")


def test_what_an_encoding_lacks_is_replaced():
    words = [*MAIN, "show", "edm", "--axis", "noise_schedule"]
    done = subprocess.run(words, env=os.environ | {"PYTHONIOENCODING": "latin-1"}, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "?(t) = t" in done.stdout.decode("latin-1")


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_closed_pipe_is_quiet(monkeypatch, tmp_path, lines):
    body = f"sys.stdin.readline(); [click.echo('x' * 50) for _ in range({lines})]"
    (tmp_path / "go").mkdir()
    process = fake(monkeypatch, tmp_path, body.replace("sys.stdin.readline(); ", "time.sleep(0.3); "))
    process.stdout.close()
    told = process.stderr.read()
    assert process.wait(timeout=60) == 141
    assert told == ""


def test_the_group_knows_its_commands():
    assert group.list_commands(None)[: len(COMMANDS)] == list(COMMANDS)
    for name in ("plugins", "show", "claims"):
        command = group.get_command(None, name)
        assert command.name == name
        assert [p.name for p in command.params].count("debug") == 1


def test_the_suites_that_ship_are_listed(monkeypatch, capsys):
    monkeypatch.setattr("harness.views.terminal.terminal_width", lambda: 60)
    with pytest.raises(SystemExit):
        main(["suites"])
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 60
    with pytest.raises(SystemExit):
        main(["suites", "--format", "json"])
    listed = {each["name"]: each["title"] for each in json.loads(capsys.readouterr().out)["suites"]}
    assert listed == {name: load_suite(name).title for name in shipped_suites()}
    assert all(name in shown for name in listed)


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_completion_is_what_the_readme_says(kind):
    page = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert f"_HARNESS_COMPLETE={kind}_source harness" in page or f"`{kind}_source`" in page
    done = harness(_HARNESS_COMPLETE=f"{kind}_source")
    assert "_HARNESS_COMPLETE" in done.stdout + done.stderr
