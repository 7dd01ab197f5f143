"""Ranking bounds: from a leaderboard document to the one in which the bounds compete.

On each target every bound is compared with one measured metric that it limits: one of the marginal divergence where
any row has it, else another: of the path divergence (a bound that is that divergence has ratio 1 by definition), of a
Wasserstein distance, and so on. Where no metric of the path divergence was measured, the total of the row's budget
stands for it (`PATH`). What counts, in this order:

- validity: rows in which a measured value is above the bound by more than its interval. Must be 0.
- tightness: bound over measured value, median and quartiles over the rows that have both.
- order: Kendall's τ between the order by the bound and the measured order. It does not rank.

A bound is compared where it applies, and bounds apply to different rows: `tightest` counts the rows in which
no other bound on the same metric is smaller.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np

from harness.axes import taken_by
from harness.quantities import Declarations, Measured
from harness.results.bounds import BoundOnTarget, BoundsBoard, Order, Standing, Tightness
from harness.results.leaderboard import Leaderboard, Row
from harness.results.sections import TargetSection, sections
from harness.results.statistics.kendall import kendall, several

Scored = TypeVar("Scored", BoundOnTarget, Standing)

PATH = "path divergence"
"""What the total of a row's budget is called beside the metrics: no component can have a name with a space."""

ROUNDING = 1e-9
"""Relative distance within which two bounds tie for the tightest."""

Comparison = tuple[float, float]
"""A bound and the measured value that it limits."""


def rank_bounds(board: Leaderboard) -> BoundsBoard:
    """Return the document in which the bounds of a leaderboard compete."""
    names, declared = sorted({name for row in board.rows for name in row.bounds}), with_budgets(board.declared)
    entries: list[BoundOnTarget] = []
    compared: dict[str, list[Comparison]] = {name: [] for name in names}
    for section in sections(board):
        made = []
        for name in names:
            metric = compared_metric(section, name, declared)
            pairs = comparisons(section.finished, name, metric, declared)
            compared[name] += pairs
            made.append(_entry(section, name, metric, pairs, declared))
        entries += _ranked(made)
    standings = [_standing(name, [e for e in entries if e.bound == name], compared[name], declared) for name in names]
    return BoundsBoard(
        schema_version=2,
        suite=board.suite,
        command=board.command,
        environment=dict(board.environment),
        bounds=_ranked(standings),
        entries=entries,
    )


def with_budgets(declared: Declarations) -> Declarations:
    """Return what is declared, and that the total of a budget is the path divergence."""
    return declared.model_copy(update={"metrics": {**declared.metrics, PATH: Measured(quantity="path-kl")}})


def compared_metric(section: TargetSection, bound: str, declared: Declarations) -> str | None:
    """Return the metric with which a bound is compared on a target, a marginal one first; None where there is none."""
    found = dict.fromkeys(name for row in section.finished for name in row.metrics if declared.limits(bound, name))
    if declared.limits(bound, PATH) and any(row.budget for row in section.finished):
        found[PATH] = None
    return min(found, key=lambda name: declared.quantity(name) != "marginal-kl", default=None)


def comparisons(rows: Sequence[Row], bound: str, metric: str | None, declared: Declarations) -> list[Comparison]:
    """Return the bound and the measured value of each row that has both; of a training, of each network."""
    if metric is None:
        return []
    found = ((row.bounds.get(bound), _measured(row, metric, declared)) for row in rows)
    pairs = [(limit, value) for limit, value in found if limit is not None and value is not None]
    # However a network is sampled, its training is the same: one comparison, not one a row.
    return list(dict.fromkeys(pairs)) if declared.quantity(metric) == "training-loss" else pairs


def _measured(row: Row, metric: str, declared: Declarations) -> float | None:
    if metric in row.metrics:
        return row.metrics[metric].value
    path = declared.is_divergence(metric) and declared.quantity(metric) == "path-kl"
    return row.budget.total if row.budget and path else None


