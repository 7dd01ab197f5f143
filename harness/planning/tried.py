"""Tried: how much of an estimated time rests on trials of the work, and how much is guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.planning.estimate import estimate

if TYPE_CHECKING:
    from harness.planning.plan import Plan

NOTHING = (0.0, 0.0, 0.0)
"""What a kind of work takes that is left out."""


@dataclass(frozen=True)
class TriedWork:
    """The part of a plan's work whose kinds were tried, here and now or earlier.

    Attributes:
        kinds: kinds of work that are tried.
        guessed: of them, those that were not.
        seconds: estimated time of the others, and of what needs no trial: what all of it takes at least.
        known: whether the time of all is worth telling: most kinds were tried, and most of that time is theirs.
    """

    kinds: int
    guessed: int
    seconds: float
    known: bool


def tried_work(plan: Plan, workers: int, whole: float) -> TriedWork:
    """Return how much of the estimate of a plan rests on trials.

    Arguments:
        plan: the plan.
        workers: on so many.
        whole: seconds of the estimate (`estimate`).

    Raises:
        ContractError: as `estimate`.
    """
    costs, left = plan.costs, plan.trials()
    known = costs.known
    try:
        costs.known = {}
        kinds = len(plan.trials())
        costs.known = {**known, **dict.fromkeys(left, NOTHING)}
        least = estimate(plan, workers).seconds if left else whole
    finally:
        costs.known = known
    return TriedWork(kinds, len(left), least, 2 * len(left) <= kinds and 2 * least >= whole)
