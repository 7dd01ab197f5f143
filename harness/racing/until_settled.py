"""Until settled: a suite as a race on each of its targets, in place of the same number of seeds for every row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.quantities import Declarations
from harness.racing.carried_out import Allotment, Clock, distinct, evidence_of, raced, usable
from harness.racing.evidence import MARGIN
from harness.racing.race import Race, Rules, doubling, without
from harness.results.ranking_metric import ranking_metric
from harness.suites.combinations import expand

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.results.outcomes import Outcome
    from harness.running.runner import Options
    from harness.suites.combinations import Combination
    from harness.suites.model import Suite

MORE = 10
"""How many times the seeds of a suite a race may give."""


@dataclass(frozen=True)
class Settled:
    """How the race of one target ended.

    Attributes:
        target: its label.
        raced: designs at the start.
        left: designs that may still be best.
        seeds: that these have.
        end: why it ended.
    """

    target: str
    raced: int
    left: int
    seeds: int
    end: str

    @property
    def told(self) -> str:
        """How it ended, in words."""
        return f"{self.end}: {self.left} of {self.raced} designs may be best, by {self.seeds} seeds"


def with_seeds(suite: Suite, count: int) -> Suite:
    """Return a suite with so many seeds: its own, and then the least that it does not have."""
    others = (seed for seed in range(count + len(suite.seeds)) if seed not in suite.seeds)
    seeds = (*suite.seeds, *others)[:count]
    return suite.model_copy(update={"seeds": seeds})


class SuiteCourse:
    """The course of a suite's race: one race a target, with the same looks.

    Arguments:
        combinations: of the suite.
        rules: of each race.
        rank_by: the labels of the metrics that rank, in order of preference.
        declared: how they compare.
    """

    def __init__(
        self, combinations: Sequence[Combination], rules: Rules, rank_by: Sequence[str], declared: Declarations
    ) -> None:
        self._count, self._rules = len(combinations), rules
        self._rank_by, self._declared = rank_by, declared
        # The metric of a race is chosen at its first look, by what is known then.
        self._metrics: dict[str, str] = {}
        targets: dict[str, list[int]] = {}
        for i, c in enumerate(combinations):
            targets.setdefault(c.target.label(), []).append(i)
        self._members = targets
        self._names: dict[int, list[int]] = {i: [i] for i in range(self._count)}
        self.races = {target: Race(rules, list(members)) for target, members in targets.items()}
        self._allotment = self._after = [rules.seeds[0]] * self._count

    @property
    def looks(self) -> int:
        """How often it may look."""
        return len(self._rules.seeds)

    def start(self) -> Allotment:
        """Every design, with the first number of seeds."""
        return list(self._allotment)

    @property
    def told(self) -> str:
        """What the last look left."""
        looked = [race.looks[-1] for race in self.races.values() if race.looks]
        return f"designs {sum(each.raced for each in looked)} → {sum(len(race.left) for race in self.races.values())}"

    def starts(self) -> Sequence[Allotment]:
        """Return what to begin with: who names a suite wants all of it."""
        return [self.start()]

    def look(self, outcomes: Sequence[Outcome | None]) -> Sequence[Allotment]:
        """Judge each race that goes on; those that are left in it get the next number of seeds."""
        for target, race in self.races.items():
            if not race.end:
                self._judge(target, race, outcomes)
        after = list(self._allotment)
        for race in self.races.values():
            for i in race.left if not race.end else ():
                for name in self._names[i]:
                    after[name] = race.seeds
        if after == self._allotment:
            return []
        self._after = after
        return [after]

    def _judge(self, target: str, race: Race, outcomes: Sequence[Outcome | None]) -> None:
        if not race.looks:
            names = distinct(outcomes, self._members[target])
            self._names |= names
            race.left = list(names)
            known = [each for i in race.left if (each := outcomes[i]) is not None]
            self._metrics[target] = ranking_metric(known, self._rank_by, self._declared, self.looks).ranks
        metric = self._metrics[target]
        without(race, {i for i in race.left if not usable(outcomes[i], metric)})
        if not race.left:
            race.end = "no design has a value on all seeds"
            return
        found = [each for i in race.left if (each := outcomes[i]) is not None]
        race.look(evidence_of(found, metric, self._declared.compared_by(metric)))

    def cut(self, chosen: int | None) -> None:
        """Take note of what is done next."""
        if chosen is not None:
            self._allotment = self._after

    def ends(self) -> list[Settled]:
        """Return how each race ended."""
        return [
            Settled(target, race.looks[0].raced, len(race.left), race.looks[-1].seeds, race.end or "out of time")
            for target, race in self.races.items()
            if race.looks
        ]


def run_until_settled(
    suite: Suite,
    registry: Registry,
    directory: Path,
    options: Options,
    *,
    minutes: float | None = None,
    most: int | None = None,
    margin: float = MARGIN,
) -> list[Settled]:
    """Run a suite as a race: all designs have its seeds, those that may be best twice as many, and so on.

    Arguments:
        suite: what to compare; its seeds are those of the first look, at least two.
        registry: where its components come from.
        directory: where the results lie.
        options: how.
        minutes: after which no further round begins; None: no limit.
        most: seeds at most; None: `MORE` times the suite's.
        margin: of indifference (`harness.racing.evidence`).

    Raises:
        HarnessError: as `harness.running.runner.run`; or there are fewer than two seeds to begin with.
    """
    first = len(suite.seeds)
    last = MORE * first if most is None else most
    if first < 2 or last < first:
        raise HarnessError(f"a race begins with 2 seeds at least, and ends with as many or more, not {first} to {last}")
    whole = with_seeds(suite, last)
    combinations = expand(whole, registry, yes=options.yes)
    metrics, ranking = whole.metric_components(registry)
    rules = Rules(doubling(first, last), margin=margin)
    declared = Declarations(metrics={registry.label(each): each.measured() for each in metrics}, bounds={})
    course = SuiteCourse(combinations, rules, [registry.label(each) for each in ranking], declared)
    clock = Clock.of(math.inf if minutes is None else minutes, options)
    raced(whole, registry, directory, options, combinations, course, clock)
    return course.ends()
