"""A user's data in each kind of file that is read, standardized in each way, and what is noted of them."""

import os
import sys

import numpy as np
import pytest
import torch
from harness_data.errors import DataError
from harness_data.files import read
from harness_data.outliers import outliers
from harness_data.standardization import standardization
from harness_data.targets import File
from PIL import Image

from harness.errors import HarnessError

POINTS = np.random.default_rng(0).normal(3, [0.1, 1, 20], (40, 3))


def rows_of(law):
    return {tuple(row) for part in (law.train, *law.parts) for row in part.tolist()}


def written(path, points=POINTS):
    match path.suffix:
        case ".npy":
            np.save(path, points)
        case ".npz":
            np.savez(path, points)
        case ".tsv":
            np.savetxt(path, points, delimiter="\t", fmt="%.18g")
        case ".csv":
            np.savetxt(path, points, delimiter=",", fmt="%.18g", header='x,"the y",z', comments="")
        case ".txt":
            np.savetxt(path, points, fmt="%.18g")
        case ".parquet":
            arrow = pytest.importorskip("pyarrow")
            from pyarrow import parquet

            parquet.write_table(arrow.table({name: points[:, i] for i, name in enumerate("xyz")}), path)
    return path


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".tsv", ".txt", ".parquet"])
def test_every_kind_of_file_gives_the_same_points(suffix, tmp_path):
    path = written(tmp_path / f"points{suffix}")
    assert rows_of(File(path=str(path), standardize="none").distribution()) == {tuple(row) for row in POINTS.tolist()}


@pytest.mark.parametrize("kind", ["u1", ">u2", "i4", "f2", "<f4", ">f8", "u8"])
def test_every_type_of_real_number_keeps_its_values(kind, tmp_path):
    points = np.random.default_rng(0).integers(0, 200, (30, 4)).astype(kind)
    np.save(tmp_path / "points.npy", points)
    law = File(path=str(tmp_path / "points.npy"), standardize="none").distribution()
    assert law.train.dtype == torch.float64
    assert rows_of(law) == {tuple(row) for row in points.astype(np.float64).tolist()}


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5)])
def test_images_are_made_flat_and_their_shape_is_kept(shape, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, *shape), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    content = read(str(tmp_path / "images.npy"))
    assert content.shape == (shape if len(shape) == 3 else (1, *shape))
    np.testing.assert_array_equal(content.points, images.reshape(20, -1))


def pictures(folder, count=12, mode="L", size=(6, 5)):
    for i in range(count):
        shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
        pixels = np.random.default_rng(i).integers(0, 256, shape, dtype=np.uint8)
        (folder / str(i % 2)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / str(i % 2) / f"{i}.png")
    return folder


@pytest.mark.parametrize(("mode", "shape"), [("L", (1, 5, 6)), ("RGB", (3, 5, 6))])
def test_a_folder_of_images(mode, shape, tmp_path):
    content = read(str(pictures(tmp_path / "images", mode=mode)))
    assert (content.shape, content.points.dtype, len(content.points)) == (shape, np.uint8, 12)
    first = np.asarray(Image.open(tmp_path / "images" / "0" / "0.png"))
    expected = first[None] if mode == "L" else first.transpose(2, 0, 1)
    np.testing.assert_array_equal(content.points[0].reshape(shape), expected)


def test_the_digest_of_a_folder_is_of_names_and_bytes(tmp_path):
    one, other = (pictures(tmp_path / name) for name in ("one", "other"))
    same = read(str(one)).digest
    assert read(str(other)).digest == same
    (other / "0" / "0.png").rename(other / "0" / "00.png")
    assert read(str(other)).digest != same


def _halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


