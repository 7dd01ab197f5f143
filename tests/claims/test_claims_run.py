"""The engine of claims, on claims of two seconds: verdicts, errors, resuming, sharing, bad input."""

import json
import sqlite3
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from harness import cli
from harness.claims import (
    Claim,
    ClaimError,
    Decision,
    Descent,
    DescentRequest,
    Effect,
    Experiments,
    Finding,
    Panel,
    Series,
)
from harness.claims_board import claims_board, claims_to_json, validate_claims
from harness.claims_publishing import publish_claims, render_claims_files
from harness.claims_run import chosen, run_claims
from harness.claims_tables import render_claims
from harness.leaderboard import LeaderboardError
from harness.plugins import load
from harness.registry import Registry
from harness.run import Options
from harness.store import DATABASE, StoreError
from harness.verdicts import decision, t_test

SUITE = {
    "targets": ["gaussian:dim=2", "ring"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["exponential"],
    "networks": ["exact"],
    "samplers": ["exponential-integrator"],
    "metrics": ["path-kl"],
    "bounds": ["budget"],
    "rank_by": "path-kl",
    "steps": [4, 8],
    "seeds": 2,
    "sampling": {"samples": 16},
}
DESCENT = DescentRequest(
    "ring", "relu:width=8,depth=1", "edm", (1, 2), Descent(points=4, levels=3, steps=6, record=1, precision="float32")
)


class Fake(Claim):
    """Rule: none."""

    title: ClassVar[str] = "a fake"
    statement: ClassVar[str] = "It is so."

    def experiments(self, quick):
        return Experiments(suites={"grid": SUITE})

    def figure(self, evidence, decision):
        return (Panel("ring", "x", "y", (Series("line", [1, 2], [1, np.nan]),), log_x=True),)


class MoreSteps(Fake):
    """More steps lower E_D: 4 against 8, exact."""

    name: ClassVar[str] = "more-steps"
    number: ClassVar[int] = 1

    def decide(self, evidence):
        tests = {}
        for target in {result.target for result in evidence.results["grid"]}:
            few, many = (r.budget["discretization"] for r in evidence.results["grid"] if r.target == target)
            tests[target] = t_test(np.log(few / many), arithmetic=True)
        assert set(tests) == set(evidence.information)
        return decision(tests, "ln E_D, 4 over 8 steps", note="It says that more steps help, *here*.")


class Descends(Fake):
    """The last loss is below the first: the first runs of a descent."""

    name: ClassVar[str] = "descends"
    number: ClassVar[int] = 2

    def experiments(self, quick):
        return Experiments(descents={"way": DESCENT})

    def decide(self, evidence):
        return decision(
            {"ring": t_test([np.log(t.loss[0] / t.loss[-1]) for t in evidence.trajectories["way"]])}, "fall"
        )


class BadRule(Fake):
    """Divides by zero."""

    name: ClassVar[str] = "bad-rule"
    number: ClassVar[int] = 3

    def decide(self, evidence):
        return 1 / 0


class BadExperiment(Fake):
    """Asks for a network that is not there."""

    name: ClassVar[str] = "bad-experiment"
    number: ClassVar[int] = 4

    def experiments(self, quick):
        return Experiments(suites={"grid": SUITE | {"networks": ["exacd"]}})

    def decide(self, evidence):
        raise AssertionError


class Diverges(Fake):
    """Trains with a step size at which any network diverges."""

    name: ClassVar[str] = "diverges"
    number: ClassVar[int] = 5

    def experiments(self, quick):
        settings = Descent(points=4, levels=3, steps=50, learning_rate=1e9, precision="float32")
        return Experiments(descents={"way": DescentRequest("ring", "relu:width=8,depth=2", "edm", (1,), settings)})

    def decide(self, evidence):
        raise AssertionError


class NoFinding(Fake):
    """Decides without a target."""

    name: ClassVar[str] = "no-finding"
    number: ClassVar[int] = 6

    def experiments(self, quick):
        return Experiments(suites={"grid": SUITE})

    def decide(self, evidence):
        return Decision("supported", Effect("size", 1.0), "", 2, ())


class BadPlot(MoreSteps):
    """A sound rule whose plot fails."""

    name: ClassVar[str] = "bad-plot"
    number: ClassVar[int] = 7

    def figure(self, evidence, decision):
        return 1 / 0


class UnevenPlot(MoreSteps):
    """A sound rule whose plot has two x and one y."""

    name: ClassVar[str] = "uneven-plot"
    number: ClassVar[int] = 8

    def figure(self, evidence, decision):
        return (Panel("ring", "x", "y", (Series("line", [1, 2], [1]),)),)


class Fickle(Fake):
    """A claim whose parts are put in by a test."""

    name: ClassVar[str] = "fickle"
    number: ClassVar[int] = 9
    asked: ClassVar[object] = Experiments(suites={"grid": SUITE})
    made: ClassVar[object] = None

    def experiments(self, quick):
        return self.asked

    def decide(self, evidence):
        return self.made() if callable(self.made) else self.made


FAKES = (MoreSteps, Descends, BadRule, BadExperiment, Diverges, NoFinding)
PLOTS = (BadPlot, UnevenPlot)


@pytest.fixture(scope="module")
def registry():
    shipped = load()
    classes = [c for axis in shipped.axes if axis != "claim" for c in shipped.classes(axis).values()]
    return Registry.from_classes([*classes, *FAKES])


def outcomes(registry, directory, *numbers, quick=True):
    options = Options(workers=1, progress=False)
    return {
        outcome.claim.number: outcome
        for outcome in run_claims(chosen(registry, numbers), registry, directory, options, quick=quick)
    }


@pytest.fixture(scope="module")
def finished(registry, tmp_path_factory):
    directory = tmp_path_factory.mktemp("claims")
    return directory, outcomes(registry, directory)


@pytest.fixture(scope="module")
def board(finished):
    return claims_board(list(finished[1].values()), quick=True, command="harness claims --quick", environment={})


def made(directory: Path) -> dict[str, float]:
    with sqlite3.connect(directory / DATABASE) as db:
        return dict(db.execute("select key, seconds from records"))


def test_verdicts_follow_from_the_records(finished):
    _, found = finished
    # More steps lower E_D on every target; two seeds of exact arithmetic agree, so that nothing is left to chance.
    assert found[1].decision.verdict == "supported"
    assert {f.target for f in found[1].decision.findings} == {"gaussian", "ring"}
    assert found[1].decision.effect.value > 0
    assert found[2].decision.effect.value > 0
    assert found[1].error == found[2].error == ""
    assert found[2].seconds > 0


def test_what_fails_is_an_error_with_its_reason_and_costs_the_others_nothing(finished):
    _, found = finished
    assert found[3].error == "rule: ZeroDivisionError: division by zero"
    assert found[4].error.startswith("experiment: claim 4, suite grid: networks: unknown network 'exacd'; did you mean")
    assert found[5].error.startswith("experiment: way: ring · relu:width=8,depth=2 · edm, seed 1: training")
    assert "diverged" in found[5].error
    assert found[6].error == "rule: the decision has no finding; it needs one for each target"
    assert all(found[number].decision is None for number in (3, 4, 5, 6))


def finding(target="ring", **changes):
    values = {"target": target, "verdict": "supported", "effect": 1.0, "low": None, "high": None, "statistic": "t"}
    return Finding(**values | {"p_value": 0.0, "p_against": 1.0, "seeds": 2} | changes)


def decided(*findings, **changes):
    values = {"verdict": "supported", "effect": Effect("size", 1.0), "statistic": "t", "seeds": 2, "findings": findings}
    return Decision(**values | changes)


@pytest.mark.parametrize(
    ("asked", "made", "reason"),
    [
        (None, None, "experiment: experiments returned NoneType, no Experiments"),
        (Experiments(), None, "experiment: no suite and no descent is asked for"),
        (..., None, "rule: decide returned NoneType, no Decision"),
        (..., lambda: sys.exit(0), "rule: SystemExit: 0"),
        (..., decided(finding(), finding()), "rule: the decision has several findings for target ring"),
        (..., decided(finding(seeds=0)), "rule: the finding for target ring rests on 0 units"),
        (..., decided(finding(p_value=None)), "rule: the decision breaks its contract: "),
        (..., decided(finding(), effect=None), "rule: the decision breaks its contract: "),
        (..., decided(finding(), effect=Effect("e", "big")), "rule: the decision breaks its contract: "),
    ],
)
def test_whatever_a_claim_returns_costs_the_others_nothing(tmp_path, monkeypatch, asked, made, reason):
    shipped = load()
    classes = [c for axis in shipped.axes if axis != "claim" for c in shipped.classes(axis).values()]
    monkeypatch.setattr(Fickle, "made", staticmethod(made) if callable(made) else made)
    if asked is not ...:
        monkeypatch.setattr(Fickle, "asked", asked)
    found = outcomes(Registry.from_classes([*classes, MoreSteps, Fickle]), tmp_path)
    shown = claims_board(list(found.values()), quick=True, command="c", environment={}).claims
    assert shown[0].verdict == "supported"
    assert shown[1].error.startswith(reason)
    assert "\n" not in shown[1].error


def test_a_second_run_makes_nothing_again(registry, finished):
    directory, found = finished
    before = made(directory)
    again = outcomes(registry, directory)
    assert made(directory) == before
    assert {n: o.decision for n, o in again.items()} == {n: o.decision for n, o in found.items()}


def test_one_claim_alone_has_the_same_verdict(registry, finished, tmp_path):
    _, found = finished
    assert outcomes(registry, tmp_path, 2)[2].decision == found[2].decision
    shared = len(made(tmp_path))
    # Another claim adds its own records; one that shares them (3 has the suite of 1) adds none.
    assert outcomes(registry, tmp_path, 1)[1].decision == found[1].decision
    both = len(made(tmp_path))
    assert both > shared == 2
    outcomes(registry, tmp_path, 3)
    assert len(made(tmp_path)) == both


def test_a_lost_record_is_made_again_and_only_that(registry, finished, tmp_path):
    outcomes(registry, tmp_path, 2)
    with sqlite3.connect(tmp_path / DATABASE) as db:
        (lost,) = db.execute("select key from records limit 1").fetchone()
        db.execute("delete from records where key = ?", (lost,))
    kept = made(tmp_path)
    assert outcomes(registry, tmp_path, 2)[2].decision == finished[1][2].decision
    now = made(tmp_path)
    assert lost in now
    assert {key: now[key] for key in kept} == kept


def test_claims_are_chosen_by_number(registry):
    assert [claim.number for claim in chosen(registry, (5, 1, 5))] == [1, 5]
    with pytest.raises(ClaimError, match=r"^--claim: there is no claim 14; known: 1, 2, 3, 4, 5, 6$"):
        chosen(registry, (14,))
    with pytest.raises(ClaimError, match="no installed plugin offers a claim"):
        chosen(Registry.from_classes([]))

    class Twin(MoreSteps):
        """The same number."""

        name: ClassVar[str] = "twin"

    with pytest.raises(ClaimError, match="claim 1 is claimed by local/more-steps and local/twin"):
        chosen(Registry.from_classes([MoreSteps, Twin]), (1,))


def test_quick_and_full_results_stay_apart(registry, finished):
    with pytest.raises(StoreError, match="holds results of suite 'claims-quick', not 'claims'; choose another"):
        outcomes(registry, finished[0], quick=False)


def test_the_document_is_valid_and_says_everything(board):
    again = validate_claims(json.loads(claims_to_json(board)))
    assert again == board
    assert [entry.verdict for entry in board.claims] == ["supported", board.claims[1].verdict, None, None, None, None]
    # What is not finite is null in the document.
    assert board.claims[0].panels[0].series[0].y == [1.0, None]
    assert board.claims[0].rule == "More steps lower E_D: 4 against 8, exact."


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"schema_version": 2}, "schema_version: 2 is newer"),
        ({"alpha": 2.0}, "alpha"),
        ({"claims": "none"}, "claims"),
    ],
)
def test_a_document_that_breaks_its_contract_is_refused(board, change, rule):
    with pytest.raises(LeaderboardError, match=rule):
        validate_claims(json.loads(claims_to_json(board)) | change)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"target": "rign"}, "'rign' decides but has no finding"),
        ({"plot_error": "why"}, "a plot error goes with a verdict and without panels"),
        ({"verdict": "undecided"}, "undecided does not follow from its findings"),
        ({"verdict": None}, "either a verdict with its effect, or an error"),
        ({"error": "why"}, "either a verdict with its effect, or an error"),
        ({"effect": {"name": "x", "value": 1.0, "low": 2.0, "high": 3.0}}, "low 2 is above value 1"),
        ({"number": 9}, "claim 2 comes after claim 9"),
    ],
)
def test_an_entry_that_contradicts_itself_is_refused(board, change, rule):
    plain = json.loads(claims_to_json(board))
    plain["claims"][0] |= change
    with pytest.raises(LeaderboardError, match=rule):
        validate_claims(plain)


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_the_table_fits_a_terminal(board, width):
    text = render_claims(board, "table", width=width)
    table = [line for line in text.splitlines() if not line.startswith(("claim", " "))]
    assert max(map(len, table)) <= width
    assert "claim 3: rule: ZeroDivisionError" in text
    assert "claim 1: It says that more steps help, *here*." in text
    # What the targets say stays at every width; the rest goes in order, the time first.
    assert "2 / 0 / 0" in text
    left = [head in text for head in ("time", "units", "statistic", "decided")]
    assert left == sorted(left)
    assert all(left) == (width > 80)


