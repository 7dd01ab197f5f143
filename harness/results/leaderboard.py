"""The leaderboard: the JSON document that every table, page and plot is drawn from, and its rules.

The models below are the contract. Documents of older versions are read as what they were: their rows have the default
of every axis that is younger (`harness.axes.Axis.since`), as `centered` for initial laws, in whose time every sampler
started at N(0, σ_max² I). Those of version 1 tell neither that level nor their cost; those of version 2 neither their
setup nor what their metrics measure and their bounds limit (`harness.results.older`), those of version 3
neither pictures nor how many points a finite target has, up to version 4 one metric ranked every target, up to version
5 none told its command, up to version 6 what its suite asks, and up to version 7 neither levels, checkpoints and times
nor the whole suite (`harness.results.upgrades`). A document is valid when its
fields have the stated types, no number is infinite or undefined, and it agrees with itself:

    rank_low ≤ rank ≤ rank_high ≤ rows of the target
    a smaller rank never has a larger value of the metric that ranks its target; failures come last
    every target of the rows has one ranking, by metrics that the suite ranks by
    low ≤ value ≤ high wherever an interval is given
    initialization + score + discretization + variance = total
    training + statistical + estimation + approximation = score_max ≥ score_exact = score
    a row has a reason exactly when its status is not ok
    no combination twice, under any of its names; every target named beside the rows is a target of the rows
    effects are factors, or differences where the metric that they are of is compared by them
    no more seeds behind a metric than the setup has, and no metric that the setup lacks
    pictures of a row stand at the places, and have the shape, of those of its target
    a row's grid has its steps, from its sigma_max to the setup's sigma_min; its networks are of the setup's seeds, and
    of rows of one training; finished rows have them, or in older documents none has

A null `low` or `high` means that there were too few seeds for an interval; a null bound, that it does not
apply.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from harness.axes import NUMBERS, crossed, design, numbers_of, taken_by, told_numbers
from harness.quantities import Declarations
from harness.registry.references import Reference
from harness.results.document import Count, Document, Name, Part, Position, Upgrade, WithLimits, check_order
from harness.results.making import Computation, Grid, Networks
from harness.results.pictures import SamplePictures
from harness.results.references import find, with_axes
from harness.results.setup import Setup
from harness.results.upgrades import UPGRADES, VERSION

Status = Literal["ok", "diverged", "not applicable", "failed"]

PUBLISHED = "leaderboard.json"
"""The file of a published leaderboard."""

UNFINISHED = "not computed yet: run the same command again"
"""Reason of a row of which something is still missing; no failure."""

TRAINED, UNTRAINED = "trained networks", "oracles"
"""Among which networks are compared with one another."""

if TYPE_CHECKING:
    Coordinate = str
else:
    Coordinate = Literal[(*design(), *NUMBERS)]
"""What the combinations of a target differ in, as a field of a row."""


class Estimate(WithLimits):
    """A metric of one combination: the mean over seeds and its interval."""

    n_seeds: Position


class Calibration(Part):
    """A metric of a held-out sample of the same size: what a perfect generator reaches."""

    target: Name
    metric: Name
    value: float
    low: float | None
    high: float | None

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_order(self.low, self.value, self.high)
        return self


class Settling(Part):
    """What it takes to tell the best row of a target from its ties (`harness.results.power`).

    Attributes:
        ties: rows that are not told apart from it.
        seeds_for_half: seeds with which it would be told from half of them; None where that are more than 1000, or
            where the rows differ by no more than seeds do.
        seeds_for_all: the same of all of them.
        within: the part of the variance over seeds that the error within a run may explain; None where it is not known.
    """

    ties: Count
    seeds_for_half: Position | None
    seeds_for_all: Position | None
    within: Annotated[float, Field(ge=0, le=1)] | None


class Ranking(Part):
    """By which metrics the rows of a target are compared.

    Attributes:
        metric: the one that ranks them, and that the order by bounds is set against.
        effects_by: the one that effects and interactions are of: the same where it has a value of every row.
        settling: of the rows by `metric`; None where seeds do not say, and in documents up to version 4.
        over_points: those of the two whose every value tells how it varies over points that all rows share, so that
            intervals of differences hold for other points; None where it is not known, in documents up to version 9.
    """

    target: Name
    metric: Name
    effects_by: Name
    settling: Settling | None
    over_points: list[Name] | None


class Agreement(Part):
    """Kendall's τ between the order by a bound and the order by the ranking metric, over n combinations.

    Attributes:
        sampler: the label of the sampler whose combinations these are; None: of all samplers together.
        clusters: how many groups of combinations that share a network, or where none is trained a grid, the interval
            rests on; None in documents of versions 1 and 2, whose intervals take combinations as independent.
        grids: how many grids it rests on as well, where there are several; None in documents up to version 9, whose
            intervals do not know that combinations share them.
    """

    target: Name
    sampler: Name | None
    bound: Name
    kendall_tau: Annotated[float, Field(ge=-1, le=1)] | None
    low: float | None
    high: float | None
    n: Count
    clusters: Count | None
    grids: Count | None

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_order(self.low, self.kendall_tau, self.high)
        return self


class Effect(Part):
    """One choice of one axis, with the others matched.

    `factor` is the geometric mean, over `contexts` settings of the other axes, of the ranking metric
    relative to its mean over the axis' choices; below 1 is better than the axis' average. Where the metric is
    compared by differences, `factor` is None and `difference` the mean of its differences from that mean, below 0
    is better; else there is no `difference`. `skipped` contexts lacked a choice.

    Attributes:
        among: the kind of network whose combinations these are, by its name; on the axis of networks `TRAINED` or
            `UNTRAINED`. None in documents of versions 1 and 2: of all together.
    """

    target: Name
    among: Name | None
    axis: Coordinate
    choice: Name
    factor: Annotated[float, Field(gt=0)] | None
    difference: float | None
    low: float | None
    high: float | None
    contexts: Count
    skipped: Count

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_order(self.low, self.size, self.high)
        return self

    @property
    def size(self) -> float:
        """The factor, or the difference."""
        return _the_one(self.factor, self.difference)

    @property
    def neutral(self) -> float:
        """The size of no effect: 1, or 0 for a difference."""
        return 0.0 if self.factor is None else 1.0


class Cell(Part):
    """A choice on each of two axes: its factor on the ranking metric against the mean over all cells.

    Or its difference from that mean: one of the two is null, as of `Effect`.
    """

    choice: Name
    other_choice: Name
    factor: Annotated[float, Field(gt=0)] | None
    difference: float | None
    low: float | None
    high: float | None

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_order(self.low, self.size, self.high)
        return self

    @property
    def size(self) -> float:
        """The factor, or the difference."""
        return _the_one(self.factor, self.difference)


def _the_one(factor: float | None, difference: float | None) -> float:
    """Return that of two numbers which is not null."""
    if factor is not None and difference is None:
        return factor
    if difference is not None and factor is None:
        return difference
    raise ValueError("it is a factor or a difference, and the other is null")


class Interaction(Part):
    """Two axes whose effects depend on one another, by a test: of what averages over one of them do not tell.

    Attributes:
        among: as of `Effect`.
        p_value: of the hypothesis that their effects add up (in ln of a metric compared by ratios), corrected for the
            number of pairs of axes that were tested.
        contexts: the settings of all other axes that the cells are means over.
        cells: every pair of choices.
    """

    target: Name
    among: Name
    axis: Coordinate
    other: Coordinate
    p_value: Annotated[float, Field(ge=0, le=1)]
    contexts: Position
    cells: Annotated[list[Cell], Field(min_length=4)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        pairs = [(cell.choice, cell.other_choice) for cell in self.cells]
        first, second = ({pair[i] for pair in pairs} for i in (0, 1))
        if sorted(pairs) != sorted(itertools.product(first, second)):
            raise ValueError("cells: they are not every pair of choices, each once")
        return self

    @property
    def best(self) -> Cell:
        """The best pair of choices."""
        return min(self.cells, key=lambda cell: cell.size)


class Terms(Part):
    """The exact path divergence in nats, term by term (`variance` may be negative, `total` is not)."""

    initialization: float
    score: float
    discretization: float
    variance: float
    total: float

    @model_validator(mode="after")
    def _check(self) -> Self:
        terms = [self.initialization, self.score, self.discretization, self.variance]
        # Cancelling terms leave rounding of their own size, not of the total's; a sum below 0 is a total of 0.
        whole = max(0.0, math.fsum(terms)) if self.total == 0 else math.fsum(terms)
        if not math.isclose(whole, self.total, rel_tol=1e-6, abs_tol=1e-6 * max(map(abs, terms))):
            raise ValueError(f"total {self.total:g} is not the sum of the terms, {math.fsum(terms):g}")
        return self


class Term(WithLimits):
    """One term of a split, in nats: the mean over seeds and its interval."""


class ScoreSplit(Part):
    """Theorem 3's form of the score error of a trained network, term by term, in nats.

    `training` + `statistical` + `estimation` + `approximation` = `score_max` = max_j Δ_j/(β_j u_j) · (L − L*), which
    is never below `score_exact` = ½ΣΔ_j e_j. The terms are signed. With `objective` "fresh" (new noise in every step)
    there is no difference between the loss trained on and that of fresh data, and two terms are 0.
    """

    objective: Literal["fresh", "fixed"]
    training: Term
    statistical: Term
    estimation: Term
    approximation: Term
    score_max: Term
    score_exact: Term

    @model_validator(mode="after")
    def _check(self) -> Self:
        terms = [self.training.value, self.statistical.value, self.estimation.value, self.approximation.value]
        whole = self.score_max.value
        if not math.isclose(math.fsum(terms), whole, rel_tol=1e-6, abs_tol=1e-6 * max(map(abs, terms))):
            raise ValueError(f"score_max {whole:g} is not the sum of the terms, {math.fsum(terms):g}")
        if self.score_exact.value > whole * (1 + 1e-6):
            raise ValueError(f"score_max {whole:g} is below score_exact {self.score_exact.value:g}")
        if self.objective == "fresh" and (self.statistical.value, self.estimation.value) != (0.0, 0.0):
            raise ValueError("statistical and estimation must be 0 where the objective is fresh")
        return self


class Violation(Part):
    """A measured value above an applicable bound: its interval lies above that of the bound.

    `bound_high` is the upper limit of the bound, by its own error; None where it has none.
    """

    bound: Name
    metric: Name
    value: float
    low: float | None
    bound_value: float
    bound_high: float | None


class _Ranked(Part):
    rank: Position
    rank_low: Position
    rank_high: Position
    target: Reference


if TYPE_CHECKING:

    class _Design(_Ranked): ...
else:
    _Design = with_axes(_Ranked, Reference)


class Row(_Design):
    """One combination on one target: its place, its component on each axis (`component`), and what was measured.

    Attributes:
        grid: the place of its noise levels among the document's grids; None where they are not known.
        trained: the place of its networks among the document's; None where nothing was trained, or it is not known.
        sigma_max: first level of the grid; None where it is not known (documents of version 1).
        ema_decay: of the moving average that its networks are (0: none was taken); None where nothing was trained or
            averaged, or it is not known (documents before version 3).
        compute: evaluations of the network in training and sampling together (`harness.suites.compute`); None where
            nothing was trained.
        training_share: the share of them that training took.
        same_as: the other combinations that are this very design, each as the components in which it differs.
        status: `diverged` where samples left the scale of the data, `not applicable` where a component has no meaning
            for what it was given, as a network for images on points; such rows are not ranked.
        bound_highs: the upper 95 % limit of each bound that has an error of its own, from the curves that it is made
            of.
        not_applicable: why metrics and bounds have no value here, by label, where they said so.
        pictures: a few samples of the first seed, of the best row of each network of a target whose points are images.
    """

    steps: Position
    nfe: Count
    train_steps: Count
    grid: Count | None
    trained: Count | None
    sigma_max: Annotated[float, Field(gt=0)] | None
    ema_decay: Annotated[float, Field(ge=0, lt=1)] | None
    compute: Position | None
    training_share: Annotated[float, Field(gt=0, lt=1)] | None
    same_as: list[dict[str, Reference]]
    status: Status
    reason: Name | None
    metrics: dict[str, Estimate]
    budget: Terms | None
    score_split: ScoreSplit | None = None
    bounds: dict[str, float | None]
    bound_highs: dict[str, float]
    violations: list[Violation]
    seconds: dict[str, Annotated[float, Field(ge=0)]]
    not_applicable: dict[Name, Name]
    pictures: SamplePictures | None

    def called(self, components: Mapping[str, Reference], steps: int) -> bool:
        """Tell whether these components, with so many steps, are one of the design's names."""
        wanted = {axis: each.key for axis, each in components.items()}
        found = ({axis: each.key for axis, each in name.items()} for name in self.combinations(components))
        return self.steps == steps and any(name == wanted for name in found)

    def combinations(self, axes: Iterable[str]) -> list[dict[str, Reference]]:
        """Return each combination that it stands for, by its components on some axes; its own first."""
        own = {axis: self.component(axis) for axis in axes}
        return [own, *({axis: other.get(axis, each) for axis, each in own.items()} for other in self.same_as)]

    def names(self, axis: str) -> list[Reference]:
        """Return the components of an axis under which the design is known, its own first."""
        own = self.component(axis)
        if not self.same_as:
            return [own]
        found = {own.key: own}
        for other in self.same_as:
            reference = other.get(axis, own)
            found.setdefault(reference.key, reference)
        return list(found.values())

    @property
    def ok(self) -> bool:
        """Whether the combination was finished, and is ranked."""
        return self.status == "ok"

    @property
    def diverged(self) -> bool:
        """Whether its samples left the scale of the data."""
        return self.status == "diverged"

    @property
    def applicable(self) -> bool:
        """Whether no component said that it has no meaning here."""
        return self.status != "not applicable"

    @property
    def unfinished(self) -> bool:
        """Whether something of it is still to be computed, and nothing has failed."""
        return self.reason == UNFINISHED

    def component(self, axis: str) -> Reference:
        """Return the component of an axis, or the target."""
        reference: Reference = getattr(self, axis)
        return reference

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.rank_low <= self.rank <= self.rank_high:
            raise ValueError(f"rank {self.rank} is outside its interval {self.rank_low} to {self.rank_high}")
        if self.ok and self.reason is not None:
            raise ValueError("status ok takes no reason; it must be null")
        if not self.ok and self.reason is None:
            raise ValueError(f"status {self.status} needs a reason")
        if (self.compute is None) != (self.training_share is None):
            raise ValueError("compute and training_share are known together, or neither is")
        if self.ema_decay is not None and not self.train_steps:
            raise ValueError(f"ema_decay is {self.ema_decay:g}, though nothing was trained; it must be null")
        for other in self.same_as:
            if not other or not other.keys() <= design().keys():
                raise ValueError(f"same_as needs axes of the design, not {', '.join(other) or 'nothing'}")
        for name, high in self.bound_highs.items():
            check_order(None, self.bounds.get(name), high)
        for label in self.not_applicable:
            if label in self.metrics or self.bounds.get(label) is not None:
                raise ValueError(f"not_applicable.{label}: it has a value")
        for violation in self.violations:
            self._check_violation(violation)
        if self.score_split is not None:
            self._check_split(self.score_split)
        return self

    def _check_split(self, split: ScoreSplit) -> None:
        if self.budget is None:
            raise ValueError("score_split needs a budget; it splits its score error")
        exact = self.budget.score
        if not math.isclose(split.score_exact.value, exact, rel_tol=1e-6):
            raise ValueError(f"score_split.score_exact {split.score_exact.value:g} is not budget.score, {exact:g}")

    def _check_violation(self, violation: Violation) -> None:
        bound, metric = self.bounds.get(violation.bound), self.metrics.get(violation.metric)
        if bound is None or metric is None:
            raise ValueError(f"violation of {violation.bound} by {violation.metric}: the row lacks one of them")
        if (violation.value, violation.low, violation.bound_value) != (metric.value, metric.low, bound):
            raise ValueError(f"violation of {violation.bound} by {violation.metric}: not the row's own numbers")
        if violation.bound_high != self.bound_highs.get(violation.bound):
            raise ValueError(f"violation of {violation.bound} by {violation.metric}: not the bound's own limit")
        end = bound if violation.bound_high is None else violation.bound_high
        if violation.low is not None and violation.low <= end:
            raise ValueError(f"violation of {violation.bound} by {violation.metric}: low is not above the bound")


