"""Pictures in a leaderboard: their rules, and which rows have any."""

import base64
from copy import deepcopy
from dataclasses import replace

import pytest
from results.test_ranking import DECLARED, outcome

from harness.results.document import DocumentError
from harness.results.leaderboard import Leaderboard
from harness.results.pictures import SamplePictures, TargetPictures, decoded
from harness.results.ranking import SHOWN, leaderboard
from harness.results.setup import Setup, TargetSetup


def image(*numbers):
    return base64.b64encode(bytes(numbers)).decode()


REAL = {"shape": [1, 1, 2], "low": -1.0, "high": 1.0, "classes": [0, 1], "images": [image(0, 255), None]}
MADE = {"conditional": True, "images": [image(7, 8), image(9, 10)]}


def with_pictures(document, real=REAL, made=MADE):
    """The made-up document, with pictures of digits and of its best row there."""
    changed = deepcopy(document)
    changed["setup"]["targets"][1]["pictures"] = real
    next(row for row in changed["rows"] if row["target"]["name"] == "digits")["pictures"] = made
    return changed


def test_a_document_with_pictures_is_read_back(document):
    board = Leaderboard.validate(with_pictures(document))
    assert board.setup.targets[1].pictures.model_dump() == REAL
    assert sum(row.pictures is not None for row in board.rows) == 1
    assert decoded(REAL["images"][0]) == bytes([0, 255])


def test_a_document_of_version_3_has_none(document):
    old = deepcopy(document) | {"schema_version": 3}
    for row in old["rows"]:
        del row["pictures"]
    for target in old["setup"]["targets"]:
        del target["pictures"]
    board = Leaderboard.validate(old)
    assert {row.pictures for row in board.rows} | {target.pictures for target in board.setup.targets} == {None}


@pytest.mark.parametrize(
    ("real", "made", "rule"),
    [
        (REAL | {"shape": [1, 2]}, None, "shape: List should have at least 3 items"),
        (REAL | {"shape": [2, 1, 1]}, None, "2 channels; an image has 1 or 3"),
        (REAL | {"low": 2.0}, None, "low 2 is above high 1"),
        (REAL | {"classes": [0]}, None, "1 classes for 2 places"),
        (REAL | {"images": [image(1, 2, 3), None]}, None, "picture 0 has 3 bytes, not the 2 of its shape"),
        (REAL | {"images": ["no base 64", None]}, None, "a picture is not in base 64"),
        (REAL | {"images": [], "classes": []}, None, "images: List should have at least 1 item"),
        (REAL, MADE | {"images": [image(1, 2)]}, "pictures: 1 pictures for 2 places"),
        (REAL, MADE | {"images": [image(1, 2), image(1)]}, "pictures: picture 1 has 1 bytes, not the 2 of its shape"),
        (None, MADE, "pictures: the setup tells none of its target"),
    ],
)
def test_pictures_agree_with_one_another(document, real, made, rule):
    with pytest.raises(DocumentError) as caught:
        Leaderboard.validate(with_pictures(document, real, made))
    assert rule in str(caught.value)
    assert len(str(caught.value)) <= 300


def shown(values):
    """The rows, from their values by network: whether each has pictures."""
    pictures = SamplePictures(conditional=False, images=[image(1, 2)])
    outcomes = [
        replace(outcome([value] * 3, network=("mlp", {"width": width}), steps=steps, status=status), pictures=pictures)
        for width, steps, value, status in values
    ]
    target = TargetSetup(
        target=outcomes[0].components["target"].digest,
        dim=2,
        sigma_data=1.0,
        second_moment=1.0,
        finite=True,
        notes=[],
        train=None,
        held_out=None,
        pictures=TargetPictures(shape=[1, 1, 2], low=0.0, high=1.0, classes=[], images=[image(0, 1)]),
        splits=1,
        tested=None,
    )
    setup = Setup(
        seeds=[0, 1, 2],
        sigma_min=0.1,
        sigma_max=1.0,
        samples=3,
        training=None,
        targets=[target],
        metrics=[{"metric": "energy", "unit": ""}],
        changed={},
    )
    board = leaderboard(outcomes, suite="s", rank_by=["energy"], environment={}, declared=DECLARED, setup=setup)
    return {(row.network.params["width"], row.steps): row.pictures is not None for row in board.rows}


def test_the_best_row_of_each_network_has_pictures():
    rows = [(1, 10, 3.0, "ok"), (1, 20, 2.0, "ok"), (2, 10, 1.0, "failed"), (2, 20, 4.0, "ok"), (3, 10, 0.5, "failed")]
    assert shown(rows) == {(1, 10): False, (1, 20): True, (2, 10): False, (2, 20): True, (3, 10): False}


def test_of_many_networks_the_best_have_pictures():
    found = shown([(width, 10, float(width), "ok") for width in range(1, SHOWN + 3)])
    assert [width for (width, _), has in found.items() if has] == list(range(1, SHOWN + 1))
