"""The columns of a leaderboard's tables."""

from __future__ import annotations

from collections.abc import Sequence

from harness.results.leaderboard import Leaderboard, Row
from harness.results.sections import HEADERS, Section, bounds_of, divergence_of, metrics_of, ratio
from harness.views.column import BOUND, ESSENTIAL, EVALUATIONS, FURTHER, OTHER_BOUNDS, Column
from harness.views.digits import optional, quantity


def build(board: Leaderboard, section: Section, rows: Sequence[Row]) -> list[Column]:
    """Return the columns of a section's table for some of its finished rows.

    What is constant, and what none of these rows has a value of, has none.
    """
    columns = _naming_columns(section, rows)
    if len({row.nfe for row in section.ranked}) > 1:
        columns.append(Column("NFE", tuple(str(row.nfe) for row in rows), EVALUATIONS))
    if len({row.compute for row in section.ranked}) > 1:
        columns.append(Column("compute", tuple(optional(row.compute) for row in rows), EVALUATIONS))
    for metric in metrics_of(board, rows):
        worth = ESSENTIAL if metric == board.metric else FURTHER
        columns.append(Column(metric, tuple(_measured(row, metric) for row in rows), worth))
    return columns + _bound_columns(board, section, rows)


def build_budgets(board: Leaderboard, section: Section, rows: Sequence[Row]) -> list[Column]:
    """Return the columns of a table of exact budgets, term by term, for rows that have one."""
    columns = _naming_columns(section, rows)
    divergence = divergence_of(board, rows)
    if divergence is not None and board.declared.quantity(divergence) == "marginal-kl":
        columns.append(Column(divergence, tuple(_measured(row, divergence) for row in rows), FURTHER))
    budgets = [row.budget for row in rows if row.budget]
    for term in ("initialization", "score", "discretization", "variance", "total"):
        columns.append(Column(term, tuple(optional(getattr(budget, term)) for budget in budgets), BOUND))
    known = [bound for bound in bounds_of(rows) if board.declared.bounds_divergence(bound)]
    others = [bound for bound in known if not board.declared.is_path_divergence(bound)]
    return columns + [Column(b, tuple(optional(row.bounds.get(b)) for row in rows), OTHER_BOUNDS) for b in others]


def _naming_columns(section: Section, rows: Sequence[Row]) -> list[Column]:
    constant = section.constants()
    named = [(header, field) for field, header in HEADERS.items() if field not in constant]
    columns = [Column(h, tuple(section.names[id(row)][f] for row in rows), naming=True) for h, f in named]
    return [Column("rank", tuple(map(_rank, rows))), *columns]


def _bound_columns(board: Leaderboard, section: Section, rows: Sequence[Row]) -> list[Column]:
    bounds = bounds_of(rows)
    columns = []
    if not any(map(board.declared.is_path_divergence, bounds)) and any(row.budget for row in rows):
        totals = [row.budget.total if row.budget else None for row in rows]
        columns.append(Column("path KL", tuple(map(optional, totals)), BOUND))
    for bound in bounds:
        worth = OTHER_BOUNDS if columns else BOUND
        columns.append(Column(bound, tuple(optional(row.bounds.get(bound)) for row in rows), worth))
    metric = divergence_of(board, rows)
    ratios = [ratio(row, metric, board.declared) for row in rows]
    if any(found is not None for found in ratios):
        columns.append(Column(f"bound/{metric}", tuple(map(optional, ratios)), BOUND))
    if section.violations:
        columns.append(Column("!", tuple("!" if row.violations else "" for row in rows)))
    return columns


def _rank(row: Row) -> str:
    alone = row.rank_low == row.rank_high
    return str(row.rank) if alone else f"{row.rank} ({row.rank_low}–{row.rank_high})"


def _measured(row: Row, metric: str) -> str:
    entry = row.metrics.get(metric)
    return "n/a" if entry is None else quantity(entry.value, entry.low, entry.high)
