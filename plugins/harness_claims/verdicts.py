"""Verdicts: the tests that all claims share, and how several targets become one verdict.

The independent units are seeds, unless a claim's rule says otherwise. On each target a statistic of every unit,
x_1 … x_S, is held against a value that parts the claim from its contrary. With the one-sided tests

    p_for     of the null "the mean is at most the margin"
    p_against of the null "the mean is at least the margin"

a claim is `supported` where p_for passes α on *every* target (an intersection-union test: its level is α without
correction), `contradicted` where p_against passes α/T on *some* of the T targets (Bonferroni), else `undecided`. Both
cannot happen, as p_for + p_against ≥ 1 on each target. Of a paper with n claims each has
α = 0.05/n, whichever run together: a verdict does not depend on the company.

A verdict must also outlast rounding. Another processor adds in another order, and training amplifies that until the
same seed ends elsewhere: a share r of a statistic's variance over seeds is drawn anew with the processor. The interval
over seeds contains it, as every seed has its own; but z = Φ⁻¹(1 − p), whose variance is at most about 1 whatever the
test, then differs between two processors by √(2r) (standard deviation), and a verdict at the level itself is the
toss of a coin. So p passes a level only where z lies 1.645√(2r) above that of the level: what is a verdict on one
processor is then at least significant on another, with hardly an exception (docs/claims.md). What is significant
without that distance is undecided, and *within rounding*. Wrong verdicts only become rarer. r is `ROUNDING`, unless a
rule says less: 0 where nothing is trained, and else what was measured of the networks that it looks at.

The distance is put on z, not on the estimate: rounding changes the spread over few seeds as well as the mean, and p
is all that tests of every kind, put together by `every` and `some`, have in common.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness_claims.claim import ClaimError, Decision, EffectSize, Finding, Verdict

if TYPE_CHECKING:
    import numpy as np

LEVEL = 0.95
"""Confidence level of limits, that of `harness.results.statistics`; from there it would bring scipy to whoever lists
claims."""

EXACT = 1e-9
"""Relative spread below which numbers count as equal: rounding, not randomness."""

ROUNDING = 0.3
"""Share r of the variance over seeds that is rounding, where nothing else is known: above the largest measured.

