"""Tried: how much of an estimated time rests on trials of the work, and how much is guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.engine.checks import check_layer_outputs
from harness.errors import NotApplicable
from harness.planning.estimate import estimate

if TYPE_CHECKING:
    from harness.networks import TrainableNetwork
    from harness.planning.plan import Plan

SMALL = 1000
"""Numbers that the layers of a network put out for a point, at most, for a guess of its time: those that guesses were
measured on put out 512 and 800; one that does not say is taken for 1,024, and is as likely a network for images."""

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
        small: whether all networks to train are small enough for guesses, which know the batch and not the network.
    """

    kinds: int
    guessed: int
    seconds: float
    known: bool
    small: bool


def tried_work(plan: Plan, workers: int, whole: float) -> TriedWork:
    """Return how much of the estimate of a plan rests on trials.

    Arguments:
        plan: the plan.
        workers: on so many.
        whole: seconds of the estimate (`estimate`).

    Raises:
        ContractError: as `estimate`.
    """
    small = all(map(_small, {course.network for _, course in plan.stacks(lambda key: True)}))
    costs, left = plan.costs, plan.trials()
    known = costs.known
    try:
        costs.known = {}
        kinds = len(plan.trials())
        costs.known = {**known, **dict.fromkeys(left, NOTHING)}
        least = estimate(plan, workers).seconds if left else whole
    finally:
        costs.known = known
    return TriedWork(kinds, len(left), least, 2 * len(left) <= kinds and 2 * least >= whole, small)


def _small(network: TrainableNetwork) -> bool:
    try:
        return check_layer_outputs(network) <= SMALL
    except NotApplicable:
        return True  # nothing of it is trained