if TYPE_CHECKING:
    Version = int
else:
    Version = Literal[VERSION]


class CertificateSummary(Part):
    """What the certificate of one component of the rows said, where the leaderboard was published.

    Attributes:
        axis: of the component.
        component: as it was used.
        standing: `unclaimed` where no certificate was made of it, with these parameters and this code.
        passed: properties that hold.
        failed: properties that do not.
        unclaimed: properties of which nothing is claimed.
    """

    axis: Name
    component: Reference
    standing: Literal["certified", "failed", "unclaimed"]
    passed: Count
    failed: Count
    unclaimed: Count


class Leaderboard(Document):
    """Every combination of a suite, ranked per target.

    Attributes:
        title: what its suite asks, in a sentence; None where that does not say.
        command: what was typed to make it, a line each; None in documents up to version 5.
        rank_by: the metrics that its suite ranks by, in order of preference.
        definition: its suite as a file has it, but for name and title, which stand above; None of a race, and in
            documents up to version 7.
        setup: what made it; None in documents of versions 1 and 2.
        computation: what it took; None in documents up to version 7.
        grids: the levels of each grid of its rows, and `networks` the trained networks, each once; empty in documents
            up to version 7.
        declared: what its metrics measure and its bounds limit.
        rankings: which of `rank_by` it is, of each target.
        certificates: what was certified of the components of its rows; empty in one that is not published, and in
            documents up to version 5.
    """

    noun: ClassVar[str] = "a leaderboard"
    upgrades: ClassVar[Mapping[int, Upgrade]] = UPGRADES

    schema_version: Version
    suite: Name
    title: Name | None
    command: Name | None
    rank_by: Annotated[list[Name], Field(min_length=1)]
    environment: dict[str, JsonValue]
    definition: dict[str, JsonValue] | None
    setup: Setup | None
    computation: Computation | None
    declared: Declarations
    rankings: list[Ranking]
    calibration: list[Calibration]
    agreement: list[Agreement]
    effects: list[Effect]
    interactions: list[Interaction]
    certificates: list[CertificateSummary]
    grids: list[Grid]
    networks: list[Networks]
    rows: list[Row]

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_combinations(self.rows)
        _check_targets(self)
        _check_rankings(self)
        _check_ranks(self)
        _check_effects(self)
        if self.setup is not None:
            _check_setup(self.setup, self.rows)
        _check_pictures(self)
        _check_certificates(self)
        _check_grids(self)
        _check_networks(self)
        return self

    def ranking(self, target: Reference) -> Ranking:
        """Return by which metrics the rows of a target are compared."""
        return self._by_target[target.key]

    def components(self) -> list[tuple[str, Reference]]:
        """Return the axis and the reference of each component of its rows, of each the first time that it occurs."""
        found = {}
        for row in self.rows:
            for axis in crossed():
                for chosen in (row.component(axis), *(other[axis] for other in row.same_as if axis in other)):
                    found[axis, chosen.key] = (axis, chosen)
        return list(found.values())

    @property
    def vary_at_most(self) -> int | None:
        """On how many axes at most combinations differ from the first of each list; None: not limited, or unknown."""
        found = (self.definition or {}).get("vary_at_most")
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    @cached_property
    def told_numbers(self) -> list[str]:
        """The numbers that tell its rows apart, settings of the training among them only where rows differ in them."""
        return told_numbers(self.rows)

    @property
    def untold_numbers(self) -> set[str]:
        """The other numbers: what the setup says of the training, as it is the same in every row."""
        return {*NUMBERS} - {*self.told_numbers}

    @cached_property
    def targets(self) -> dict[str, Reference]:
        """The targets of its rows, by their keys, in the order in which they first occur."""
        return {row.target.key: row.target for row in self.rows}

    def named(self, target: str) -> list[Reference]:
        """Return the targets of its rows that a label fits."""
        return find(target, self.targets.values())

    @cached_property
    def _by_target(self) -> dict[str, Ranking]:
        return {target.key: each for each in self.rankings for target in self.named(each.target)}


