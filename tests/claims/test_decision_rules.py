"""The decision rules on evidence made up for them: the claim true, its opposite true, neither.

`benchmarks/decision_rules.py` does the same with 200 repetitions, where 95 % must be right. A rule that is right in
95 % is right in at least 17 of 20 with probability 0.98.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import synthetic

from harness import verdicts
from harness.claims import ClaimError, Evidence

REPETITIONS = 20


@pytest.mark.parametrize("number", sorted(synthetic.MAKERS))
@pytest.mark.parametrize("case", ["true", "false"])
def test_a_rule_is_right_where_the_claim_or_its_opposite_is_true(number: int, case: synthetic.Case) -> None:
    assert synthetic.share_right(number, case, REPETITIONS) >= 0.85


@pytest.mark.parametrize("number", sorted(synthetic.MAKERS))
def test_a_rule_keeps_silent_where_neither_is_true(number: int) -> None:
    assert synthetic.share_right(number, "neither", REPETITIONS) >= 0.85


@pytest.mark.parametrize(("number", "part"), [(n, part) for n, parts in synthetic.PARTS.items() for part in parts])
def test_a_rule_contradicts_a_claim_of_which_one_part_is_false(number: int, part: str) -> None:
    assert synthetic.share_contradicted(number, part, 10) >= 0.8


@pytest.mark.parametrize("number", sorted(set(synthetic.MAKERS) & set(range(6, 14))))
def test_a_decision_does_not_depend_on_the_order_of_results(number: int) -> None:
    claim = synthetic.claims()[number]
    made = synthetic.MAKERS[number]("true", np.random.default_rng(0))
    turned = {name: list(reversed(results)) for name, results in made.results.items()}
    decision, other = (claim.decide(dataclasses.replace(made, results=results)) for results in (made.results, turned))
    assert decision.verdict == other.verdict
    values = {finding.target: finding.effect for finding in decision.findings}
    assert {finding.target: pytest.approx(finding.effect) for finding in other.findings} == values


@pytest.mark.parametrize("number", sorted(set(synthetic.MAKERS) & set(range(6, 14))))
def test_one_target_that_contradicts_decides_over_the_others(number: int) -> None:
    claim = synthetic.claims()[number]
    good, bad = (synthetic.MAKERS[number](case, np.random.default_rng(1)) for case in ("true", "false"))
    spoiled = claim.decide(good).findings[-1].target
    mixed = {
        name: [r for r in results if not r.target.startswith(spoiled)]
        + [r for r in bad.results[name] if r.target.startswith(spoiled)]
        for name, results in good.results.items()
    }
    curves = {t: (bad if t.startswith(spoiled) else good).information[t] for t in good.information}
    decision = claim.decide(Evidence(results=mixed, information=curves))
    assert decision.verdict == "contradicted"
    assert [f.target for f in decision.findings if f.verdict == "contradicted"] == [spoiled]
    assert spoiled in decision.statistic


@pytest.mark.parametrize("number", sorted(set(synthetic.MAKERS) & set(range(6, 14))))
def test_evidence_without_results_is_an_error(number: int) -> None:
    made = synthetic.MAKERS[number]("true", np.random.default_rng(0))
    with pytest.raises(ClaimError):
        synthetic.claims()[number].decide(Evidence(results={name: [] for name in made.results}))


@pytest.mark.parametrize("number", sorted(set(synthetic.MAKERS) & set(range(6, 14))))
def test_a_figure_shows_finite_positive_data(number: int) -> None:
    claim = synthetic.claims()[number]
    made = synthetic.MAKERS[number]("true", np.random.default_rng(0))
    panels = claim.figure(made, claim.decide(made))
    assert panels
    for panel in panels:
        for line in panel.series:
            assert len(line.x) == len(line.y) > 0
            assert np.isfinite(line.y).all()
            assert not panel.log_y or np.min(line.y) > 0


def test_all_rules_share_one_level() -> None:
    assert pytest.approx(0.05 / 13) == verdicts.ALPHA
    assert sorted(n for n in synthetic.claims() if n >= 6) == list(range(6, 14))