def _entry(
    section: TargetSection, bound: str, metric: str | None, pairs: Sequence[Comparison], declared: Declarations
) -> BoundOnTarget:
    rows = [row for row in section.finished if row.bounds.get(bound) is not None]
    return BoundOnTarget(
        bound=bound,
        rank=1,
        rows=len(section.finished),
        applies=len(rows),
        violations=sum(any(v.bound == bound for v in row.violations) for row in rows),
        tightest=sum(_is_tightest(row, bound, metric, declared) for row in rows) if metric else 0,
        tightness=_tightness(pairs),
        target=section.target,
        metric=metric,
        order=_order(pairs, compared_rows(section.finished, bound, metric, declared)),
    )


def _standing(
    bound: str, entries: Sequence[BoundOnTarget], pairs: Sequence[Comparison], declared: Declarations
) -> Standing:
    below_path = [entry for entry in entries if entry.metric and declared.quantity(entry.metric) != "path-kl"]
    taus = [entry.order.kendall_tau for entry in below_path]
    known = [tau for tau in taus if tau is not None]
    return Standing(
        bound=bound,
        rank=1,
        rows=sum(entry.rows for entry in entries),
        applies=sum(entry.applies for entry in entries),
        violations=sum(entry.violations for entry in entries),
        tightest=sum(entry.tightest for entry in entries),
        tightness=_tightness(pairs),
        targets=sum(entry.applies > 0 for entry in entries),
        kendall_tau=float(np.mean(known)) if known else None,
    )


def _is_tightest(row: Row, bound: str, metric: str, declared: Declarations) -> bool:
    """Whether no other bound on the same metric is smaller."""
    own = row.bounds[bound]
    others = [value for name, value in row.bounds.items() if value is not None and declared.limits(name, metric)]
    return own is not None and own <= min(others) * (1 + ROUNDING)


def _tightness(pairs: Sequence[Comparison]) -> Tightness | None:
    """Quartiles of bound over measured value; where either is 0, but for rounding, there is no ratio."""
    ratios = [limit / value for limit, value in pairs if min(limit, value) > 0 and math.isfinite(limit / value)]
    if not ratios:
        return None
    lower, median, upper = (float(q) for q in np.quantile(ratios, (0.25, 0.5, 0.75)))
    return Tightness(lower_quartile=lower, median=median, upper_quartile=upper, n=len(ratios))


def compared_rows(rows: Sequence[Row], bound: str, metric: str | None, declared: Declarations) -> list[Row] | None:
    """Return the row of each comparison; None where each is of a training, which many rows may share."""
    if metric is None or declared.quantity(metric) == "training-loss":
        return None
    return [row for row in rows if row.bounds.get(bound) is not None and _measured(row, metric, declared) is not None]


def _shared(row: Row) -> Hashable:
    """Return what is equal for rows whose errors are not independent: the training, or of oracles the grid."""
    if row.train_steps:
        return (*(row.component(axis).key for axis in taken_by("training")), row.train_steps)
    return row.component("network").key, _grid(row)


def _grid(row: Row) -> Hashable:
    return (*(row.component(axis).key for axis in taken_by("grid")), row.steps, row.sigma_max)


def _order(pairs: Sequence[Comparison], rows: Sequence[Row] | None) -> Order:
    bounds, values = np.array(pairs).reshape(-1, 2).T
    groupings = () if rows is None else ([_shared(row) for row in rows], several([_grid(row) for row in rows]))
    tau = kendall(bounds, values, *groupings)
    if tau is None:
        return Order(kendall_tau=None, low=None, high=None, n=len(pairs))
    return Order(kendall_tau=tau.value, low=tau.low, high=tau.high, n=tau.n)


def _ranked(scores: Sequence[Scored]) -> list[Scored]:
    """Give ranks by validity, then median tightness, and sort by them; bounds of equal score by name."""
    ranks = [1 + sum(other.score < each.score for other in scores) for each in scores]
    placed = [each.model_copy(update={"rank": rank}) for each, rank in zip(scores, ranks, strict=True)]
    return sorted(placed, key=lambda each: (each.rank, each.bound))
