"""The leaderboard of bounds: the JSON document in which bounds compete, and its rules.

The models below are the contract, schema version 2; documents of version 1 do not tell their command. A document is
valid when its fields have the stated types, no number is infinite or undefined, and it agrees with itself:

    violations ≤ applies ≤ rows;  lower_quartile ≤ median ≤ upper_quartile;  low ≤ kendall_tau ≤ high
    the entries of a bound add up to its standing
    ranks follow validity first (fewest violations), then the median tightness; what was never compared comes
    after what was
    no bound twice on a target
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from harness.results.document import Count, Document, Name, Part, Position, Upgrade, check_order


class Tightness(Part):
    """Bound over measured value, over n rows that have both: 1 is a perfect bound."""

    lower_quartile: float
    median: float
    upper_quartile: float
    n: Position

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_order(self.lower_quartile, self.median, self.upper_quartile)
        return self


class Order(Part):
    """Kendall's τ between the order by the bound and the measured order, over n rows that have both."""

    kendall_tau: Annotated[float, Field(ge=-1, le=1)] | None
    low: float | None
    high: float | None
    n: Count

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_order(self.low, self.kendall_tau, self.high)
        return self


class Scores(Part):
    """What one bound did on some rows.

    Attributes:
        rank: 1 is best; equal for equal scores.
        rows: finished rows.
        applies: those for which the bound has a value.
        violations: those of them in which a measured value is above the bound by more than its interval.
        tightest: those of them in which no other bound on the same metric is smaller; 0 where nothing was
            measured.
        tightness: None where nothing positive was measured beside the bound.
    """

    bound: Name
    rank: Position
    rows: Count
    applies: Count
    violations: Count
    tightest: Count
    tightness: Tightness | None

    @property
    def score(self) -> tuple[int, bool, float]:
        """What bounds are ranked by, smaller first: medians that differ by rounding only are equal."""
        median = math.inf if self.tightness is None else float(f"{self.tightness.median:.9g}")
        return self.violations, self.tightness is None, median

    @model_validator(mode="after")
    def _check_counts(self) -> Self:
        if not self.violations <= self.applies <= self.rows or self.tightest > self.applies:
            raise ValueError(f"{self.bound}: counts must be violations, tightest ≤ applies ≤ rows")
        if self.tightness is not None and self.tightness.n > self.applies:
            raise ValueError(f"{self.bound}: compared in more rows than it applies to")
        return self


class BoundOnTarget(Scores):
    """One bound on one target; `metric` is what it was compared with, None where nothing was measured."""

    target: Name
    metric: Name | None
    order: Order


class Standing(Scores):
    """One bound over all targets.

    Attributes:
        targets: on how many it applies.
        kendall_tau: mean over the targets where it was compared with more than the path divergence.
    """

    targets: Count
    kendall_tau: Annotated[float, Field(ge=-1, le=1)] | None


class BoundsBoard(Document):
    """Every bound of a suite, ranked over all targets and on each."""

    noun: ClassVar[str] = "a leaderboard of bounds"
    upgrades: ClassVar[Mapping[int, Upgrade]] = {1: lambda document: {"command": None} | document}

    schema_version: Literal[2]
    suite: Name
    command: Name | None
    environment: dict[str, JsonValue]
    bounds: list[Standing]
    entries: list[BoundOnTarget]

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_ranks(self.bounds)
        by_target, by_bound = defaultdict(list), defaultdict(list)
        for entry in self.entries:
            by_target[entry.target].append(entry)
            by_bound[entry.bound].append(entry)
        for entries in by_target.values():
            _check_ranks(entries)
        if set(by_bound) != {standing.bound for standing in self.bounds}:
            raise ValueError("bounds and entries name different bounds")
        for standing in self.bounds:
            _check_sums(standing, by_bound[standing.bound])
        return self


def _check_ranks(scores: Iterable[Scores]) -> None:
    ordered = sorted(scores, key=lambda s: s.rank)
    seen: set[str] = set()
    for each in ordered:
        if each.bound in seen:
            raise ValueError(f"{each.bound} occurs twice")
        seen.add(each.bound)
    for before, after in itertools.pairwise(ordered):
        if after.score < before.score or (after.rank == before.rank) != (after.score == before.score):
            raise ValueError(f"rank {after.rank} of {after.bound} does not follow its score")


def _check_sums(standing: Standing, entries: Iterable[BoundOnTarget]) -> None:
    entries = list(entries)
    for field in ("rows", "applies", "violations", "tightest"):
        if getattr(standing, field) != sum(getattr(entry, field) for entry in entries):
            raise ValueError(f"{standing.bound}: {field} is not the sum over its entries")
    if standing.targets != sum(entry.applies > 0 for entry in entries):
        raise ValueError(f"{standing.bound}: targets is not the number of entries in which it applies")
