"""Ranking: from the outcomes of all combinations to the leaderboard document.

Combinations are ranked within a target by the mean over seeds of one metric (`harness.results.ranking_metric`),
smaller first; each rank has a confidence set (`harness.results.statistics`). Combinations without a value share the
rank after the last that has one. What comes out depends on the outcomes only, not on their order.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import numpy as np
from pydantic import JsonValue, ValidationError

from harness.axes import NUMBERS, crossed, design, numbers_of
from harness.components import format_value
from harness.errors import HarnessError, did_you_mean
from harness.quantities import Comparison, Declarations
from harness.registry.references import Reference
from harness.results.document import one_rule
from harness.results.effects import Observation, PairEffects, effects, pair_effects
from harness.results.labels import Labels
from harness.results.leaderboard import (
    TRAINED,
    UNTRAINED,
    Agreement,
    Calibration,
    Cell,
    Effect,
    Estimate,
    Interaction,
    Leaderboard,
    Ranking,
    Row,
    Settling,
    Terms,
    Violation,
)
from harness.results.making import Computation, Grid, Networks
from harness.results.outcomes import Outcome
from harness.results.places import RankPlace, order_values, places, seeds_needed
from harness.results.ranking_metric import ranking_metric
from harness.results.setup import Setup, TargetSetup
from harness.results.statistics.intervals import CONFIDENCE, Interval, mean_interval
from harness.results.statistics.kendall import kendall, several

COORDINATES = (*design(), *NUMBERS)
"""What tells the combinations of a target apart, as fields of a row."""

Of = TypeVar("Of", Calibration, TargetSetup)
Entry = TypeVar("Entry", Grid, Networks)

RELATIVE_ROUNDING, ABSOLUTE_ROUNDING = 1e-9, 1e-12
"""What a value may be above a bound by rounding: relative to the bound, or to the largest term of the budget, which may
cancel; and in nats where all of these are 0."""


SHOWN = 8
"""Most networks of a target whose samples are shown."""


def leaderboard(
    outcomes: Sequence[Outcome],
    *,
    suite: str,
    rank_by: Sequence[str],
    environment: Mapping[str, Any],
    declared: Declarations,
    calibration: Sequence[Calibration] = (),
    setup: Setup | None = None,
    looks: int = 1,
    command: str | None = None,
    title: str | None = None,
    definition: Mapping[str, JsonValue] | None = None,
    computation: Computation | None = None,
) -> Leaderboard:
    """Return the leaderboard document.

    Arguments:
        outcomes: every combination, failed ones included.
        suite: name of the suite.
        rank_by: the metrics that rank, in order of preference.
        environment: what besides the components could change a number.
        declared: what the metrics measure and the bounds limit.
        calibration: held-out samples, each with the digest of its target in place of the label.
        setup: what the suite fixed; its targets likewise.
        looks: how often the evidence could be looked at while it came in: rank sets hold for all looks together.
        command: what was typed to make it.
        title: what its suite asks, in a sentence.
        definition: its suite as a file has it.
        computation: what it took.

    Raises:
        HarnessError: nothing was measured by one of them, or no designs are compared by it.
        ValidationError: the outcomes contradict one another.
    """
    _require_metrics(outcomes, rank_by, declared)
    built: dict[int, Row] = {}
    known = sorted((_consistent(outcome, declared, built) for outcome in outcomes), key=Outcome.sort_key)
    named = Labels(pair for outcome in known for pair in outcome.components.items())
    targets = {o.components["target"].digest: named("target", o.components["target"]) for o in known}
    by_target: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in known:
        by_target[outcome.target].append(outcome)
    sections = [_section(found, rank_by, named, declared, looks) for found in by_target.values()]
    made = _Made()
    rows = [row for section in sections for row in _rows(section, declared, looks, built, made)]
    return Leaderboard(
        schema_version=Leaderboard.version(),
        suite=suite,
        title=title,
        command=command,
        rank_by=list(rank_by),
        environment=dict(environment),
        definition=None if definition is None else dict(definition),
        computation=computation,
        setup=setup and setup.model_copy(update={"targets": [_labelled(t, targets) for t in setup.targets]}),
        declared=declared,
        rankings=[section.ranking for section in sections],
        calibration=[_labelled(entry, targets) for entry in calibration],
        agreement=[entry for section in sections for entry in _agreement(section, named, declared)],
        effects=[entry for section in sections for entry in _effects(section)],
        interactions=[entry for section in sections for entry in _interactions(section)],
        certificates=[],
        grids=made.grids,
        networks=made.networks,
        rows=rows,
    )


class _Made:
    """The grids and the networks of rows, each once, in the order in which rows come first to name them."""

    def __init__(self) -> None:
        self.grids: list[Grid] = []
        self.networks: list[Networks] = []
        self._places: dict[object, int] = {}

    def grid(self, outcome: Outcome) -> int | None:
        """Return the place of an outcome's levels; None where they are not known."""
        if (grid := outcome.grid) is None:
            return None
        return self._place((grid.own, *grid.sigmas), self.grids, grid)

    def trained(self, outcome: Outcome) -> int | None:
        """Return the place of an outcome's networks; None where none was trained."""
        if not any(outcome.checkpoints):
            return None
        return self._place(outcome.networks, self.networks, Networks(checkpoints=list(outcome.checkpoints)))

    def _place(self, key: object, listed: list[Entry], entry: Entry) -> int:
        if key not in self._places:
            self._places[key] = len(listed)
            listed.append(entry)
        return self._places[key]


