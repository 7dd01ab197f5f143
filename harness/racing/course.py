"""The course of a recommendation: trainings first, then samplers and grids with those trainings that may be best.

1. *Trainings* (all weightings and preconditionings) race on a few reference pairs of sampler and grid. One is dropped
   where another is better by every reference: the best training by any reference is dropped in at most its share of α.
2. *Crossed*: the trainings that are left with all samplers and grids. No network is trained anew.
3. *Check*: the trainings that were dropped, with the pair that leads now. Those that may be best after all come back:
   what a training is worth may depend on the sampler.
4. Then *races*: further seeds for the designs that are left, until it is settled.

All looks share one promise (`harness.racing.evidence`). The field's default is kept to the end, to tell its cost.
Where there is no time for all, the better half goes on, or a half of that: what was left out for it is told. So it is
before the first round, where no training is known to be better: the field's default stays, and those named first. The
others have their turn with the third round, where by then there is time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.racing.carried_out import Allotment, distinct, evidence_of, usable
from harness.racing.evidence import RaceEvidence, judged
from harness.racing.race import Race, Rules, without
from harness.results.recommendation import LISTED, OUT_OF_SEEDS, OUT_OF_TIME

if TYPE_CHECKING:
    from harness.components import Component
    from harness.quantities import Comparison
    from harness.results.outcomes import Outcome
    from harness.results.recommendation import Standing
    from harness.suites.combinations import Combination

TRAININGS, CROSSED, CHECK, RACES = "trainings", "samplers and grids", "trainings again", "the designs left"
"""What each round is over, in order."""


@dataclass(frozen=True)
class Step:
    """One round: what it was over, seeds of each design, designs compared, and how many were left.

    `cut` are those left out since there was no time for them.
    """

    over: str
    seeds: int
    raced: int
    left: int
    cut: int = 0


class RecommendCourse:
    """The course over the combinations of a space on one target.

    Arguments:
        combinations: all of them.
        references: the pairs of sampler and grid by which trainings are compared at first.
        default: the place of the field's default.
        seeds: at each look.
        metric: the label of the one that ranks.
        compared_by: how its values are compared.
        margin: of indifference.

    Attributes:
        race: that of designs.
        steps: the rounds.
        leader: the place of the best design so far.
        cut_designs: those left out for lack of time.
        out_of_time: whether it ended for that.
    """

    def __init__(
        self,
        combinations: Sequence[Combination],
        references: Sequence[tuple[Component, Component]],
        default: int,
        seeds: Sequence[int],
        metric: str,
        compared_by: Comparison,
        margin: float,
    ) -> None:
        self.metric, self.compared_by, self.default = metric, compared_by, default
        self._seeds = tuple(seeds)
        self._trainings: list[tuple[object, ...]] = [tuple(c.taken_by("training").values()) for c in combinations]
        self._pairs: list[tuple[object, ...]] = [(c.sampler, c.time_discretization) for c in combinations]
        self._everyone = list(range(len(combinations)))
        known = [pair for pair in references if pair in set(self._pairs)]
        self._references: list[tuple[object, ...]] = list(known) or [self._pairs[0]]
        self.race = Race(Rules(self._seeds, looks=self.looks, margin=margin), [])
        self.steps: list[Step] = []
        self.cut_designs: set[int] = set()
        self.dropped: set[tuple[object, ...]] = set()
        self.leader = default
        self._over = TRAININGS
        self._unseen: set[int] = set()
        self._offers: list[tuple[Allotment, list[int]]] = []
        self._back: list[int] = []
        self.out_of_time = False
        self._known: Sequence[Outcome | None] = [None] * len(combinations)
        self._names: dict[int, int] = {}

    @property
    def looks(self) -> int:
        """How often it may look: at trainings, samplers and grids, trainings again, then at more and more seeds."""
        return 3 + len(self._seeds) - 1

    @property
    def end(self) -> str:
        """Why it ended: for lack of time also where the designs that had time for all rounds are settled."""
        return OUT_OF_TIME if self.out_of_time or self.cut_designs else self.race.end or OUT_OF_SEEDS

    @property
    def settled(self) -> bool:
        """Whether the decision is, after all rounds that it takes."""
        return self.end in ("one design is left", "the designs left tie")

    @property
    def level(self) -> float:
        """How often what one look says may be wrong."""
        return self.race.rules.level

    @property
    def told(self) -> str:
        """What the last round left."""
        if not self.steps:
            return ""
        last = self.steps[-1]
        return f"{last.over} {last.raced} → {last.left}"

    def start(self) -> Allotment:
        """Every training with each reference, and the field's default."""
        self._allotment: Allotment = self._first_round(set(self._trainings), self._references)
        return self._allotment

    def starts(self) -> Sequence[Allotment]:
        """Return the same with all trainings, with half of them, and so on; at last two of them with one reference."""
        own = self._trainings[self.default]
        kept = [own, *(each for each in dict.fromkeys(self._trainings) if each != own)]
        offers = [(kept, self._references)]
        while len(kept) > 2:
            kept = kept[: (len(kept) + 1) // 2]
            offers.append((kept, self._references))
        if len(self._references) > 1:
            offers.append((kept, self._references[:1]))
        self._offers = [
            (self._first_round(set(some), pairs), [i for i in self._everyone if self._trainings[i] in some])
            for some, pairs in offers
        ]
        return [allotment for allotment, _ in self._offers]

    def _first_round(self, trainings: set[tuple[object, ...]], references: Sequence[tuple[object, ...]]) -> Allotment:
        rows = {i for i in self._everyone if self._pairs[i] in references and self._trainings[i] in trainings}
        return self._raised([0] * len(self._everyone), sorted(rows | {self.default}), self._seeds[0])

    def look(self, outcomes: Sequence[Outcome | None]) -> Sequence[Allotment]:
        """Judge the present round; return what the next may be, the whole of it first."""
        self._known = outcomes
        following = {TRAININGS: self._after_trainings, CROSSED: self._after_crossing, CHECK: self._after_check}
        self._offers = following.get(self._over, self._after_race)()
        return [allotment for allotment, _ in self._offers]

    def cut(self, chosen: int | None) -> None:
        """Take note of what is done next, and of what is left out for lack of time."""
        if chosen is None:
            self.out_of_time = True
            if not self.race.left:  # there was time for the first round alone
                alive = [i for i in self._everyone if self._trainings[i] not in self.dropped]
                self.race.left = self._distinct(alive)
                self.leader = min(self.race.left, key=self._mean, default=self.default)
            return
        left_out = set(self._offers[0][1]) - set(self._offers[chosen][1]) - self._unseen
        self._allotment = self._offers[chosen][0]
        self._see(self._unseen & set(self._offers[chosen][1]))
        self.cut_designs |= left_out
        self.race.left = [i for i in self.race.left if i not in left_out]
        if left_out and not self.steps:
            self._unseen, everyone = left_out, len(self._everyone)
            self.steps.append(Step(LISTED, self._seeds[0], everyone, everyone, len(left_out)))
        elif left_out:
            self.steps[-1] = replace(self.steps[-1], cut=len(left_out))

    def _see(self, designs: set[int]) -> None:
        """Take note that designs are raced that there was no time for at first."""
        if designs:
            self._unseen -= designs
            self.cut_designs -= designs
            self.steps[0] = replace(self.steps[0], cut=len(self._unseen))

    # Rounds

    def _after_trainings(self) -> list[tuple[Allotment, list[int]]]:
        alive: set[tuple[object, ...]] = set()
        for pair in self._references:
            rows = self._distinct(i for i in self._everyone if self._pairs[i] == pair)
            if rows:
                found = judged(self._evidence(rows), self.level)
                alive |= {self._trainings[i] for i, stays in zip(rows, found.alive, strict=True) if stays}
        every = dict.fromkeys(self._trainings[i] for i in self._everyone if i not in self.cut_designs)
        self.dropped = set(every) - alive
        self._note(len(every), len(alive))
        self._over = CROSSED
        rows = [i for i in self._everyone if self._trainings[i] in alive]
        return self._halves(rows, self._seeds[0], self._by_training(alive))

    def _by_training(self, alive: set[tuple[object, ...]]) -> list[list[int]]:
        """Return the combinations of each training that is left, the better trainings first."""
        members: dict[tuple[object, ...], list[int]] = {}
        for i, training in enumerate(self._trainings):
            if training in alive:
                members.setdefault(training, []).append(i)
        return sorted(members.values(), key=lambda rows: min(map(self._mean, rows)))

    def _after_crossing(self) -> list[tuple[Allotment, list[int]]]:
        self.race.left = self._distinct(i for i in self._everyone if self._allotment[i] and i not in self.cut_designs)
        self._judge()
        pair = self._pairs[self.leader]
        self._over = CHECK
        own = [i for i in self._everyone if self._pairs[i] == pair]
        again = [i for i in own if self._trainings[i] in self.dropped]
        self._back = [i for i in own if i in self._unseen or self._trainings[i] in self.dropped]
        if not self._back:
            return self._after_check()
        offered = [self._back, again] if again and again != self._back else [self._back]
        return [(self._raised(self._allotment, rows, self._seeds[0]), rows) for rows in offered]

    def _after_check(self) -> list[tuple[Allotment, list[int]]]:
        again = self._distinct(self._back)
        if again:
            self.race.left = sorted({*self.race.left, *again})
            self.race.looks.pop()  # the same seeds were looked at once already
            self.race.end = ""
            self._judge()
        self._over = RACES
        return self._further()

    def _after_race(self) -> list[tuple[Allotment, list[int]]]:
        without(self.race, {i for i in self.race.left if not usable(self._known[i], self.metric)})
        self._judge()
        return self._further()

    def _further(self) -> list[tuple[Allotment, list[int]]]:
        if self.race.end or not self.race.left:
            return []
        ordered = sorted(self.race.left, key=self._mean)
        return self._halves(self.race.left, self.race.seeds, [[i] for i in ordered])

    def _halves(self, rows: list[int], seeds: int, groups: list[list[int]]) -> list[tuple[Allotment, list[int]]]:
        """Offer all rows, then the better half of their groups, and so on; the field's default stays."""
        offers, kept, among = [], groups, set(rows)
        while kept:
            chosen = sorted(among & {self.default, *itertools.chain.from_iterable(kept)})
            offers.append((self._raised(self._allotment, [*chosen, self.default], seeds), chosen))
            kept = kept[: (len(kept) + 1) // 2] if len(kept) > 2 else []
        return offers

    # What is known

    def without_value(self, designs: Sequence[int]) -> tuple[Standing, str | None]:
        """Return how designs stand of which none has a value, and why; None: no round came to them in the time.

        Where only few choices are taken at a time, a sampler may go with one training alone: with that it is out.
        """
        if tried := [each for i in designs if (each := self._known[i]) is not None]:
            return "no value", self._why(tried)
        trainings = {self._trainings[i] for i in designs}
        if not trainings <= self.dropped:
            return "not tried", None
        alike = [each for i, each in enumerate(self._known) if each is not None and self._trainings[i] in trainings]
        if any(usable(each, self.metric) for each in alike):
            return "not tried", "no training that it goes with was left: others are better"
        return "no value", f"each training that it goes with failed: {self._why(alike)}"

    def _why(self, outcomes: Sequence[Outcome]) -> str:
        """Return the first reason why outcomes have no value."""
        reasons = (each.reason or each.not_applicable.get(self.metric) for each in outcomes)
        return next(filter(None, reasons), "some of its seeds have no value")

    def _judge(self) -> None:
        raced = len(self.race.left)
        if raced:
            self.race.look(self._evidence(self.race.left))
            self.leader = min(self.race.left, key=self._mean)
            self._note(raced, len(self.race.left))

    def _note(self, raced: int, left: int) -> None:
        self.steps.append(Step(self._over, max(self._allotment), raced, left))

    def first_name(self, i: int) -> int:
        """Return the place that stood for a combination when it was compared: its own, or of the design that it is."""
        return self._names.get(i, i)

    def _distinct(self, among: Iterable[int]) -> list[int]:
        rows = [i for i in among if usable(self._known[i], self.metric)]
        found = distinct(self._known, rows)
        # Kept, for later on one name has more seeds than another, and no longer looks the same.
        self._names |= {name: first for first, names in found.items() for name in names}
        return list(found)

    def _mean(self, i: int) -> float:
        each = self._known[i]
        if each is None or not usable(each, self.metric):
            return float("inf")
        values = [m.value for m in each.measured(self.metric).values()]
        return sum(values) / len(values)

    def _evidence(self, rows: Sequence[int]) -> RaceEvidence:
        found = [each for i in rows if (each := self._known[i]) is not None]
        return evidence_of(found, self.metric, self.compared_by)

    def _raised(self, allotment: Allotment, rows: Sequence[int], seeds: int) -> Allotment:
        raised = list(allotment)
        for i in rows:
            raised[i] = max(raised[i], seeds)
        return raised
