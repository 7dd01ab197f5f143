"""The command line as a user meets it, in processes of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from statistics import median

import click
import pytest

from harness import __version__
from harness.cli import COMMANDS, group, main, selection

MAIN = [sys.executable, "-c", "from harness.cli import main; main()"]


def harness(*args, **environment):
    env = {k: v for k, v in os.environ.items() if k != "HARNESS_PLUGINS"} | environment
    return subprocess.run([*MAIN, *args], capture_output=True, text=True, env=env, timeout=120)


def assert_one_line(done, message, status=2):
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert re.fullmatch(r"harness: [^\n]+\n", done.stderr), done.stderr
    assert message in done.stderr


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
        (["plugins", "--format", "xml"], "'xml' is not one of 'table', 'json' (see harness plugins --help)"),
        (["plugins", "--frmat", "json"], "no such option '--frmat'"),
        (["show"], "missing argument 'COMPONENT'"),
        (["show", "polynomal"], "unknown component 'polynomal'; did you mean polynomial?"),
        (["show", "--axis", "sampler", "edm"], "unknown sampler 'edm'; known: analytic, ancestral"),
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


def test_an_interrupt_is_told_in_one_line(monkeypatch, tmp_path):
    process = fake(monkeypatch, tmp_path, "print('ready', flush=True); time.sleep(60)")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.strip() == "harness: interrupted"


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_closed_pipe_is_quiet(monkeypatch, tmp_path, lines):
    body = f"sys.stdin.readline(); [click.echo('x' * 50) for _ in range({lines})]"
    (tmp_path / "go").mkdir()
    process = fake(monkeypatch, tmp_path, body.replace("sys.stdin.readline(); ", "time.sleep(0.3); "))
    process.stdout.close()
    told = process.stderr.read()
    assert process.wait(timeout=60) == 141
    assert told == ""


def test_plugins_as_a_table_and_as_json():
    content = json.loads(harness("plugins", "--format", "json").stdout)
    assert content["schema_version"] == 1
    assert content["problems"] == []
    karras = next(p for p in content["plugins"] if p["entry_point"] == "karras")
    assert karras["distribution"] == "diffusion-harness"
    assert karras["status"] == "ok"
    assert "heun" in karras["components"]["sampler"]
    table = harness("plugins").stdout
    for plugin in content["plugins"]:
        assert re.search(rf"^{plugin['entry_point']} +diffusion-harness +{__version__} +ok", table, re.M)


def test_left_out_plugins_say_so():
    table = harness("plugins", HARNESS_PLUGINS="song").stdout
    assert re.search(r"^karras .* off +left out by HARNESS_PLUGINS", table, re.M)
    assert re.search(r"^song .* ok ", table, re.M)
    assert_one_line(harness("plugins", HARNESS_PLUGINS="sing"), "no plugin 'sing' is installed; did you mean song?")


@pytest.mark.parametrize(
    "words", [("show", "moment-matched"), ("show", "mlp"), ("show", "theorem-3"), ("plan", "quick"), ("plan", "full")]
)
def test_pages_fit_a_terminal(words, monkeypatch, capsys):
    monkeypatch.setattr("harness.views.terminal.terminal_width", lambda: 80)
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert not ended.value.code
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_show_explains_a_component():
    text = harness("show", "polynomial").stdout
    assert re.search(r"^time discretization polynomial$", text, re.M)
    assert re.search(r"^rho +number +7\.0 +≥ 0\.1", text, re.M)
    assert "2206.00364" in text
    [page] = json.loads(harness("show", "polynomial", "--format", "json").stdout)["components"]
    assert page["axis"] == "time_discretization"
    rho = next(p for p in page["parameters"] if p["name"] == "rho")
    assert (rho["type"], rho["default"], rho["required"]) == ("number", 7.0, False)
    declared = page["schema"]["properties"]["rho"]
    assert rho["constraints"] == f"≥ {declared['minimum']:g}, ≤ {declared['maximum']:g}"
    assert re.fullmatch("[0-9a-f]{64}", page["source_digest"])


def test_show_gives_every_axis_of_a_name():
    def axes(*args):
        pages = json.loads(harness("show", *args, "--format", "json").stdout)["components"]
        return [page["axis"] for page in pages]

    assert axes("edm") == axes("diffusion-harness/edm") == ["weighting", "noise_schedule"]
    assert axes("weighting/edm") == axes("edm", "--axis", "weighting") == ["weighting"]
    assert axes("noise-schedule/edm") == ["noise_schedule"]


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
    command.main(["--seeds", "4,7"], standalone_mode=False)
    assert found[-1][0].seeds == (4, 7)
    command.main(["--seeds", "4,"], standalone_mode=False)
    assert found[-1][0].seeds == (4,)
    with pytest.raises(click.BadParameter, match="'x' is no list of whole numbers"):
        command.main(["--steps", "x"], standalone_mode=False)


def test_the_group_knows_its_commands():
    assert group.list_commands(None)[: len(COMMANDS)] == list(COMMANDS)
    for name in ("plugins", "show", "claims"):
        command = group.get_command(None, name)
        assert command.name == name
        assert [p.name for p in command.params].count("debug") == 1


@pytest.mark.parametrize("width", [60, 140])
def test_the_list_of_plugins_fits_the_terminal(monkeypatch, width):
    from click.testing import CliRunner

    monkeypatch.setattr("harness.views.terminal.terminal_width", lambda: width)
    lines = CliRunner().invoke(group, ["plugins"]).output.splitlines()
    longest = max(map(len, lines))
    # What a plugin offers never gets less than 26 columns.
    assert longest <= max(width, 90)
    assert width == 60 or longest > 120
