"""The decision rules on evidence made up for them: the claim true, its opposite true, neither.

`benchmarks/decision_rules.py` does the same with 200 repetitions, where 95 % must be right. Here 5 of 5 are enough, or
17 of 20. A rule that is right in 95 % passes with a probability above 0.98, one that is right in half with 0.03.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import partial

import made_designs
import numpy as np
import pytest
import synthetic
from harness_claims.claim import ClaimError
from harness_wang.claims import setting, weighting
from paper_level import ALPHA, evidence
from scipy.optimize import brentq

from harness.information import Information


def mostly(share: Callable[[int], float]) -> bool:
    """Whether a share of so many repetitions is that of a rule which is right in 95 %."""
    return share(5) == 1 or share(20) >= 0.85


@pytest.mark.parametrize("number", sorted(synthetic.MAKERS))
@pytest.mark.parametrize("case", ["true", "false"])
def test_a_rule_is_right_where_the_claim_or_its_opposite_is_true(number: int, case: synthetic.Case) -> None:
    assert mostly(partial(synthetic.share_right, number, case))


@pytest.mark.parametrize("number", sorted(synthetic.MAKERS))
def test_a_rule_keeps_silent_where_neither_is_true(number: int) -> None:
    assert mostly(partial(synthetic.share_right, number, "neither"))


@pytest.mark.parametrize(("number", "name"), sorted(synthetic.INTERPRETATIONS))
@pytest.mark.parametrize("case", synthetic.CASES)
def test_another_interpretation_of_a_claim_is_right(number: int, name: str, case: synthetic.Case) -> None:
    assert mostly(partial(synthetic.share_read_right, number, name, case))


@pytest.mark.parametrize("part", ["poor network", "poor oracle"])
def test_a_poor_score_decides_by_the_bound_as_by_the_budget(part: str) -> None:
    """Claim 7: E_S is the same in both."""
    (interpretation,) = synthetic.claims()[7].decide(synthetic.PARTS[7][part](np.random.default_rng(0))).interpretations
    assert interpretation.decision.verdict == "contradicted"


def test_the_bounds_comparison_of_grids_is_arithmetic_on_the_dimension_and_the_second_moment() -> None:
    """Claims 7 and 8 by Theorem 2: exponential is best whatever J(u), as its bend and its Gaussian term are least."""
    for number, verdict in ((7, "supported"), (8, "contradicted")):
        for case in ("true", "exact score") if number == 7 else ("true", "false"):
            made = synthetic.MAKERS[number](case, np.random.default_rng(0))
            (interpretation,) = synthetic.claims()[number].decide(made).interpretations
            assert (interpretation.name, interpretation.decision.verdict) == (setting.BY_THEOREM, verdict)


@pytest.mark.parametrize(("number", "part"), [(n, part) for n, parts in synthetic.PARTS.items() for part in parts])
def test_a_rule_contradicts_a_claim_of_which_one_part_is_false(number: int, part: str) -> None:
    assert synthetic.share_contradicted(number, part, 3) == 1 or synthetic.share_contradicted(number, part, 10) >= 0.8


def test_an_error_that_falls_faster_than_its_bound_is_no_contradiction() -> None:
    """Data with mean 0: E_I falls as σ_max^−4."""
    made = made_designs.starts("true", np.random.default_rng(0))
    fast = [
        dataclasses.replace(r, budget={term: value * (5 / r.sigma_max) ** 2 for term, value in r.budget.items()})
        for r in made.results["starts"]
    ]
    decision = synthetic.claims()[12].decide(dataclasses.replace(made, results={"starts": fast}))
    assert decision.verdict == "supported"
    assert decision.effect.value == pytest.approx(-4, abs=0.2)


def test_a_score_that_is_not_poor_says_nothing_of_poor_ones() -> None:
    """Claim 7 where E_S of the least trained network is below E_D: neither sign of y decides."""
    made = made_designs.grids("poor network", np.random.default_rng(0))
    good = {
        suite: [
            dataclasses.replace(
                r,
                budget={**r.budget, "score": r.budget["score"] * 1e-9},
                score_errors=[made_designs.Even(e, r.sigmas) for e in 1e-9 * setting.score_errors(r).T],
            )
            for r in made.results[suite]
        ]
        for suite in ("trained", "trained-fine")
    }
    decision = synthetic.claims()[7].decide(dataclasses.replace(made, results={**made.results, **good}))
    assert decision.verdict == "undecided"


def test_replicates_that_agree_by_chance_are_not_exact() -> None:
    many = setting.replicate_test(np.full(8, 0.7))
    assert (many.p_for, many.exact, many.seeds) == (2**-8, False, 8)
    assert setting.replicate_test(np.array([0.7])).exact


def test_an_error_that_all_seeds_share_does_not_decide() -> None:
    """Claim 7 where neither is true, and networks are measured wrong by 15 % at each set of points, for all seeds."""
    made = (made_designs.grids("neither", np.random.default_rng(seed), 0.15) for seed in range(10))
    assert [synthetic.claims()[7].decide(each).verdict for each in made].count("undecided") >= 9


def test_a_division_is_not_found_better_where_sets_of_points_disagree() -> None:
    """Claim 13 where the mean over the sets is as the claim says, and the sets by themselves are anything."""
    made, rng = made_designs.divisions("true", np.random.default_rng(0)), np.random.default_rng(1)
    noisy = {}
    for suite, results in made.results.items():
        for r in results:
            points = setting.score_errors(r) * np.exp(1.5 * rng.normal(size=(8, 1)))
            points *= setting.score_errors(r).mean(0) / points.mean(0)
            errors = [made_designs.Even(each, r.sigmas) for each in points.T]
            noisy.setdefault(suite, []).append(dataclasses.replace(r, score_errors=errors))
    claim = synthetic.claims()[13]
    assert claim.decide(made).verdict == "supported"
    assert claim.decide(dataclasses.replace(made, results=noisy)).verdict == "undecided"


def test_sets_of_points_that_disagree_keep_a_verdict_back() -> None:
    """Claim 6: ten seeds have one weighting 20 % slower, as does the mean of the sets of points; but not each set."""
    slow, fast = 0.2 + 0.001 * np.arange(10), 0.001 * np.arange(10) ** 2
    sets = np.array([1.0, -1.0, 1.5, -0.8, 0.9, -0.4, 0.2, -0.8])
    other = weighting.Reached(slow, slow + sets[:, None], never=False, always=False)
    bell = weighting.Reached(fast, np.tile(fast, (8, 1)), never=False, always=False)
    assert weighting._slower(other, bell).p_for > 0.2
    assert weighting._slower(other._replace(points=np.tile(slow, (8, 1))), bell).p_for < 1e-4


def test_a_weighting_that_misses_the_goal_once_is_not_found_faster() -> None:
    """Another weighting is 5 % slower with each of ten seeds; but with one of them the bell never arrives."""
    logs, slow = np.zeros(10), np.full(10, 0.05) + 0.001 * np.arange(10)
    bell = weighting.Reached(logs, logs[None], never=True, always=False)
    other = weighting.Reached(slow, slow[None], never=False, always=False)
    assert weighting._slower(other, bell).p_for == 1
    assert weighting._slower(other, bell._replace(never=False)).p_for < 1e-6
    assert weighting._slower(other._replace(always=True), bell._replace(never=False)).p_for == 1


class Told(Information):
    """An information of which E_D on the polynomial grid of an exponent is a given function of it."""

    def __init__(self, error: Callable[[float], float]) -> None:
        self.dim, self.second_moment, self.replicates, self._error = 1, 1.0, 1, error

    def fisher(self, u: np.ndarray) -> np.ndarray:
        return np.zeros((1, len(u)))

    def fisher_integral(self, u: np.ndarray) -> np.ndarray:
        """All of 2E_D on the first step; the exponent is that with which the grid's levels are even."""
        at = u[[0, len(u) // 2, -1]] ** 0.5
        share = (len(u) // 2) / (len(u) - 1)

        def miss(rho: float) -> float:
            ends = at[0] ** (1 / rho), at[2] ** (1 / rho)
            return float((ends[0] + share * (ends[1] - ends[0])) ** rho - at[1])

        rho = brentq(miss, 0.1, 1e3) if miss(1e3) < -1e-9 else 1e3
        return np.array([[2 * self._error(rho), *np.zeros(len(u) - 2)]])

    def initialization(self, u: float) -> np.ndarray:
        return np.zeros(1)


@pytest.mark.parametrize(
    ("best", "spoiled", "verdict"),
    [
        (3.0, None, "supported"),
        (1.9, None, "contradicted"),  # below ρ_0/1.5 = 2.0, where the ladder's next is 1.7
        (4.7, None, "contradicted"),  # above 1.5ρ_0 = 4.5, where the ladder's next is 5.2
        (3.0, 0.7, "contradicted"),
        (3.0, 14.0, "contradicted"),
        (3.0, 1e3, "contradicted"),  # the exponential grid
    ],
)
def test_an_optimum_counts_only_near_and_where_no_other_exponent_is_better(
    best: float, spoiled: float | None, verdict: str
) -> None:
    """Claim 8 where E_D has one minimum, on the first range at a given ρ, but for one exponent that is best of all."""

    def error(rho: float, best: float) -> float:
        lower = spoiled is not None and abs(math.log(rho / spoiled)) < 1e-3
        return 0.5 if lower else 1 + math.log(rho / best) ** 2

    made = made_designs.exponents("true", np.random.default_rng(0))
    known = {name: Told(lambda rho, at=5.3 if "wide" in name else best: error(rho, at)) for name in made.information}
    assert synthetic.claims()[8].decide(dataclasses.replace(made, information=known)).verdict == verdict


def test_an_optimum_beyond_the_ladder_is_no_number() -> None:
    decision = synthetic.claims()[8].decide(made_designs.exponents("wide range", np.random.default_rng(0)))
    assert "at least" in decision.effect.name
    assert decision.effect.low is decision.effect.high is None
    assert "≥" in decision.statistic


@pytest.mark.parametrize("number", sorted(set(synthetic.MAKERS) & set(range(6, 14))))
def test_a_verdict_says_what_it_means(number: int) -> None:
    claim = synthetic.claims()[number]
    assert 60 < len(claim.decide(synthetic.MAKERS[number]("true", np.random.default_rng(0))).note) <= 200


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
    last = claim.decide(good).findings[-1].target
    spoiled = last.partition(",")[0]  # claim 8 names the range behind the target
    mixed = {
        name: [r for r in results if not r.target.startswith(spoiled)]
        + [r for r in bad.results[name] if r.target.startswith(spoiled)]
        for name, results in good.results.items()
    }
    curves = {t: (bad if t.startswith(spoiled) else good).information[t] for t in good.information}
    decision = claim.decide(evidence(results=mixed, information=curves))
    assert decision.verdict == "contradicted"
    assert [f.target for f in decision.findings if f.verdict == "contradicted"] == [last]


@pytest.mark.parametrize("number", sorted(set(synthetic.MAKERS) & set(range(6, 14))))
def test_evidence_without_results_is_an_error(number: int) -> None:
    made = synthetic.MAKERS[number]("true", np.random.default_rng(0))
    with pytest.raises(ClaimError):
        synthetic.claims()[number].decide(evidence(results={name: [] for name in made.results}))


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
    assert pytest.approx(0.05 / 13) == ALPHA
    assert {claim.paper for claim in synthetic.claims().values()} == {"wang-2024"}
    assert sorted(n for n in synthetic.claims() if n >= 6) == list(range(6, 14))