def _combinations(row: Row, axes: Sequence[str]) -> list[tuple[object, ...]]:
    """Return what tells apart each combination that a row stands for, each once."""
    own = [row.component(axis).key for axis in axes]
    numbers = numbers_of(row).values()
    others = (
        [each[axis].key if axis in each else key for axis, key in zip(axes, own, strict=True)] for each in row.same_as
    )
    return list(dict.fromkeys((*keys, *numbers) for keys in (own, *others)))


def _check_combinations(rows: list[Row]) -> None:
    seen: dict[tuple[object, ...], int] = {}
    axes = tuple(crossed())
    for i, row in enumerate(rows):
        for combination in _combinations(row, axes):
            first = seen.setdefault(combination, i)
            if first != i:
                raise ValueError(f"rows[{i}]: the same combination as rows[{first}]")


def _check_rankings(board: Leaderboard) -> None:
    ranked = [board.named(each.target)[0].key for each in board.rankings]
    for key, target in board.targets.items():
        if (count := ranked.count(key)) != 1:
            raise ValueError(f"rankings: target {target.name} has {count}; every target of the rows has one")
    for i, each in enumerate(board.rankings):
        for metric in (each.metric, each.effects_by):
            if metric not in board.rank_by:
                raise ValueError(f"rankings[{i}]: {metric} is none of rank_by, {', '.join(board.rank_by)}")
        if others := set(each.over_points or ()) - {each.metric, each.effects_by}:
            raise ValueError(f"rankings[{i}].over_points: {min(others)} is neither its metric nor effects_by")
    for metric in board.rank_by:
        if board.declared.compared_by(metric) == "nothing":
            raise ValueError(f"rank_by: {metric} is declared to compare nothing; it makes no rank")


