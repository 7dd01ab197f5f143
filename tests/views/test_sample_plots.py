"""Samples that are images: what is drawn where, from the document and nothing else."""

import base64
import io
import re
import xml.etree.ElementTree as ElementTree
from copy import deepcopy

import numpy as np
import pytest
from PIL import Image

from harness.results.leaderboard import Leaderboard
from harness.views.board_plots import board_files
from harness.views.plots import svg
from harness.views.publishing import publish
from harness.views.sample_plots import PAPER, samples

matplotlib = pytest.importorskip("matplotlib", reason="plots need the extra `publish`")

GREY = [np.array([[[0, 40, 80], [120, 160, 255]]], dtype=np.uint8), np.full((1, 2, 3), 7, dtype=np.uint8)]
COLOUR = [np.arange(18, dtype=np.uint8).reshape(3, 2, 3) * 14, np.full((3, 2, 3), 9, dtype=np.uint8)]


def text(image):
    return None if image is None else base64.b64encode(image.tobytes()).decode()


def with_pictures(document, images, classes=(), conditional=False):
    """The made-up document with the first image as the real one, and all as samples of the best row of digits."""
    changed = deepcopy(document)
    real = {"shape": list(images[0].shape), "low": -1.0, "high": 1.0, "classes": list(classes)}
    changed["setup"]["targets"][1]["pictures"] = real | {"images": [text(images[0]), None]}
    row = next(row for row in changed["rows"] if row["target"]["name"] == "digits")
    row["pictures"] = {"conditional": conditional, "images": [text(image) for image in images]}
    return Leaderboard.validate(changed)


@pytest.mark.parametrize("images", [GREY, COLOUR], ids=["grey", "colour"])
def test_a_line_shows_each_image_pixel_by_pixel(document, images):
    figure = samples(with_pictures(document, images), "digits")
    real, made = (np.asarray(axes.get_images()[0].get_array()) for axes in figure.axes)
    times = real.shape[0] // 2
    expected = [np.moveaxis(image, 0, -1).squeeze() for image in images]
    for place, image in enumerate(expected):
        left = place * 4 * times
        shown = made[: 2 * times, left : left + 3 * times]
        np.testing.assert_array_equal(shown[times // 2 :: times, times // 2 :: times], image)
        assert (made[:, left + 3 * times : left + 4 * times] == PAPER).all()
    assert (real[:, 4 * times :] == PAPER).all()
    # What was drawn is what a browser finds in the file: nothing is smoothed.
    tree = ElementTree.fromstring(svg(figure))
    files = [value for each in tree.iter() for name, value in each.attrib.items() if name.endswith("href")]
    found = [np.asarray(Image.open(io.BytesIO(base64.b64decode(f.partition(",")[2])))) for f in files if "png" in f]
    assert len(found) == 2
    assert set(np.unique(found[1][..., :3])) == set(np.unique(made))


def test_labels_say_which_network_is_told_its_class(document):
    figure = samples(with_pictures(document, GREY, [4, 7], conditional=True), "digits")
    labels = [axes.get_yticklabels()[0].get_text() for axes in figure.axes]
    assert labels[0] == "real"
    assert labels[1].startswith("mlp (told)\nsliced-wasserstein 0.0")
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["class 4", "class 7"]
    plain = samples(with_pictures(document, GREY, [4, 7]), "digits")
    assert "told" not in plain.axes[1].get_yticklabels()[0].get_text()
    assert not samples(with_pictures(document, GREY), "digits").axes[0].get_xticklabels()


def test_samples_of_a_row_without_the_ranking_metric_are_shown_too(document):
    board = with_pictures(document, GREY)
    without = [row if row.pictures is None else row.model_copy(update={"metrics": {}}) for row in board.rows]
    figure = samples(board.model_copy(update={"rows": without}), "digits")
    assert [axes.get_yticklabels()[0].get_text() for axes in figure.axes] == ["real", "mlp"]


def test_the_page_shows_samples_where_there_are_any(document, small, tmp_path):
    board = with_pictures(document, GREY, [0, 1], conditional=True)
    publish(board, tmp_path / "page", "x")
    page = (tmp_path / "page" / "README.md").read_text(encoding="utf-8")
    section = page.partition("\n## Samples\n")[2].partition("\n## ")[0]
    assert re.findall(r"### (\w+)\n\n!\[[^]]*\]\(([^)]+)\)", section) == [("digits", "samples-1-digits.svg")]
    assert (tmp_path / "page" / "samples-1-digits.svg").is_file()
    assert "samples-1-digits.svg" in board_files(board)
    # What is no longer drawn goes.
    publish(Leaderboard.validate(small | {"suite": document["suite"]}), tmp_path / "page", "x")
    assert "## Samples" not in (tmp_path / "page" / "README.md").read_text(encoding="utf-8")
    assert not (tmp_path / "page" / "samples-1-digits.svg").exists()


def test_without_samples_or_pictures_nothing_is_drawn(document):
    assert samples(Leaderboard.validate(document), "digits") is None
    board = with_pictures(document, GREY)
    assert samples(board, "ring") is None
    alone = [row.model_copy(update={"pictures": None}) for row in board.rows]
    assert samples(board.model_copy(update={"rows": alone}), "digits") is None


def test_a_figure_drawn_twice_is_the_same(document):
    board = with_pictures(document, COLOUR, [0, 1])
    assert svg(samples(board, "digits")) == svg(samples(board, "digits"))
