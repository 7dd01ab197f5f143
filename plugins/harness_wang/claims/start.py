"""Claim 12: what the noise at which sampling starts has to do with the error.

A sampler starts from N(0, σ_max² I) in place of p_{σ_max}; E_I is the divergence between the two, and by the paper at
most a multiple of m₂²/σ_max².
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from harness.claims import Claim, ClaimError, Decision, Evidence, Experiments, Panel, Series
from harness.verdicts import Test, decision, every, opposite, slope_test
from harness_wang.claims import setting

if TYPE_CHECKING:
    import numpy as np

    from harness.claims import Result

LEVELS = (5.0, 10.0, 20.0, 40.0, 80.0)
"""Values of σ_max, up to EDM's."""

SLOPE, MARGIN = -2.0, 0.5
"""The claimed power of σ_max, and how far from it the measured one may be: other mechanisms have powers 2 apart."""

REMOVED = 0.1
"""Share of E_I that may be left where a start is said to remove it."""

CENTERED, MATCHED = "centered", "moment-matched"


class InitialNoise(Claim):
    """The power of σ_max with which E_I falls, and what a start with matched moments leaves of it.

    E_I = KL(p_{σ_max} ‖ start) is a term of the exact budget; σ_max goes from 5 to 80. Starts: N(0, σ_max² I), and
    `moment-matched`, N(m, Σ + σ_max² I) with the data's own mean and covariance.

    Three parts on each target. The slope of ln E_I in ln σ_max, fitted by least squares (its error from the residuals;
    Student's t on 3 degrees of freedom), is above −2.5 and below −1.5. And the share that is left by the matched
    start, Σ E_I matched / Σ E_I centered over the values of σ_max, is below 0.1 (over the replicates of J, whose error
    both starts share; exact for a Gaussian). For the claim: all three (the largest p). Against: the contrary of some
    (three times the least p). α = 0.05/13. Supported: on every target E_I falls as σ_max^−2 and matching removes it.
    Contradicted: on some target one of the two is reversed; a slope below −2.5 means that E_I falls *faster* than
    the claim says, so that m₂²/σ_max² still bounds it, but is not how it behaves. Undecided: neither. The effect is
    the slope; the share left by the matched start is in the notes.
    """

    name: ClassVar[str] = "initial-noise"
    number: ClassVar[int] = 12
    title: ClassVar[str] = "initialisation error falls as m₂²/σ_max²; matching removes it"
    statement: ClassVar[str] = (
        "The initialisation error falls as m₂²/σ_max², and a start with the target's first two moments removes it."
    )
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, Theorem 2 (first term)"

    def experiments(self, quick: bool) -> Experiments:
        """The exact score from several levels, both starts."""
        return Experiments(
            suites={
                "starts": setting.suite(
                    initial_laws=[CENTERED, MATCHED],
                    noise={"sigma_min": setting.SIGMA_MIN, "sigma_max": max(LEVELS)},
                    sampling={"samples": 64, "sigma_max": list(LEVELS)},
                )
            }
        )

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rule."""
        tests, notes = {}, {}
        for target, results in setting.by_target(evidence.results["starts"]).items():
            levels, centered, matched = curves(results)
            x, y = _logs(levels, centered, target)
            lower, upper = (slope_test(x, y, SLOPE + side * MARGIN) for side in (-1, 1))
            left = opposite(_left(evidence, target, levels, centered, matched))
            whole = every([lower, opposite(upper), left])
            slope = slope_test(x, y)
            statistic = f"slope {slope.value:.2f}, matched start leaves {left.value:.2g} ({left.statistic})"
            tests[target] = replace(slope, statistic=statistic, p_for=whole.p_for, p_against=whole.p_against)
            notes[target] = f"a matched start leaves {left.value:.2g} of E_I"
            if lower.p_against <= lower.p_for:
                notes[target] += "; E_I falls faster than m₂²/σ_max²" * (slope.value < SLOPE - MARGIN)
        return decision(tests, "slope of ln E_I in ln σ_max", notes)

    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """E_I against σ_max, both starts and the claimed power."""
        panels = []
        for target, results in setting.by_target(evidence.results["starts"]).items():
            levels, centered, matched = curves(results)
            x = levels.tolist()
            moment = setting.information(evidence, target).second_moment
            series = (
                Series("N(0, σ_max² I)", x, centered.tolist()),
                Series("moments matched", x, matched.tolist()),
                Series("m₂²/(2σ_max²)", x, (moment / (2 * levels**2)).tolist(), kind="guide"),
            )
            panels.append(Panel(target, "σ_max", "initialisation error E_I (nats)", series, True, True))
        return tuple(panels)


def curves(results: list[Result]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return σ_max, increasing, and E_I of the centred and of the matched start; each of shape (K,)."""
    import numpy as np

    found = []
    for law in (CENTERED, MATCHED):
        own = sorted(setting.select(results, initial_law=law), key=lambda result: result.sigma_max)
        found.append([(r.sigma_max, float(np.mean(r.budget["initialization"]))) for r in own])
    centered, matched = found
    if [level for level, _ in centered] != [level for level, _ in matched]:
        raise ClaimError(f"the two starts of target {results[0].target} are known at different levels")
    columns = np.array([(level, a, b) for (level, a), (_, b) in zip(centered, matched, strict=True)])
    return columns[:, 0], columns[:, 1], columns[:, 2]


def _logs(levels: np.ndarray, centered: np.ndarray, target: str) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    if not (centered > 0).all():
        raise ClaimError(f"the initialisation error of target {target} is not positive at every level")
    return np.log(levels), np.log(centered)


def _left(evidence: Evidence, target: str, levels: np.ndarray, centered: np.ndarray, matched: np.ndarray) -> Test:
    """Return the test of what the matched start leaves > REMOVED.

    The two starts differ by second moments, which are known exactly; so replicates of the centred error, shifted by
    that difference, are replicates of the matched one.
    """
    import numpy as np

    curve = setting.information(evidence, target)
    each = np.stack([curve.initialization(float(level) ** 2) for level in levels])
    each = each - each.mean(1, keepdims=True) + centered[:, None]
    shares = (each + (matched - centered)[:, None]).sum(0) / each.sum(0)
    return setting.replicate_test(shares, REMOVED)
