"""The document in which bounds compete: what it may say."""

import json
import math

import pytest

from harness.results.bounds import BoundsBoard
from harness.results.bounds_ranking import rank_bounds
from harness.results.document import DocumentError
from harness.results.leaderboard import Leaderboard


def compete(document):
    """The competition of a leaderboard's bounds, both as plain data."""
    return rank_bounds(Leaderboard.validate(document)).model_dump()


def change(document, **changes):
    made = compete(document)
    made["bounds"][0] |= changes
    return made


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"violations": 3}, "violations is not the sum|does not follow|violations, tightest ≤ applies"),
        ({"applies": 10_000}, "applies ≤ rows"),
        ({"targets": 1}, "targets is not the number"),
        ({"rank": 2}, "does not follow its score"),
        (
            {"tightness": {"lower_quartile": 2.0, "median": 1.0, "upper_quartile": 3.0, "n": 1}},
            "is above",
        ),
        ({"kendall_tau": math.nan}, "finite"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_a_document_that_contradicts_itself_is_refused(document, changes, rule):
    with pytest.raises(DocumentError, match=rule):
        BoundsBoard.validate(change(document, **changes))


def test_versions(document):
    made = compete(document)
    with pytest.raises(DocumentError, match="3 is newer than this harness reads \\(2\\)"):
        BoundsBoard.validate(made | {"schema_version": 3})
    with pytest.raises(DocumentError, match="JSON object"):
        BoundsBoard.validate([])


def test_json_goes_round(document):
    made = rank_bounds(Leaderboard.validate(document))
    again = BoundsBoard.validate(json.loads(made.to_json()))
    assert again == made
    assert again.to_json() == made.to_json()
    assert set(BoundsBoard.json_schema()["properties"]) == set(made.model_dump())
