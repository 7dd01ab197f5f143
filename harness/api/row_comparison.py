"""Row comparison: whether a row that was made again is the one that a document tells.

Where code, environment and processor are those of the document, numbers have to be the same. Where they are not, both
rows still share their seeds, and what differs is arithmetic. At the worst that is one more draw: then the difference of
two means over n seeds, over √2 times the standard error of either, has Student's t distribution with n − 1 degrees of
freedom, and the ratio of their squared errors has Fisher's F, so that each test objects to 5 % of rows that are as they
should be. On other processors it objects to fewer (docs/same-bits.md). The error is that of the row that was made here:
nothing that a document tells of its own certainty makes it easier to agree with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from scipy.special import fdtri

from harness.results.consistency import Objection
from harness.results.leaderboard import Estimate, Leaderboard, Row, ScoreSplit
from harness.results.statistics.intervals import CONFIDENCE

if TYPE_CHECKING:
    from harness.results.making import Grid

CURVES = 1e-3
"""Relative difference of what follows from a curve that was measured on other processors: its rounding alone."""

TRAINED = 0.1
"""Relative difference that budgets and bounds of trained networks may have on other processors: they tell no error."""

ROUNDING = 1e-6
"""Relative difference of numbers that nothing but the order of sums tells apart."""


def compared(where: str, row: Row, made: Row | None, *, exact: bool) -> Iterator[Objection]:
    """Find in what a row that was made again differs: at all where it should be the same, else beyond chance.

    Arguments:
        where: its place in the document.
        row: as the document tells it.
        made: as it came out; None where it did not.
        exact: whether it should be the same.
    """
    if made is None or not made.ok:
        yield Objection(where, "did not come out again" if made is None else f"came out {made.status}: {made.reason}")
        return
    for part in ("nfe", "compute"):
        told, found = getattr(row, part), getattr(made, part)
        if told != found:
            yield Objection(f"{where}.{part}", f"{told}, and {found} when made again")
    yield from _metrics(f"{where}.metrics", row.metrics, made.metrics, exact=exact)
    if exact:
        for part in ("budget", "bounds", "bound_highs"):
            if getattr(row, part) != getattr(made, part):
                yield Objection(f"{where}.{part}", "is another when made again")
        yield from _split(f"{where}.score_split", row.score_split, made.score_split)
    else:
        yield from _follows(where, row, made, TRAINED if row.train_steps else CURVES)


def comparable(row: Row, made: Row) -> bool:
    """Tell whether what was made elsewhere says of every metric how far it may be from that of a document.

    One seed does not, unless nothing but rounding tells the two apart.
    """
    shared = [(row.metrics[name], made.metrics[name]) for name in row.metrics.keys() & made.metrics.keys()]
    return all(_rounded(told, found) or _half(found) is not None for told, found in shared)


def _split(where: str, told: ScoreSplit | None, made: ScoreSplit | None) -> Iterator[Objection]:
    """Find in what splits of a score error differ; documents before version 8 may tell none.

    Only what is of the row alone: how it splits between training and approximation depends on the other networks of
    the suite, as the best of them stands for the best there is.
    """
    for part in () if told is None else ("objective", "score_max", "score_exact"):
        if made is None or getattr(told, part) != getattr(made, part):
            yield Objection(f"{where}.{part}", "is another when made again")


# Metrics


def _metrics(
    where: str, told: Mapping[str, Estimate], made: Mapping[str, Estimate], *, exact: bool
) -> Iterator[Objection]:
    for name in dict.fromkeys([*told, *made]):
        a, b = told.get(name), made.get(name)
        if a is None or b is None:
            yield Objection(f"{where}.{name}", f"{_value(a)}, and {_value(b)} when made again")
        elif exact and a != b:
            yield Objection(f"{where}.{name}", f"{_whole(a)}, and {_whole(b)} when made again")
        elif not exact and (what := apart(a, b)) is not None:
            yield Objection(f"{where}.{name}", what)


def apart(told: Estimate, made: Estimate) -> str | None:
    """Return in what two estimates over the same seeds differ beyond chance; None where nothing says that they do.

    Arguments:
        told: by a document.
        made: elsewhere, from the same seeds.
    """
    if told.n_seeds != made.n_seeds:
        return f"of {told.n_seeds} seeds, and of {made.n_seeds} when made again"
    if (told.low is None, told.high is None) != (made.low is None, made.high is None):
        return f"{_whole(told)}, and {_whole(made)} when made again"
    half, own = _half(made), _half(told)
    if _rounded(told, made) or half is None or own is None:
        return None
    freedom, slack = made.n_seeds - 1, ROUNDING * max(abs(told.value), abs(made.value))
    if abs(told.value - made.value) > math.sqrt(2) * half + slack:
        return f"{told.value:.6g}, and {made.value:.6g} when made again"
    ratio = math.sqrt(fdtri(freedom, freedom, (1 + CONFIDENCE) / 2))
    if own > ratio * half + slack or half > ratio * own + slack:
        return f"its interval is ± {own:.3g}, and ± {half:.3g} when made again"
    return None


def _half(estimate: Estimate) -> float | None:
    """Return the half width of an interval over seeds, the longer one where it was cut; None where there is none."""
    ends = [abs(end - estimate.value) for end in (estimate.low, estimate.high) if end is not None]
    return max(ends) if ends and estimate.n_seeds > 1 else None


def _rounded(a: Estimate, b: Estimate) -> bool:
    """Tell whether two estimates are the same but for rounding."""
    scale = ROUNDING * max(abs(a.value), abs(b.value))
    pairs = [(a.value, b.value), (a.low, b.low), (a.high, b.high)]
    return a.n_seeds == b.n_seeds and all(x == y if x is None or y is None else abs(x - y) <= scale for x, y in pairs)


def _value(estimate: Estimate | None) -> str:
    return "none" if estimate is None else f"{estimate.value:.6g}"


def _whole(estimate: Estimate) -> str:
    ends = ", ".join("unknown" if end is None else f"{end:.6g}" for end in (estimate.low, estimate.high))
    return f"{estimate.value:.6g} [{ends}] of {estimate.n_seeds}"


# What follows from levels and networks


def _follows(where: str, row: Row, made: Row, tolerance: float) -> Iterator[Objection]:
    """Find in what budgets and bounds differ by more than a relative tolerance; of a budget, of its largest term."""
    told, found = (None if each.budget is None else each.budget.model_dump() for each in (row, made))
    if told is None or found is None:
        if told is not found:
            yield Objection(f"{where}.budget", "is told, or made, where the other has none")
    elif any(abs(told[term] - found[term]) > tolerance * _largest(told, found) for term in told):
        yield Objection(
            f"{where}.budget", f"is another when made again, by more than {tolerance:g} of its largest term"
        )
    for part in ("bounds", "bound_highs"):
        a, b = getattr(row, part), getattr(made, part)
        # An upper limit that a document leaves out is none in its favour, and older ones tell none.
        for name in sorted(a.keys() | b.keys() if part == "bounds" else a.keys() & b.keys()):
            if _other(a.get(name), b.get(name), tolerance):
                yield Objection(f"{where}.{part}.{name}", f"{a.get(name)}, and {b.get(name)} when made again")


def _largest(*budgets: Mapping[str, float]) -> float:
    return max(abs(term) for each in budgets for term in each.values())


def _other(a: float | None, b: float | None, tolerance: float) -> bool:
    return a is not b if a is None or b is None else abs(a - b) > tolerance * max(abs(a), abs(b))


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
