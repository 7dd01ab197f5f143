"""Whether the constant of an inequality lasts along a descent: what claims 1 and 2 ask of Theorem 1.

The theorem has a pace of at least C at every step, with one C > 0 that nobody knows. The largest C that a descent
allows up to step k is the least of those that its steps show, C(k). As some C > 0 bounds any finite run, what is asked
is where C(k) goes: with the exponent p(a) of its fall between aK and K,

    p(a) = ln(C(aK)/C(K)) / ln(1/a)

it is 0 where the constant lasts and 1 on a power law, C(k) ∝ 1/k. Least squares obeys the theorem with its least
eigenvalue, and before it is reached descends as a power law as well. No run of that length tells the two apart.

Above 1 the paces left add up to a finite sum. A pace P at the last step (a fall of ln L a step) that goes on as k^−p
lowers ln L by no more than PK/(p − 1): the loss then comes to rest above 0, which the theorem excludes with any C.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from harness_claims.verdicts import Test, sign_test

if TYPE_CHECKING:
    import numpy as np

LASTING = 0.5
"""Least p that is no longer called lasting: half-way between a constant that lasts and a power law."""

REST = math.log(2)
"""At rest: a fall of ln L that is less than this is left."""

Course = Literal["lasts", "falls", "rests"]
"""What becomes of a constant: it lasts; it goes on falling; it falls so fast that the loss comes to rest above 0."""


def course(step: np.ndarray, constant: np.ndarray, pace: float) -> Course:
    """Return what becomes of the constant of one descent.

    It lasts where p(½) < ½. The loss rests where p(½) > 1 and p(¾) > 1, so that the fall goes on to the end, and less
    than ln 2 is left to fall by the smaller of the two; or where some step allows no C > 0.

    Arguments:
        step: K recorded steps, increasing, shape (K,).
        constant: the C that each of these steps, but for those that have none before the others, allows, shape (≤ K,).
        pace: the fall of ln L a step at the end.
    """
    import numpy as np

    least, last = np.minimum.accumulate(constant), int(step[-1])
    if not least[-1] > 0:
        return "rests"
    at = step[-len(constant) :]
    half, end = (_exponent(at, least, last, share) for share in (0.5, 0.75))
    if half < LASTING:
        return "lasts"
    steepness = min(half, end) - 1
    return "rests" if steepness > 0 and pace * last < REST * steepness else "falls"


def _exponent(at: np.ndarray, least: np.ndarray, last: int, share: float) -> float:
    import numpy as np

    before = least[max(int(np.searchsorted(at, share * last, side="right")) - 1, 0)]
    return float(np.log(before / least[-1]) / math.log(1 / share))


def lasting(courses: Sequence[Course]) -> Test:
    """Test whether the constant lasts in most descents; against it, whether most come to rest above 0.

    Both are sign tests on all descents, so that one that goes on falling counts for neither. The estimate is the share
    in which it lasts.
    """
    counts = {each: courses.count(each) for each in ("lasts", "falls", "rests")}
    count = len(courses)
    kept, rested = sign_test(counts["lasts"], count), sign_test(counts["rests"], count)
    said = f"of {count} descents {counts['lasts']} last, {counts['falls']} fall, {counts['rests']} rest"
    return Test(kept.value, kept.low, kept.high, said, kept.p_for, rested.p_for, count)
