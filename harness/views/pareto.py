"""The Pareto front of a leaderboard: error against total compute, and how the best spend it.

A row's compute is what training and sampling its network took, in evaluations (`harness.suites.compute`). A row is on
the front if no row of its target has a smaller error for as much compute or less. Rows whose totals agree to 2 % have
one total: whole numbers of steps never spend one exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.results.leaderboard import Row
from harness.results.sections import TargetSection

SAME = 1.02
"""Ratio of neighbouring totals up to which they count as one."""

APART = 1.2
"""Ratio of the largest total to the least above which there is something to see."""


@dataclass(frozen=True)
class Spending:
    """One trained row: what it took, the share of training in it, and its error by the ranking metric."""

    row: Row
    compute: int
    share: float
    error: float


def spendings(section: TargetSection) -> list[Spending]:
    """Return the trained rows of a section that have a positive error, by compute; none where totals hardly differ."""
    found = [
        Spending(row, row.compute, row.training_share, row.metrics[section.metric].value)
        for row in section.ranked
        if row.compute is not None and row.training_share is not None
    ]
    positive = sorted((s for s in found if s.error > 0), key=lambda s: (s.compute, s.error))
    return positive if positive and positive[-1].compute > APART * positive[0].compute else []


def totals(found: Sequence[Spending]) -> list[list[Spending]]:
    """Return the rows of each total, both in order; `found` is ordered by compute."""
    groups: list[list[Spending]] = []
    for each in found:
        if groups and each.compute <= SAME * groups[-1][-1].compute:
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups


def front(found: Sequence[Spending]) -> list[Spending]:
    """Return the rows on the front, at most one a total, by compute; `found` is ordered by compute."""
    kept: list[Spending] = []
    for group in totals(found):
        least = min(group, key=lambda s: s.error)
        if not kept or least.error < kept[-1].error:
            kept.append(least)
    return kept


def best(found: Sequence[Spending]) -> list[Spending]:
    """Return the best row of each total that at least two rows have."""
    return [min(group, key=lambda s: s.error) for group in totals(found) if len(group) > 1]
