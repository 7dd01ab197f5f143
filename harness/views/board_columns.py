"""The columns of a leaderboard's tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.axes import NUMBERS
from harness.results.leaderboard import Leaderboard, Row, Term
from harness.results.sections import HEADERS, TargetSection, bounds_of, divergence_of, metrics_of, ratio
from harness.results.terms import BUDGET, SCORE_MAX, SPLIT, TOTAL, TermName
from harness.views.column import Column
from harness.views.digits import number, optional, with_interval
from harness.views.terminal import Drop

COUNTS = tuple(name for name, number in NUMBERS.items() if number.counted)
"""Fields whose value needs its noun in a phrase: 18 steps."""

ZERO = ("statistical", "estimation")
"""Terms of the split that are 0 in ordinary training: their columns go first where there is little room."""


def build(board: Leaderboard, section: TargetSection, rows: Sequence[Row]) -> list[Column]:
    """Return the columns of a section's table for some of its finished rows.

    What is constant, and what none of these rows has a value of, has none.
    """
    columns = _naming_columns(section, rows, _ranks(section))
    if len({row.nfe for row in section.finished}) > 1:
        columns.append(Column("NFE", tuple(str(row.nfe) for row in rows), Drop.EVALUATIONS))
    if len({row.compute for row in section.finished}) > 1:
        columns.append(Column("compute", tuple(optional(row.compute) for row in rows), Drop.EVALUATIONS))
    for metric in metrics_of(section, rows):
        order = None if metric == section.metric else Drop.FURTHER
        columns.append(Column(metric, tuple(_measured(row, metric) for row in rows), order))
    if copying := {id(row) for row in section.copying(board.declared)}:
        columns.append(Column("c", tuple("c" if id(row) in copying else "" for row in rows)))
    return columns + _bound_columns(board, section, rows)


def build_budgets(
    board: Leaderboard, section: TargetSection, rows: Sequence[Row], *, symbols: bool = False
) -> list[Column]:
    """Return the columns of a short table of budgets, for rows that have one.

    Arguments:
        board: the leaderboard.
        section: of one target.
        rows: some of its rows.
        symbols: whether terms are headed by their symbols, which take less room than words.
    """
    columns = _naming_columns(section, rows, _ranks(section))
    divergence = divergence_of(board.declared, rows, [section.metric])
    if divergence is not None and board.declared.quantity(divergence) == "marginal-kl":
        columns.append(Column(divergence, tuple(_measured(row, divergence) for row in rows), Drop.FURTHER))
    for term in (*BUDGET, TOTAL):
        order = None if term is TOTAL else Drop.BOUND
        head = term.symbol if symbols else term.field
        columns.append(Column(head, tuple(_term(row, term, False) for row in rows), order))
    known = [bound for bound in bounds_of(rows) if board.declared.bounds_divergence(bound)]
    others = [bound for bound in known if not board.declared.is_path_divergence(bound)]
    return columns + [Column(b, tuple(optional(row.bounds.get(b)) for row in rows), Drop.OTHER_BOUNDS) for b in others]


def budget_columns(
    board: Leaderboard, section: TargetSection, rows: Sequence[Row], *, intervals: bool = True
) -> list[Column]:
    """Return the columns of the whole table of budgets, its terms as symbols, for rows that have one.

    Arguments:
        board: the leaderboard.
        section: of one target.
        rows: some of its rows.
        intervals: whether the terms that have an interval show it.
    """
    columns = _naming_columns(section, rows, lambda row: str(row.rank))
    for term in (*BUDGET, TOTAL):
        columns.append(Column(term.symbol, tuple(_term(row, term, intervals) for row in rows)))
    for metric in filter(board.declared.is_divergence, metrics_of(section, section.finished)):
        if any(metric in row.metrics for row in rows):
            order = Drop.FURTHER if board.declared.quantity(metric) == "path-kl" else Drop.BOUND
            columns.append(Column(metric, tuple(_measured(row, metric) for row in rows), order))
    if any(row.score_split for row in rows):
        for term in (SCORE_MAX, *SPLIT):
            cells = tuple(_split_term(row, term.field, intervals) for row in rows)
            columns.append(Column(term.symbol, cells, Drop.FURTHER if term.field in ZERO else Drop.BOUND))
    return columns


def _naming_columns(section: TargetSection, rows: Sequence[Row], rank: Callable[[Row], str]) -> list[Column]:
    constant = section.constants()
    named = [(HEADERS[field], field) for field in section.fields if field not in constant]
    names = {field: tuple(section.all_names_of(row)[field] for row in rows) for _, field in named}
    columns = [Column(header, names[field], naming=True, noun=field in COUNTS) for header, field in named]
    return [Column("rank", tuple(map(rank, rows))), *columns]


def _bound_columns(board: Leaderboard, section: TargetSection, rows: Sequence[Row]) -> list[Column]:
    bounds = bounds_of(rows)
    columns = []
    if not any(map(board.declared.is_path_divergence, bounds)) and any(row.budget for row in rows):
        totals = [row.budget.total if row.budget else None for row in rows]
        columns.append(Column("path KL", tuple(map(optional, totals)), Drop.BOUND))
    for bound in bounds:
        order = Drop.OTHER_BOUNDS if columns else Drop.BOUND
        columns.append(Column(bound, tuple(optional(row.bounds.get(bound)) for row in rows), order))
    metric = divergence_of(board.declared, rows, [section.metric])
    ratios = [ratio(row, metric, board.declared) for row in rows]
    if any(found is not None for found in ratios):
        columns.append(Column(f"bound/{metric}", tuple(map(optional, ratios)), Drop.BOUND))
    if section.violations:
        columns.append(Column("!", tuple("!" if row.violations else "" for row in rows)))
    return columns


def _ranks(section: TargetSection) -> Callable[[Row], str]:
    """Return how a rank is written: of a row without the ranking metric there is none."""

    def rank(row: Row) -> str:
        if section.metric not in row.metrics:
            return "n/a"
        alone = row.rank_low == row.rank_high
        return str(row.rank) if alone else f"{row.rank} ({row.rank_low}–{row.rank_high})"

    return rank


def _measured(row: Row, metric: str) -> str:
    entry = row.metrics.get(metric)
    return "n/a" if entry is None else with_interval(entry.value, entry.low, entry.high)


def _term(row: Row, term: TermName, intervals: bool) -> str:
    """Return a term of a budget for eyes: what is left of terms that cancel is rounding, and shown as 0."""
    if row.budget is None:
        return "n/a"
    if term.field == "score" and row.score_split and intervals:
        return _split_term(row, "score_exact", intervals)
    terms = row.budget.model_dump()
    rounding = 1e-12 * max(map(abs, terms.values()))
    return number(terms[term.field] if abs(terms[term.field]) > rounding else 0.0)


def _split_term(row: Row, field: str, intervals: bool) -> str:
    if row.score_split is None:
        return "n/a"
    found: Term = getattr(row.score_split, field)
    if found.value == 0 and found.low == found.high:
        return "0"
    return with_interval(found.value, found.low, found.high) if intervals else number(found.value)