Claims 3 and 6 of wang-2024 have up to a quarter on a target, all its others less than a thousandth (docs/claims.md).
"""

MANY = 1e6
"""Degrees of freedom that stand for infinitely many."""


@dataclass(frozen=True)
class Test:
    """A one-sided test and its contrary.

    Attributes:
        value: the estimate; `low` and `high` are its limits at 95 %.
        statistic: the test's statistic with its value, as a reader wants it.
        p_for: of the test for the claim.
        p_against: of the test against it.
        seeds: number of independent units; 1 where the value is exact.
        exact: whether it is arithmetic without randomness, so that p is 0 or 1, or ½ at the margin itself.
    """

    value: float
    low: float | None
    high: float | None
    statistic: str
    p_for: float
    p_against: float
    seeds: int
    exact: bool = False


def t_test(
    values: Sequence[float] | np.ndarray,
    margin: float = 0.0,
    error: float = 0.0,
    freedom: float = math.inf,
    *,
    arithmetic: bool = False,
) -> Test:
    """Test by Student's t whether a mean over seeds lies above a margin (the claim) or below it.

    The error of the mean is that of its spread over seeds and, in quadrature, one that all seeds share; the degrees of
    freedom are then the fewer of the two, so that a second error never makes a test more certain. Where all S seeds
    give the same value their spread says nothing, and `error` alone decides. Without one the value is exact if it is
    arithmetic that the seeds share: either p is 0, or both are ½ at the margin itself. If seeds agree by chance, p is
    2^−S, as of a coin that fell S times on one side: eight cannot decide at 0.05/13, however far from the margin.

    Arguments:
        values: one for each seed, shape (S,), S ≥ 2.
        margin: what parts the claim from its contrary.
        error: standard error that all seeds share.
        freedom: degrees of freedom that `error` was estimated with; infinite where it is known.
        arithmetic: whether seeds that agree do so since nothing about the value is random.

    Raises:
        ClaimError: fewer than two seeds, or a value that is not finite.
    """
    import numpy as np

    sample = _finite(values)
    seeds = len(sample)
    mean = float(sample[0] + (sample - sample[0]).mean())
    if np.ptp(sample) <= EXACT * np.abs(sample).max():
        if not (arithmetic or error > 0):
            return _agreed(mean, margin, seeds)
        return _student(mean, error, freedom, margin, 1 if math.isinf(freedom) else round(freedom) + 1)
    own = float(sample.std(ddof=1)) / math.sqrt(seeds)
    return _student(mean, math.hypot(own, error), min(seeds - 1, freedom) if error > 0 else seeds - 1, margin, seeds)


def _agreed(value: float, margin: float, n: int) -> Test:
    """Test a value that n seeds agree on, though it is random: by the sign of its distance from the margin.

    How far the next seed would be from it nobody knows, so that it has no limits.
    """
    gap = _gap(value, margin)
    chance = 0.5**n if gap else 0.5
    sides = (chance, 1 - chance) if gap >= 0 else (1 - chance, chance)
    return Test(value, None, None, f"{n} equal values", *sides, n)


def _gap(value: float, margin: float) -> float:
    """Return the distance of a value from the margin; 0 where rounding is all there is of it."""
    gap = value - margin
    return 0.0 if abs(gap) <= EXACT * max(abs(value), abs(margin)) else gap


def _student(value: float, error: float, freedom: float, margin: float, n: int) -> Test:
    """Test an estimate with a standard error; infinite degrees of freedom mean the normal law."""
    from scipy.special import stdtr, stdtrit

    gap = _gap(value, margin)
    degrees = min(freedom, MANY)
    t = gap / error if error > 0 else math.copysign(math.inf, gap) if gap else 0.0
    half = float(stdtrit(degrees, (1 + LEVEL) / 2)) * error
    name = "exact" if error == 0 else f"z = {t:.3g}" if math.isinf(freedom) else f"t({freedom:.0f}) = {t:.3g}"
    sides = float(stdtr(degrees, -t)), float(stdtr(degrees, t))
    return Test(value, value - half, value + half, name, *sides, n if error > 0 else 1, exact=error == 0)


def slope_test(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, margin: float = 0.0) -> Test:
    """Test whether the least-squares slope of y in x lies above a margin, by Student's t on n − 2 degrees of freedom.

    Its error comes from the residuals, so it holds whatever keeps the points off the line: noise or a bend.

    Raises:
        ClaimError: fewer than three points, one that is not finite, or all at one x.
    """
    import numpy as np

    at, values = _finite(x), _finite(y)
    centred = at - at.mean()
    squares = float(centred @ centred)
    if len(at) < 3 or len(at) != len(values) or squares == 0:
        raise ClaimError(f"a slope needs at least three points at different x, not {len(at)}")
    slope = float(centred @ values) / squares
    residual = values - values.mean() - slope * centred
    error = math.sqrt(float(residual @ residual) / (len(at) - 2) / squares)
    negligible = EXACT * float(np.abs(values).max()) / math.sqrt(squares)
    return _student(slope, 0.0 if error <= negligible else error, len(at) - 2, margin, len(at))


def opposite(test: Test) -> Test:
    """Return the test with its two sides exchanged: the claim is that the truth lies below the margin."""
    return replace(test, p_for=test.p_against, p_against=test.p_for)


def every(tests: Sequence[Test]) -> Test:
    """Return the test of a claim that all parts hold.

    For it: each part's test, so the largest p (intersection-union). Against it: some part's contrary, so the least
    p times their number (Bonferroni). The estimate shown is that of the weakest part, the units are the fewest of a
    part that is random.
    """
    weakest = max(tests, key=lambda test: test.p_for)
    p_against = min(1.0, len(tests) * min(test.p_against for test in tests))
    units = min((test.seeds for test in tests if not test.exact), default=1)
    return replace(weakest, p_against=p_against, seeds=units)


def some(tests: Sequence[Test]) -> Test:
    """Return the test of a claim that at least one part holds: `every` of the contraries, turned round."""
    return opposite(every([opposite(test) for test in tests]))


def sign_test(successes: int, trials: int, share: float = 0.5) -> Test:
    """Test by the binomial law whether more than a share of independent trials succeed; limits by Clopper and Pearson.

    Raises:
        ClaimError: no trial.
    """
    from scipy.special import betaincinv
    from scipy.stats import binom

    if trials < 1:
        raise ClaimError("a sign test needs at least one trial")
    tail = (1 - LEVEL) / 2
    low = float(betaincinv(successes, trials - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, trials - successes, 1 - tail)) if successes < trials else 1.0
    p_for, p_against = binom.sf(successes - 1, trials, share), binom.cdf(successes, trials, share)
    return Test(successes / trials, low, high, f"{successes} of {trials}", float(p_for), float(p_against), trials)


def level(claims: int) -> float:
    """Return the level of the tests of each claim of a paper: 5 % of a wrong verdict, divided among all of them."""
    return (1 - LEVEL) / claims


def steady(alpha: float, rounding: float = ROUNDING) -> float:
    """Return the level that p has to pass, so that rounding does not take away what it says at a given level.

    It is Φ(Φ⁻¹(α) − 1.645√(2r)); α itself where r is 0.

    Arguments:
        alpha: the level of the test.
        rounding: r, the share of the variance over seeds that another processor draws anew.
    """
    from scipy.special import ndtr, ndtri

    return float(ndtr(ndtri(alpha) - ndtri(LEVEL) * math.sqrt(2 * rounding))) if rounding else alpha


def verdict(tests: Iterable[Test], alpha: float, rounding: float = ROUNDING) -> Verdict:
    """Return what tests of one claim on several targets say together."""
    listed = list(tests)
    return together([_single(test, alpha, len(listed), rounding) for test in listed])


def together(said: Sequence[Verdict]) -> Verdict:
    """Return the verdict on a claim that its targets lead to."""
    if set(said) == {"supported"}:
        return "supported"
    return "contradicted" if "contradicted" in said else "undecided"


def decision(
    tests: Mapping[str, Test],
    effect: str,
    notes: Mapping[str, str] | None = None,
    note: str = "",
    *,
    alpha: float,
    rounding: float = ROUNDING,
) -> Decision:
    """Return the decision that tests on several targets lead to.

    The effect and the statistic shown are those of the target that decides: the one with the least p_against of a
    claim that is contradicted (or would be, but for rounding), else the one with the largest p_for.

    Arguments:
        tests: by the target's label.
        effect: name of the effect, with its unit.
        notes: a note on a target, by its label.
        note: on the whole decision.
        alpha: level of the claim, `evidence.alpha`.
        rounding: r, the share of the variance over units that another processor draws anew; 0 without training.
    """
    if not tests:
        raise ClaimError("no target was tested")
    overall, plain = (verdict(tests.values(), alpha, share) for share in (rounding, 0.0))
    known = notes or {}
    count = len(tests)
    findings = tuple(
        _finding(t, test, _single(test, alpha, count, rounding), _single(test, alpha, count, 0.0), known.get(t, ""))
        for t, test in tests.items()
    )
    if plain == "contradicted":
        decisive = min(findings, key=lambda finding: finding.p_against)
    else:
        decisive = max(findings, key=lambda finding: finding.p_value)
    size = EffectSize(effect, decisive.effect, decisive.low, decisive.high)
    told, near = _told(decisive, overall), plain != overall
    return Decision(overall, size, told, decisive.seeds, findings, note, decisive.target, near, rounding)


def _finding(target: str, test: Test, said: Verdict, plain: Verdict, note: str) -> Finding:
    # A part may lend its estimate to a test whose p-values are of another part, which is random.
    exact = test.exact and {test.p_for, test.p_against} <= {0.0, 0.5, 1.0}
    units, sides = 1 if exact else test.seeds, (test.p_for, test.p_against)
    shown = (test.value, test.low, test.high, test.statistic)
    return Finding(target, said, *shown, *sides, units, note, exact, within_rounding=plain != said)


def chance(p: float) -> str:
    """Return a p-value as text; one that is too small for a number of this machine is not nought."""
    return f"{p:.2g}" if p > 0 else "<1e-300"


def _told(finding: Finding, overall: Verdict) -> str:
    """Return a statistic with the p-value of the side that was decided; both sides where none was."""
    said = [finding.statistic]
    if finding.exact:
        said += [] if finding.statistic.endswith(("exact", "exact)")) else ["exact"]
    else:
        said += [f"p for {chance(finding.p_value)}"] if overall != "contradicted" else []
        said += [f"p against {chance(finding.p_against)}"] if overall != "supported" else []
    return ", ".join(said)


def _single(test: Test, alpha: float, targets: int, rounding: float) -> Verdict:
    if test.p_for <= steady(alpha, rounding):
        return "supported"
    return "contradicted" if test.p_against <= steady(alpha / targets, rounding) else "undecided"


def _finite(values: Sequence[float] | np.ndarray) -> np.ndarray:
    import numpy as np

    sample = np.asarray(values, dtype=np.float64)
    if sample.size < 2:
        raise ClaimError(f"a t test needs at least two seeds, not {sample.size}")
    if not np.isfinite(sample).all():
        raise ClaimError("a statistic of a seed is not finite")
    return sample
