"""Verdicts and numbers on several processors: the distance from the level, runs put together, and their comparison."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import synthetic
from harness_claims import verdicts
from harness_claims.claim import Decision, Interpretation
from harness_claims.document import ClaimsBoard, claims_board
from harness_claims.processors import merged
from harness_claims.publishing import render_claims_files
from harness_claims.run import ClaimResult
from harness_claims.verdicts import ROUNDING, steady, t_test
from paper_level import ALPHA, decision
from scipy.stats import norm

from harness.results import leaderboard
from harness.results.document import DocumentError

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("processors", ROOT / "benchmarks" / "processors.py")
study = importlib.util.module_from_spec(SPEC)
sys.modules["processors"] = study
SPEC.loader.exec_module(study)


def sided(p_for=1.0, p_against=1.0):
    """A test of which only the p-values matter."""
    return verdicts.Test(1.0, None, None, "t", p_for, p_against, 9)


# The rule


def test_the_level_to_pass_is_a_distance_below_the_level_and_none_without_rounding():
    assert steady(ALPHA, 0.0) == ALPHA
    for share in (0.01, 0.1, 1.0):
        distance = norm.isf(steady(ALPHA, share)) - norm.isf(ALPHA)
        assert distance == pytest.approx(norm.isf(0.05) * np.sqrt(2 * share))


@pytest.mark.parametrize(
    ("tests", "said", "near"),
    [
        ([sided(1e-5), sided(1e-5)], "supported", False),
        ([sided(1e-5), sided(1e-3)], "undecided", True),
        ([sided(1e-5), sided(0.5)], "undecided", False),
        ([sided(0.5, 1e-5), sided(1e-5)], "contradicted", False),
        ([sided(0.5, 1e-3), sided(1e-5)], "undecided", True),
        ([sided(0.5, 3e-3), sided(1e-5)], "undecided", False),  # above α/2
    ],
)
def test_what_passes_the_level_alone_is_undecided_within_rounding(tests, said, near):
    found = decision(dict(zip("ab", tests, strict=True)), "size")
    assert (found.verdict, found.within_rounding) == (said, near)
    assert verdicts.verdict(tests, ALPHA) == said
    # Nothing trained, nothing to allow for.
    plain = decision(dict(zip("ab", tests, strict=True)), "size", rounding=0.0)
    assert (plain.verdict != found.verdict) == near
    assert not plain.within_rounding
    # The target that decides is the same, and it is told that rounding could take the verdict away.
    assert found.target == plain.target
    if near:
        assert [f.within_rounding for f in found.findings].count(True) == 1


def test_arithmetic_is_at_no_distance_from_a_verdict():
    assert decision({"a": t_test([2.0] * 5, arithmetic=True)}, "size").verdict == "supported"


@pytest.mark.parametrize("seeds", [6, 40])
def test_two_processors_are_hardly_ever_at_odds(seeds):
    """One says so, another finds nothing significant: one case of ten at the level itself, else one of a hundred."""
    assert study.odds(ROUNDING, seeds, 0.0, 4000) > 0.1
    assert study.odds(ROUNDING, seeds, ROUNDING, 4000) < 0.015


@pytest.mark.parametrize("number", sorted(synthetic.MAKERS))
def test_a_claim_allows_for_rounding_where_it_trains(number):
    claim = synthetic.claims()[number]
    needed = claim.experiments(True)
    networks = {n.partition(":")[0] for s in needed.suites.values() for n in s["networks"]}
    made = claim.decide(synthetic.MAKERS[number]("true", np.random.default_rng(0)))
    assert (made.rounding > 0) == bool(needed.descents or networks - {"exact", "inexact"})


# Runs put together


class Fake:
    """A rule."""

    paper, number, name, title, statement, source = "p", 1, "a", "a", "It is so.", ""


def board(*tests, name="one", error="", interpretation=None):
    """The document of one claim on one processor, with another interpretation of it where one is given."""
    made: Decision | None = None if error else decision(dict(zip(("ring", "digits"), tests, strict=True)), "size")
    if made and interpretation:
        made = replace(made, interpretations=(Interpretation("another", decision({"ring": interpretation}, "size")),))
    return claims_board(
        [ClaimResult(Fake(), made, error=error, among=13)], quick=True, command="c", environment={}, processor=name
    )


FAR, NEAR, NONE = sided(0.9, 1e-6), sided(0.9, 1e-3), sided(0.9, 0.3)


def test_verdicts_that_all_processors_share_stay():
    both = merged([board(FAR, NONE), board(FAR, NONE, name="two"), board(FAR, NONE, name="three")])
    assert both.processors == ["one", "two", "three"]
    (entry,) = both.claims
    assert (entry.verdict, entry.seen) == ("contradicted", ["contradicted"] * 3)
    assert ClaimsBoard.validate(json.loads(both.to_json())) == both


@pytest.mark.parametrize(("other", "seen"), [(NEAR, "undecided"), (NONE, "undecided")])
def test_a_verdict_that_a_processor_does_not_share_is_undecided(other, seen):
    both = merged([board(FAR, NONE), board(other, NONE, name="two")])
    (entry,) = both.claims
    assert (entry.verdict, entry.within_rounding, entry.seen) == ("undecided", True, ["contradicted", seen])
    assert [f.within_rounding for f in entry.findings] == [True, False]
    assert ClaimsBoard.validate(json.loads(both.to_json())) == both
    page = render_claims_files(both, "c")["README.md"].decode()
    assert "Seen on 2 processors: one; two." in page
    assert "1 undecided (1 of them within rounding)" in page
    assert "| 1 of 2 " in page
    assert "undecided, within rounding" in page
    assert "> **Within rounding of a verdict, which another processor could take away: undecided.**" in page


def test_an_interpretation_that_a_processor_does_not_share_is_undecided():
    both = merged([board(FAR, NONE, interpretation=FAR), board(FAR, NONE, name="two", interpretation=NEAR)])
    ((interpretation,), (shared,)) = (
        both.claims[0].interpretations,
        board(FAR, NONE, interpretation=FAR).claims[0].interpretations,
    )
    assert both.claims[0].verdict == shared.verdict == "contradicted"
    assert (interpretation.verdict, interpretation.within_rounding) == ("undecided", True)
    assert ClaimsBoard.validate(json.loads(both.to_json())) == both
    assert merged([board(FAR, NONE, interpretation=FAR)] * 2).claims[0].interpretations == [shared]


def test_a_claim_that_failed_on_one_processor_was_not_seen_there():
    assert merged([board(FAR, NONE), board(error="rule: x")]).claims[0].seen == ["contradicted", None]
    first = merged([board(error="rule: x"), board(FAR, NONE)]).claims[0]
    assert (first.verdict, first.seen) == (None, [None, "contradicted"])


def test_verdicts_of_different_rules_or_sizes_are_not_put_together():
    one = board(FAR, NONE)
    other = one.model_copy(update={"claims": [one.claims[0].model_copy(update={"rule": "another"})]})
    with pytest.raises(DocumentError, match="different claims or rules"):
        merged([one, other])
    with pytest.raises(DocumentError, match="different sizes or levels"):
        merged([one, one.model_copy(update={"quick": False})])


# Their comparison


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (FAR, FAR, True),
        (FAR, NEAR, True),  # within rounding: either
        (NEAR, NONE, True),
        (FAR, NONE, False),
    ],
)
def test_verdicts_agree_but_for_those_within_rounding(capsys, first, second, same):
    assert study.compare_claims([board(first, NONE), board(second, NONE, name="two")]) == same
    assert ("differ" in capsys.readouterr().out) == (not same)


def test_numbers_agree_within_their_intervals_in_quadrature():
    def number(value, half):
        return study.Number(value, value - half, value + half, 3)

    assert study.agree(number(1.0, 0.3), number(1.49, 0.4))
    assert not study.agree(number(1.0, 0.3), number(1.51, 0.4))
    assert study.agree(number(1.0, 0.0), number(1.0 + 1e-8, 0.0))
    assert not study.agree(number(1.0, 0.0), number(1.001, 0.0))
    assert study.agree(number(1.0, 0.3), study.Number(9.0)) is None


def test_as_many_differ_as_chance_allows():
    assert study.allowed(0) == 0
    assert study.allowed(1) == 1
    # 5 of 100 are expected; 13 or more with probability 0.0015, 14 or more with 0.0005.
    assert study.allowed(100) == 13


def test_rounding_is_found_in_numbers_that_have_it():
    """A fifth of the variance is drawn anew: of single values, and of means with their intervals."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=(300, 8)) * np.sqrt(0.8)
    values = common + rng.normal(size=(4, 300, 8)) * np.sqrt(0.2)
    found, low, high = study.share([list(each) for each in values], 50)
    assert low < found < high
    assert found == pytest.approx(0.2, rel=0.1)
    means = [[study.Number(*ends, 8) for ends in intervals(each)] for each in np.exp(0.1 * values[:2])]
    assert study.rounding(list(zip(*means, strict=True))) == pytest.approx(0.2, rel=0.3)
    assert study.share([[np.ones(5)], [np.ones(5)]]) is None


