"""Splits: the target of each seed, and which points the seeds of a suite hold out in common.

A target that is the same for every seed has one split, and all seeds are measured by the same held-out points.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from statistics import fmean

from pydantic import BaseModel, ConfigDict

from harness.errors import ContractError
from harness.targets import Target

PARTS = (0, 1)
"""The held-out parts: the reference, and what stands for a perfect generator."""


class SeedTargets:
    """The targets of a suite as its seeds have them, each made once."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, int], Target] = {}
        self._originals: dict[int, Target] = {}
        # Identity stands for a component wherever keys are made, so that equal ones are one, and none is forgotten.
        self._known: dict[Target, Target] = {}

    def of(self, target: Target, seed: int) -> Target:
        """Return what a seed has in the place of a target.

        Raises:
            ContractError: the target of a seed is no target, or is another one for another seed.
            Exception: whatever the target raises.
        """
        if (id(target), seed) not in self._made:
            target = self._known.setdefault(target, target)
            own = self._checked(target, seed)
            self._made[id(target), seed] = self._known.setdefault(own, own)
            self._originals.setdefault(id(self._made[id(target), seed]), target)
        return self._made[id(target), seed]

    def original(self, target: Target) -> Target:
        """Return the target of a suite of which this one is a seed's; itself, of one that was never made for a seed."""
        return self._originals.get(id(target), target)

    def _checked(self, target: Target, seed: int) -> Target:
        own: object = target.for_seed(seed)
        if not isinstance(own, Target):
            raise ContractError(f"target {target.label()}: for_seed returned {type(own).__name__}; it must be a Target")
        if own.for_seed(seed + 1) != own:
            rule = "what it returns must be its own target for every seed"
            raise ContractError(f"target {target.label()}: for_seed({seed}) returned {own.label()}; {rule}")
        return own


class Splits(BaseModel):
    """What the seeds of a suite have in common of a target that gives them splits of their own.

    Attributes:
        count: different splits among the seeds.
        held_out: points that are held out to compare with for one seed or more; None where targets do not tell.
        reference: the share of the points that two seeds compare with which they have in common, from 0 to 1, in the
            mean over all pairs of seeds.
        both: likewise of the points of both held-out parts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int
    held_out: int | None
    reference: float
    both: float


def splits(targets: Sequence[Target]) -> Splits | None:
    """Return what seeds have in common, from the target of each; None where all have the same."""
    count = len(set(targets))
    if count == 1:
        return None
    rows = {target: tuple(target.held_out_rows(part) for part in PARTS) for target in set(targets)}
    compared = [rows[target][0] for target in targets]
    known = [each for each in compared if each is not None]
    return Splits(
        count=count,
        held_out=len(frozenset().union(*known)) if len(known) == len(compared) else None,
        reference=_in_common(targets, [_together([each]) for each in compared]),
        both=_in_common(targets, [_together(rows[target]) for target in targets]),
    )


def _together(parts: Iterable[frozenset[int] | None]) -> frozenset[int]:
    return frozenset().union(*(part for part in parts if part is not None))


def _in_common(targets: Sequence[Target], points: Sequence[frozenset[int]]) -> float:
    """Return the mean over pairs of seeds of the share of points that both have, of the smaller number."""
    pairs = combinations(zip(targets, points, strict=True), 2)
    return fmean(1.0 if a == b else _share(own, other) for (a, own), (b, other) in pairs)


def _share(own: frozenset[int], other: frozenset[int]) -> float:
    return len(own & other) / max(min(len(own), len(other)), 1)
