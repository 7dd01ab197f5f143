"""Ranking: from the outcomes of all combinations to the leaderboard document.

Combinations are ranked within a target by the mean over seeds of one metric, smaller first; each rank has a
confidence set (`harness.results.statistics`). Combinations without a value share the rank after the last that has
one. What comes out depends on the outcomes only, not on their order.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from harness.axes import NUMBERS, crossed, design
from harness.components import format_value
from harness.errors import HarnessError, did_you_mean
from harness.metrics import Measurement
from harness.quantities import Declarations
from harness.registry.references import Reference
from harness.results import statistics
from harness.results.effects import Observation, effects
from harness.results.labels import Labels
from harness.results.leaderboard import (
    Agreement,
    Calibration,
    Effect,
    Estimate,
    Leaderboard,
    Row,
    ScoreSplit,
    Terms,
    Violation,
)
from harness.results.setup import Setup, TargetSetup

COORDINATES = (*design(), *NUMBERS)
"""What tells the combinations of a target apart, as fields of a row."""

Of = TypeVar("Of", Calibration, TargetSetup)

RELATIVE_ROUNDING, ABSOLUTE_ROUNDING = 1e-9, 1e-12
"""What a value may be above a bound by rounding: relative, and in nats where both cancel to 0."""


@dataclass(frozen=True)
class Outcome:
    """One combination with everything that was measured on it.

    Attributes:
        components: for each axis that combinations cross, the target's first, the component.
        steps: steps of the grid.
        nfe: evaluations of the network a sample; 0 where none was made.
        train_steps: optimisation steps of the network; 0 for an oracle.
        networks: key of the trained network of each seed; empty for an oracle.
        sigma_max: first level of the grid.
        compute: evaluations of the network in training and sampling; None for an oracle.
        training_share: the share of them that training took.
        seeds: the seeds, in the order of the measurements.
        reason: why it failed; None where it did not.
        measurements: for each metric one measurement a seed, None where there is no value.
        budget: means over seeds of the terms of the exact budget, where there is one.
        bounds: each bound; None where it does not apply.
        seconds: what each stage took.
        score_split: the score error of a trained network, split.
    """

    components: Mapping[str, Reference]
    steps: int
    nfe: int
    train_steps: int
    networks: tuple[str, ...]
    sigma_max: float
    compute: int | None
    training_share: float | None
    seeds: tuple[int, ...]
    reason: str | None
    measurements: Mapping[str, Sequence[Measurement | None]]
    budget: Terms | None
    bounds: Mapping[str, float | None]
    seconds: Mapping[str, float]
    score_split: ScoreSplit | None = None

    @property
    def ok(self) -> bool:
        """Whether the combination was finished."""
        return self.reason is None

    @property
    def target(self) -> str:
        """Key of the target."""
        return self.components["target"].key

    @property
    def shared_network(self) -> tuple[str, ...]:
        """What is equal exactly for rows that have the same networks, and with them their noise.

        The keys of the trained networks: what else a weighting is made for (a grid) takes part in them. Of an oracle
        the component.
        """
        return self.networks or (self.components["network"].key,)

    def measured(self, metric: str) -> dict[int, Measurement]:
        """Return a metric's finite measurements by seed."""
        found = zip(self.seeds, self.measurements.get(metric, ()), strict=False)
        return {seed: m for seed, m in found if m is not None and math.isfinite(m.value)}

    def sort_key(self) -> tuple[tuple[str, ...], tuple[float, ...]]:
        """Return what orders outcomes whatever order they come in: by name and parameters, then by the numbers."""
        used = (self.components[axis] for axis in crossed())
        names = (json.dumps([each.name, each.params, each.digest], sort_keys=True) for each in used)
        return tuple(names), tuple(getattr(self, number) for number in NUMBERS)


@dataclass(frozen=True)
class _Place:
    rank: int
    low: int
    high: int