def _check_ranks(board: Leaderboard) -> None:
    sections = defaultdict(list)
    for i, row in enumerate(board.rows):
        sections[row.target.key].append((i, row))
    for section in sections.values():
        metric = board.ranking(section[0][1].target).metric
        for i, row in section:
            if row.rank_high > len(section):
                raise ValueError(f"rows[{i}].rank_high: {row.rank_high} of only {len(section)} rows of its target")
        _check_order(section, metric)


def _check_order(section: Sequence[tuple[int, Row]], metric: str) -> None:
    """Check that ranks follow values: finished rows with the metric come first, then those without it, then failures.

    Only means over equally many seeds say which of two rows is to come first (`harness.results.statistics`).
    """
    by_seeds: dict[int, list[tuple[int, Row]]] = defaultdict(list)
    for i, row in section:
        if row.ok and metric in row.metrics:
            by_seeds[row.metrics[metric].n_seeds].append((i, row))
    tiers = [(i, row.rank, float(_tier(row, metric))) for i, row in section]
    values = [[(i, row.rank, row.metrics[metric].value) for i, row in rows] for rows in by_seeds.values()]
    for ranked in (tiers, *values):
        ordered = sorted(ranked, key=lambda each: each[1:])
        for (_, a, better), (i, b, value) in itertools.pairwise(ordered):
            if a < b and value < better:
                raise ValueError(f"rows[{i}].rank: {b} is behind a worse row of its target, ranked {a}")


