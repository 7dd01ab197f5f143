"""Row comparison: whether a row that was made again is the one that a document tells."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from scipy.special import stdtrit

from harness.results.consistency import Objection
from harness.results.leaderboard import Estimate, Leaderboard, Row
from harness.results.statistics.intervals import CONFIDENCE

if TYPE_CHECKING:
    from harness.results.making import Grid

CURVES = 1e-3
"""Relative difference of levels that follow from a curve which was measured on other processors: its rounding alone."""


def compared(where: str, row: Row, made: Row | None, *, exact: bool, level: float) -> Iterator[Objection]:
    """Find in what a row that was made again differs: at all where it should be the same, else beyond its intervals."""
    if made is None or not made.ok:
        yield Objection(where, "did not come out again" if made is None else f"came out {made.status}: {made.reason}")
        return
    if made.nfe != row.nfe:
        yield Objection(f"{where}.nfe", f"{row.nfe}, and {made.nfe} when made again")
    for name, estimate in row.metrics.items():
        other = made.metrics.get(name)
        if other is None or _apart(estimate, other, exact, level):
            told = "none" if other is None else f"{other.value:.6g}"
            yield Objection(f"{where}.metrics.{name}", f"{estimate.value:.6g}, and {told} when made again")
    if exact:
        for part in ("budget", "bounds", "bound_highs", "compute"):
            if getattr(row, part) != getattr(made, part):
                yield Objection(f"{where}.{part}", "is another when made again")


def made_of(
    where: str, told: tuple[Leaderboard, Row], again: tuple[Leaderboard, Row], *, exact: bool
) -> Iterator[Objection]:
    """Find in what the levels and the networks of a row that was made again differ, where both are told.

    By other code or elsewhere, networks differ, and with them the levels that follow from one.
    """
    then, now = (None if row.grid is None else board.grids[row.grid] for board, row in (told, again))
    if then is not None and now is not None and _other_levels(then, now, exact):
        yield Objection(f"{where}.grid", "its levels are others when made again")
    networks = [None if row.trained is None else board.networks[row.trained] for board, row in (told, again)]
    if exact and None not in networks and networks[0] != networks[1]:
        yield Objection(f"{where}.trained", "its checkpoints are others when made again")


def _other_levels(a: Grid, b: Grid, exact: bool) -> bool:
    """Tell whether two grids differ: at all, or in more than a measured curve that one follows may make."""
    if exact or len(a.sigmas) != len(b.sigmas):
        return a != b
    return not a.own and any(not math.isclose(x, y, rel_tol=CURVES) for x, y in zip(a.sigmas, b.sigmas, strict=True))


def _apart(a: Estimate, b: Estimate, exact: bool, level: float) -> bool:
    """Tell whether two measurements of one thing differ: at all, or at a level of confidence for their difference."""
    if exact:
        return a != b
    halves = [_half(each, level) for each in (a, b)]
    return abs(a.value - b.value) > math.hypot(*halves)


def _half(estimate: Estimate, level: float) -> float:
    """Return the half width of an interval at another level; infinite where there is none."""
    ends = [abs(end - estimate.value) for end in (estimate.low, estimate.high) if end is not None]
    if not ends or estimate.n_seeds < 2:
        return math.inf
    degrees = estimate.n_seeds - 1
    wider = stdtrit(degrees, (1 + level) / 2) / stdtrit(degrees, (1 + CONFIDENCE) / 2)
    return max(ends) * float(wider)
