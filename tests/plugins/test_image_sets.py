"""Image sets from the files they are published in: every image with its label, parts kept apart, bad files told."""

import gzip
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from harness_data.errors import DataError
from harness_data.image_sets import Cifar10, FashionMnist, Mnist

SIDES = (4, 6)
COUNTS = {"train": 60, "t10k": 21}
DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def idx(array):
    """The bytes of an IDX file, from the description of the format."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def images_of(part, labels):
    """Images of noise, all different, of which the first pixel is the label."""
    pixels = np.random.default_rng(len(part)).integers(0, 256, (len(labels), *SIDES), dtype=np.uint8)
    pixels[:, 0, 0] = labels
    return pixels


def written(folder, packed=False, dots=False, **changes):
    """Write a small set of three classes; `changes` are bytes for a file, by its name without hyphens."""
    folder.mkdir(exist_ok=True)
    for part, count in COUNTS.items():
        labels = np.arange(count) % 3
        for kind, array in (("images", images_of(part, labels)), ("labels", labels)):
            content = changes.get(f"{part}_{kind}", idx(array))
            name = f"{part}-{kind}{'.' if dots else '-'}idx{array.ndim}-ubyte"
            if content is not None and packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            elif content is not None:
                (folder / name).write_bytes(content)
    return folder


def records(images, labels):
    return b"".join(bytes([label]) + image.tobytes() for image, label in zip(images, labels, strict=True))


def written_batches(folder, packed=False, **changes):
    """Write batches of 4 images, of two classes."""
    folder.mkdir(exist_ok=True)
    names = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]
    for number, name in enumerate(names):
        pixels = np.random.default_rng(number).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
        content = changes.get(name, records(pixels, np.arange(4) % 2))
        if content is not None:
            (folder / f"{name}.bin{'.gz' if packed else ''}").write_bytes(gzip.compress(content) if packed else content)
    return folder


@pytest.mark.parametrize("cls", [Mnist, FashionMnist])
def test_parts_are_those_of_the_files_each_image_with_its_label(cls, tmp_path):
    law = cls(path=str(written(tmp_path / "set")), standardize="none").distribution()
    labels = np.arange(60) % 3
    assert law.data.shape == (1, *SIDES)
    assert law.classes == 3
    assert law.labels.tolist() == labels.tolist()
    np.testing.assert_array_equal(law.data.shaped(law.train).numpy()[:, 0], images_of("train", labels))
    test = images_of("t10k", np.arange(21) % 3).reshape(21, -1)
    assert [len(part) for part in law.parts] == [10, 11]
    held_out = torch.cat(law.parts).numpy()
    np.testing.assert_array_equal(held_out[np.lexsort(held_out.T)], test[np.lexsort(test.T)])
    for part in (0, 1):
        points, own = law.held_out_labelled(8, torch.Generator().manual_seed(0), part)
        # The first pixel of each is its label.
        assert points[:, 0].tolist() == own.tolist()


def test_batches_of_cifar_10_are_joined_in_their_order(tmp_path):
    law = Cifar10(path=str(written_batches(tmp_path / "set")), standardize="none").distribution()
    assert (law.size, law.data.shape, law.classes) == (20, (3, 32, 32), 2)
    assert law.labels.tolist() == [0, 1] * 10
    second = np.random.default_rng(1).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    np.testing.assert_array_equal(law.data.shaped(law.train)[4:8].numpy(), second)
    assert [len(part) for part in law.parts] == [2, 2]


@pytest.mark.parametrize("how", ["none", "scale", "columns", "whiten"])
def test_standardized_images_are_brought_back_to_pixels(how, tmp_path):
    target = Mnist(path=str(written(tmp_path / "set")), standardize=how)
    law, units = target.distribution(), target.data_units()
    assert law.data.shape == ((law.dim,) if how == "whiten" else (1, *SIDES))
    if how != "none":
        assert law.sigma_data == pytest.approx(1)
        torch.testing.assert_close(law.train.mean(0).mean(), torch.tensor(0.0, dtype=torch.float64), atol=1e-12, rtol=0)
    pixels = torch.from_numpy(images_of("train", np.arange(60) % 3)[:, None]).double()
    torch.testing.assert_close(units.restore(law.train), pixels, atol=1e-9, rtol=0)
    assert units.shape == (1, *SIDES)
    if how == "scale":
        assert units.scale == pytest.approx(
            float((pixels - pixels.flatten(1).mean(0).reshape(1, *SIDES)).square().mean().sqrt())
        )


def test_gzipped_plain_and_dotted_files_are_one_content(tmp_path):
    plain = Mnist(path=str(written(tmp_path / "plain")))
    digests = {
        Mnist(path=str(written(tmp_path / name, **how))).content_digest()
        for name, how in {"packed": {"packed": True}, "dots": {"dots": True}, "again": {}}.items()
    }
    assert digests == {plain.content_digest()}
    (batches, packed) = (written_batches(tmp_path / name, packed=name == "gz") for name in ("batches", "gz"))
    assert Cifar10(path=str(batches)).content_digest() == Cifar10(path=str(packed)).content_digest()


@pytest.mark.parametrize("file", ["train_images", "train_labels", "t10k_images", "t10k_labels"])
def test_the_digest_is_of_every_file(file, tmp_path):
    count = COUNTS[file.partition("_")[0]]
    labels = np.arange(count) % 3
    other = 255 - images_of(file.partition("_")[0], labels) if file.endswith("images") else labels[::-1]
    changed = written(tmp_path / "changed", **{file: idx(np.ascontiguousarray(other))})
    before = Mnist(path=str(written(tmp_path / "set"))).content_digest()
    assert Mnist(path=str(changed)).content_digest() != before
    # A file that changes on its place is read again.
    written(changed)
    assert Mnist(path=str(changed)).content_digest() == before


def test_fewer_images_are_trained_on_and_the_same_are_held_out(tmp_path):
    path = str(written(tmp_path / "set"))
    whole, part = (Mnist(path=path, count=count, standardize="none").distribution() for count in (None, 20))
    assert part.size == 20
    everything = {(*row, label) for row, label in zip(whole.train.tolist(), whole.labels.tolist(), strict=True)}
    chosen = {(*row, label) for row, label in zip(part.train.tolist(), part.labels.tolist(), strict=True)}
    assert len(chosen) == 20
    assert chosen < everything
    more = Mnist(path=path, count=30, standardize="none").distribution()
    assert chosen < {(*row, label) for row, label in zip(more.train.tolist(), more.labels.tolist(), strict=True)}
    assert all(torch.equal(a, b) for a, b in zip(whole.parts, part.parts, strict=True))
    with pytest.raises(DataError, match="has 60 images to train on, not count=61; ask for fewer"):
        Mnist(path=path, count=61).content_digest()


def test_what_is_no_published_set_is_noted(tmp_path):
    law = Mnist(path=str(written(tmp_path / "set"))).distribution()
    assert law.notes[0] == "these are not all of mnist as published: classes have 20 to 20 images to train on"


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Fashion-MNIST is not installed: apt install dataset-fashion-mnist")
def test_fashion_mnist_is_what_was_published():
    digest = "5d6bf8c9792cd6f5880307492d314fd9c237c2787b967c0f6a8aaf1249952758"
    assert FashionMnist().content_digest() == digest
    assert FashionMnist().read().notes == ()


def test_a_relative_path_is_one_beside_the_suite(tmp_path):
    assert Mnist(path="set").located(tmp_path) == Mnist(path=str(tmp_path / "set"))
    assert FashionMnist().located(tmp_path) == FashionMnist()


def labels_of(count):
    return np.arange(count) % 3


BAD = {
    "no folder": (None, r"mnist: there is no folder .*; give path=, a folder with its four IDX files"),
    "a file is missing": ({"t10k_labels": None}, "has no file t10k-labels-idx1-ubyte, nor t10k-labels-idx1-ubyte.gz; "),
    "empty": ({"train_images": b""}, "begins with nothing, and an IDX file of images in bytes with 00 00 08 03; give"),
    "labels for images": ({"train_images": idx(labels_of(60))}, "begins with 00 00 08 01, and .* with 00 00 08 03"),
    "images for labels": (
        {"train_labels": idx(images_of("train", labels_of(60)))},
        "begins with 00 00 08 03, and an IDX file of labels in bytes with 00 00 08 01",
    ),
    "floats": ({"train_images": b"\0\0\x0d\3" + bytes(999)}, "begins with 00 00 0d 03"),
    "a page": ({"train_images": b"<html>404"}, "begins with 3c 68 74 6d, and"),
    "half a header": ({"train_images": b"\0\0\x08\3\0\0"}, "its header is cut short after 6 of 16 bytes"),
    "cut short": (
        {"train_images": idx(images_of("train", labels_of(60)))[:-1]},
        r"its header says 1,440 bytes, and it is cut short \(1,439\)",
    ),
    "too long": ({"train_labels": idx(labels_of(60)) + b"\0"}, r"says 60 bytes, and it is longer than that \(61\)"),
    "more than there is": (
        {"train_images": struct.pack(">BBBBIII", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1)},
        "its header asks for .* bytes, more than are ever read; the file is damaged",
    ),
    "no images": (
        {"train_images": idx(np.zeros((0, 4, 6))), "train_labels": idx(np.zeros(0))},
        "holds 0 rows; at least 10",
    ),
    "no pixels": (
        {"train_images": idx(np.zeros((60, 0, 6))), "t10k_images": idx(np.zeros((21, 0, 6)))},
        "rows are empty",
    ),
    "labels missing": ({"train_labels": idx(labels_of(59))}, "has 59 labels for 60 images to train on; one each"),
    "test labels missing": ({"t10k_labels": idx(labels_of(20))}, "has 20 labels for 21 images of the test"),
    "other sides": (
        {"t10k_images": idx(np.zeros((21, 6, 4)))},
        r"shapes \(1, 4, 6\) and \(1, 6, 4\); give files of one",
    ),
    "a class missing": ({"train_labels": idx(labels_of(60) * 2)}, "no point has label 1, and the largest is 4; number"),
    "one class": ({"train_labels": idx(np.zeros(60))}, "its labels are all 0"),
    "an unknown class": ({"t10k_labels": idx(np.full(21, 9))}, "the test has label 9, of which no image is trained on"),
    "one image": ({"train_images": idx(np.ones((60, *SIDES)))}, "its rows are all the same"),
    "too few": (
        {"t10k_images": idx(np.ones((3, *SIDES))), "t10k_labels": idx(labels_of(3))},
        "has 3 images of the test; at least 4 are needed",
    ),
    "half a gzipped file": ({"train_images": gzip.compress(bytes(range(256)) * 9)[:200]}, "is damaged or cut short"),
    "no gzipped file": ({"train_images": b"\x1f\x8bnonsense"}, "is damaged or cut short"),
    "another sum": (
        {"train_images": gzip.compress(idx(images_of("train", labels_of(60))))[:-8] + bytes(8)},
        r"is damaged or cut short \(CRC check failed",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_set_is_told_in_one_line(case, tmp_path):
    changes, fault = BAD[case]
    if changes is not None:
        written(tmp_path / "set", **changes)
    with pytest.raises(DataError, match=fault) as caught:
        Mnist(path=str(tmp_path / "set")).content_digest()
    told(caught, tmp_path)


BAD_BATCHES = {
    "a batch is missing": (
        {"data_batch_4": None},
        r"has no file data_batch_4.bin, nor data_batch_4.bin.gz; give path=",
    ),
    "empty": ({"test_batch": b""}, "has 0 bytes, and a batch of CIFAR-10 has 3,073 for each image"),
    "cut short": ({"data_batch_2": bytes(3072)}, "has 3,072 bytes, and a batch"),
    "pickles": ({"data_batch_1": pickle.dumps({b"data": [1]})}, "bytes, and a batch of CIFAR-10 .*; give the binary"),
    "a label": ({"data_batch_5": bytes(3073) + b"\x0a" + bytes(3072)}, "image 2 has label 10, and classes are 0 to 9"),
}


@pytest.mark.parametrize("case", BAD_BATCHES)
def test_bad_batches_are_told_in_one_line(case, tmp_path):
    changes, fault = BAD_BATCHES[case]
    with pytest.raises(DataError, match=fault) as caught:
        Cifar10(path=str(written_batches(tmp_path / "set", **changes))).content_digest()
    told(caught, tmp_path)


def told(caught, folder):
    assert str(folder / "set") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(folder))


def test_damaged_bytes_are_told_or_are_other_pixels(tmp_path):
    random, folder = np.random.default_rng(0), written(tmp_path / "set", packed=True)
    files = sorted(folder.iterdir())
    whole = {file: file.read_bytes() for file in files}
    refused = 0
    for _ in range(60):
        file = files[random.integers(len(files))]
        content = bytearray(whole[file] if random.random() < 0.5 else gzip.decompress(whole[file]))
        content[random.integers(min(len(content), 40))] = random.integers(256)
        file.write_bytes(content[: random.integers(1, len(content) + 1)] if random.random() < 0.5 else content)
        try:
            Mnist(path=str(folder)).content_digest()
        except DataError:
            refused += 1
        file.write_bytes(whole[file])
    assert refused > 30


@pytest.mark.parametrize("cls", [Mnist, FashionMnist, Cifar10])
def test_an_example_is_a_whole_set_of_ten_classes(cls, tmp_path):
    law = cls.example(tmp_path).distribution()
    assert (law.classes, law.size) == (10, 30)
    assert len(law.data.shape) == 3


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("mnist", "needs parameter 'path'"),
        ("cifar-10", "needs parameter 'path'"),
        ('mnist:path=""', "is empty; it should name a folder"),
        ("fashion-mnist:count=9", "greater than or equal to 10"),
        ("fashion-mnist:standardize=zca", "none"),
    ],
)
def test_a_parameter_outside_its_range_is_refused(registry, form, why):
    from harness.components import ComponentError

    with pytest.raises(ComponentError, match=why):
        registry.parse("target", form)
