"""What all JSON documents share: versions, canonical text, and one line that says what is wrong."""

import json
import re
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from harness_claims.document import ClaimsBoard

from harness.results.bounds import BoundsBoard
from harness.results.document import Document, DocumentError, Name, Part, check_order
from harness.results.leaderboard import Leaderboard
from harness.results.marks import MARKS

PUBLISHED = Path(__file__).parents[2] / "leaderboards"


class Point(Part):
    x: float


class Note(Document):
    """A kind of document in its third version: the first called its text `words`, the second had no points."""

    noun: ClassVar[str] = "a note"
    upgrades: ClassVar = {
        1: lambda old: {"text": old.get("words")} | {k: v for k, v in old.items() if k != "words"},
        2: lambda old: {"points": []} | old,
    }

    schema_version: Literal[3]
    text: Name
    points: list[Point]


NEW = {"schema_version": 3, "text": "σ", "points": [{"x": 1.0}, {"x": 2.5}]}


def test_the_version_is_declared_once():
    assert (Note.version(), Leaderboard.version(), BoundsBoard.version()) == (3, 10, 2)


def test_older_versions_are_read_step_by_step():
    first, second = {"schema_version": 1, "words": "σ"}, {"schema_version": 2, "text": "σ"}
    assert Note.validate(first) == Note.validate(second) == Note(schema_version=3, text="σ", points=[])
    assert first == {"schema_version": 1, "words": "σ"}


def test_canonical_text_has_a_line_for_each_entry_and_goes_round():
    text = Note.validate(dict(reversed(NEW.items()))).to_json()
    assert (
        text
        == """{
 "schema_version": 3,
 "text": "σ",
 "points": [
  {"x": 1.0},
  {"x": 2.5}
 ]
}
"""
    )
    assert Note.validate(json.loads(text)).to_json() == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "a note is a JSON object, not list"),
        (NEW | {"schema_version": 4}, "schema_version: 4 is newer than this harness reads (3); upgrade with"),
        (NEW | {"schema_version": 0}, "schema_version: 0 does not exist; this harness reads 3"),
        (NEW | {"schema_version": None}, "schema_version: None is no version; this harness reads 3"),
        ({"schema_version": 1}, "text: should be a valid string, not None"),
        (NEW | {"points": [{"x": 1.0}, {"x": "1"}]}, "points[1].x: should be a valid number, not '1'"),
        (NEW | {"author": "x"}, "author: Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_place(tmp_path, content, message):
    with pytest.raises(DocumentError) as caught:
        Note.validate(content)
    assert str(caught.value).startswith(message)
    (tmp_path / "note.json").write_text(json.dumps(content))
    with pytest.raises(DocumentError) as caught:
        Note.read(tmp_path / "note.json")
    assert str(caught.value).startswith(f"{tmp_path / 'note.json'}: {message}")


def test_an_interval_holds_its_value():
    check_order(None, 1.0, 1.0)
    with pytest.raises(ValueError, match="low 2 is above high 1"):
        check_order(2.0, None, 1.0)


def test_the_schema_is_strict():
    assert Note.json_schema()["additionalProperties"] is False


# What is published reads back to the same text, but for what a newer version of the contract adds

KINDS = {"bounds": BoundsBoard, "claims": ClaimsBoard}
ADDED = {' "setup": null,': None, ' "interactions": [],': None}
NEW_FIELDS = (
    '"same_as": [], ',
    '"bound_highs": {}, ',
    ', "bound_high": null',
    '"sampler": null, ',
    ', "clusters": null',
)
NEW_FIELDS += ('"among": null, ', ', "not_applicable": {}', ', "pictures": null')


DOCUMENTS = sorted(file for file in PUBLISHED.glob("*/*.json") if file.name != MARKS)


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.parent.name)
def test_a_published_document_keeps_its_text(file):
    text = file.read_text(encoding="utf-8")
    kind = KINDS.get(file.parent.name, Leaderboard)
    again = kind.read(file).to_json()
    version = json.loads(text)["schema_version"]
    if version < 10 and kind is Leaderboard:
        again = again.replace(', "grids": null', "").replace(', "over_points": null', "")
    if version < 9 and kind is Leaderboard:
        again = re.sub(r', "ema_decay": [^,]*(?=, "compute")', "", again)
    if version < 8 and kind is Leaderboard:
        again = again.replace(', "grid": null, "trained": null', "")
        again = re.sub(r' "(definition|computation|grids|networks)": (null|\[\]),\n', "", again)
    if version < 6 and kind is Leaderboard:
        again = again.replace(' "certificates": [],\n', "", 1)
    if version < kind.version() and kind in (Leaderboard, BoundsBoard):
        if version < 6 or kind is BoundsBoard:
            again = again.replace(' "command": null,\n', "", 1)
        if version < 7 or kind is BoundsBoard:
            again = re.sub(r' "title": .*\n', "", again, count=1)
        again = again.replace(f' "schema_version": {kind.version()},', f' "schema_version": {version},', 1)
    if version < 5 and kind is Leaderboard:
        again = re.sub(r', "copies_below": [^,}]*|, "splits": 1, "tested": \w+', "", again)
        again = re.sub(r' "rank_by": \[(.*?)\],\n', r' "metric": \1,\n', again)
        again = re.sub(r' "rankings": \[.*?\n \],\n', "", again, flags=re.DOTALL)
    if version == 2:
        again = again.replace(', "difference": null', "")
        lines = [ADDED.get(line, line) for line in again.split("\n") if not line.startswith(' "declared": ')]
        again = "\n".join(line for line in lines if line is not None)
        for field in NEW_FIELDS:
            again = again.replace(field, "")
    assert again == text
