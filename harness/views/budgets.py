"""The budget view: the exact path divergence of every row that has one, term by term.

Of the terms (`harness.budget`) E_I is the initialisation, E_S the score error, E_D the discretization, and
E_V what another variance than the exponential integrator's adds; it may be negative. Their total bounds the
marginal divergence `kl`, which is shown beside it. Of a trained network follows the split of its score error
(`harness.results.score_split`): E_S(max), the form of Theorem 3, is never below E_S and the sum of four terms. Rows
keep the order of the leaderboard.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from harness.results.budgets import BudgetRow, budgets
from harness.results.document import LeaderboardError
from harness.results.leaderboard import Leaderboard, Row, Term
from harness.results.sections import HEADERS, Section, metrics_of, sections
from harness.views.column import BOUND, FURTHER, Column
from harness.views.digits import number, quantity
from harness.views.page import Block, Listing, Page, Paragraph, Table, markdown, printable
from harness.views.page import Section as PageSection
from harness.views.tables import FORMATS, TOP
from harness.views.terminal import break_lines, fit, text_table

TERMS = {
    "E_I": "initialization",
    "E_S": "score",
    "E_D": "discretization",
    "E_V": "variance",
    "total": "total",
}
"""The terms as theory calls them, and as fields of a row's budget."""

SPLIT = {
    "E_S(max)": "score_max",
    "ε_train": "training",
    "ε_n": "statistical",
    "ε_est": "estimation",
    "ε_approx": "approximation",
}
"""The split of the score error as theory calls it, and as fields of a row's split."""

_SCARCE = {"ε_n", "ε_est"}
"""Columns that go first where there is little room: they are 0 in ordinary training."""

MEANING = (
    "Path divergence in nats: initialisation E_I, score error E_S, discretization E_D, and what the kernel's "
    "variance adds, E_V; the total bounds kl"
)

SPLIT_MEANING = (
    "Of trained networks the score error as Theorem 3 bounds it, E_S ≤ E_S(max) = max_j Δ_j/(β_j u_j) · (L − L*) "
    "= ε_train + ε_n + ε_est + ε_approx: what longer training would gain, what fresh data cost more than the data "
    "trained on, what that costs the best network, and what the best network at hand of this architecture lacks to "
    "the exact score"
)

FRESH = "ε_n and ε_est are 0 where every step draws fresh noise: what is minimised then is the loss on fresh data"


def render_budgets(board: Leaderboard, format: str, *, top: int | None = None, width: int | None = None) -> str:
    """Return the budgets of a leaderboard in a format, with a newline at the end.

    Arguments:
        board: the leaderboard.
        format: `table` (a terminal), `markdown`, `csv` (a flat row a combination), `json` (`Budgets`).
        top: the rows of each target to show, best first; 0 is all. None: 20 in a table, else all.
        width: the columns of the terminal; None is no limit. Only a table heeds it.

    Raises:
        LeaderboardError: the format is unknown, or `top` is asked of `json`.
    """
    if format == "json":
        if top:
            raise LeaderboardError("json is always the whole document; top applies to table, markdown, csv")
        return budgets(board).to_json()
    if format == "csv":
        return _csv(board, top or None)
    if format == "markdown":
        return _markdown(board, top or None)
    if format == "table":
        return _text(board, (TOP if top is None else top) or None, width)
    raise LeaderboardError(f"no format {format!r}; known: {', '.join(FORMATS)}")


def meanings(board: Leaderboard) -> list[str]:
    """Return the sentences, without their full stops, that say what the columns of a leaderboard's budgets are."""
    splits = [row.score_split for row in board.rows if row.score_split]
    fresh = any(split.objective == "fresh" for split in splits)
    return [MEANING, *([SPLIT_MEANING] if splits else []), *([FRESH] if fresh else [])]


def budget_rows(section: Section) -> list[Row]:
    """Return the rows of a section that have a budget, best first."""
    return [row for row in section.ranked if row.budget]


def _parts(board: Leaderboard) -> Iterator[tuple[Section, list[str], list[Row]]]:
    """Yield each target's section, what is said above its table, and its rows."""
    for section in sections(board):
        rows = budget_rows(section)
        notes = [f"{len(rows)} of {len(section.ranked)} combinations have a budget"]
        common = section.common()
        if common:
            notes.append("same in every row: " + " · ".join(common))
        yield section, notes, rows