BAD = {
    "two arrays": (".npz", lambda p: np.savez(p, a=POINTS, b=POINTS), {}, "holds 2 arrays, a, b; say which: array="),
    "no such array": (".npz", lambda p: np.savez(p, a=POINTS), {"array": "b"}, "has no array 'b'; it has a"),
    "array of a table": (".csv", written, {"array": "b"}, "only an .npz archive has arrays of several names"),
    "no archive": (".npz", lambda p: p.write_bytes(b"PK, not"), {}, "is not an .npz archive"),
    "half an archive": (".npz", lambda p: (np.savez(p, POINTS), _halve(p)), {}, "damaged or cut short"),
    "pickles": (".npz", lambda p: np.savez(p, np.array([[{}]] * 12)), {}, "Python objects, which are never loaded"),
    "words": (".csv", lambda p: p.write_text("a,b\n1,2\n\n3,x\n"), {}, "(line 4, column 2 (b): 'x' is no number)"),
    "first": (".csv", lambda p: p.write_text("1,\n3,4\n" * 9), {}, "line 1, column 2: no value; values are missing"),
    "a gap": (".csv", lambda p: p.write_text("a,b\n1,2\n\n3,NA\n"), {}, "line 4, column 2 (b): no value; values are"),
    "uneven": (".csv", lambda p: p.write_text("1,2\n3,4\n\n3\n" * 9), {}, "(line 4 has 1 columns, those above it 2)"),
    "bytes": (".csv", lambda p: p.write_bytes(bytes(range(128, 256)) * 9), {}, "not a t"),
    "gaps": (
        ".csv",
        lambda p: p.write_text("1,2\n3,nan\n" * 9),
        {},
        "line 2 holds NaN (9 of 18 rows); values are missing: leave",
    ),
    "far": (".csv", lambda p: p.write_text("a,b\n\n" + "1,2\n3,4\n" * 9 + "1e200,2\n"), {}, "line 21 holds NaN"),
    "rows": (
        ".npz",
        lambda p: np.savez(p, np.where(np.arange(40)[:, None] == 6, np.inf, POINTS)),
        {},
        "row 7 holds NaN",
    ),
    "kind": (".json", lambda p: p.write_text("[]"), {}, "is not an .npy, .npz, .csv or .parquet file, nor a folder"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_told_in_one_line(case, tmp_path):
    suffix, write, params, fault = BAD[case]
    path = tmp_path / f"bad{suffix}"
    write(path)
    with pytest.raises(DataError) as caught:
        File(path=str(path), **params).content_digest()
    assert fault in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(path))


@pytest.mark.parametrize("suffix", [".npy", ".csv", ""])
def test_a_pipe_is_told_and_not_waited_for(suffix, tmp_path):
    os.mkfifo(tmp_path / f"pipe{suffix}")
    with pytest.raises(DataError, match="is a pipe or a device; give"):
        read(str(tmp_path / f"pipe{suffix}"))


def test_bad_folders_are_told_in_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no image"):
        read(str(tmp_path / "empty"))
    mixed = pictures(tmp_path / "mixed")
    (mixed / "late").mkdir()
    Image.new("L", (7, 5)).save(mixed / "late" / "0.png")
    with pytest.raises(DataError, match=r"mixed: 0/0\.png has 6×5 pixels and late/0\.png 7×5; give one size"):
        read(str(mixed))
    broken = pictures(tmp_path / "broken")
    whole = (broken / "0" / "0.png").read_bytes()
    (broken / "0" / "0.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"0\.png: is damaged or cut short"):
        read(str(broken))
    (broken / "0" / "0.png").write_text("no image")
    with pytest.raises(DataError, match=r"0\.png: is no image"):
        read(str(broken))


def test_parquet_without_a_reader_says_what_is_missing(tmp_path, monkeypatch):
    (tmp_path / "points.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match="pip install pyarrow"):
        read(str(tmp_path / "points.parquet"))


# Shape


def _deviation(pixels, axis):
    return np.sqrt(((pixels - pixels.mean(0)) ** 2).mean(axis))


@pytest.mark.parametrize(("shape", "kept"), [((4, 5), (1, 4, 5)), ((3, 4, 5), (3, 4, 5)), ((20,), (20,))])
@pytest.mark.parametrize("how", ["none", "scale", "columns", "whiten"])
def test_images_keep_their_shape_unless_pixels_are_mixed(shape, kept, how, tmp_path):
    images = np.random.default_rng(0).normal(3, 2, (60, *shape))
    np.save(tmp_path / "images.npy", images)
    law = File(path=str(tmp_path / "images.npy"), standardize=how).distribution()
    # Whitening leaves out directions that the training rows do not vary in.
    assert law.data.shape == ((law.dim,) if how == "whiten" else kept)
    order = np.random.RandomState(0).permutation(60)[24:]
    shaped = law.data.shaped(law.train).numpy()
    if how != "whiten":
        assert shaped.shape == (36, *kept)
        pixels = images[order].reshape(36, *kept)
        axis = 0 if how == "columns" else None
        expected = pixels if how == "none" else (pixels - pixels.mean(0)) / _deviation(pixels, axis)
        np.testing.assert_allclose(shaped, expected, atol=1e-12)
    assert law.classes == 0


# Labels

CLASSES = np.arange(40) % 3


def labelled(path, labels=CLASSES, points=POINTS):
    """Write points and labels; return the parameters by which they are read."""
    match path.suffix:
        case ".npz":
            np.savez(path, points=points, digit=labels)
        case ".parquet":
            arrow = pytest.importorskip("pyarrow")
            from pyarrow import parquet

            columns = {"x": points[:, 0], "digit": labels, "y": points[:, 1], "z": points[:, 2]}
            parquet.write_table(arrow.table(columns), path)
        case ".csv":
            table = np.column_stack([points[:, 0], labels, points[:, 1:]])
            form = "%s" if table.dtype.kind == "U" else "%.18g"
            np.savetxt(path, table, delimiter=",", fmt=form, header='"x, in m",digit,y,z', comments="")
        case ".txt":
            table = np.column_stack([labels, points])
            np.savetxt(path, table, fmt="%.18g", header="digit x y z", comments="")
    return {"path": str(path), "labels": "digit", "standardize": "none"}


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".txt", ".parquet"])
@pytest.mark.parametrize("how", ["none", "scale", "whiten"])
def test_labels_stay_with_their_points(suffix, how, tmp_path):
    law = File(**labelled(tmp_path / f"points{suffix}") | {"standardize": how}).distribution()
    plain = File(**labelled(tmp_path / f"points{suffix}")).distribution()
    own = {tuple(row): label for row, label in zip(POINTS.tolist(), CLASSES.tolist(), strict=True)}
    assert law.classes == 3
    assert law.labels.tolist() == [own[tuple(row)] for row in plain.train.tolist()]
    points, labels = law.labelled(50, torch.Generator().manual_seed(0))
    places = [int((law.train == row).all(1).nonzero()[0]) for row in points]
    assert labels.tolist() == law.labels[places].tolist()


@pytest.mark.parametrize("how", ["none", "scale", "columns", "whiten"])
def test_labels_of_held_out_points_are_known_however_points_are_standardized(how, tmp_path):
    given = labelled(tmp_path / "points.npz")
    law, plain = (File(**given | {"standardize": each}).distribution() for each in (how, "none"))
    own = {tuple(row): label for row, label in zip(POINTS.tolist(), CLASSES.tolist(), strict=True)}
    for part in (0, 1):
        points, labels = law.held_out_labelled(8, torch.Generator().manual_seed(1), part)
        assert torch.equal(points, law.held_out(8, torch.Generator().manual_seed(1), part))
        in_the_file = plain.held_out(8, torch.Generator().manual_seed(1), part)
        assert labels.tolist() == [own[tuple(row)] for row in in_the_file.tolist()]


def test_folders_are_classes_by_name(tmp_path):
    folder = tmp_path / "images"
    for i in range(20):
        inner = folder / ("10", "2", "cat")[i % 3] / ("deep" if i % 2 else "")
        inner.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(i).integers(0, 256, (6, 5), dtype=np.uint8)
        pixels[0, 0] = i
        Image.fromarray(pixels).save(inner / f"{i}.png")
    content = read(str(folder), labels="folders")
    assert content.shape == (1, 6, 5)
    assert [int(row[0]) % 3 for row in content.points] == content.labels.tolist()
    law = File(path=str(folder), labels="folders").distribution()
    assert (law.classes, law.data.shape) == (3, (1, 6, 5))
    assert File(path=str(folder)).distribution().classes == 0


UNLABELLED = {
    "negative": (".npz", CLASSES - 1, {}, "label -1 of row 1 is no class; classes are whole numbers from 0"),
    "fractional": (".csv", CLASSES / 2, {}, "label 0.5 of line 3 is no class"),
    "not a number": (".npz", np.where(CLASSES, 1.0, np.nan), {}, "label nan of row 1 is no class"),
    "a class is missing": (".npz", 2 * CLASSES, {}, "no point has label 1, and the largest is 4; number the classes"),
    "from one": (".csv", CLASSES + 1, {}, "no point has label 0, and the largest is 3; number the classes from 0 to 2"),
    "huge": (".npz", np.where(CLASSES, 2**62, 0), {}, "no point has label 1"),
    "constant": (".npz", 0 * CLASSES, {}, "its labels are all 0; give two classes or more"),
    "another length": (".npz", CLASSES[:39], {}, "its labels have shape (39,), for 40 points; one label a point"),
    "two dimensions": (".npz", CLASSES[:, None], {}, "its labels have shape (40, 1), for 40 points"),
    "words": (".npz", np.array(["a", "b"] * 20), {}, "its labels are <U1 values; number the classes from 0"),
    "words in a table": (".csv", np.array(["a", "b"] * 20), {}, "'a' is no number); number the classes from 0"),
    "words in Parquet": (".parquet", np.array(["a", "b"] * 20), {}, "values; number the classes from 0"),
    "one point": (".npz", (np.arange(40) == 0) * 1, {"folds": 1}, "class 1 has no row among those to train on"),
    "two points": (".npz", (np.arange(40) < 2) * 1, {}, "class 1 has 2 rows; folds need 3 rows of each class, and one"),
    "no such array": (".npz", CLASSES, {"labels": "y"}, "has no array 'y'; it has points, digit"),
    "no such column": (".csv", CLASSES, {"labels": "y2"}, "has no column 'y2'; its columns are x, in m, digit, y, z"),
    "no such folder": (".csv", CLASSES, {"labels": "folders"}, "has no column 'folders'"),
}


@pytest.mark.parametrize("case", UNLABELLED)
def test_bad_labels_are_told_in_one_line(case, tmp_path):
    suffix, labels, params, fault = UNLABELLED[case]
    path = tmp_path / f"points{suffix}"
    if case == "one point":
        # The first row of the permutation that splits is held out.
        labels = (np.arange(40) == np.random.RandomState(0).permutation(40)[0]) * 1
    with pytest.raises(DataError) as caught:
        File(**labelled(path, labels) | params).content_digest()
    assert fault in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(path))


