"""Races carried out: a piece of work of the runner, whose units are those of planning, with the same keys.

So a race goes on where it was cut off, does nothing twice, and a fixed run of the same designs uses all that it made.
At each look the course says how many seeds each design is to have next; the work ends when the course does, or when
what it asks for does not fit the time that is left. The first round has no round before it to be judged by: what it
takes is that of its plan, of which each kind of work is tried for a moment where it may be too long. Then it begins
with the fewest designs that a course may begin with, and goes on with as many as fit, by how long those few took: a
plan remembers costs from times when nothing else may have run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness.planning.estimate import seconds
from harness.planning.plan import Plan
from harness.racing.evidence import RaceEvidence
from harness.results.directory import read_manifest
from harness.results.places import matrices
from harness.results.read_board import read_outcomes
from harness.running.calibration import calibrate
from harness.running.progress import clock_time, tell
from harness.running.runner import carry_out, opened
from harness.store import CHECKPOINTS, MANIFEST

if TYPE_CHECKING:
    from harness.planning.manifest import Manifest
    from harness.planning.units import Lookup, Unit
    from harness.quantities import Comparison
    from harness.registry.registry import Registry
    from harness.results.outcomes import Outcome
    from harness.running.runner import Options
    from harness.store import Store
    from harness.suites.combinations import Combination
    from harness.suites.model import Suite

Allotment = Sequence[int]
"""How many seeds each combination is to have."""


SURELY = 0.3
"""Share of the time left below which the first round's guessed cost is trusted: above it each kind of work is tried."""

TRYING = 0.1
"""Share of the time left that these trials may take."""

NOTABLY = 1.5
"""How many times as long as planned work takes where that is told."""


class RaceCourse(Protocol):
    """Decides how many seeds each design has next.

    Attributes:
        looks: how often it may look at the evidence.
    """

    @property
    def looks(self) -> int:
        """How often it may look at the evidence."""

    @property
    def told(self) -> str:
        """What the last look found, in a few words; empty before it."""

    def start(self) -> Allotment:
        """Return what to begin with."""

    def starts(self) -> Sequence[Allotment]:
        """Return what to begin with, the whole of it first: of several, the first that fits the time, else the last."""

    def look(self, outcomes: Sequence[Outcome | None]) -> Sequence[Allotment]:
        """Return what to do next, the best first: of several, the first that fits the time left. Empty: it is over.

        Arguments:
            outcomes: of each combination; None of one without seeds.
        """

    def cut(self, chosen: int | None) -> None:
        """Be told which of these, or of the starts, was taken; None: there was no time for any."""


