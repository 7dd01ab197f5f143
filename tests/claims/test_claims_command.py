"""Claims from a shell: `harness claims`, and what other commands make of their results."""

import json
import shutil
import sys

import pytest
from fake_claims import PLOTS, MoreSteps, registry_with
from harness_claims.document import ClaimsBoard
from harness_claims.publishing import render_claims_files
from harness_claims.tables import render_claims

from harness import cli
from harness.registry.discovery import load
from harness.views.formats import FORMATS


def command(monkeypatch, capsys, registry, *words):
    monkeypatch.setattr("harness.registry.discovery.load", lambda: registry)
    monkeypatch.setattr(sys, "argv", ["harness", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_the_command_prints_verdicts_and_where_the_plots_are(monkeypatch, capsys, fakes, finished):
    directory, _ = finished
    status, out, err = command(monkeypatch, capsys, fakes, "claims", "--quick", "--out", directory)
    assert (status, err) == (1, "")
    assert "6 claims (quick sizes): 1 supported" in out
    assert f"Results: {directory}   Plots: {directory / 'plots'}   What failed, again: --retry-failed\n" in out
    assert (directory / "plots" / "claim-01.svg").is_file()
    assert ClaimsBoard.validate(json.loads((directory / "claims.json").read_text())).command == "harness claims --quick"
    words = ("claims", "--quick", "--claim", 1, "--out", directory)
    assert command(monkeypatch, capsys, fakes, *words)[0] == 0
    status, out, _ = command(monkeypatch, capsys, fakes, *words, "--claim", 2, "--format", "json")
    assert [entry["number"] for entry in json.loads(out)["claims"]] == [1, 2]
    # One claim alone leaves the document on all of them as it was.
    assert len(json.loads((directory / "claims.json").read_text())["claims"]) == 6


def test_a_failing_plot_keeps_the_verdict_and_ends_with_status_1(monkeypatch, capsys, fakes, finished, tmp_path):
    both = registry_with(MoreSteps, *PLOTS)
    words = ("claims", "--quick", "--out", finished[0])
    status, out, err = command(monkeypatch, capsys, both, *words, "--format", "json")
    assert status == 1
    assert err.splitlines() == [
        "harness: claim 7: no plot: ZeroDivisionError: division by zero",
        "harness: claim 8: no plot: series 'line' has 2 x and 1 y",
    ]
    document = ClaimsBoard.validate(json.loads(out))
    sound, *broken = document.claims
    for entry in broken:
        assert (entry.verdict, entry.effect, entry.findings) == (sound.verdict, sound.effect, sound.findings)
        assert (entry.error, entry.panels) == ("", [])
    files = render_claims_files(document, "x")
    assert {name for name in files if name.endswith("svg")} == {"claim-01.svg"}
    assert "**No plot.** series 'line' has 2 x and 1 y" in files["README.md"].decode()


def test_publish_knows_a_directory_of_claims(monkeypatch, capsys, fakes, finished, board, tmp_path):
    from harness_claims.publishing import write_document

    write_document(board, finished[0])
    status, out, _ = command(monkeypatch, capsys, fakes, "publish", finished[0], tmp_path / "p")
    assert (status, out) == (0, f"Published: {tmp_path / 'p'}\n")
    assert "harness claims --quick" in (tmp_path / "p" / "README.md").read_text()
    status, _, err = command(monkeypatch, capsys, fakes, "publish", finished[0], tmp_path / "p", "--bounds")
    assert status == 2
    assert "holds claims.json, which takes no --bounds" in err


def test_rank_shows_the_verdicts_that_lie_in_a_directory(monkeypatch, capsys, fakes, board, tmp_path):
    from harness_claims.publishing import write_document

    write_document(board, tmp_path)
    for form in FORMATS:
        status, out, _ = command(monkeypatch, capsys, fakes, "rank", tmp_path, "--format", form)
        assert (status, out) == (0, render_claims(board, form))


def test_other_commands_say_what_the_directory_holds(monkeypatch, capsys, fakes, finished, tmp_path):
    directory = shutil.copytree(finished[0], tmp_path / "none")
    (directory / "claims.json").unlink(missing_ok=True)
    status, _, err = command(monkeypatch, capsys, fakes, "rank", directory)
    assert status == 2
    rule = f"what it holds is made and shown by: harness claims --quick --out {directory}"
    assert f"{directory} holds no suite; {rule}" in err


def test_show_tells_the_whole_rule(monkeypatch, capsys):
    shipped = load()
    status, out, _ = command(monkeypatch, capsys, shipped, "show", "semi-smooth")
    assert status == 0
    assert "Claim wang-2024/3. Near the trajectory the loss exceeds its linearisation" in out
    assert "α = 0.05/13" in out
    assert "Undecided: neither." in out


def test_without_matplotlib_one_line_says_so(monkeypatch, capsys, fakes, finished):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    status, out, err = command(monkeypatch, capsys, fakes, "claims", "--quick", "--claim", 1, "--out", finished[0])
    assert status == 0
    assert "supported" in out
    assert (
        err == "harness: no plots: plots need matplotlib; install it with: pip install 'diffusion-harness[publish]'\n"
    )


def test_bad_input_ends_in_one_line(monkeypatch, capsys, fakes, tmp_path):
    for words, said in (
        (("--claim", 77), "there is no claim 77"),
        (("--claim", "x"), "'x' is no number of a claim; write 1 or fake-2024/1"),
        (("--out", __file__), "is a file"),
        (("--out", "/proc/claims"), "/proc/claims cannot be written"),
        (("--format", "pdf"), "'pdf' is not one of"),
    ):
        status, _, err = command(monkeypatch, capsys, fakes, "claims", "--quick", *words)
        assert status == 2
        assert said in err
        assert err.startswith("harness: ")
        assert err.count("\n") == 1