def test_labels_of_what_has_none_are_told_in_one_line(tmp_path):
    cases = {
        "points.npy": "an .npy file is one array; save points and labels in an .npz",
        "points.tsv": "its first line names no column, so that none is 'digit'",
    }
    for name, fault in cases.items():
        with pytest.raises(DataError, match=fault):
            read(str(written(tmp_path / name)), labels="digit")
    with pytest.raises(DataError, match="write labels=folders"):
        read(str(pictures(tmp_path / "images")), labels="digit")
    Image.new("L", (6, 5)).save(tmp_path / "images" / "9.png")
    with pytest.raises(DataError, match=r"9\.png lies in no folder within it; give each class a folder"):
        read(str(tmp_path / "images"), labels="folders")
    np.savez(tmp_path / "three.npz", a=POINTS, b=POINTS, digit=CLASSES)
    with pytest.raises(DataError, match="holds 2 arrays besides the labels 'digit', a, b; say which: array="):
        read(str(tmp_path / "three.npz"), labels="digit")
    assert read(str(tmp_path / "three.npz"), "b", "digit").labels.tolist() == CLASSES.tolist()


def test_points_without_labels_say_so(tmp_path):
    np.save(tmp_path / "points.npy", POINTS)
    law = File(path=str(tmp_path / "points.npy")).distribution()
    for ask in (law.class_weights, lambda: law.labelled(3, torch.Generator())):
        with pytest.raises(HarnessError, match="the points have no labels"):
            ask()


