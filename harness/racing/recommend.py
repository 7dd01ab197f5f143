"""Recommend: profile the data, let theory narrow what is asked, race over the rest, and say what was found.

One function, `recommend`, returns the record; the command line shows it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.axes import numbers_of
from harness.engine.laws import distribution
from harness.errors import HarnessError, NotApplicable
from harness.networks import Backbone
from harness.racing.answered import answer_in, changed_data, check_data, other_question
from harness.racing.carried_out import Clock, RaceWork, evidence_of, raced, usable
from harness.racing.course import RecommendCourse
from harness.racing.drawn_points import drawn_points
from harness.racing.evidence import MARGIN, most_ahead, tolerance
from harness.racing.narrowing import Range, narrowed
from harness.results.directory import read_manifest
from harness.results.labels import Labels
from harness.results.leaderboard import Estimate
from harness.results.read_board import document
from harness.results.reader import read_results
from harness.results.recommendation import (
    FILE,
    LONGEST,
    Alternative,
    AxisChoice,
    ComparedDesign,
    Cost,
    Recommendation,
    RecommendedDesign,
    RoundTold,
    uneven_columns,
)
from harness.results.stored_designs import StoredDesign, stored_design
from harness.store import Store
from harness.suites.spaces import DEFAULT, Space, target_of
from harness.whole_files import write_whole

if TYPE_CHECKING:
    from harness.components import Component
    from harness.planning.manifest import PlannedRow
    from harness.quantities import Comparison
    from harness.registry.registry import Registry
    from harness.results.leaderboard import Calibration, Leaderboard, Row
    from harness.results.outcomes import Outcome
    from harness.results.setup import TargetSetup
    from harness.results.shown_points import ShownPoints
    from harness.running.runner import Options
    from harness.suites.combinations import Combination
    from harness.targets import Target
    from harness.trainers import Device, Precision

MINUTES = 5.0
"""How long a recommendation may take, unless told otherwise."""

FIRST_LEVELS = "each seed has levels of its own, which follow from its network or its split; given are the first seed's"
"""What is told where the levels of a design are those of one seed."""

PARTS = {"preconditioning": "precondition"}
"""What is told as an axis of its own, and the parameter of a network that it is."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        data: a file or a folder, or a target in short form.
        networks: in short form; empty: those of the space.
        minutes: after which no round begins.
        evaluations: of the network a sample may take; None: the space's. So are the next three.
        train_steps: length of training.
        metric: the metric that decides, in short form.
        seeds: at most.
        space: the name of a space that ships, or the path of its file.
        margin: of indifference.
        first_seed: the others follow it.
        device: where networks are trained and evaluated.
        precision: in which arithmetic; None: each trainer's own.
    """

    data: str
    networks: tuple[str, ...] = ()
    minutes: float = MINUTES
    evaluations: int | None = None
    train_steps: int | None = None
    metric: str | None = None
    seeds: int | None = None
    space: str = DEFAULT
    margin: float = MARGIN
    first_seed: int = 0
    device: Device = "cpu"
    precision: Precision | None = None


def recommend(question: Question, registry: Registry, directory: Path, options: Options) -> Recommendation:
    """Return what to use on some data. What the directory holds already is not done again.

    Arguments:
        question: what is asked.
        registry: where components come from.
        directory: where the results lie; the document is written there, too.
        options: how units are carried out.

    Raises:
        SuiteError: the data cannot be read, or a component is unknown.
        StoreError: the directory cannot be used.
        HarnessError: no design gave a value, the minutes are none, or the directory answers for other data.
    """
    if not question.minutes > 0:
        raise HarnessError(f"minutes: {question.minutes} is no number of minutes; give one above 0")
    space = Space.load(question.space).changed(
        evaluations=question.evaluations,
        seeds=question.seeds,
        first_seed=question.first_seed,
        train_steps=question.train_steps,
        metric=question.metric,
        networks=question.networks,
        registry=registry,
    )
    target = target_of(registry, question.data, space.race.reader)
    before = answer_in(directory)
    if before is not None:
        check_data(before, directory, registry.reference(target))
    levels = _narrowed(target)
    if levels.uneven is not None:
        options.warn(uneven_columns(levels.uneven))
    start = space.race.start_below if levels.matched else space.race.start
    suite = space.suite([registry.label(target)], levels.sigma_min, levels.sigma_max, start)
    suite = suite.on(question.device, question.precision)
    combinations = space.combinations(suite, registry)
    metric = suite.metric_components(registry)[1][0]
    course = RecommendCourse(
        combinations,
        space.pairs(registry),
        combinations.index(space.default_design(combinations, registry)),
        space.race.seeds,
        registry.label(metric),
        metric.compared_by,
        question.margin,
    )
    designs = [each.components for each in combinations]
    asked = suite, course.metric, space.race.evaluations, designs, registry
    if before is not None and (
        other := changed_data(before, directory, registry) or other_question(before, directory, *asked)
    ):
        options.warn(other)
    clock = Clock.of(question.minutes, options)
    work = raced(suite, registry, directory, options, combinations, course, clock)
    with closing(Store.read(directory)) as store:
        answer = _Answer(space, course, work, levels, clock, registry, store)
        found, best = answer.told(_named(question.data))
    _write(directory, found)  # before a network is called here, which may be anyone's: an answer took its time
    design = stored_design(directory, best, registry, suite.name)
    _keep_data(design, options)
    if found.pictures is None:
        found = found.model_copy(update={"points": _points(design, options)})
        _write(directory, found)
    return found


def named_directory(name: str) -> Path:
    """Return where the results of some data lie unless told otherwise: by the name of their file, or of a target.

    Arguments:
        name: a file, or a target with its parameters, of which one may be a file.
    """
    target, _, params = name.partition(":")
    given = [each.partition("=")[2] for each in params.split(",")]
    file = next((each for each in given if each and Path(each).exists()), target)
    return Path("runs") / f"recommend-{Path(file).stem or 'data'}"


def _write(directory: Path, found: Recommendation) -> None:
    write_whole(directory / FILE, found.to_json().encode())


def _keep_data(design: StoredDesign, options: Options) -> None:
    """Keep what samples need of the data beside the answer; a warning, where that cannot be."""
    try:
        design.keep_data()
    except (HarnessError, OSError) as error:
        options.warn(f"samples will need the data where they are now: {error}")


def _points(design: StoredDesign, options: Options) -> ShownPoints | None:
    """Return points to look at; None, and a warning, where the network that was trained cannot be drawn from."""
    try:
        return drawn_points(design)
    except HarnessError as error:
        options.warn(f"the page will have no picture of samples: {error}")
        return None


def _narrowed(target: Target) -> Range:
    try:
        return narrowed(distribution(target))
    except NotApplicable as error:
        raise HarnessError(f"target {target.label()}: {error}") from error


def _named(data: str) -> str:
    """Return what data are called: where a file lies says nothing to a reader."""
    return Path(data).name if Path(data).exists() and Path(data).name else data


def choices_of(combinations: Sequence[Combination], registry: Registry) -> list[dict[str, str]]:
    """Return what each design takes on each axis, in short form; a network's preconditioning is one of its own.

    Parameters are named where choices differ in them.
    """
    parts = [_parts(c) for c in combinations]
    named = Labels((axis, registry.reference(part)) for taken in parts for axis, part in taken.items())
    return [{axis: named(axis, registry.reference(part)) for axis, part in taken.items()} for taken in parts]


def _parts(c: Combination) -> dict[str, Component]:
    found: dict[str, Component] = {}
    for axis, component in c.components.items():
        if component is None or axis == "target":
            continue
        found[axis] = component
        if isinstance(component, Backbone):
            for name, parameter in PARTS.items():
                found[axis], found[name] = _without(component, parameter), getattr(component, parameter)
    return found


def _without(network: Backbone, parameter: str) -> Backbone:
    """Return a network with the default of a parameter."""
    default = type(network).model_fields[parameter].get_default(call_default_factory=True)
    return network.model_copy(update={parameter: default})


class _Answer:
    """What is told of a race that is over."""

    def __init__(
        self,
        space: Space,
        course: RecommendCourse,
        work: RaceWork,
        levels: Range,
        clock: Clock,
        registry: Registry,
        store: Store,
    ) -> None:
        self._space, self._course, self._work, self._levels = space, course, work, levels
        self._clock, self._registry, self._store = clock, registry, store
        self._outcomes = work.known
        self._metric, self._by = course.metric, course.compared_by
        self._margin = tolerance(self._by, course.race.rules.margin)
        self._rows = [i for i, each in enumerate(self._outcomes) if usable(each, self._metric)]
        if not self._rows or not course.race.left:
            raise HarnessError(f"no design gave a value of {self._metric}: {self._why_none()}")
        self._choices = choices_of(work.combinations, registry)
        self._manifest = read_manifest(store, work.suite.name)
        self._evidence = evidence_of([self._outcome(i) for i in self._rows], self._metric, self._by)
        self._compared = self._evidence.compared()
        # A ratio of values that reach 0 says nothing.
        self._told_by: Comparison = "difference" if self._compared.scale.size else self._by

    def told(self, data: str) -> tuple[Recommendation, Row]:
        """Return the document, without points, and the best design's row of the leaderboard."""
        board = document(self._store, suite=self._work.suite.name)
        assert board.setup is not None
        profile = board.setup.targets[0]
        best, race = self._course.leader, self._course.race
        differences = self._differences()
        left = [i for i in race.left if i in self._rows]
        row = self._row(board, best)
        others = [i for i in self._ordered(differences) if i != best]
        perfect = next((each for each in board.calibration if each.metric == self._metric), None)
        told = Recommendation(
            schema_version=5,
            command=self._manifest.command,
            environment=board.environment,
            data=data,
            profile=profile,
            sigma_min=self._levels.sigma_min,
            sigma_max=self._levels.sigma_max,
            reasons=list(self._levels.reasons),
            uneven=self._levels.uneven,
            evaluations=self._space.race.evaluations,
            metric=self._metric,
            unit=next((each.unit for each in board.setup.metrics if each.metric == self._metric), ""),
            compared_by=self._told_by,
            margin=race.rules.margin if self._told_by == self._by else self._beyond(self._margin),
            perfect=None if perfect is None else _estimate(perfect, len(board.setup.seeds)),
            best=self._design(row, best),
            choices=self._axis_choices(differences, left),
            fixed=self._fixed(),
            runner_up=self._other(others[0], differences) if others else None,
            default=self._other(self._course.default, differences),
            settled=self._course.settled,
            end=self._course.end,
            left=max(1, len(left)),
            more_minutes=None if self._course.settled else self._more_minutes(differences, left),
            at_most=self._at_most(left),
            seeds=len(self._outcome(best).seeds),
            looks=self._course.looks,
            rounds=[RoundTold(**vars(step)) for step in self._course.steps],
            minutes=self._clock.spent / 60,
            law=_law(profile),
            transfer=self._transfer(profile),
            pictures=self._outcome(best).pictures,
            points=None,
        )
        return told, row

    def _why_none(self) -> str:
        """Return the first reason why a design that was tried has no value."""
        tried = [each for each in self._outcomes if each is not None]
        reasons = (each.reason or each.not_applicable.get(self._metric) for each in tried)
        return next(filter(None, reasons), "none was tried")

    # The best design

    def _outcome(self, i: int) -> Outcome:
        found = self._outcomes[i]
        assert found is not None
        return found

    def _row(self, board: Leaderboard, i: int) -> Row:
        """Return the row of a design in the leaderboard."""
        own = self._outcome(i)
        return next(row for row in board.rows if row.called(own.components, own.steps))

    def _design(self, row: Row, i: int) -> RecommendedDesign:
        own = self._outcome(i)
        sigmas = read_results(self._manifest, self._planned(i), self._store).grids[0].require()
        return RecommendedDesign(
            components=dict(own.components),
            steps=own.steps,
            nfe=own.nfe,
            train_steps=own.train_steps,
            sigmas=sigmas,
            value=row.metrics[self._metric],
        )

    def _planned(self, i: int) -> PlannedRow:
        """Return a design's keys."""
        own = self._outcome(i)
        digests = {axis: reference.digest for axis, reference in own.components.items()}
        found = self._manifest.row_of(digests, numbers_of(own))
        assert found is not None
        return found

    # What else there was

    def _differences(self) -> dict[int, Cost]:
        """Return how far each design is behind the best, on the scale of comparison, by its place."""
        # A line for each choice, and one for the field's default; the runner-up is one of the former.
        lines = 1 + sum(len(set(values)) - 1 for values in zip(*(c.values() for c in self._choices), strict=True))
        found = self._compared.differences(self._place, self._course.level / lines)
        limits = zip(found.value.tolist(), found.low.tolist(), found.high.tolist(), strict=True)
        return {
            i: Cost(value=value, low=_finite(low), high=_finite(high))
            for i, (value, low, high) in zip(self._rows, limits, strict=True)
        }

    def _ordered(self, differences: dict[int, Cost]) -> list[int]:
        """Return distinct designs: those that may be best first, then by how far they are behind."""
        left = set(self._course.race.left)
        rows = [i for i in self._rows if self._course.first_name(i) == i]
        return sorted(rows, key=lambda i: (i not in left, differences[i].value))

    def _axis_choices(self, differences: dict[int, Cost], left: Sequence[int]) -> list[AxisChoice]:
        best, found = self._choices[self._course.leader], []
        ordered = sorted(self._rows, key=lambda i: (i not in left, differences[i].value))
        for axis, choice in best.items():
            known = dict.fromkeys(c.get(axis, "none") for c in self._choices)
            others = [other for other in known if other != choice]
            if others:
                alternatives = [self._alternative(axis, other, ordered, differences, left) for other in others]
                alternatives.sort(key=lambda each: math.inf if each.cost is None else each.cost.value)
                found.append(AxisChoice(axis=axis, choice=choice, alternatives=alternatives))
        return found

    def _fixed(self) -> dict[str, str]:
        """Return what the axes have on which there was no choice, each as it would be typed."""
        best = _parts(self._work.combinations[self._course.leader])
        raced = {axis for axis in best if len({c.get(axis, "none") for c in self._choices}) > 1}
        return {axis: self._registry.label(part) for axis, part in best.items() if axis not in raced}

    def _alternative(
        self,
        axis: str,
        choice: str,
        ordered: Sequence[int],
        differences: dict[int, Cost],
        left: Sequence[int],
    ) -> Alternative:
        place = next((i for i in ordered if self._choices[i].get(axis, "none") == choice), None)
        if place is None:
            having = [i for i, taken in enumerate(self._choices) if taken.get(axis, "none") == choice]
            standing, reason = self._course.without_value(having)
            return Alternative(choice=choice, standing=standing, cost=None, seeds=0, reason=reason)
        behind = differences[place]
        tie = behind.high is not None and behind.high <= self._margin
        behind_for_sure = behind.low is not None and behind.low > 0
        maybe = (place in left or place in self._course.cut_designs) and not behind_for_sure
        standing = "ties" if tie else "open" if maybe else "worse" if behind_for_sure else "dropped"
        seeds = len(self._outcome(place).seeds)
        return Alternative(choice=choice, standing=standing, cost=self._cost(behind), seeds=seeds)

    def _other(self, i: int, differences: dict[int, Cost]) -> ComparedDesign:
        own, best = self._choices[i], self._choices[self._course.leader]
        differs = {axis: choice for axis, choice in own.items() if best.get(axis) != choice}
        cost = self._cost(differences[i]) if i in differences else None
        return ComparedDesign(differs=differs, cost=cost, seeds=len(self._outcome(i).seeds))

    @property
    def _place(self) -> int:
        """The place of the best design among those that are compared."""
        return self._rows.index(self._course.leader)

    def _beyond(self, difference: float) -> float:
        """Return how much above the best design, in the metric's unit, one is that is so far behind on the scale."""
        scale, own = self._compared.scale, float(np.nanmean(self._compared.stable[self._place]))
        if self._by == "difference":
            return difference
        ends = scale.inverse(np.array([own + min(difference, 50.0), own]))
        return float(ends[0] - ends[1])

    def _told(self, difference: float) -> float:
        """Return a difference on the scale of comparison as a reader is told it: in per cent for ratios."""
        return 100 * math.expm1(min(difference, 50.0)) if self._told_by == "ratio" else self._beyond(difference)

    def _cost(self, behind: Cost) -> Cost:
        value, low, high = (each if each is None else self._told(each) for each in vars(behind).values())
        assert value is not None
        return Cost(value=value, low=low, high=high)

    # What is not settled

    def _at_most(self, left: Sequence[int]) -> float | None:
        """Return how much better than the best design one that may be best is at most, as a cost."""
        maybe = [self._rows.index(i) for i in {*left, *self._course.cut_designs} if i in self._rows]
        others = [i for i in maybe if i != self._place]
        if not others:
            return None
        ahead = most_ahead(self._compared, self._place, others, self._course.level)
        if not math.isfinite(ahead):
            return None
        return self._told(ahead) if self._told_by == "ratio" else -self._beyond(-ahead)

    # What would settle it

    def _more_minutes(self, differences: dict[int, Cost], left: Sequence[int]) -> float:
        """Return about how many minutes would settle it: errors fall as the root of the number of seeds."""
        margin, factor = self._margin, 1.0
        maybe = {*left, *self._course.cut_designs} & differences.keys()
        for i in maybe:
            each = differences[i]
            if i != self._course.leader and each.high is not None and each.high > margin:
                factor = max(factor, ((each.high - each.value) / max(each.value, margin - each.value)) ** 2)
        seeds = len(self._outcome(self._course.leader).seeds)
        wanted = [math.ceil(seeds * factor) if i in maybe else n for i, n in enumerate(self._work.allotment)]
        return min(LONGEST, max(60.0, self._work.unaffordable or 0.0, self._work.seconds(wanted)) / 60)

    def _transfer(self, profile: TargetSetup) -> list[str]:
        best = self._outcome(self._course.leader)
        suite = self._work.suite
        network = self._registry.label(_parts(self._work.combinations[self._course.leader])["network"])
        compared = f"compared at σ = {suite.noise.sigma_min:g}, where sampling ends"
        if profile.finite and profile.splits == 1 and self._evidence.groups is None:
            compared += (
                f", on the same {profile.held_out} held-out rows for all designs: what others say is in no interval"
            )
        return [
            *([FIRST_LEVELS] if self._planned(self._course.leader).own_grids else []),
            f"trained here: {network}, {best.train_steps} steps; a larger network or a longer training may prefer "
            "another weighting, and a well trained one another grid",
            compared,
        ]


def _estimate(perfect: Calibration, seeds: int) -> Estimate:
    return Estimate(value=perfect.value, low=perfect.low, high=perfect.high, n_seeds=seeds)


def _law(profile: TargetSetup) -> str:
    if not profile.finite:
        return "the target's own law, by fresh points"
    rows = f"{profile.held_out} held-out rows"
    if profile.splits > 1:
        rows += f" a seed, of {profile.splits} splits"
        rows += "" if profile.tested is None else f" that hold out {profile.tested} rows in all"
    return f"the population that the rows come from, by {rows}"


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
