"""Claim 13: how to divide a total of network evaluations between training and sampling.

More training lowers E_S, more steps lower E_D: at a fixed total each is paid for by the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from harness_claims.claim import ClaimError, Decision, Evidence, Experiments, Panel
from harness_claims.verdicts import Test, decision, every, some, t_test

from harness_wang.claims import setting
from harness_wang.claims.paper import PaperClaim

if TYPE_CHECKING:
    import numpy as np
    from harness_claims.claim import Result

    from harness.information import Information

SHARES = (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)
"""Shares of the total that training takes."""

TOTAL = 600_000
"""Evaluations of the network: at most 1,547 training steps of 3·128, or 594 sampling steps for 1000 points."""

SAMPLES = 1000

GAIN = math.log(10 / 9)
"""ln of the factor by which a division must lower the error to pay: 10 % less."""


NOTE = (
    "Whether a division between pays against 1 % and 99 % of this total on this small network; where the best one lies"
    " moves with the total, the network and the samples wanted."
)
"""What a verdict means to a practitioner."""


class EffortTradesOff(PaperClaim):
    """The best division of a fixed total of network evaluations against the two extreme ones.

    The total is divided between training (EDM's weighting, the MLP) and sampling (exponential grid), training
    taking 1 % to 99 % of it, and the error is the path divergence E_I + E_S + E_D: arithmetic on J(u) and e(σ),
    which every target has. y(s) is its logarithm with seed s, paired over the divisions by seeds.

    A division pays against another where its error is at least 10 % lower (y lower by ln(10/9)): with less there is
    little to be won. Each pair is tested by Student's t over seeds, with the error of J and e that seeds share in
    quadrature. For the claim, on each target: some division between the extremes pays against both of them (for
    each the larger p of two tests; the least of these times the number of divisions between). Against: there is an
    extreme against which no division between pays (for each extreme the largest p; twice the smaller). α = 0.05/13.
    Supported: on every target an optimum lies between. Contradicted: on some target one might as well put
    everything into one of the two. Undecided: neither. The effect is the error of the better extreme over that of
    the best division between, chosen among those tried (above 1: the division pays). The best share is in the
    notes. Where several totals are run, the rule is applied to the largest, and the others are shown. The errors of
    J and e were put in by a review, after the first publication.
    """

    name: ClassVar[str] = "effort-trades-off"
    number: ClassVar[int] = 13
    title: ClassVar[str] = "training and sampling effort trade off"
    statement: ClassVar[str] = (
        "At a fixed total of network evaluations the best division between training and sampling lies between the"
        " extremes."
    )
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, section 1 and Corollary 1 (full error)"

    def experiments(self, quick: bool) -> Experiments:
        """One suite a total, each divided in seven ways."""
        totals = (TOTAL,) if quick else (TOTAL, 4 * TOTAL)
        return Experiments(suites={f"total-{total}": _suite(total, setting.seeds(quick)) for total in totals})

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rule."""
        tests, notes = {}, {}
        for target, results in setting.by_target(_largest(evidence)).items():
            divisions = sorted(results, key=lambda result: result.train_steps)
            tests[target], best = _test(divisions, setting.information(evidence, target))
            notes[target] = f"best of those tried: {best.train_steps} training steps and {best.steps} sampling steps"
        return decision(
            tests,
            "error of the better extreme / of the best division between",
            notes,
            NOTE,
            rounding=setting.ROUNDING,
            alpha=evidence.alpha,
        )

    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """The error against training steps, a line a total."""
        panels = []
        for target in setting.by_target(_largest(evidence)):
            series = []
            for name, results in evidence.results.items():
                own = sorted(setting.select(results, target=target), key=lambda result: result.train_steps)
                label = f"{_total(name):,} evaluations in total"
                series.append(setting.geometric(label, [float(r.train_steps) for r in own], [_logs(r) for r in own]))
            panels.append(Panel(target, "training steps", "path divergence (nats)", tuple(series), True, True))
        return tuple(panels)


def _suite(total: int, seeds: list[int]) -> dict[str, Any]:
    """Return the suite of one total; both numbers of steps follow from its divisions."""
    section = setting.training()
    del section["steps"]
    made = setting.suite(
        networks=[setting.MLP],
        weightings=["edm"],
        seeds=seeds,
        training=section,
        compute={"evaluations": [total], "training_shares": list(SHARES)},
        sampling={"samples": SAMPLES},
    )
    del made["steps"]
    return made


def _largest(evidence: Evidence) -> Sequence[Result]:
    """Return the results of the largest total."""
    return evidence.results[max(evidence.results, key=_total)]


def _total(suite: str) -> int:
    """Return the total that a suite divides."""
    return int(suite.rpartition("-")[2])


def _logs(result: Result) -> np.ndarray:
    """Return ln of the path divergence of each seed, shape (S,)."""
    import numpy as np

    return np.asarray(np.log(result.budget["total"]))


def _points(result: Result, curve: Information) -> np.ndarray:
    """Return ln of the path divergence from each replicate of J and e, of each seed; shape (R, S)."""
    import numpy as np

    return np.asarray(np.log(setting.score_errors(result) + setting.exact_terms(curve, result.sigmas)[:, None]))


def _test(divisions: list[Result], curve: Information) -> tuple[Test, Result]:
    """Return the test of one target, and its best division between the extremes.

    Raises:
        ClaimError: there is none between.
    """
    if len(divisions) < 3:
        raise ClaimError(f"{len(divisions)} divisions of a total have none between the extremes")
    logs = [_logs(result) for result in divisions]
    points = [_points(result, curve) for result in divisions]

    def over(i: int, k: int, margin: float = 0.0) -> Test:
        """Test whether division i has an error above that of division k."""
        return t_test(logs[i] - logs[k], margin, *setting.shared(points[i] - points[k]))

    last = len(divisions) - 1
    between, extremes = range(1, last), (0, last)
    claimed = some([every([over(i, k, GAIN) for i in extremes]) for k in between]).p_for
    against = some([every([over(k, i, -GAIN) for k in between]) for i in extremes]).p_for
    best = min(between, key=lambda k: float(logs[k].mean()))
    gain = over(min(extremes, key=lambda i: float(logs[i].mean())), best)
    shown = replace(setting.factor(gain), statistic=f"against the better extreme {gain.statistic}")
    return replace(shown, p_for=claimed, p_against=against), divisions[best]