@dataclass(frozen=True)
class _Section:
    """The outcomes of one target, each design once, and by what they are compared.

    Attributes:
        ranking: the target's label, and the metrics, as the document has them.
        by: how the metric that effects are of is compared.
        observed: what effects are made of, by the identity of the outcome.
    """

    ranking: Ranking
    outcomes: Sequence[Outcome]
    by: Comparison
    observed: Mapping[int, Observation]


def _section(
    known: Sequence[Outcome], rank_by: Sequence[str], named: Labels, declared: Declarations, looks: int
) -> _Section:
    chosen = ranking_metric(known, rank_by, declared, looks)
    outcomes = _merged([outcome.ranked_by(chosen.ranks) for outcome in known])
    # Effects compare like with like: on the seeds that all have, where a race gave some more than others.
    common = min((outcome.seeds for outcome in outcomes), key=len)
    observed = {id(outcome): _observation(outcome, chosen.effects, named, common) for outcome in outcomes}
    needed = seeds_needed(outcomes, chosen.ranks, declared, looks)
    ranking = Ranking(
        target=named("target", outcomes[0].components["target"]),
        metric=chosen.ranks,
        effects_by=chosen.effects,
        settling=None if needed is None else Settling(**asdict(needed)),
        over_points=[m for m in dict.fromkeys((chosen.ranks, chosen.effects)) if _knows_points(outcomes, m)],
    )
    return _Section(ranking, outcomes, declared.compared_by(chosen.effects), observed)


def _knows_points(outcomes: Sequence[Outcome], metric: str) -> bool:
    """Whether each value of a metric comes with its means over groups of the points that all outcomes share."""
    measured = [each for outcome in outcomes if outcome.ok for each in outcome.measured(metric).values()]
    return bool(measured) and all(each.groups for each in measured)