def test_the_page_has_a_table_findings_plots_and_the_command(board, tmp_path):
    files = render_claims_files(board, "harness claims --quick")
    assert {"README.md", "claims.json", "claim-01.svg", "claim-02.svg"} == set(files)
    page = files["README.md"].decode()
    assert "```sh\nharness claims --quick\n```" in page
    # The note stands directly below the heading, harmless as Markdown.
    assert "## 1. a fake: supported\n\n> **It says that more steps help, \\*here\\*.**\n\n**Claim.** It is so." in page
    assert "targets for / against / open" in page
    assert "**No verdict.** rule: ZeroDivisionError: division by zero" in page
    assert "(claim-01.svg)" in page
    written = publish_claims(board, tmp_path / "claims", "harness claims --quick")
    assert all(path.is_file() for path in written)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "README.md").write_text("mine")
    with pytest.raises(LeaderboardError, match=r"holds another README\.md"):
        publish_claims(board, tmp_path / "other", "x")


def command(monkeypatch, capsys, registry, *words):
    monkeypatch.setattr("harness.plugins.load", lambda: registry)
    monkeypatch.setattr(sys, "argv", ["harness", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_the_command_prints_verdicts_and_where_the_plots_are(monkeypatch, capsys, registry, finished):
    directory, _ = finished
    status, out, err = command(monkeypatch, capsys, registry, "claims", "--quick", "--out", directory)
    assert (status, err) == (1, "")
    assert "6 claims (quick sizes): 1 supported" in out
    assert f"Results: {directory}   Plots: {directory / 'plots'}   What failed, again: --retry-failed\n" in out
    assert (directory / "plots" / "claim-01.svg").is_file()
    assert validate_claims(json.loads((directory / "claims.json").read_text())).command == "harness claims --quick"
    words = ("claims", "--quick", "--claim", 1, "--out", directory)
    assert command(monkeypatch, capsys, registry, *words)[0] == 0
    status, out, _ = command(monkeypatch, capsys, registry, *words, "--claim", 2, "--format", "json")
    assert [entry["number"] for entry in json.loads(out)["claims"]] == [1, 2]
    # One claim alone leaves the document on all of them as it was.
    assert len(json.loads((directory / "claims.json").read_text())["claims"]) == 6


def test_a_failing_plot_keeps_the_verdict_and_ends_with_status_1(monkeypatch, capsys, registry, finished, tmp_path):
    shipped = [c for axis in registry.axes if axis != "claim" for c in registry.classes(axis).values()]
    both = Registry.from_classes([*shipped, MoreSteps, *PLOTS])
    words = ("claims", "--quick", "--out", finished[0])
    status, out, err = command(monkeypatch, capsys, both, *words, "--format", "json")
    assert status == 1
    assert err.splitlines() == [
        "harness: claim 7: no plot: ZeroDivisionError: division by zero",
        "harness: claim 8: no plot: series 'line' has 2 x and 1 y",
    ]
    document = validate_claims(json.loads(out))
    sound, *broken = document.claims
    for entry in broken:
        assert (entry.verdict, entry.effect, entry.findings) == (sound.verdict, sound.effect, sound.findings)
        assert (entry.error, entry.panels) == ("", [])
    files = render_claims_files(document, "x")
    assert {name for name in files if name.endswith("svg")} == {"claim-01.svg"}
    assert "**No plot.** series 'line' has 2 x and 1 y" in files["README.md"].decode()


def test_publish_knows_a_directory_of_claims(monkeypatch, capsys, registry, finished, board, tmp_path):
    from harness.claims_publishing import write_document

    write_document(board, finished[0])
    status, out, _ = command(monkeypatch, capsys, registry, "publish", finished[0], tmp_path / "p")
    assert (status, out) == (0, f"Published: {tmp_path / 'p'}\n")
    assert "harness claims --quick" in (tmp_path / "p" / "README.md").read_text()
    status, _, err = command(monkeypatch, capsys, registry, "publish", finished[0], tmp_path / "p", "--bounds")
    assert status == 2
    assert "verdicts on claims; they take no --by and no --bounds" in err


def test_other_commands_say_what_the_directory_holds(monkeypatch, capsys, registry, finished):
    status, _, err = command(monkeypatch, capsys, registry, "rank", finished[0])
    assert status == 2
    rule = f"a run of all of them has the verdicts to see and to publish: harness claims --quick --out {finished[0]}"
    assert f"{finished[0]} holds results of claims; {rule}" in err


def test_show_tells_the_whole_rule(monkeypatch, capsys):
    shipped = load()
    status, out, _ = command(monkeypatch, capsys, shipped, "show", "semi-smooth")
    assert status == 0
    assert "Claim 3. Near the trajectory the loss exceeds its linearisation" in out
    assert "α = 0.05/13" in out
    assert "Undecided: neither." in out


def test_without_matplotlib_one_line_says_so(monkeypatch, capsys, registry, finished):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    status, out, err = command(monkeypatch, capsys, registry, "claims", "--quick", "--claim", 1, "--out", finished[0])
    assert status == 0
    assert "supported" in out
    assert (
        err == "harness: no plots: plots need matplotlib; install it with: pip install 'diffusion-harness[publish]'\n"
    )


def test_bad_input_ends_in_one_line(monkeypatch, capsys, registry, tmp_path):
    for words, said in (
        (("--claim", 77), "there is no claim 77"),
        (("--claim", "x"), "'x' is not a valid integer"),
        (("--out", __file__), "is a file"),
        (("--out", "/proc/claims"), "/proc/claims cannot be written"),
        (("--format", "pdf"), "'pdf' is not one of"),
    ):
        status, _, err = command(monkeypatch, capsys, registry, "claims", "--quick", *words)
        assert status == 2
        assert said in err
        assert err.startswith("harness: ")
        assert err.count("\n") == 1