def leaderboard(
    outcomes: Sequence[Outcome],
    *,
    suite: str,
    metric: str,
    environment: Mapping[str, Any],
    declared: Declarations,
    calibration: Sequence[Calibration] = (),
    setup: Setup | None = None,
) -> Leaderboard:
    """Return the leaderboard document.

    Arguments:
        outcomes: every combination, failed ones included.
        suite: name of the suite.
        metric: the metric that ranks.
        environment: what besides the components could change a number.
        declared: what the metrics measure and the bounds limit.
        calibration: held-out samples, each with the digest of its target in place of the label.
        setup: what the suite fixed; its targets likewise.

    Raises:
        HarnessError: nothing was measured by that metric, or no designs are compared by it.
        ValidationError: the outcomes contradict one another.
    """
    _require_metric(outcomes, metric, declared)
    ordered = sorted(outcomes, key=Outcome.sort_key)
    named = Labels(pair for outcome in ordered for pair in outcome.components.items())
    targets = {o.components["target"].digest: named("target", o.components["target"]) for o in ordered}
    sections: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in ordered:
        sections[outcome.target].append(outcome)
    return Leaderboard(
        schema_version=Leaderboard.version(),
        suite=suite,
        metric=metric,
        environment=dict(environment),
        setup=setup and setup.model_copy(update={"targets": [_labelled(t, targets) for t in setup.targets]}),
        declared=declared,
        calibration=[_labelled(entry, targets) for entry in calibration],
        agreement=[entry for section in sections.values() for entry in _agreement(section, metric, named, declared)],
        effects=[entry for section in sections.values() for entry in _effects(section, metric, named, declared)],
        rows=[row for section in sections.values() for row in _rows(section, metric, declared)],
    )


def _labelled(entry: Of, labels: Mapping[str, str]) -> Of:
    """Return an entry with its target's digest replaced by the label."""
    return entry.model_copy(update={"target": labels.get(entry.target, entry.target)})


def _require_metric(outcomes: Iterable[Outcome], metric: str, declared: Declarations) -> None:
    known = {name for outcome in outcomes for name in outcome.measurements}
    if known and metric not in known:
        raise HarnessError(f"no metric {metric!r} was measured; {did_you_mean(metric, known)}")
    if declared.compared_by(metric) == "nothing":
        others = sorted(name for name in known if declared.compared_by(name) != "nothing")
        raise HarnessError(f"metric {metric} makes no rank (smaller is not better); rank by {' or '.join(others)}")


def _standing(place: _Place, outcome: Outcome) -> tuple[int, bool]:
    return place.rank, not outcome.ok


# Ranks


def _places(section: Sequence[Outcome], metric: str, declared: Declarations) -> list[_Place]:
    """Return the place of each outcome of one target."""
    found = [o.measured(metric) if o.ok else {} for o in section]
    ranked = [i for i, measured in enumerate(found) if measured]
    last = _Place(len(ranked) + 1, len(ranked) + 1, len(section))
    places = [last] * len(section)
    if not ranked:
        return places
    seeds = sorted({seed for measured in found for seed in measured})
    values = _matrix([found[i] for i in ranked], seeds, lambda m: m.value)
    errors = _matrix([found[i] for i in ranked], seeds, lambda m: m.standard_error)
    sets = statistics.rank_sets(
        *(values, errors, [section[i].shared_network for i in ranked]),
        compared_by=declared.compared_by(metric),
        groups=_groups([found[i] for i in ranked], seeds, metric),
    )
    for row, i in enumerate(ranked):
        places[i] = _Place(int(sets.rank[row]), int(sets.low[row]), int(sets.high[row]))
    return places


def _matrix(
    measured: Sequence[Mapping[int, Measurement]], seeds: Sequence[int], read: Callable[[Measurement], float]
) -> np.ndarray:
    return np.array([[read(row[seed]) if seed in row else np.nan for seed in seeds] for row in measured])


def _groups(measured: Sequence[Mapping[int, Measurement]], seeds: Sequence[int], metric: str) -> np.ndarray | None:
    """Return the means over groups of shared points, (n, seeds, G), NaN where a value has none; None where none has."""
    sizes = sorted({len(m.groups) for row in measured for m in row.values() if m.groups})
    if len(sizes) > 1:
        told = f"metric {metric} came with {' and with '.join(map(str, sizes))} groups of points on one target"
        raise HarnessError(f"{told}; they must be the same points for every design")
    if not sizes:
        return None
    groups = np.full((len(measured), len(seeds), sizes[0]), np.nan)
    for row, found in enumerate(measured):
        for column, seed in enumerate(seeds):
            if seed in found and found[seed].groups:
                groups[row, column] = found[seed].groups
    return groups


# Rows


def _rows(section: Sequence[Outcome], metric: str, declared: Declarations) -> list[Row]:
    """Return the rows of one target, best first; equal ranks stay in the order of their components."""
    placed = zip(_places(section, metric, declared), section, strict=True)
    ordered = sorted(placed, key=lambda entry: _standing(*entry))
    return [_row(outcome, place, declared) for place, outcome in ordered]


