"""The one table of terms names every field of the documents that have them."""

from dataclasses import fields

from harness.budget import Budget
from harness.results.leaderboard import ScoreSplit, Term, Terms
from harness.results.score_split import TERMS
from harness.results.terms import BUDGET, SCORE_MAX, SPLIT, TOTAL


def test_the_terms_of_a_budget_are_those_of_the_document_and_of_the_arithmetic():
    assert [term.field for term in (*BUDGET, TOTAL)] == list(Terms.model_fields)
    assert [term.field for term in BUDGET] == [field.name for field in fields(Budget)][: len(BUDGET)]


def test_the_terms_of_a_split_are_those_of_the_document_and_of_what_splits():
    of_terms = [name for name, field in ScoreSplit.model_fields.items() if field.annotation is Term]
    assert [term.field for term in (*SPLIT, SCORE_MAX)] == of_terms[:-1]
    assert tuple(term.field for term in SPLIT) == TERMS
