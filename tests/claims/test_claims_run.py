"""The engine of claims, on claims of two seconds: verdicts, errors, resuming, sharing."""

import sqlite3
import sys
from pathlib import Path
from typing import ClassVar

import pytest
from fake_claims import FAKES, Fickle, MoreSteps, OtherPaper, outcomes, registry_with
from harness_claims.claim import ClaimError, Decision, EffectSize, Experiments, Finding
from harness_claims.document import claims_board
from harness_claims.publishing import render_claims_files
from harness_claims.run import chosen, run_claims
from harness_claims.tables import render_claims

from harness.registry.registry import Registry
from harness.running.runner import Options
from harness.store import DATABASE, StoreError


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
    values = {
        "verdict": "supported",
        "effect": EffectSize("size", 1.0),
        "statistic": "t",
        "seeds": 2,
        "findings": findings,
    }
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
        (..., decided(finding(), effect=EffectSize("e", "big")), "rule: the decision breaks its contract: "),
    ],
)
def test_whatever_a_claim_returns_costs_the_others_nothing(tmp_path, monkeypatch, asked, made, reason):
    monkeypatch.setattr(Fickle, "made", staticmethod(made) if callable(made) else made)
    if asked is not ...:
        monkeypatch.setattr(Fickle, "asked", asked)
    found = outcomes(registry_with(MoreSteps, Fickle), tmp_path)
    shown = claims_board(list(found.values()), quick=True, command="c", environment={}).claims
    assert shown[0].verdict == "supported"
    assert shown[1].error.startswith(reason)
    assert "\n" not in shown[1].error


def test_a_second_run_makes_nothing_again(fakes, finished):
    directory, found = finished
    before = made(directory)
    again = outcomes(fakes, directory)
    assert made(directory) == before
    assert {n: o.decision for n, o in again.items()} == {n: o.decision for n, o in found.items()}


def test_one_claim_alone_has_the_same_verdict(fakes, finished, tmp_path):
    _, found = finished
    assert outcomes(fakes, tmp_path, 2)[2].decision == found[2].decision
    shared = len(made(tmp_path))
    # Another claim adds its own records; one that shares them (3 has the suite of 1) adds none.
    assert outcomes(fakes, tmp_path, 1)[1].decision == found[1].decision
    both = len(made(tmp_path))
    # Two networks with their trajectories, and the table of their weighting.
    assert both > shared == 5
    outcomes(fakes, tmp_path, 3)
    assert len(made(tmp_path)) == both


def test_a_lost_record_is_made_again_and_only_that(fakes, finished, tmp_path):
    outcomes(fakes, tmp_path, 2)
    with sqlite3.connect(tmp_path / DATABASE) as db:
        (lost, seconds) = db.execute("select key, seconds from records where kind = 'trajectory' limit 1").fetchone()
        # The network is trained again for it, and kept as it comes out.
        ((alike,),) = db.execute(
            "select key from records where kind = 'network' and seconds = ?", (seconds,)
        ).fetchall()
        db.execute("delete from records where key = ?", (lost,))
    kept = {key: took for key, took in made(tmp_path).items() if key != alike}
    assert outcomes(fakes, tmp_path, 2)[2].decision == finished[1][2].decision
    now = made(tmp_path)
    assert lost in now
    assert {key: now[key] for key in kept} == kept


def test_claims_are_chosen_by_number(fakes):
    assert [claim.number for claim in chosen(fakes, ("5", "1", "fake-2024/5"))] == [1, 5]
    with pytest.raises(ClaimError, match=r"^--claim: there is no claim 14; known: 1, 2, 3, 4, 5, 6$"):
        chosen(fakes, ("14",))
    with pytest.raises(ClaimError, match=r"^--claim: 'x' is no number of a claim; write 1 or fake-2024/1$"):
        chosen(fakes, ("x",))
    with pytest.raises(ClaimError, match="no installed plugin offers a claim"):
        chosen(Registry.from_classes([]))

    class Twin(MoreSteps):
        """The same number."""

        name: ClassVar[str] = "twin"

    with pytest.raises(ClaimError, match="claim fake-2024/1 is offered by local/more-steps and local/twin"):
        chosen(Registry.from_classes([MoreSteps, Twin]), ("1",))


# Papers


def test_a_number_that_two_papers_have_is_written_with_the_paper():
    both = Registry.from_classes([OtherPaper, *FAKES])
    assert [claim.reference() for claim in chosen(both)][-2:] == ["fake-2024/6", "other-2025/1"]
    assert [claim.reference() for claim in chosen(both, ("2", "other-2025/1"))] == ["fake-2024/2", "other-2025/1"]
    rule = "--claim: 2 papers have a claim 1; write fake-2024/1 or other-2025/1"
    with pytest.raises(ClaimError, match=f"^{rule}$"):
        chosen(both, ("1",))
    with pytest.raises(
        ClaimError, match=r"^--claim: there is no claim other-2025/2; known: fake-2024/1, .*, other-2025/1$"
    ):
        chosen(both, ("other-2025/2",))


def test_the_level_is_divided_among_the_claims_of_a_paper_whichever_run(tmp_path):
    both = registry_with(OtherPaper, *FAKES)
    found = run_claims(chosen(both, ("fake-2024/1", "other-2025/1")), both, tmp_path, Options(1), quick=True)
    assert [outcome.among for outcome in found] == [6, 1]
    board = claims_board(found, quick=True, command="c", environment={})
    levels = [(paper.name, paper.claims, paper.alpha) for paper in board.papers]
    assert levels == [("fake-2024", 6, pytest.approx(0.05 / 6)), ("other-2025", 1, pytest.approx(0.05))]
    assert [board.label(entry) for entry in board.claims] == ["fake-2024/1", "other-2025/1"]
    # Both stand in one table, and each has its plot.
    text = render_claims(board, "table")
    assert "2 claims (quick sizes): 2 supported; each tested at level 0.0083 (fake-2024), 0.05 (other-2025)" in text
    assert "other-2025/1" in text
    assert "It says that more steps help" in text
    files = render_claims_files(board, "c")
    assert {"fake-2024-claim-01.svg", "other-2025-claim-01.svg"} <= set(files)
    page = files["README.md"].decode()
    assert "## other-2025/1. a fake: supported" in page
    assert "0.0083 for the 6 claims of fake-2024; 0.05 for the 1 claim of other-2025" in page


def test_quick_and_full_results_stay_apart(fakes, finished):
    with pytest.raises(StoreError, match="holds results of claims-quick, not claims; choose another"):
        outcomes(fakes, finished[0], quick=False)