def _row(outcome: Outcome, place: _Place, declared: Declarations) -> Row:
    measured = [name for name in sorted(outcome.measurements) if outcome.measured(name)]
    metrics = {name: _estimate(outcome, name, declared.least(name)) for name in measured}
    bounds = {name: finite(value) for name, value in sorted(outcome.bounds.items())}
    components: dict[str, Any] = {axis: outcome.components[axis] for axis in crossed()}
    return Row(
        rank=place.rank,
        rank_low=place.low,
        rank_high=place.high,
        **components,
        steps=outcome.steps,
        nfe=outcome.nfe,
        train_steps=outcome.train_steps,
        sigma_max=outcome.sigma_max,
        compute=outcome.compute,
        training_share=outcome.training_share,
        status="ok" if outcome.ok else "failed",
        reason=outcome.reason,
        metrics=metrics,
        budget=outcome.budget,
        score_split=outcome.score_split,
        bounds=bounds,
        violations=_violations(metrics, bounds, declared),
        seconds=dict(outcome.seconds),
    )


def _estimate(outcome: Outcome, name: str, least: float) -> Estimate:
    measured = list(outcome.measured(name).values())
    value, low, high = statistics.mean_interval(measured, least)
    return Estimate(value=value, low=finite(low), high=finite(high), n_seeds=len(measured))


def finite(value: float | None) -> float | None:
    """Return a number that JSON knows; None for NaN and infinity."""
    return float(value) if value is not None and math.isfinite(value) else None


def _violations(
    metrics: Mapping[str, Estimate], bounds: Mapping[str, float | None], declared: Declarations
) -> list[Violation]:
    """Return where a measured value is above a bound on it by more than its interval.

    Not where the bound is what the metric measures, by definition.
    """
    found = []
    for name, metric in metrics.items():
        for bound, limit in bounds.items():
            tested = declared.limits(bound, name) and not declared.same(bound, name)
            if not tested or limit is None or metric.low is None:
                continue
            if metric.low > limit + RELATIVE_ROUNDING * abs(limit) + ABSOLUTE_ROUNDING:
                found.append(Violation(bound=bound, metric=name, value=metric.value, low=metric.low, bound_value=limit))
    return found


# Beside the rows


def _agreement(section: Sequence[Outcome], metric: str, named: Labels, declared: Declarations) -> list[Agreement]:
    """Return Kendall's τ of each bound with the metric, over the outcomes that have both.

    Bounds on divergences order designs; one on anything else, a training loss, only what it limits.
    """
    found = []
    bounds = sorted({name for outcome in section for name in outcome.bounds})
    for bound in (b for b in bounds if declared.bounds_divergence(b) or declared.limits(b, metric)):
        pairs = []
        for outcome in section:
            limit, measured = finite(outcome.bounds.get(bound)), list(outcome.measured(metric).values())
            if outcome.ok and limit is not None and measured:
                pairs.append((limit, statistics.mean_interval(measured)[0]))
        tau = statistics.kendall(*np.array(pairs).T) if pairs else None
        found.append(
            Agreement(
                target=named("target", section[0].components["target"]),
                bound=bound,
                kendall_tau=tau.value if tau else None,
                low=tau.low if tau else None,
                high=tau.high if tau else None,
                n=len(pairs),
            )
        )
    return found


def _effects(section: Sequence[Outcome], metric: str, named: Labels, declared: Declarations) -> list[Effect]:
    """Return the effect of each choice of each axis on the metric."""
    observations = [_observation(outcome, metric, named) for outcome in section]
    by = declared.compared_by(metric)
    return [
        Effect(
            target=named("target", section[0].components["target"]),
            axis=axis,
            choice=str(effect.choice),
            factor=effect.size.value if by == "ratio" else None,
            difference=effect.size.value if by == "difference" else None,
            low=effect.size.low,
            high=effect.size.high,
            contexts=effect.contexts,
            skipped=effect.skipped,
        )
        for axis in COORDINATES
        for effect in effects(observations, axis, by)
    ]


def _observation(outcome: Outcome, metric: str, named: Labels) -> Observation:
    coordinates = {axis: named(axis, outcome.components[axis]) for axis in design()}
    measured = outcome.measured(metric) if outcome.ok else {}
    values = {seed: measured[seed].value if seed in measured else None for seed in outcome.seeds}
    numbers = {number: format_value(getattr(outcome, number)) for number in NUMBERS}
    return Observation({**coordinates, **numbers}, values, {seed: m.groups for seed, m in measured.items() if m.groups})
