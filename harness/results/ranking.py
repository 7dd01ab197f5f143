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
from typing import Any

import numpy as np

from harness.axes import NUMBERS, crossed, design
from harness.components import format_value
from harness.errors import HarnessError, did_you_mean
from harness.metrics import Measurement
from harness.quantities import Declarations
from harness.results import statistics
from harness.results.document import SCHEMA_VERSION
from harness.results.effects import Observation, effects
from harness.results.labels import Labels, labels

COORDINATES = (*design(), *NUMBERS)
"""What tells the combinations of a target apart, as fields of a row."""

RELATIVE_ROUNDING, ABSOLUTE_ROUNDING = 1e-9, 1e-12
"""What a value may be above a bound by rounding: relative, and in nats where both cancel to 0."""


@dataclass(frozen=True)
class Outcome:
    """One combination with everything that was measured on it.

    Attributes:
        components: for each axis that combinations cross, the target's first, the component as a dictionary with
            "name", "params", "distribution", "version" and "digest".
        steps: steps of the grid.
        nfe: evaluations of the network a sample; None where none was made.
        train_steps: optimisation steps of the network; 0 for an oracle.
        sigma_max: first level of the grid.
        compute: evaluations of the network in training and sampling; None for an oracle.
        training_share: the share of them that training took.
        seeds: the seeds, in the order of the measurements.
        status: "ok" or "failed".
        reason: why it failed.
        measurements: for each metric one measurement a seed, None where there is no value.
        budget: means over seeds of the terms of the exact budget, where there is one.
        bounds: each bound; None where it does not apply.
        seconds: what each stage took.
        score_split: the score error of a trained network, split (`harness.results.score_split.combine`).
    """

    components: Mapping[str, Mapping[str, Any]]
    steps: int
    nfe: int | None
    train_steps: int
    sigma_max: float
    compute: int | None
    training_share: float | None
    seeds: tuple[int, ...]
    status: str
    reason: str | None
    measurements: Mapping[str, Sequence[Measurement | None]]
    budget: Mapping[str, float] | None
    bounds: Mapping[str, float | None]
    seconds: Mapping[str, float]
    score_split: Mapping[str, Any] | None = None

    @property
    def target(self) -> str:
        """Key of the target."""
        return _key(self.components["target"])

    @property
    def network(self) -> tuple[str, str, int]:
        """What trained (or stands for) the network: rows that agree in it share its noise."""
        return _key(self.components["weighting"]), _key(self.components["network"]), self.train_steps

    def measured(self, metric: str) -> dict[int, Measurement]:
        """Return a metric's finite measurements by seed."""
        found = zip(self.seeds, self.measurements.get(metric, ()), strict=False)
        return {seed: m for seed, m in found if m is not None and math.isfinite(m.value)}

    def sort_key(self) -> tuple[str, ...]:
        """Return what orders outcomes whatever order they come in."""
        names = tuple(_key(self.components[axis]) for axis in crossed())
        return (*names, f"{self.sigma_max:024.12f}", f"{self.steps:09d}", f"{self.train_steps:09d}")


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
    calibration: Sequence[Mapping[str, Any]],
    declared: Declarations,
) -> dict[str, Any]:
    """Return the leaderboard document (`harness.results.leaderboard`).

    Arguments:
        outcomes: every combination, failed ones included.
        suite: name of the suite.
        metric: the metric that ranks.
        environment: what besides the components could change a number.
        calibration: entries with "target" (a digest or a label), "metric", "value", "low", "high".
        declared: what the metrics measure and the bounds limit.

    Raises:
        HarnessError: nothing was measured by that metric.
    """
    _require_metric(outcomes, metric)
    ordered = sorted(outcomes, key=Outcome.sort_key)
    named = labels([outcome.components for outcome in ordered])
    sections: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in ordered:
        sections[outcome.target].append(outcome)
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "suite": suite,
        "metric": metric,
        "environment": dict(environment),
        "declared": declared.model_dump(mode="json"),
        "calibration": [_calibration(entry, ordered, named) for entry in calibration],
        "agreement": [],
        "effects": [],
        "rows": [],
    }
    for section in sections.values():
        document["agreement"] += _agreement(section, metric, named, declared)
        document["effects"] += _effects(section, metric, named)
        placed = zip(_places(section, metric), section, strict=True)
        # Stable: equal ranks stay in the order of their components.
        document["rows"] += [_row(o, p, declared) for p, o in sorted(placed, key=lambda entry: _standing(*entry))]
    return document


def _key(component: Mapping[str, Any]) -> str:
    return json.dumps([component["name"], component["params"], component["digest"]], sort_keys=True)


def _require_metric(outcomes: Iterable[Outcome], metric: str) -> None:
    known = {name for outcome in outcomes for name in outcome.measurements}
    if known and metric not in known:
        raise HarnessError(f"no metric {metric!r} was measured; {did_you_mean(metric, known)}")


def _standing(place: _Place, outcome: Outcome) -> tuple[int, bool]:
    return place.rank, outcome.status != "ok"


# Ranks


def _places(section: Sequence[Outcome], metric: str) -> list[_Place]:
    """Return the place of each outcome of one target."""
    found = [o.measured(metric) if o.status == "ok" else {} for o in section]
    ranked = [i for i, measured in enumerate(found) if measured]
    last = _Place(len(ranked) + 1, len(ranked) + 1, len(section))
    places = [last] * len(section)
    if not ranked:
        return places
    seeds = sorted({seed for measured in found for seed in measured})
    values = _matrix([found[i] for i in ranked], seeds, lambda m: m.value)
    errors = _matrix([found[i] for i in ranked], seeds, lambda m: m.standard_error)
    sets = statistics.rank_sets(values, errors, [section[i].network for i in ranked])
    for row, i in enumerate(ranked):
        places[i] = _Place(int(sets.rank[row]), int(sets.low[row]), int(sets.high[row]))
    return places