def _tier(row: Row, metric: str) -> int:
    return 2 if not row.ok else 0 if metric in row.metrics else 1


def _check_targets(board: Leaderboard) -> None:
    entries: list[tuple[str, list[Any]]] = [
        ("rankings", board.rankings),
        ("calibration", board.calibration),
        ("agreement", board.agreement),
        ("effects", board.effects),
        ("interactions", board.interactions),
        ("setup.targets", board.setup.targets if board.setup else []),
    ]
    for field, named in entries:
        for i, entry in enumerate(named):
            if len(board.named(entry.target)) != 1:
                raise ValueError(f"{field}[{i}].target: {entry.target!r} names not exactly one target of the rows")


def _check_effects(board: Leaderboard) -> None:
    named = {entry.target for entry in board.effects} | {entry.target for entry in board.interactions}
    metrics = {name: board.ranking(board.named(name)[0]).effects_by for name in named}
    found: list[tuple[str, str, Effect | Cell]] = [
        (f"effects[{i}]", metrics[each.target], each) for i, each in enumerate(board.effects)
    ]
    for i, each in enumerate(board.interactions):
        found += [(f"interactions[{i}]", metrics[each.target], cell) for cell in each.cells]
    for where, metric, sized in found:
        by = board.declared.compared_by(metric)
        if (sized.factor is None) != (by == "difference"):
            raise ValueError(f"{where}: {metric} is compared by {by}, and so must its effects be")