@dataclass
class Clock:
    """The time that a race has, and what its work takes.

    Attributes:
        seconds: how long it may take in all.
        workers: how many units are done at once.
        began: when it began.
    """

    seconds: float
    workers: int
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, minutes: float, options: Options) -> Clock:
        """Return the clock of a race that begins now, of so many minutes, whose units are carried out so."""
        from harness.running.workers import available_cores

        return cls(60 * minutes, options.workers or available_cores())

    @property
    def spent(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.seconds - self.spent


@dataclass(frozen=True)
class Opening:
    """The least with which a course may begin, while it is carried out.

    Attributes:
        starts: what it may begin with, the whole of it first, this last.
        planned: seconds of this by its plan.
        ready: seconds besides until workers are there, by the plan; 0 where they were.
        began: when it began.
    """

    starts: Sequence[Allotment]
    planned: float
    ready: float
    began: float = field(default_factory=time.monotonic)

    @property
    def slower(self) -> float:
        """How many times as long as planned it took until now; 1 where all of it had been done before."""
        if self.planned <= 0:
            return 1.0
        return (time.monotonic() - self.began) / (self.planned + self.ready)


@dataclass(frozen=True)
class Pace:
    """Seconds of one core that a training and a sampling with its metrics take, by what was done so far."""

    training: float
    sampling: float

    @classmethod
    def of(cls, outcomes: Sequence[Outcome | None]) -> Pace:
        """Return the mean over outcomes; each network counts once."""
        known = [each for each in outcomes if each is not None]
        networks = {each.networks: each.seconds["train"] for each in known if each.networks}
        trained = sum(len(keys) for keys in networks)
        samples = sum(len(each.seeds) for each in known)
        sampling = sum(each.seconds["sample"] + each.seconds["measure"] for each in known)
        return cls(sum(networks.values()) / max(trained, 1), sampling / max(samples, 1))

    def seconds(self, combinations: Sequence[Combination], before: Allotment, after: Allotment) -> float:
        """Return what it takes on one core to get from one allotment to another."""
        samplings = sum(max(0, b - a) for a, b in zip(before, after, strict=True))
        return self.training * (_networks(combinations, after) - _networks(combinations, before)) + (
            self.sampling * samplings
        )


def _networks(combinations: Sequence[Combination], allotment: Allotment) -> int:
    """Return how many networks are trained for an allotment."""
    most: dict[object, int] = {}
    for c, seeds in zip(combinations, allotment, strict=True):
        if c.weighting is not None:
            trained = (
                c.target.label(),
                c.train_steps,
                c.ema_decay,
                *(part.label() for part in c.taken_by("training").values()),
            )
            most[trained] = max(most.get(trained, 0), seeds)
    return sum(most.values())


class RaceWork:
    """What is carried out for a race (`harness.running.runner.Work`).

    Arguments:
        suite: whose combinations race, with all seeds that they may get.
        combinations: that race.
        course: decides.
        store: where the results lie.
        clock: how long it may take.
        options: how it is carried out, and who is told what.

    Attributes:
        allotment: the seeds that each combination has.
        known: what was known of each at the last look; None of one without seeds.
        unaffordable: seconds of the round that there was no time for; None where there was.
    """

    def __init__(
        self,
        suite: Suite,
        registry: Registry,
        combinations: Sequence[Combination],
        course: RaceCourse,
        store: Store,
        clock: Clock,
        options: Options,
    ) -> None:
        self.suite, self._registry, self._store = suite, registry, store
        self._course, self._clock, self._options = course, clock, options
        self.combinations = list(combinations)
        self.allotment: Allotment = course.start()
        self.plan = self._planned()
        self._begun = self._over = False
        self.known: Sequence[Outcome | None] = [None] * len(self.combinations)
        self.unaffordable: float | None = None
        self._coming = 0.0
        self._opening: Opening | None = None
        self._warm = False

    def _planned(self) -> Plan:
        pairs = [(c, n) for c, n in zip(self.combinations, self.allotment, strict=True) if n > 0]
        folder = self._store.directory.absolute() / CHECKPOINTS
        rows, seeds = [c for c, _ in pairs], [n for _, n in pairs]
        return Plan(self.suite, self._registry, rows, folder, seeds, self._course.looks)

    @property
    def length(self) -> int:
        """Steps of the longest training."""
        return max((c.train_steps for c in self.combinations), default=0)

    @property
    def limit(self) -> float:
        """Seconds that one unit may take for each network in it."""
        return self.plan.limit

    def check_sources(self) -> None:
        """See that the files that targets read are still the same; raises as `Plan.check_sources`."""
        self.plan.check_sources()

    def blob_keys(self) -> list[str]:
        """Return the keys of all records that may hold the digest of a blob: of networks not raced yet, too."""
        whole = [len(self.suite.seeds)] * len(self.combinations)
        folder = self._store.directory.absolute() / CHECKPOINTS
        return Plan(self.suite, self._registry, self.combinations, folder, whole).blob_keys()

    def groundwork(self, missing: Callable[[str], bool]) -> list[Unit]:
        """Return the units of the first round that are missing."""
        units = self.plan.groundwork(missing)
        self._warm = self._warm or bool(units)
        return units

    def contents(self, find: Lookup, command: str) -> Manifest:
        """Return what has raced so far: the rows, each with the seeds that it was given."""
        return self.plan.contents(find, command)

    def work(self, find: Lookup, missing: Callable[[str], bool]) -> list[Unit]:
        """Return the missing units of the present round; where there are none, look, and return those of the next."""
        if not self._begun:
            self._begun = True
            self._begin(find, missing)
        units = self.plan.work(find, missing)
        if not units and self._opening is not None:
            opening, self._opening = self._opening, None
            self._widen(opening, find, missing)
            units = self.plan.work(find, missing)
        while not units and not self._over:
            self.known = self.outcomes()
            self._over = not self._next(self._course.look(self.known))
            self._tell()
            if not self._over:
                self.plan = self._planned()
                units = self.plan.groundwork(missing)
                if not units:
                    self._keep_contents(find)
                    units = self.plan.work(find, missing)
        return units

    def _begin(self, find: Lookup, missing: Callable[[str], bool]) -> None:
        """Take the whole first round where it is surely short, else the last of the starts, by which to judge it."""
        if math.isinf(self._clock.seconds):
            return
        starts = self._course.starts()
        whole = self._plan_seconds(find, missing)
        if whole > SURELY * self._clock.left:
            calibrate(self.plan, TRYING * max(self._clock.left, 0.0))
            whole = self._plan_seconds(find, missing)
        if len(starts) == 1 or whole <= SURELY * self._clock.left:
            self._course.cut(0)
            self._tell_too_long(whole, 1.0, starts[0])
            return
        self._begin_with(starts[-1])
        self._keep_contents(find)
        least = self._plan_seconds(find, missing)
        if least > self._clock.left:
            self._tell_least(least)
        self._opening = Opening(starts, least, 0.0 if self._warm else self.plan.costs.start())

    def _widen(self, opening: Opening, find: Lookup, missing: Callable[[str], bool]) -> None:
        """Take the first of the starts that there is time for, by what the last of them took; where none, that one."""
        slower, costs = opening.slower, list[float]()
        for start in opening.starts:
            self._begin_with(start)
            costs.append(slower * self._plan_seconds(find, missing))
            if costs[-1] <= self._clock.left:
                break
        self._keep_contents(find)
        self._course.cut(len(costs) - 1)
        if len(costs) > 1:
            self.unaffordable = costs[0]
        self._tell_too_long(costs[0], slower, opening.starts[0])

    def _begin_with(self, start: Allotment) -> None:
        """Plan a start, by costs that are known."""
        known = self.plan.costs.known
        self.allotment = start
        self.plan = self._planned()
        self.plan.costs.known = known

    def _tell_least(self, seconds: float) -> None:
        """Say that even the least of the starts, which is done all the same, is longer than was asked for."""
        designs = sum(map(bool, self.allotment))
        self._options.warn(
            f"the least that it begins with, {designs} designs, would take about {clock_time(seconds)}, and "
            f"{clock_time(max(self._clock.left, 0.0))} are left; that is longer than was asked for"
        )

    def _tell_too_long(self, whole: float, slower: float, first: Allotment) -> None:
        """Say it where there is no time for all of the first round, of which so many seconds are left."""
        left, taken, designs = self._clock.left, sum(map(bool, self.allotment)), sum(map(bool, first))
        if whole <= left:
            return
        line = f"the first round, of {designs} designs, would take about {clock_time(whole)} more"
        line += f", of which {clock_time(max(left, 0.0))} are left"
        line += f": it is of {taken} of them" if taken < designs else "; that is longer than was asked for"
        line += f"; work takes {slower:.1f} times as long as planned" if slower >= NOTABLY else ""
        line = f"{line}; all of it would take --minutes {math.ceil((self._clock.spent + whole) / 60)}"
        self._options.warn(line)

    def _plan_seconds(self, find: Lookup, missing: Callable[[str], bool]) -> float:
        """Return about how long what is missing of the present round takes, by its plan."""
        return seconds(self.plan.work(find, missing), self._clock.workers)

    def _keep_contents(self, find: Lookup) -> None:
        """Note what races now: the runner did so before the look."""
        key = f"{MANIFEST}:{self.suite.name}"
        known = self._store.meta(key)
        command = known["command"] if isinstance(known, dict) else ""
        self._store.set_meta(key, self.contents(find, command).model_dump(mode="json"))

    def seconds(self, allotment: Allotment) -> float:
        """Return about how long it would take to get from the present allotment to another."""
        pace, workers = Pace.of(self.known), self._clock.workers
        done = pace.seconds(self.combinations, [0] * len(self.combinations), self.allotment) / workers
        # What starts workers, waits for others, or shares the machine took time besides; where nothing was new, none.
        drag = max(1.0, self._clock.spent / done) if done > 0 else 1.0
        return drag * pace.seconds(self.combinations, self.allotment, allotment) / workers

    def _next(self, offered: Sequence[Allotment]) -> bool:
        """Take the first of several allotments that there is time for; false where there is none."""
        if not offered:
            return False
        costs = [self.seconds(each) for each in offered]
        chosen = next((i for i, cost in enumerate(costs) if cost <= self._clock.left), None)
        self._course.cut(chosen)
        if chosen is None:
            self.unaffordable = costs[0] + (self.unaffordable or 0.0)
            return False
        self.allotment, self._coming = offered[chosen], costs[chosen]
        return True

    def _tell(self) -> None:
        """Say what the round found that ended, and what follows in the time that is left."""
        spent = f"{clock_time(self._clock.spent)} spent"
        if not math.isinf(self._clock.seconds):
            spent += f" of {clock_time(self._clock.seconds)}"
        if self._over:
            follows = "the race is over"
        else:
            follows = f"next {sum(map(bool, self.allotment))} designs with up to {max(self.allotment)} seeds"
            follows += f", about {clock_time(self._coming)}"
        tell(f"{self._course.told}; {spent}; {follows}", self._options.progress)

    def outcomes(self) -> list[Outcome | None]:
        """Return what is known of each combination by the metric that ranks; None of one without seeds."""
        manifest = read_manifest(self._store, self.suite.name)
        raced = [i for i, seeds in enumerate(self.allotment) if seeds > 0]
        found = dict(zip(raced, read_outcomes(manifest, self._store), strict=True))
        return [found.get(i) for i in range(len(self.combinations))]


def raced(
    suite: Suite,
    registry: Registry,
    directory: Path,
    options: Options,
    combinations: Sequence[Combination],
    course: RaceCourse,
    clock: Clock,
) -> RaceWork:
    """Carry out a race in a result directory; return its work, of which all is done.

    Raises:
        SuiteError: a file that a target reads cannot be used, or changed meanwhile.
        StoreError: the directory cannot be used.
        HarnessError: the executor is unknown, or lost its workers.
    """
    with opened(directory) as store:
        work = RaceWork(suite, registry, combinations, course, store, clock, options)
        carry_out({f"{MANIFEST}:{suite.name}": work}, store, options)
        return work


def evidence_of(outcomes: Sequence[Outcome], metric: str, compared_by: Comparison) -> RaceEvidence:
    """Return the evidence that outcomes with values hold.

    Arguments:
        outcomes: of one target, each with at least one finite value of the metric.
        metric: which.
        compared_by: how its values are compared.

    Raises:
        HarnessError: as `harness.results.places.matrices`.
    """
    found = matrices(outcomes, metric)
    return RaceEvidence(found.values, found.errors, found.networks, compared_by, found.groups)


def usable(each: Outcome | None, metric: str) -> bool:
    """Whether an outcome may race: it was finished, and has a value on each of its seeds."""
    return each is not None and each.ok and len(each.measured(metric)) == len(each.seeds)


def distinct(outcomes: Sequence[Outcome | None], among: Sequence[int]) -> dict[int, list[int]]:
    """Return designs, each by its first name among combinations, with all combinations that are this one design."""
    first: dict[object, int] = {}
    names: dict[int, list[int]] = {}
    for i in among:
        each = outcomes[i]
        key: object = i if each is None or each.design is None else each.design
        names.setdefault(first.setdefault(key, i), []).append(i)
    return names