def _merged(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcomes, those of one design as one: the first that is ranked, else the first, knows their names."""
    groups: dict[object, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.design or id(outcome)].append(outcome)
    merged = []
    for group in groups.values():
        first = next((outcome for outcome in group if outcome.ok), group[0])
        others = [_differences(outcome, first) for outcome in group if outcome is not first]
        merged.append(replace(first, same_as=tuple(others)) if others else first)
    return merged


def _differences(outcome: Outcome, first: Outcome) -> dict[str, Reference]:
    pairs = ((axis, component, first.components[axis]) for axis, component in outcome.components.items())
    return {axis: component for axis, component, own in pairs if component.key != own.key}


def _labelled(entry: Of, labels: Mapping[str, str]) -> Of:
    """Return an entry with its target's digest replaced by the label."""
    return entry.model_copy(update={"target": labels.get(entry.target, entry.target)})


def _require_metrics(outcomes: Iterable[Outcome], rank_by: Sequence[str], declared: Declarations) -> None:
    known = {name for outcome in outcomes for name in outcome.measurements}
    for metric in rank_by:
        if known and metric not in known:
            raise HarnessError(f"no metric {metric!r} was measured; {did_you_mean(metric, known)}")
        if declared.compared_by(metric) == "nothing":
            others = sorted(name for name in known if declared.compared_by(name) != "nothing")
            raise HarnessError(f"metric {metric} makes no rank (smaller is not better); rank by {' or '.join(others)}")


def _standing(place: RankPlace, outcome: Outcome) -> tuple[int, bool]:
    return place.rank, not outcome.ok


# Rows


def _rows(section: _Section, declared: Declarations, looks: int, built: dict[int, Row], made: _Made) -> list[Row]:
    """Return the rows of one target, best first; equal ranks stay in the order of their components.

    Arguments:
        section: the outcomes of the target.
        declared: what the metrics measure.
        looks: as of `leaderboard`.
        built: rows that are made already but for their place, by the identity of their outcome.
        made: takes their grids and networks.
    """
    placed = zip(places(section.outcomes, section.ranking.metric, declared, looks), section.outcomes, strict=True)
    ordered = sorted(placed, key=lambda entry: _standing(*entry))
    shown = _best_of_networks([outcome for _, outcome in ordered])
    rows = []
    for place, outcome in ordered:
        row = built.pop(id(outcome), None)
        if row is None or row.pictures is not None:
            row = _row(outcome if id(outcome) in shown else replace(outcome, pictures=None), place, declared)
        ranks = {"rank": place.rank, "rank_low": place.low, "rank_high": place.high}
        rows.append(row.model_copy(update=ranks | {"grid": made.grid(outcome), "trained": made.trained(outcome)}))
    return rows


def _best_of_networks(ordered: Sequence[Outcome]) -> set[int]:
    """Return the identity of the first of each network that was finished, of outcomes from best to worst."""
    best: dict[str, int] = {}
    for outcome in ordered:
        if outcome.ok:
            best.setdefault(outcome.components["network"].key, id(outcome))
    return set(list(best.values())[:SHOWN])


def _consistent(outcome: Outcome, declared: Declarations, built: dict[int, Row]) -> Outcome:
    """Return the outcome, as one that failed where its numbers make no valid row: others are ranked without it.

    The row that it makes is put with those that are built, by the identity of the outcome.
    """
    try:
        built[id(outcome)] = _row(outcome, RankPlace(1, 1, 1), declared)
    except ValidationError as error:
        return outcome.contradicting(one_rule(error))
    return outcome


def _row(outcome: Outcome, place: RankPlace, declared: Declarations) -> Row:
    names = sorted(name for name in outcome.measurements if outcome.measured(name))
    metrics = {name: _estimate(outcome, name, declared) for name in names}
    bounds = {name: _limit(name, value, declared) for name, value in sorted(outcome.bounds.items())}
    highs = {}
    for name, high in sorted(outcome.bound_highs.items()):
        if (value := bounds.get(name)) is not None and math.isfinite(high):
            highs[name] = max(high, value)
    components: dict[str, Any] = {axis: outcome.components[axis] for axis in crossed()}
    return Row(
        rank=place.rank,
        rank_low=place.low,
        rank_high=place.high,
        **components,
        steps=outcome.steps,
        nfe=outcome.nfe,
        train_steps=outcome.train_steps,
        grid=None,
        trained=None,
        sigma_max=outcome.sigma_max,
        ema_decay=outcome.ema_decay,
        compute=outcome.compute,
        training_share=outcome.training_share,
        same_as=[dict(other) for other in outcome.same_as],
        status=outcome.status,
        reason=outcome.reason,
        metrics=metrics,
        budget=outcome.budget,
        score_split=outcome.score_split,
        bounds=bounds,
        bound_highs=highs,
        violations=violations(metrics, bounds, highs, outcome.budget, declared),
        seconds=dict(outcome.seconds),
        not_applicable=dict(outcome.not_applicable),
        pictures=outcome.pictures,
    )


def _estimate(outcome: Outcome, name: str, declared: Declarations) -> Estimate:
    """Return a metric's mean and interval; of a divergence or distance nothing is below 0, where noise may put it."""
    measured = list(outcome.measured(name).values())
    value, low, high = mean_interval(measured, declared.least(name), outcome.overlaps.get(name, 0.0))
    if declared.quantity(name) != "other":
        value, low, high = max(0.0, value), max(0.0, low), max(0.0, high)
    return Estimate(value=value, low=finite(low), high=finite(high), n_seeds=len(measured))


def _limit(bound: str, value: float | None, declared: Declarations) -> float | None:
    """Return a bound's value; what it is a bound on is never below 0, and so no bound on it is."""
    known = finite(value)
    limited = bound in declared.bounds and declared.bounds[bound].limits
    return max(0.0, known) if known is not None and limited else known


def _rounding(terms: Terms | None) -> float:
    """Return the largest term of a budget, which rounding is relative to; 0 where there is none."""
    return max(map(abs, terms.model_dump().values())) if terms else 0.0


def finite(value: float | None) -> float | None:
    """Return a number that JSON knows; None for NaN and infinity."""
    return float(value) if value is not None and math.isfinite(value) else None


def violations(
    metrics: Mapping[str, Estimate],
    bounds: Mapping[str, float | None],
    highs: Mapping[str, float],
    budget: Terms | None,
    declared: Declarations,
) -> list[Violation]:
    """Return where a measured value is above a bound on it: where their intervals do not meet.

    Not where the bound is what the metric measures, by definition.

    Arguments:
        metrics: what was measured.
        bounds: the bounds; None where one does not apply.
        highs: the upper limits of bounds that have an error of their own.
        budget: the terms that a bound may be the small rest of.
        declared: what limits what.
    """
    found, size = [], _rounding(budget)
    for name, metric in metrics.items():
        for bound, limit in bounds.items():
            tested = declared.limits(bound, name) and not declared.same(bound, name)
            if not tested or limit is None or metric.low is None:
                continue
            high = highs.get(bound)
            end = limit if high is None else high
            if metric.low > end + RELATIVE_ROUNDING * max(abs(end), size) + ABSOLUTE_ROUNDING:
                found.append(
                    Violation(
                        bound=bound,
                        metric=name,
                        value=metric.value,
                        low=metric.low,
                        bound_value=limit,
                        bound_high=high,
                    )
                )
    return found


# Beside the rows


def _agreement(section: _Section, named: Labels, declared: Declarations) -> list[Agreement]:
    """Return Kendall's τ of each bound with the metric, over the ranked outcomes that have both, and within samplers.

    Bounds on divergences order designs; one on anything else, a training loss, only what it limits. A sampler is told
    apart where there are several.
    """
    found, metric = [], section.ranking.metric
    ranked = [outcome for outcome in section.outcomes if outcome.ok and outcome.measured(metric)]
    ordered = dict(zip(map(id, ranked), order_values(ranked, metric, declared), strict=True))
    bounds = sorted({name for outcome in section.outcomes for name in outcome.bounds})
    samplers = dict.fromkeys(named("sampler", outcome.components["sampler"]) for outcome in section.outcomes)
    trainings = _trainings(section.outcomes)
    # What a metric is by definition is in its order, whatever the designs.
    ordering = [b for b in bounds if declared.bounds_divergence(b) or declared.limits(b, metric)]
    for bound in (b for b in ordering if not declared.same(b, metric)):
        points = []
        for outcome in section.outcomes:
            limit = finite(outcome.bounds.get(bound))
            if id(outcome) in ordered and limit is not None:
                point = _limit(bound, limit, declared) or 0.0, ordered[id(outcome)]
                points.append((named("sampler", outcome.components["sampler"]), point, outcome))
        found.append(_order(points, trainings, section.ranking.target, bound, None))
        for sampler in sorted(samplers) if len(samplers) > 1 else ():
            own = [each for each in points if each[0] == sampler]
            found += [_order(own, trainings, section.ranking.target, bound, sampler)] if own else []
    return found


def _order(
    points: Sequence[tuple[str, tuple[float, float], Outcome]],
    trainings: Mapping[Hashable, Hashable],
    target: str,
    bound: str,
    sampler: str | None,
) -> Agreement:
    """Return Kendall's τ over points: of each the sampler, the bound with the measured value, and the outcome."""
    clusters = [trainings[_shared(outcome)] for _, _, outcome in points]
    grids = [outcome.shared_grid for _, _, outcome in points]
    bounds, values = np.array([point for _, point, _ in points]).reshape(-1, 2).T
    tau = kendall(bounds, values, clusters, several(grids))
    return Agreement(
        target=target,
        sampler=sampler,
        bound=bound,
        kendall_tau=tau.value if tau else None,
        low=tau.low if tau else None,
        high=tau.high if tau else None,
        n=len(points),
        clusters=len(set(clusters)),
        grids=len(set(grids)),
    )


def _trainings(outcomes: Sequence[Outcome]) -> dict[Hashable, Hashable]:
    """Return what stands for the training of each network: one of those that are moving averages of the same.

    These are known by rows that differ in nothing else, whether or not they gave a value.
    """
    root: dict[Hashable, Hashable] = {}

    def find(network: Hashable) -> Hashable:
        while (above := root.setdefault(network, network)) != network:
            network = above
        return network

    first: dict[Hashable, Hashable] = {}
    for outcome in outcomes:
        keys = tuple(component.key for component in outcome.components.values())
        beside = (*keys, outcome.steps, outcome.train_steps, outcome.sigma_max)
        network = _shared(outcome)
        root[find(network)] = find(first.setdefault(beside, network))
    return {network: find(network) for network in list(root)}


def _shared(outcome: Outcome) -> Hashable:
    """Return what is equal for outcomes whose errors are not independent: the networks, or of oracles the grid."""
    return outcome.shared_network if outcome.networks else (*outcome.shared_network, *outcome.shared_grid)


def _kinds(section: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Return the outcomes of each kind of network, by its name: of one with several parameters all together."""
    networks = [outcome.components["network"] for outcome in section]
    owners: dict[str, set[str]] = defaultdict(set)
    for network in networks:
        owners[network.name].add(network.distribution)
    kinds: dict[str, list[Outcome]] = defaultdict(list)
    for network, outcome in zip(networks, section, strict=True):
        name = network.name if len(owners[network.name]) == 1 else f"{network.distribution}/{network.name}"
        kinds[name].append(outcome)
    return kinds


def _trained_apart(section: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Return within which outcomes networks are compared: those that are trained, and oracles.

    Any other choice is compared within a kind of network: what is best for one may be worst for another.
    """
    groups = {TRAINED: [o for o in section if o.train_steps], UNTRAINED: [o for o in section if not o.train_steps]}
    return {name: outcomes for name, outcomes in groups.items() if outcomes}


def _effects(section: _Section) -> list[Effect]:
    """Return the effect of each choice of each axis on the metric, among the combinations that it is compared in."""
    kinds, by = _kinds(section.outcomes), section.by
    return [
        Effect(
            target=section.ranking.target,
            among=among,
            axis=axis,
            choice=str(effect.choice),
            **_sized(effect.size, by),
            low=effect.size.low,
            high=effect.size.high,
            contexts=effect.contexts,
            skipped=effect.skipped,
        )
        for axis in COORDINATES
        for among, outcomes in (_trained_apart(section.outcomes) if axis == "network" else kinds).items()
        for effect in effects([section.observed[id(outcome)] for outcome in outcomes], axis, by)
    ]


def _sized(size: Interval, by: Comparison) -> dict[str, float | None]:
    """Return an effect's size as the field that it is, and the other as null."""
    return {"factor": size.value, "difference": None} if by == "ratio" else {"factor": None, "difference": size.value}


def _interactions(section: _Section) -> list[Interaction]:
    """Return the pairs of axes whose effects depend on one another, the surest first.

    Two axes are paired within each kind of network, the network with another axis among those that are trained, and
    among oracles. As many pairs as were tested among the same outcomes multiply a p-value (Bonferroni).
    """
    found, by = [], section.by
    axes = [axis for axis in COORDINATES if axis != "network"]
    families = [(*kind, list(itertools.combinations(axes, 2))) for kind in _kinds(section.outcomes).items()]
    of_networks = [("network", axis) for axis in axes]
    families += [
        (among, outcomes, of_networks)
        for among, outcomes in _trained_apart(section.outcomes).items()
        if len({outcome.components["network"].key for outcome in outcomes}) > 1
    ]
    for among, outcomes, pairs in families:
        observations = [section.observed[id(outcome)] for outcome in outcomes]
        tested = [(a, b, known) for a, b in pairs if (known := pair_effects(observations, a, b, by)) is not None]
        for axis, other, pair in tested:
            p_value = min(1.0, pair.p_value * len(tested))
            if p_value <= 1 - CONFIDENCE:
                told = {"target": section.ranking.target, "among": among, "axis": axis, "other": other}
                found.append(_interaction(pair, by, **told, p_value=p_value))
    return sorted(found, key=lambda each: (each.among, each.p_value))


def _interaction(pair: PairEffects, by: Comparison, **fields: Any) -> Interaction:
    cells = [
        Cell(choice=str(a), other_choice=str(b), low=size.low, high=size.high, **_sized(size, by))
        for (a, b), size in pair.cells
    ]
    return Interaction(**fields, contexts=pair.contexts, cells=cells)


def _observation(outcome: Outcome, metric: str, named: Labels, seeds: Sequence[int]) -> Observation:
    own = {axis: named(axis, outcome.components[axis]) for axis in design()}
    measured = outcome.measured(metric) if outcome.ok else {}
    values = {seed: measured[seed].value if seed in measured else None for seed in seeds}
    numbers = {name: "" if value is None else format_value(value) for name, value in numbers_of(outcome).items()}
    names = [own | numbers | {axis: named(axis, c) for axis, c in name.items()} for name in outcome.same_as]
    groups = {seed: m.groups for seed, m in measured.items() if m.groups and seed in seeds}
    return Observation({**own, **numbers}, values, groups, names)