# Standardization


@pytest.mark.parametrize("how", ["scale", "columns", "whiten"])
def test_standardized_data_have_the_moments_that_they_should_and_it_can_be_undone(how):
    train = torch.from_numpy(POINTS @ np.array([[1, 0.5, 0], [0, 1, 0.5], [0, 0, 1.0]]))
    change = standardization(train, how, "p")
    made = change.apply(train)
    covariance = (made.T @ made) / len(made)
    torch.testing.assert_close(made.mean(0), torch.zeros(3, dtype=torch.float64), atol=1e-12, rtol=0)
    assert float(covariance.trace()) == pytest.approx(3)
    if how != "scale":
        torch.testing.assert_close(covariance.diag(), torch.ones(3, dtype=torch.float64))
    if how == "whiten":
        torch.testing.assert_close(covariance, torch.eye(3, dtype=torch.float64), atol=1e-9, rtol=0)
    torch.testing.assert_close(change.undo(made), train)


@pytest.mark.parametrize("how", ["scale", "columns", "whiten"])
@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_standardized_data_do_not_depend_on_their_unit(how, factor, tmp_path):
    np.save(tmp_path / "a.npy", POINTS)
    np.save(tmp_path / "b.npy", POINTS * factor)
    one, other = (File(path=str(tmp_path / f), standardize=how).distribution() for f in ("a.npy", "b.npy"))
    torch.testing.assert_close(one.train.abs(), other.train.abs())  # an eigenvector has no sign


