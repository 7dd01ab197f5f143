"""Samples as files: what is read back is what was drawn; what cannot be written is told before it is."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from harness.results.document import DocumentError
from harness.results.stored_designs import DrawnSamples
from harness.views.sample_files import GAP, check_name, montage, write_samples

POINTS = np.random.default_rng(0).normal(size=(7, 3))


def drawn(points=POINTS, labels=None, columns=(), low=0.0, high=1.0):
    return DrawnSamples(points, labels, columns, low, high)


def test_arrays_come_back_bit_for_bit(tmp_path):
    write_samples(tmp_path / "s.npy", drawn())
    assert np.array_equal(np.load(tmp_path / "s.npy"), POINTS)
    write_samples(tmp_path / "plain.npz", drawn())
    assert np.load(tmp_path / "plain.npz").files == ["points"]
    write_samples(tmp_path / "s.NPZ", drawn(labels=np.arange(7)))
    found = np.load(tmp_path / "s.NPZ")
    assert np.array_equal(found["points"], POINTS)
    assert found["labels"].tolist() == list(range(7))


@pytest.mark.parametrize("columns", [(), ("length", "a, b", "width")])
@pytest.mark.parametrize("labels", [None, np.arange(7)])
def test_a_table_has_the_names_of_the_data(tmp_path, columns, labels):
    write_samples(tmp_path / "s.csv", drawn(labels=labels, columns=columns))
    heads, *rows = csv.reader(io.StringIO((tmp_path / "s.csv").read_text(encoding="utf-8")))
    assert heads == [*(columns or ("x1", "x2", "x3")), *([] if labels is None else ["label"])]
    assert np.array_equal(np.array(rows, dtype=float)[:, :3], POINTS)
    assert labels is None or [row[3] for row in rows] == [str(i) for i in range(7)]


@pytest.mark.parametrize("channels", [1, 3])
def test_images_stand_side_by_side_in_the_range_of_the_data(tmp_path, channels):
    images = np.random.default_rng(1).uniform(-20, 275, (5, channels, 40, 36))
    write_samples(tmp_path / "s.png", drawn(images, low=0.0, high=255.0))
    found = np.array(Image.open(tmp_path / "s.png"))
    across = 3
    assert found.shape[:2] == (2 * (40 + GAP) - GAP, across * (36 + GAP) - GAP)
    planes = found[None] if channels == 1 else found.transpose(2, 0, 1)
    for i, image in enumerate(images):
        top, left = i // across * (40 + GAP), i % across * (36 + GAP)
        assert np.array_equal(planes[:, top : top + 40, left : left + 36], image.round().clip(0, 255))
    assert (planes[:, 41:, 2 * 37 :] == 255).all()


def test_small_images_are_drawn_larger_and_flat_ones_do_not_fail():
    assert montage(drawn(np.zeros((1, 1, 8, 8)))).shape == (32, 32)
    assert montage(drawn(np.full((4, 1, 8, 8), 7.0), low=7.0, high=7.0)).min() == 0


def test_points_of_two_coordinates_are_scattered(tmp_path):
    pytest.importorskip("matplotlib")
    write_samples(tmp_path / "s.png", drawn(POINTS[:, :2], columns=("length", "width")))
    picture = np.array(Image.open(tmp_path / "s.png").convert("L"))
    assert picture.shape == (600, 600)
    assert picture.min() < 120


@pytest.mark.parametrize(
    ("name", "points", "message"),
    [
        ("s.jpg", POINTS, "its end says no format of samples; known: .npy, .npz, .csv, .png"),
        ("s", POINTS, "its end says no format"),
        ("none/s.npy", POINTS, "lies in a directory that does not exist"),
        ("folder.npy", POINTS, "is a directory"),
        ("there.npy", POINTS, "is there already; choose another name, or replace it with --force"),
        ("s.png", POINTS, "points of shape 3 are no picture"),
        ("s.png", np.zeros((2, 4, 8, 8)), "points of shape 4×8×8 are no picture"),
    ],
)
def test_what_cannot_be_written_is_told(tmp_path, name, points, message):
    (tmp_path / "folder.npy").mkdir()
    (tmp_path / "there.npy").write_text("mine")
    with pytest.raises(DocumentError) as told:
        write_samples(tmp_path / name, drawn(points))
    assert message in str(told.value)
    assert (tmp_path / "there.npy").read_text() == "mine"
    assert not list(tmp_path.glob("*.part"))


def test_a_file_is_replaced_where_that_is_wanted(tmp_path):
    (tmp_path / "s.npy").write_text("mine")
    write_samples(tmp_path / "s.npy", drawn(), replace=True)
    assert np.load(tmp_path / "s.npy").shape == (7, 3)


def test_a_name_is_checked_before_anything_is_drawn(tmp_path):
    check_name(tmp_path / "s.png")
    check_name(tmp_path / "s.png", (3, 8, 8))
    with pytest.raises(DocumentError, match="no picture"):
        check_name(tmp_path / "s.png", (5,))


def test_a_disk_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(DocumentError, match=r"s.npy cannot be written: No space left on device"):
        write_samples(tmp_path / "s.npy", drawn())
    assert list(tmp_path.iterdir()) == []
