"""Race: rounds over the designs of one target; after each, those that cannot be best are dropped (`racing.evidence`).

A race decides how many seeds each design has next, from what is known of it; who carries that out is none of its
concern: experiments (`harness.racing.carried_out`), or a simulation that puts its promises to the test.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from harness.racing.evidence import ALPHA, MARGIN, Judgement, RaceEvidence, judged
from harness.results.recommendation import OUT_OF_SEEDS

End = Literal["", "one design is left", "the designs left tie", "out of seeds", "no design has a value on all seeds"]
"""Why a race ended; empty while it goes on."""


@dataclass(frozen=True)
class Rules:
    """The rules of a race, which are fixed before it.

    Attributes:
        seeds: how many seeds each design that is left has at each look, increasing.
        looks: the looks of all races that share one promise; None: of this one.
        margin: of indifference.
        alpha: how often, at most, the best may be dropped.
    """

    seeds: tuple[int, ...]
    looks: int | None = None
    margin: float = MARGIN
    alpha: float = ALPHA

    @property
    def level(self) -> float:
        """How often the conclusions of one look may be wrong."""
        return self.alpha / (self.looks or len(self.seeds))


def doubling(first: int, most: int) -> tuple[int, ...]:
    """Return numbers of seeds for looks that double, from the first to the most."""
    counts = [first]
    while counts[-1] < most:
        counts.append(min(2 * counts[-1], most))
    return tuple(counts)


@dataclass(frozen=True)
class Look:
    """One look: at so many seeds, so many designs raced, and so many were left."""

    seeds: int
    raced: int
    left: int


@dataclass
class Race:
    """One race over designs 0 … n−1.

    Attributes:
        rules: its rules.
        left: the designs that may still be best.
        looks: what was seen.
        end: why it ended.
    """

    rules: Rules
    left: list[int]
    looks: list[Look] = field(default_factory=list)
    end: End = ""

    @property
    def seeds(self) -> int:
        """How many seeds those that are left have now, or are to have."""
        return self.rules.seeds[min(len(self.looks), len(self.rules.seeds) - 1)]

    def look(self, evidence: RaceEvidence) -> Judgement:
        """Drop the designs that cannot be best; end where it is settled, or there are no more seeds.

        Arguments:
            evidence: of the designs that are left, in their order.
        """
        found, raced = judged(evidence, self.rules.level, self.rules.margin), len(self.left)
        self.looks.append(Look(self.seeds, raced, int(found.alive.sum())))
        self.left = [design for design, alive in zip(self.left, found.alive, strict=True) if alive]
        if found.settled:
            self.end = "one design is left" if len(self.left) == 1 else "the designs left tie"
        elif len(self.looks) == len(self.rules.seeds):
            self.end = OUT_OF_SEEDS
        return found


def without(race: Race, failed: Collection[int]) -> None:
    """Take designs out of a race that have no values: they failed, diverged, or do not apply."""
    race.left = [design for design in race.left if design not in failed]