def test_whitening_leaves_out_directions_without_variance():
    train = torch.randn(50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    train = torch.cat([train, train.sum(1, keepdim=True), torch.full((50, 1), 7.0, dtype=torch.float64)], 1)
    change = standardization(train, "whiten", "p")
    assert change.matrix.shape == (5, 3)
    torch.testing.assert_close(change.undo(change.apply(train)), train)


@pytest.mark.parametrize("unit", [1e-6, 1e9])
def test_whitening_loses_no_column_for_its_unit(unit):
    """Whatever unit a column comes in, what is made of it is the same."""
    train = torch.from_numpy(POINTS[:, 1:2] * [1.0, 0.5] + POINTS[:, [2, 0]])
    changed = train * torch.tensor([1.0, unit], dtype=torch.float64)
    one, other = (standardization(points, "whiten", "p") for points in (train, changed))
    assert other.matrix.shape == (2, 2)
    torch.testing.assert_close(one.apply(train).abs(), other.apply(changed).abs())  # an eigenvector has no sign
    torch.testing.assert_close(other.undo(other.apply(changed)), changed)


def test_a_constant_column_becomes_nought_and_comes_back():
    train = torch.from_numpy(np.column_stack([POINTS, np.full(40, 0.1)]))
    change = standardization(train, "columns", "p")
    assert change.apply(train)[:, 3].abs().max() < 1e-12
    torch.testing.assert_close(change.undo(change.apply(train)), train)


def test_yes_and_no_are_what_they_were():
    assert [File(path="p", standardize=s).standardize for s in (True, False, "true", "columns")] == [
        "scale",
        "none",
        "scale",
        "columns",
    ]


# Notes


def noted(points, tmp_path, **params):
    np.save(tmp_path / "points.npy", points)
    return File(path=str(tmp_path / "points.npy"), **{"standardize": "none"} | params).distribution().notes


def test_plain_data_have_nothing_to_note(tmp_path):
    assert noted(POINTS[:, 1:2] * [1, 2, 3], tmp_path) == ()


@pytest.mark.parametrize(
    ("points", "params", "note"),
    [
        (np.round(POINTS[:, 2:] * [[1, 2]]), {}, "all values are integers, "),
        (np.column_stack([POINTS[:, 1], np.ones(40)]), {}, "1 of 2 columns is constant: it only adds noise"),
        (POINTS, {}, "deviations of columns differ by a factor of "),
        (POINTS, {"standardize": "scale"}, "σ is in units of σ_data: 1 stands for "),
        (POINTS, {"standardize": "scale"}, "deviations of columns differ by a factor of "),
        (np.concatenate([POINTS[:20, 1:2]] * 2), {}, "held-out rows are training rows, too"),
        (np.concatenate([POINTS[:20, 1:2]] * 2), {}, "of 24 training rows are copies of others; "),
        (POINTS @ np.ones((3, 5)), {"standardize": "whiten"}, "the 24 training rows vary in 1 of 5 directions only; "),
    ],
)
def test_what_changes_the_meaning_of_results_is_noted(points, params, note, tmp_path):
    assert any(note in said for said in noted(points, tmp_path, **params))


def with_one_value(value, column, n=500, d=3, scale=(1.0, 1.0, 1.0)):
    points = np.random.default_rng(0).normal(size=(n, d)) * scale
    points[136, column] = value
    return points


@pytest.mark.parametrize("standardize", ["none", "scale", "columns", "whiten"])
def test_one_wild_value_is_noted_with_its_row_and_column(standardize, tmp_path):
    found = noted(with_one_value(1e6, 1), tmp_path, standardize=standardize)
    (said,) = [note for note in found if "alone makes" in note]
    whole = " and 100 % of that of the file" if standardize in ("none", "scale") else ""
    told = f"row 137 alone makes 100 % of the variance of column 2{whole}: it has 1e+06 there, other rows -3.9 to 2.87"
    assert said == f"{told}; correct it or leave the row out; if it is right, give the column's logarithm"


def test_one_wild_value_of_a_table_is_noted_by_line_and_name(tmp_path):
    lines = "\n".join(",".join(map(repr, row)) for row in with_one_value(1e6, 2).tolist())
    (tmp_path / "points.csv").write_text(f"width,height,the \x07depth\n{lines}\n")
    (said,) = File(path=str(tmp_path / "points.csv"), standardize="columns").distribution().notes
    assert said.startswith("line 138 alone makes 100 % of the variance of column 3 (the  depth): it has 1e+06 there")


def test_a_wild_value_among_columns_that_vary_little_matters_where_each_has_its_unit(tmp_path):
    points = with_one_value(1.0, 0, scale=(1e-3, 1.0, 1.0))
    assert not [note for note in noted(points, tmp_path, standardize="scale") if "alone makes" in note]
    (said,) = noted(points, tmp_path, standardize="columns")
    assert said.startswith("row 137 alone makes 100 % of the variance of column 1: it has 1 there")


def test_of_many_columns_with_a_wild_value_three_are_told(tmp_path):
    points = np.random.default_rng(0).normal(size=(100, 6))
    points[7] = 10.0 ** np.arange(2, 8)
    found = [note for note in noted(points, tmp_path, standardize="columns") if "column" in note]
    assert [note.partition("column ")[2].partition(" there")[0] for note in found] == [
        "6: it has 1e+07",
        "5: it has 1e+06",
        "4: it has 100000",
        "",
    ]
    assert found[3] == "so it is in 3 more columns"


def test_the_share_of_a_row_is_what_a_column_loses_without_it():
    rng = np.random.default_rng(3)
    points = 7 + rng.normal(size=(30, 5))
    points[4, 1], points[9, 3], points[9, 4] = 15, -9, 60
    whole = points.shape[0] * points.var(0)
    found = outliers(points, own_units=True)
    assert [(each.row, each.column) for each in found] == [(9, 4), (9, 3), (4, 1)]
    for each in found:
        others = np.delete(points[:, each.column], each.row)
        lost = whole[each.column] - len(others) * others.var()
        assert each.share == pytest.approx(lost / whole[each.column], rel=1e-12)
        assert each.of_all == pytest.approx(lost / whole.sum(), rel=1e-12)
        assert (each.value, each.low, each.high) == (points[each.row, each.column], others.min(), others.max())
    assert not [j for j in (0, 2) if any(each.column == j for each in found)]


def test_a_row_just_below_half_of_the_variance_or_of_too_few_rows_is_no_outlier():
    # Of ±1 in equal numbers and one value v, what goes with v is v² · (n − 1)/n, and what stays n − 1.
    def share(v, n=41):
        column = np.array([v, *[1.0, -1.0] * ((n - 1) // 2)])[:, None]
        return [each.share for each in outliers(column, own_units=True)]

    half = 41**0.5
    assert share(half * 0.999) == []
    assert share(half * 1.001) == [pytest.approx(0.5, abs=1e-3)]
    assert share(1e6, n=9) == []
    assert share(1e6, n=11) == [pytest.approx(1)]


def test_rows_in_several_chunks_are_the_same_rows(monkeypatch):
    points = with_one_value(40.0, 2)
    whole = outliers(points, own_units=False)
    monkeypatch.setattr("harness_data.outliers.CHUNK", 100)
    (found,) = outliers(points, own_units=False)
    assert (found.row, found.column) == (whole[0].row, whole[0].column) == (136, 2)
    assert found.share == pytest.approx(whole[0].share, rel=1e-12)


@pytest.mark.parametrize("n", [10, 20])
def test_normal_columns_of_few_rows_have_an_outlier_once_in_1000(n):
    columns = np.random.default_rng(0).normal(size=(n, 100_000))
    assert len(outliers(columns, own_units=True)) == pytest.approx(100, abs=35)


def test_a_column_that_is_constant_up_to_rounding_has_no_outlier():
    column = np.full((50, 1), 1e6)
    column[3] += 1e-9
    assert outliers(column, own_units=True) == []


def test_standardized_columns_are_not_told_to_differ(tmp_path):
    for how in ("columns", "whiten"):
        assert noted(POINTS, tmp_path, standardize=how) == ()


def test_data_whose_deviation_is_small_beside_their_offset_are_noted_all_the_same(tmp_path):
    points = 1e6 + 1e-7 * np.random.default_rng(0).normal(size=(50, 2))
    assert any("2 of 2 columns are constant" in note for note in noted(points, tmp_path))


@pytest.mark.parametrize("standardize", ["none", "scale", "columns", "whiten"])
@pytest.mark.parametrize("suffix", [".npy", ".csv"])
def test_points_come_back_in_the_units_of_the_file(standardize, suffix, tmp_path):
    path = written(tmp_path / f"points{suffix}")
    target = File(path=str(path), standardize=standardize)
    law, units = target.distribution(), target.data_units()
    back = units.restore(torch.cat([law.train, *law.parts]))
    np.testing.assert_allclose(sorted(back.tolist()), sorted(POINTS.tolist()), rtol=1e-12)
    assert units.columns == (("x", "the y", "z") if suffix == ".csv" else ())
    known = {"none": 1.0, "scale": float(units.restore(torch.eye(3))[0, 0] - units.restore(torch.zeros(1, 3))[0, 0])}
    assert units.scale == (pytest.approx(known[standardize]) if standardize in known else None)


def test_images_come_back_in_their_shape(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, 3, 4, 5), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    target = File(path=str(tmp_path / "images.npy"))
    back = target.data_units().restore(target.distribution().train)
    assert back.shape == (12, 3, 4, 5)
    assert {tuple(each) for each in back.round().flatten(1).tolist()} <= {
        tuple(each) for each in images.reshape(20, -1).astype(float).tolist()
    }


def test_a_column_of_labels_is_none_of_the_named(tmp_path):
    rows = "".join(f"{i}.5,{i % 2},{i * i}\n" for i in range(20))
    (tmp_path / "table.csv").write_text(f"x,kind,z\n{rows}", encoding="utf-8")
    assert File(path=str(tmp_path / "table.csv"), labels="kind").data_units().columns == ("x", "z")


def test_points_of_a_law_are_the_data(registry):
    [target] = registry.parse("target", "ring")
    units = target.data_units()
    assert (units.shape, units.scale, units.columns) == ((2,), 1.0, ())
    assert torch.equal(units.restore(torch.ones(3, 2)), torch.ones(3, 2).double())