def budget_columns(
    board: Leaderboard, section: Section, rows: Sequence[Row], *, intervals: bool = True
) -> list[Column]:
    """Return the columns of a table of budgets, for rows that have one.

    Arguments:
        board: the leaderboard.
        section: of one target.
        rows: some of its rows.
        intervals: whether the terms that have an interval show it.
    """
    constant = section.constants()
    columns = [Column("rank", tuple(str(row.rank) for row in rows))]
    for field, header in HEADERS.items():
        if field not in constant:
            columns.append(Column(header, tuple(section.names[id(row)][field] for row in rows), naming=True))
    for header, term in TERMS.items():
        columns.append(Column(header, tuple(_term(row, term, intervals) for row in rows)))
    for metric in filter(board.declared.is_divergence, metrics_of(board, section.ranked)):
        if any(metric in row.metrics for row in rows):
            worth = FURTHER if board.declared.quantity(metric) == "path-kl" else BOUND
            columns.append(Column(metric, tuple(_measured(row, metric) for row in rows), worth))
    if any(row.score_split for row in rows):
        for header, term in SPLIT.items():
            cells = tuple(_split_term(row, term, intervals) for row in rows)
            columns.append(Column(header, cells, FURTHER if header in _SCARCE else BOUND))
    return columns


def _fitted(board: Leaderboard, section: Section, rows: Sequence[Row], width: int | None) -> list[Column]:
    """Return the columns fit to a width: with intervals where no column must go for them."""
    told, plain = (fit(budget_columns(board, section, rows, intervals=i), width) for i in (True, False))
    return told if {c.header for c in told} == {c.header for c in plain} else plain


def _term(row: Row, term: str, intervals: bool) -> str:
    """Return a term for eyes: what is left of terms that cancel is rounding, and shown as 0."""
    terms = row.budget.model_dump() if row.budget else {}
    rounding = 1e-12 * max(map(abs, terms.values()))
    if term == "score" and row.score_split and intervals:
        return _split_term(row, "score_exact", intervals)
    return number(terms[term] if abs(terms[term]) > rounding else 0.0)


def _split_term(row: Row, term: str, intervals: bool) -> str:
    if row.score_split is None:
        return "n/a"
    found: Term = getattr(row.score_split, term)
    if found.value == 0 and found.low == found.high:
        return "0"
    return quantity(found.value, found.low, found.high) if intervals else number(found.value)


def _measured(row: Row, metric: str) -> str:
    found = row.metrics.get(metric)
    return "n/a" if found is None else quantity(found.value, found.low, found.high)


def _markdown(board: Leaderboard, top: int | None) -> str:
    parts: list[Block] = [Paragraph([". ".join(meanings(board)) + "."])]
    for section, notes, rows in _parts(board):
        blocks: list[Block] = [Listing([[line] for line in notes])]
        blocks += [Table(budget_columns(board, section, rows[:top]))] if rows else []
        blocks += [Paragraph([f"{len(rows[top:])} more."])] if top and rows[top:] else []
        parts.append(PageSection([section.target], blocks))
    return markdown(Page([f"Budgets of {board.suite}"], parts))


def _text(board: Leaderboard, top: int | None, width: int | None) -> str:
    blocks = ["\n".join(break_lines([f"{board.suite}: {'. '.join(meanings(board))}."], width))]
    for section, notes, rows in _parts(board):
        head = break_lines([section.target + ":", *("  " + line for line in notes)], width)
        body = ["", *text_table(_fitted(board, section, rows[:top], width))] if rows else []
        more = [f"… {len(rows[top:])} more; --top 0 shows all"] if top and rows[top:] else []
        blocks.append("\n".join([*head, *body, *more]))
    return printable("\n\n".join(blocks)) + "\n"


def _csv(board: Leaderboard, top: int | None) -> str:
    flat, shown = list[dict[str, Any]](), dict[str, int]()
    for row in budgets(board).rows:
        shown[row.target] = shown.get(row.target, 0) + 1
        if top and shown[row.target] > top:
            continue
        fields = row.model_dump(mode="json")
        terms, metrics, split = fields.pop("budget"), fields.pop("metrics"), fields.pop("score_split") or {}
        named = {header: terms[term] for header, term in TERMS.items()}
        named |= {"objective": split["objective"]} if split else {}
        for header, term in SPLIT.items():
            named |= {f"{header}.{key}": value for key, value in split.get(term, {}).items()}
        measured = {f"{name}.{key}": v for name, entry in metrics.items() for key, v in entry.items()}
        flat.append({**fields, **named, **measured})
    names = [field for field in BudgetRow.model_fields if field not in ("budget", "metrics", "score_split")]
    columns = dict.fromkeys([*names, *TERMS, *(key for row in flat for key in row)])
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue()
