"""Claim 12: what the noise at which sampling starts has to do with the error.

A sampler starts from N(0, σ_max² I) in place of p_{σ_max}; E_I is the divergence between the two, and by the paper at
most a multiple of m₂²/σ_max².
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from harness_claims.claim import ClaimError, Decision, Evidence, Experiments, Panel, Series
from harness_claims.verdicts import Test, decision, every, opposite, slope_test

from harness_wang.claims import setting
from harness_wang.claims.paper import PaperClaim

if TYPE_CHECKING:
    import numpy as np
    from harness_claims.claim import Result

    from harness.information import Information

LEVELS = (5.0, 10.0, 20.0, 40.0, 80.0)
"""Values of σ_max, up to EDM's."""

SLOPE = -1.5
"""The power of σ_max must be less: the bound has −2, and a power that falls no faster than −1 is excluded clearly."""

REMOVED = 0.1
"""Share of E_I that may be left where a start is said to remove it."""

FLOOR = 1e-6
"""What a plot shows of a matched start, at least, as a share of the other: below it are rounding and quadrature."""

NOTE = (
    "This error is usually far below the others already, and a higher σ_max costs steps; the bound m₂²/σ_max² can be"
    " loose by orders of magnitude."
)
"""What a verdict means to a practitioner."""

CENTERED, MATCHED = "centered", "moment-matched"


class InitialNoise(PaperClaim):
    """Whether E_I lies below its bound, falls at least so fast, and is removed by a start with matched moments.

    E_I = KL(p_{σ_max} ‖ start) is a term of the exact budget; σ_max goes from 5 to 80. Starts: N(0, σ_max² I), and
    `moment-matched`, N(m, Σ + σ_max² I) with the data's own mean and covariance. Theorem 2 says E_I ≲ m₂²/σ_max²,
    an upper bound; the constant here is ½ (convexity of KL). It says no more, so E_I may fall faster.

    Three parts on each target. E_I of the centred start is at most m₂²/(2σ_max²), at each of the five levels (ln of
    the bound over E_I is above 0, over the replicates of J; exact for a Gaussian). The slope of ln E_I in ln σ_max,
    by least squares (its error from the residuals; Student's t on 3 degrees of freedom), is below −1.5, so that it
    falls about as fast as the bound or faster. And of E_I the matched start leaves less than 0.1 at each level
    (over the replicates of J, whose error both starts share; what is left counts by its size, since a negative
    value is the quadrature of J). For the claim: all (the largest p). Against: the contrary of some (the least p
    times their number). α = 0.05/13. Supported: on every target all three. Contradicted: on some target one is
    reversed. Undecided: neither. The effect is the slope; the bound over E_I and what is left are in the notes.

    All of it is arithmetic on J(u), without seeds: no fresh data are possible, and the margins were chosen with
    such numbers known. A first version of the rule asked for a slope from −2.5 to −1.5 and contradicted the claim
    where E_I falls as σ_max^−4 (data with mean 0); the bound does not exclude that, so the rule was revised. The
    first part was put on a logarithm by a review, after the first publication, since 1 − E_I over the bound has no
    spread to speak of.
    """

    name: ClassVar[str] = "initial-noise"
    number: ClassVar[int] = 12
    title: ClassVar[str] = "initialisation error falls at least as m₂²/σ_max²; matching removes it"
    statement: ClassVar[str] = (
        "The initialisation error is at most of order m₂²/σ_max² and falls at least so fast, and a start with the"
        " target's first two moments removes it."
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
            slope = slope_test(*_logs(levels, centered, target), SLOPE)
            within, left = _levels(setting.information(evidence, target), levels, centered, matched)
            whole = every([*within, opposite(slope), *left])
            most = max(test.value for test in left)
            statistic = (
                f"slope {slope.value:.2f}, matched start leaves at most {most:.2g}; weakest part {whole.statistic}"
            )
            tests[target] = replace(slope, statistic=statistic, p_for=whole.p_for, p_against=whole.p_against)
            ratios = [math.exp(test.value) for test in within]
            notes[target] = f"bound / E_I from {min(ratios):.3g} to {max(ratios):.3g}"
        return decision(tests, "slope of ln E_I in ln σ_max", notes, NOTE, rounding=0.0, alpha=evidence.alpha)

    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """E_I against σ_max, both starts and the claimed power."""
        panels = []
        for target, results in setting.by_target(evidence.results["starts"]).items():
            levels, centered, matched = curves(results)
            x = levels.tolist()
            moment = setting.information(evidence, target).second_moment
            shown = [
                max(abs(left), FLOOR * whole) for left, whole in zip(matched.tolist(), centered.tolist(), strict=True)
            ]
            series = (
                Series("N(0, σ_max² I)", x, centered.tolist()),
                Series("moments matched (size; at least 1e-6 of the other)", x, shown, kind="points"),
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


def _levels(
    curve: Information, levels: np.ndarray, centered: np.ndarray, matched: np.ndarray
) -> tuple[list[Test], list[Test]]:
    """Return at each level the test that E_I lies below its bound, and that the matched start leaves < REMOVED.

    The two starts differ by second moments, which are known exactly; so replicates of the centred error, shifted by
    that difference, are replicates of the matched one.
    """
    import numpy as np

    within, left = [], []
    for level, whole, rest in zip(levels.tolist(), centered.tolist(), matched.tolist(), strict=True):
        spread = curve.initialization(level**2)
        each = whole + spread - spread.mean()
        if not (each > 0).all():
            raise ClaimError(f"a replicate of E_I is not positive at σ_max = {level:g}; J needs more points")
        within.append(setting.replicate_test(np.log(curve.second_moment / (2 * level**2) / each)))
        shares = (each + rest - whole) / each
        left.append(opposite(setting.replicate_test(shares * np.copysign(1, shares.mean()), REMOVED)))
    return within, left
