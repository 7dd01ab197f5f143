"""The budget view: the exact path divergence of every row that has one, term by term (`harness.results.terms`).

The total bounds the marginal divergence, which is shown beside it. Of a trained network follows the split of its score
error (`harness.results.score_split`): E_S(max), the form of Theorem 3, is never below E_S and the sum of four terms.
Rows keep the order of the leaderboard.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from harness.results.budgets import BudgetRow, budgets
from harness.results.leaderboard import Leaderboard, Row
from harness.results.sections import TargetSection, sections
from harness.results.terms import BUDGET, SCORE_MAX, SPLIT, TOTAL
from harness.views import formats
from harness.views.board_columns import budget_columns
from harness.views.column import Column
from harness.views.formats import View
from harness.views.page import Block, Listing, Page, Paragraph, Section, Table
from harness.views.terminal import break_lines, fitted, left_out

MEANING = (
    f"Path divergence in nats: {', '.join(f'{term.words} {term.symbol}' for term in BUDGET[:-1])}, and "
    f"{BUDGET[-1].words}, {BUDGET[-1].symbol}; the total bounds {{measured}}"
)
"""`{measured}` is the marginal divergence, by the name of what measured it."""

SPLIT_MEANING = (
    f"Of trained networks {SCORE_MAX.words}, E_S ≤ {SCORE_MAX.symbol} = max_j Δ_j/(β_j u_j) · (L − L*) "
    f"= {' + '.join(term.symbol for term in SPLIT)}: {', '.join(term.words for term in SPLIT[:-1])}, and "
    f"{SPLIT[-1].words}"
)

FRESH = "ε_n and ε_est are 0 where every step draws fresh noise: what is minimised then is the loss on fresh data"


def render_budgets(board: Leaderboard, form: str, *, top: int | None = None, width: int | None = None) -> str:
    """Return the budgets of a leaderboard in a format, with a newline at the end.

    Arguments:
        board: the leaderboard.
        form: one of `harness.views.formats.FORMATS`; `csv` has a flat row a combination.
        top: the rows of each target to show, best first; 0 is all. None: 20 in a table, else all.
        width: the columns of the terminal; None is no limit. Only a table heeds it.

    Raises:
        DocumentError: as `harness.views.formats.render`.
    """
    return formats.render(budgets_view(board), form, top=top, width=width)


def budgets_view(board: Leaderboard) -> View:
    """Return the budgets of a leaderboard as formats take them."""
    hidden = {"budget", "metrics", "score_split"} | board.untold_numbers
    names = [field for field in BudgetRow.model_fields if field not in hidden]
    return View(
        lambda: budgets(board),
        lambda top: _page(board, top),
        lambda top, width: _text(board, top, width),
        lambda top: _rows(board, top),
        [*names, *(term.symbol for term in (*BUDGET, TOTAL))],
    )


def meanings(board: Leaderboard) -> list[str]:
    """Return the sentences, without their full stops, that say what the columns of a leaderboard's budgets are."""
    splits = [row.score_split for row in board.rows if row.score_split]
    fresh = any(split.objective == "fresh" for split in splits)
    names = dict.fromkeys(name for row in board.rows if row.ok for name in row.metrics)
    measured = [name for name in names if board.declared.is_marginal(name)]
    meaning = MEANING.format(measured=", ".join(measured) or "the marginal divergence")
    return [meaning, *([SPLIT_MEANING] if splits else []), *([FRESH] if fresh else [])]


def budget_rows(section: TargetSection) -> list[Row]:
    """Return the rows of a section that have a budget, best first."""
    return [row for row in section.finished if row.budget]


def _parts(board: Leaderboard) -> Iterator[tuple[TargetSection, list[str], list[Row]]]:
    """Yield each target's section, what is said above its table, and its rows."""
    for section in sections(board):
        rows = budget_rows(section)
        notes = [f"{len(rows)} of {len(section.finished)} combinations have a budget"]
        common = section.common()
        if common:
            notes.append("same in every row: " + " · ".join(common))
        yield section, notes, rows


def _columns(board: Leaderboard, section: TargetSection, rows: Sequence[Row], width: int | None) -> list[Column]:
    """Return the columns for a width: with intervals where no column must go for them."""
    told, plain = (budget_columns(board, section, rows, intervals=i) for i in (True, False))
    return told if left_out(told, width) == left_out(plain, width) else plain


def _page(board: Leaderboard, top: int | None) -> Page:
    parts: list[Block] = [Paragraph([". ".join(meanings(board)) + "."])]
    for section, notes, rows in _parts(board):
        blocks: list[Block] = [Listing([[line] for line in notes])]
        blocks += [Table(budget_columns(board, section, rows[:top]))] if rows else []
        blocks += [Paragraph([f"{len(rows[top:])} more."])] if top and rows[top:] else []
        parts.append(Section([section.target], blocks))
    return Page([f"Budgets of {board.suite}"], parts)


def _text(board: Leaderboard, top: int | None, width: int | None) -> str:
    blocks = ["\n".join(break_lines([f"{board.suite}: {'. '.join(meanings(board))}."], width))]
    for section, notes, rows in _parts(board):
        head = break_lines([section.target + ":", *("  " + line for line in notes)], width)
        body = ["", *fitted(_columns(board, section, rows[:top], width), width)] if rows else []
        more = [f"… {len(rows[top:])} more; --top 0 shows all"] if top and rows[top:] else []
        blocks.append("\n".join([*head, *body, *more]))
    return "\n\n".join(blocks)


def _rows(board: Leaderboard, top: int | None) -> list[dict[str, Any]]:
    flat, shown = list[dict[str, Any]](), dict[str, int]()
    for row in budgets(board).rows:
        shown[row.target] = shown.get(row.target, 0) + 1
        if top and shown[row.target] > top:
            continue
        fields = row.model_dump(mode="json", exclude=board.untold_numbers)
        terms, metrics, split = fields.pop("budget"), fields.pop("metrics"), fields.pop("score_split") or {}
        named = {term.symbol: terms[term.field] for term in (*BUDGET, TOTAL)}
        named |= {"objective": split["objective"]} if split else {}
        for term in (SCORE_MAX, *SPLIT):
            named |= {f"{term.symbol}.{key}": value for key, value in split.get(term.field, {}).items()}
        measured = {f"{name}.{key}": v for name, entry in metrics.items() for key, v in entry.items()}
        flat.append({**fields, **named, **measured})
    return flat