def _check_setup(setup: Setup, rows: list[Row]) -> None:
    known = {entry.metric for entry in setup.metrics}
    for i, row in enumerate(rows):
        for name, estimate in row.metrics.items():
            if name not in known:
                raise ValueError(f"rows[{i}].metrics.{name}: is none of the setup's metrics")
            if estimate.n_seeds > len(setup.seeds):
                raise ValueError(f"rows[{i}].metrics.{name}.n_seeds: {estimate.n_seeds} of {len(setup.seeds)} seeds")


def _check_pictures(board: Leaderboard) -> None:
    entries = board.setup.targets if board.setup is not None else []
    known = {board.named(entry.target)[0].key: entry.pictures for entry in entries}
    for i, row in enumerate(board.rows):
        if row.pictures is None:
            continue
        shown = known.get(row.target.key)
        if shown is None:
            raise ValueError(f"rows[{i}].pictures: the setup tells none of its target")
        try:
            shown.check(row.pictures.images)
        except ValueError as error:
            raise ValueError(f"rows[{i}].pictures: {error}") from error


def _check_places(rows: Sequence[Row], field: str, known: Sequence[Part], listed: str) -> None:
    """Check that the places that rows name in a list are there."""
    for i, row in enumerate(rows):
        place = getattr(row, field)
        if place is not None and place >= len(known):
            raise ValueError(f"rows[{i}].{field}: {listed} has no place {place}; it has {len(known)} entries")


