"""Evidence: what a race knows of its designs, and what may be concluded of it at one look.

**Under optional stopping.** A race has a fixed number K of looks at its evidence, fixed before it begins, and judges at
each with level α/K (Bonferroni over looks): what it says of any pair of designs at any look is wrong in at most
α = 5 % of races, whenever it stops. A design is dropped at a look where its rank set excludes the first place, that is
where a test of its differences to all others (Holm, within the look) finds a better one: so the best design, whose
differences are all in its favour, is dropped in at most 5 % of races. Of several designs that are equally best each one
is.

**Settled.** One design is left; or each of the designs that are left is no worse than the best of them by more than a
margin of indifference, by simultaneous limits of the differences (Bonferroni over designs and looks).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.results.statistics.comparisons import Compared, Differences

if TYPE_CHECKING:
    from harness.quantities import Comparison

ALPHA = 0.05
"""How often, at most, a race may drop its best design."""

MARGIN = 0.02
"""What nobody minds: two per cent of a metric compared by ratios, or so much of one compared by differences."""


@dataclass(frozen=True)
class RaceEvidence:
    """Values of designs on their seeds; smaller is better.

    Attributes:
        values: shape (n, S), NaN where a design lacks a seed, at least one number a row.
        errors: the error of each within its run, shape (n, S).
        networks: for each design a label of what it shares with others beyond the seed.
        compared_by: how two values are compared.
        groups: means over groups of points that all share, shape (n, S, G); None where there are none.
    """

    values: np.ndarray
    errors: np.ndarray
    networks: Sequence[object]
    compared_by: Comparison = "ratio"
    groups: np.ndarray | None = None

    def compared(self) -> Compared:
        """Return the designs as they are compared with one another."""
        by, groups = self.compared_by, self.groups
        return Compared.of(self.values, self.errors, self.networks, compared_by=by, groups=groups)

    @property
    def means(self) -> np.ndarray:
        """The mean of each design over its seeds, shape (n,)."""
        return np.asarray(np.nanmean(self.values, 1))


@dataclass(frozen=True)
class Judgement:
    """What one look says.

    Attributes:
        leader: the design of the least mean.
        alive: whether each design may still be best, shape (n,).
        behind: the difference of each design to the leader with simultaneous limits, on the scale of comparison.
        settled: whether those that may be best are one, or tie.
    """

    leader: int
    alive: np.ndarray
    behind: Differences
    settled: bool


def most_ahead(compared: Compared, chosen: int, others: Sequence[int], level: float) -> float:
    """Return how far ahead of a chosen design the best of some others is at most, on the scale of comparison.

    It holds with a probability of 1 − `level` whichever of them all was chosen, and by whatever: limits are those of
    all pairs together (Bonferroni).
    """
    pairs = math.comb(len(others) + 1, 2)
    return max(0.0, -float(compared.differences(chosen, level / pairs).low[list(others)].min()))


def tolerance(compared_by: Comparison, margin: float) -> float:
    """Return a margin on the scale of comparison: ln(1 + margin) for ratios."""
    return math.log1p(margin) if compared_by == "ratio" else margin


def judged(evidence: RaceEvidence, level: float, margin: float = MARGIN) -> Judgement:
    """Return what one look at the evidence says.

    Arguments:
        evidence: of n ≥ 1 designs.
        level: how often it may be wrong.
        margin: of indifference.
    """
    compared = evidence.compared()
    alive, leader = compared.ranks(level).low == 1, int(evidence.means.argmin())
    behind = compared.differences(leader, level / max(1, int(alive.sum()) - 1))
    tie = behind.high <= tolerance(evidence.compared_by, margin)
    return Judgement(leader, alive, behind, bool((tie | ~alive).all()))