def intervals(rows):
    """The mean of each row with its 95 % limits."""
    return [(found.value, found.low, found.high) for found in map(t_test, rows)]


def published():
    return leaderboard.Leaderboard.read(ROOT / "leaderboards" / "quick" / "leaderboard.json")


def test_a_published_leaderboard_agrees_with_itself_and_not_with_a_worse_one(capsys):
    board = published()
    assert study.compare_leaderboards(board, board)
    assert "| 0 " in capsys.readouterr().out
    worse = []
    for row in board.rows:
        metrics = {
            name: e.model_copy(update={k: 3 * getattr(e, k) for k in ("value", "low", "high") if getattr(e, k)})
            for name, e in row.metrics.items()
        }
        worse.append(row.model_copy(update={"metrics": metrics}))
    assert not study.compare_leaderboards(board, board.model_copy(update={"rows": worse}))
    assert not study.compare_leaderboards(board, board.model_copy(update={"rows": board.rows[:-1]}))


def test_a_rank_set_that_does_not_overlap_differs(capsys):
    board = published()
    last = max(row.rank_high for row in board.rows)
    apart = [row.model_copy(update={"rank_low": last + 1, "rank_high": last + 1}) for row in board.rows]
    assert not study.compare_leaderboards(board, board.model_copy(update={"rows": apart}))