def _matrix(
    measured: Sequence[Mapping[int, Measurement]], seeds: Sequence[int], read: Callable[[Measurement], float]
) -> np.ndarray:
    return np.array([[read(row[seed]) if seed in row else np.nan for seed in seeds] for row in measured])


# Rows


def _row(outcome: Outcome, place: _Place, declared: Declarations) -> dict[str, Any]:
    metrics = {name: _metric(outcome, name) for name in sorted(outcome.measurements) if outcome.measured(name)}
    bounds = {name: _number(value) for name, value in sorted(outcome.bounds.items())}
    return {
        "rank": place.rank,
        "rank_low": place.low,
        "rank_high": place.high,
        **{axis: dict(outcome.components[axis]) for axis in crossed()},
        "steps": outcome.steps,
        "nfe": outcome.nfe or 0,
        "train_steps": outcome.train_steps,
        "sigma_max": outcome.sigma_max,
        "compute": outcome.compute,
        "training_share": outcome.training_share,
        "status": outcome.status,
        "reason": outcome.reason,
        "metrics": metrics,
        "budget": None if outcome.budget is None else dict(outcome.budget),
        "score_split": None if outcome.score_split is None else dict(outcome.score_split),
        "bounds": bounds,
        "violations": _violations(metrics, bounds, declared),
        "seconds": dict(outcome.seconds),
    }


def _metric(outcome: Outcome, name: str) -> dict[str, Any]:
    measured = list(outcome.measured(name).values())
    value, low, high = statistics.mean_interval(measured)
    return {"value": value, "low": _number(low), "high": _number(high), "n_seeds": len(measured)}


def _number(value: float | None) -> float | None:
    """JSON knows no NaN and no infinity."""
    return float(value) if value is not None and math.isfinite(value) else None


def _violations(
    metrics: Mapping[str, Any], bounds: Mapping[str, float | None], declared: Declarations
) -> list[dict[str, Any]]:
    """Return where a measured value is above a bound on it by more than its interval.

    Not where the bound is what the metric measures, by definition.
    """
    found = []
    for name, metric in metrics.items():
        for bound, limit in bounds.items():
            tested = declared.limits(bound, name) and not declared.same(bound, name)
            if not tested or limit is None or metric["low"] is None:
                continue
            if metric["low"] > limit + RELATIVE_ROUNDING * abs(limit) + ABSOLUTE_ROUNDING:
                found.append(
                    {
                        "bound": bound,
                        "metric": name,
                        "value": metric["value"],
                        "low": metric["low"],
                        "bound_value": limit,
                    }
                )
    return found


# Beside the rows


def _calibration(entry: Mapping[str, Any], outcomes: Sequence[Outcome], named: Labels) -> dict[str, Any]:
    """Return an entry with its target's digest replaced by the label."""
    targets = (outcome.components["target"] for outcome in outcomes)
    target = next((named("target", t) for t in targets if t["digest"] == entry["target"]), entry["target"])
    limits = {key: _number(entry[key]) for key in ("value", "low", "high")}
    return {"target": target, "metric": entry["metric"], **limits}


def _agreement(section: Sequence[Outcome], metric: str, named: Labels, declared: Declarations) -> list[dict[str, Any]]:
    """Return Kendall's τ of each bound with the metric, over the outcomes that have both.

    Bounds on divergences order designs; one on anything else, a training loss, only what it limits.
    """
    found = []
    bounds = sorted({name for outcome in section for name in outcome.bounds})
    for bound in (b for b in bounds if declared.bounds_divergence(b) or declared.limits(b, metric)):
        pairs = []
        for outcome in section:
            limit, measured = _number(outcome.bounds.get(bound)), list(outcome.measured(metric).values())
            if outcome.status == "ok" and limit is not None and measured:
                pairs.append((limit, statistics.mean_interval(measured)[0]))
        tau = statistics.kendall(*np.array(pairs).T) if pairs else None
        found.append(
            {
                "target": named("target", section[0].components["target"]),
                "bound": bound,
                "kendall_tau": tau.value if tau else None,
                "low": tau.low if tau else None,
                "high": tau.high if tau else None,
                "n": len(pairs),
            }
        )
    return found


def _effects(section: Sequence[Outcome], metric: str, named: Labels) -> list[dict[str, Any]]:
    """Return the effect of each choice of each axis on the metric."""
    observations = [_observation(outcome, metric, named) for outcome in section]
    return [
        {
            "target": named("target", section[0].components["target"]),
            "axis": axis,
            "choice": str(effect.choice),
            "factor": effect.factor.value,
            "low": effect.factor.low,
            "high": effect.factor.high,
            "contexts": effect.contexts,
            "skipped": effect.skipped,
        }
        for axis in COORDINATES
        for effect in effects(observations, axis)
    ]


def _observation(outcome: Outcome, metric: str, named: Labels) -> Observation:
    coordinates = {axis: named(axis, outcome.components[axis]) for axis in design()}
    measured = outcome.measured(metric) if outcome.status == "ok" else {}
    values = {seed: measured[seed].value if seed in measured else None for seed in outcome.seeds}
    numbers = {"sigma_max": format_value(outcome.sigma_max), "steps": outcome.steps, "train_steps": outcome.train_steps}
    return Observation({**coordinates, **numbers}, values)
