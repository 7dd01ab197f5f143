"""What a suite would take, before anything is done."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.engine.checks import check_layer_outputs
from harness.errors import NotApplicable
from harness.planning.units import Stage

if TYPE_CHECKING:
    from harness.planning.plan import Plan
    from harness.planning.units import Unit

BASE_MEMORY = 0.3
"""GiB of a run but for its workers, with the pages that these share with their server, which has imported torch."""

WORK_MEMORY = 0.22
"""GiB that a worker has of its own beside what is counted by size (measured on the shipped suites)."""

COPIES = 8.0
"""How often a worker holds the training rows of a data set at its peak, as it builds it (measured on 36,000 × 784)."""

ALONE, STACKED = 10, 21
"""How often training holds the parameters of a network, alone and of each in a stack, which is tried against each of
its networks alone (measured at width 2,048)."""


@dataclass(frozen=True)
class WorkEstimate:
    """The work of a suite from nothing.

    Attributes:
        combinations: rows of the leaderboard.
        networks: distinct networks to be trained, over all seeds and lengths of training.
        uses: samplings of a trained network; a plain loop would train for each.
        stacks: units that train them.
        samplings: samplings, over all seeds; grids that turn out equal share one, so that fewer may be done.
        seconds: estimated time.
        memory: estimated peak in GiB over all processes, what they share counted once; with many thousands of
            combinations the parent adds about 10 KiB for each.
    """

    combinations: int
    networks: int
    uses: int
    stacks: int
    samplings: int
    seconds: float
    memory: float


def estimate(plan: Plan, workers: int) -> WorkEstimate:
    """Return what a plan takes, on so many workers, when nothing of it has been done.

    Raises:
        ContractError: a network cannot say by what its memory is estimated.
    """
    units = [*plan.groundwork(_everything), *plan.fixed_work(_everything)]
    training = [unit for unit in units if unit.stage == Stage.TRAINING]
    samplings = sum(len(plan.seeds_of(c)) for c in plan.combinations)
    sampling = [plan.costs.sampling(c) for c in plan.combinations for _ in plan.seeds_of(c)]
    building = sum(plan.costs.building(plan.keys.original(target)) for target in plan.seed_targets())
    working = seconds(units, workers, sampling)
    return WorkEstimate(
        combinations=len(plan.combinations),
        networks=len(plan.trained_keys()),
        uses=sum(len(plan.seeds_of(c)) for c in plan.combinations if c.weighting is not None),
        stacks=len(training),
        samplings=samplings,
        seconds=plan.costs.start() + building + working,
        memory=BASE_MEMORY + (WORK_MEMORY + _data_memory(plan)) * workers + _training_memory(plan, workers),
    )


def seconds(units: Iterable[Unit], workers: int, sampling: Sequence[float] = ()) -> float:
    """Return the estimated seconds that units take on so many workers.

    Arguments:
        units: all of them.
        workers: how many are carried out at once.
        sampling: costs of samplings that are not planned yet.
    """
    stages: dict[Stage, list[float]] = {Stage.SAMPLING: list(sampling)}
    for unit in units:
        stages.setdefault(unit.stage, []).append(unit.cost)
    # A unit cannot be divided among workers, and what follows waits for it: with few units the longest decides.
    return sum(max(sum(each) / workers, max(each, default=0.0)) for each in stages.values())


def _data_memory(plan: Plan) -> float:
    """Return the GiB that a worker takes for the largest of the data sets."""
    targets = {plan.keys.original(target) for target in plan.seed_targets()}
    return COPIES * max(map(plan.costs.data_bytes, targets), default=0.0) / 2**30


def _training_memory(plan: Plan, workers: int) -> float:
    """Return the GiB of the stacks that take most, as many as train at once, of those networks that apply.

    A stack takes what a step keeps of the layers, and its parameters where a trial told their size.

    Raises:
        ContractError: as `check_layer_outputs`.
    """
    trainer, taken = plan.suite.trainer, []
    for learners, course in plan.stacks(_everything):
        try:
            outputs = check_layer_outputs(course.network)
        except NotApplicable:
            continue
        count = min(len(learners), trainer.together(outputs))
        copies = ALONE if count == 1 else STACKED
        parameters = copies * plan.costs.parameter_bytes(learners, course)
        taken.append(count * (trainer.step_bytes(outputs) + parameters))
    return sum(heapq.nlargest(workers, taken)) / 2**30


def _everything(key: str) -> bool:
    return True