def _check_grids(board: Leaderboard) -> None:
    _check_places(board.rows, "grid", board.grids, "grids")
    end = board.setup.sigma_min if board.setup is not None else None
    for i, row in enumerate(board.rows):
        if row.grid is None:
            if row.ok and board.grids:
                raise ValueError(f"rows[{i}].grid: null, though it is finished and other rows have theirs")
            continue
        sigmas = board.grids[row.grid].sigmas
        if len(sigmas) != row.steps + 1:
            raise ValueError(f"rows[{i}].grid: {len(sigmas)} levels; {row.steps} steps have {row.steps + 1}")
        if sigmas[0] != row.sigma_max or (end is not None and sigmas[-1] != end):
            given = f"levels from {sigmas[0]:g} to {sigmas[-1]:g}"
            raise ValueError(f"rows[{i}].grid: {given}; the row starts at {row.sigma_max}, and ends at {end}")


def _check_networks(board: Leaderboard) -> None:
    _check_places(board.rows, "trained", board.networks, "networks")
    most = len(board.setup.seeds) if board.setup is not None else None
    kinds: dict[int, tuple[object, ...]] = {}
    for i, row in enumerate(board.rows):
        if row.trained is None:
            if row.ok and row.train_steps and board.networks:
                raise ValueError(f"rows[{i}].trained: null, though it is finished and other rows have theirs")
            continue
        checkpoints = board.networks[row.trained].checkpoints
        if most is not None and len(checkpoints) > most:
            raise ValueError(f"networks[{row.trained}]: {len(checkpoints)} checkpoints of {most} seeds")
        if row.ok and None in checkpoints:
            raise ValueError(
                f"rows[{i}].trained: networks[{row.trained}] lacks a checkpoint, though the row is finished"
            )
        kind = (
            row.target.key,
            row.train_steps,
            row.ema_decay,
            *(row.component(axis).key for axis in taken_by("training")),
        )
        if not row.train_steps or kinds.setdefault(row.trained, kind) != kind:
            raise ValueError(f"rows[{i}].trained: networks[{row.trained}] is of another training")


def _check_certificates(board: Leaderboard) -> None:
    used = {(axis, reference.key) for axis, reference in board.components()}
    for i, each in enumerate(board.certificates):
        if (each.axis, each.component.key) not in used:
            raise ValueError(f"certificates[{i}].component: no row has {each.axis} {each.component.name}")