def test_the_values_that_rules_test_are_read_from_a_finished_run(finished, fakes, monkeypatch):
    monkeypatch.setattr("harness.registry.discovery.load", lambda: fakes)
    found = study.tested(finished[0], quick=True)
    assert [len(values) for values in found["fake-2024/1"]] == [2, 2]
    assert [len(values) for values in found["fake-2024/2"]] == [2]
    assert found["fake-2024/3"] == []
    assert study.share([found["fake-2024/2"], found["fake-2024/2"]])[0] == 0
    board = claims_board(list(finished[1].values()), quick=True, command="c", environment={})
    assert study.compare_shares([finished[0]] * 2, board)


def test_documents_on_disk_are_compared_and_put_together(monkeypatch, capsys, tmp_path):
    paths = []
    for name, test in (("one", FAR), ("two", NONE)):
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(board(test, NONE, name=name).to_json())
    (tmp_path / "both").mkdir()
    monkeypatch.setattr(sys, "argv", ["processors", *map(str, paths), "--merge", str(tmp_path / "both")])
    assert study.main() == 1
    made = ClaimsBoard.validate(json.loads((tmp_path / "both" / "claims.json").read_text()))
    assert isinstance(made, ClaimsBoard)
    assert made.claims[0].seen == ["contradicted", "undecided"]
