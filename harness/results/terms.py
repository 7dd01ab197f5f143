"""The terms of the path divergence and of the score error: as fields, as theory writes them, and in words.

The one table of them, in the order of their sums: documents, tables, legends and the split itself name terms from it.
"""

from __future__ import annotations

from typing import NamedTuple


class TermName(NamedTuple):
    """One term: its field in a document, its symbol in docs/theory.md, and what it is."""

    field: str
    symbol: str
    words: str


BUDGET = (
    TermName("initialization", "E_I", "initialisation"),
    TermName("score", "E_S", "score error"),
    TermName("discretization", "E_D", "discretization"),
    TermName("variance", "E_V", "what the kernel's variance adds"),
)
"""The terms of a budget (`Terms`, `harness.budget.Budget`)."""

TOTAL = TermName("total", "total", "path divergence")
"""Their sum."""

SPLIT = (
    TermName("training", "ε_train", "what longer training would gain"),
    TermName("statistical", "ε_n", "what fresh data cost more than the data trained on"),
    TermName("estimation", "ε_est", "what that costs the best network"),
    TermName(
        "approximation",
        "ε_approx",
        "what the best network at hand of this architecture lacks to the exact score",
    ),
)
"""The terms of a split of the score error (`ScoreSplit`)."""

SCORE_MAX = TermName("score_max", "E_S(max)", "the score error as Theorem 3 bounds it")
"""Their sum."""
