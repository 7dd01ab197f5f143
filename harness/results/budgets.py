"""The document of budgets: the exact path divergence of every row of a leaderboard that has one, term by term."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from harness.axes import NUMBERS, numbers_of
from harness.results.document import Count, Document, Name, Part, Position
from harness.results.leaderboard import Estimate, Leaderboard, Row, ScoreSplit, Terms
from harness.results.references import with_axes
from harness.results.sections import TargetSection, sections
from harness.results.upgrades import VERSION


class _Ranked(Part):
    rank: Position
    target: Name


if TYPE_CHECKING:

    class _Design(_Ranked): ...
else:
    _Design = with_axes(_Ranked, Name)


BEHIND = 7
"""How many versions of a leaderboard changed nothing of this document, which has the same axes."""

if TYPE_CHECKING:
    Version = int
else:
    Version = Literal[VERSION - BEHIND]


class BudgetRow(_Design):
    """One combination that has a budget: its labels, its terms, and the divergences that were measured."""

    sigma_max: float | None
    steps: Position
    train_steps: Count
    ema_decay: float | None
    budget: Terms
    score_split: ScoreSplit | None = None
    metrics: dict[str, Estimate]


class Budgets(Document):
    """Every budget of a leaderboard; `without` counts finished rows that have none."""

    noun: ClassVar[str] = "a document of budgets"

    schema_version: Version
    suite: Name
    without: Count
    rows: list[BudgetRow]


def budgets(board: Leaderboard) -> Budgets:
    """Return the budgets of a leaderboard."""
    rows, without = [], 0
    for section in sections(board):
        rows += [_budget_row(board, section, row, row.budget) for row in section.finished if row.budget]
        without += sum(row.budget is None for row in section.finished)
    return Budgets(schema_version=Budgets.version(), suite=board.suite, without=without, rows=rows)


def _budget_row(board: Leaderboard, section: TargetSection, row: Row, terms: Terms) -> BudgetRow:
    names: dict[str, Any] = {k: v for k, v in section.names_of(row).items() if k not in NUMBERS}
    found = {name: value for name, value in row.metrics.items() if board.declared.is_divergence(name)}
    return BudgetRow(
        rank=row.rank,
        target=section.target,
        **names,
        **numbers_of(row),
        budget=terms,
        score_split=row.score_split,
        metrics=found,
    )
