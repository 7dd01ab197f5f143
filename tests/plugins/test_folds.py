"""Cross-fitting: the splits of a data set's rows, one for each seed."""

import itertools

import numpy as np
import pytest
import torch
from harness_data.errors import DataError
from harness_data.folds import FEW, places
from harness_data.targets import File

from harness.components import ComponentError, build
from harness.mixtures import split_order

POINTS = np.random.default_rng(0).normal(size=(47, 3))


@pytest.fixture
def points(tmp_path):
    path = tmp_path / "points.npy"
    np.save(path, POINTS)
    return str(path)


@pytest.mark.parametrize(("rows", "folds"), [(47, 5), (150, 5), (10, 5), (33, 10), (7, 3)])
def test_each_partition_holds_every_row_out_once_in_either_part_and_no_row_is_on_two_sides(rows, folds):
    for first in (0, folds, 7 * folds):
        splits = [places("p", rows, None, folds, fold) for fold in range(first, first + folds)]
        for part in (0, 1):
            assert sorted(np.concatenate([split[part] for split in splits])) == list(range(rows))
        for split in splits:
            assert sorted(np.concatenate(split)) == list(range(rows))
            assert {len(split[0]), len(split[1])} <= {rows // folds, -(-rows // folds)}


def test_a_further_partition_is_another_and_holds_an_equal_share_of_each_fold_out_in_the_mean():
    held_out = [set(places("p", 400, None, 5, fold)[0]) for fold in range(200)]
    shared = [len(a & b) for i, a in enumerate(held_out) for b in held_out[5 * (i // 5 + 1) :]]
    assert np.mean(shared) / 80 == pytest.approx(1 / 5, abs=0.002)
    assert len(set(map(frozenset, held_out))) == 200


def test_the_first_split_is_the_fixed_one_where_folds_are_equal():
    for split, fixed in zip(places("p", 150, None, 5, 0), split_order(150), strict=True):
        assert split.tolist() == fixed.tolist()


@pytest.mark.parametrize("counts", [(3, 40), (3, 4, 5, 6), (50, 50, 50), (17, 3, 90)])
@pytest.mark.parametrize("folds", [3, 5, 7])
def test_rows_of_each_class_are_dealt_evenly_and_never_held_out_as_a_whole(counts, folds):
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    for fold in range(3 * folds):
        first, second, train = places("p", len(labels), labels, folds, fold)
        assert np.bincount(labels[train], minlength=len(counts)).min() > 0
        for part, label in itertools.product((first, second), range(len(counts))):
            assert counts[label] // folds <= (labels[part] == label).sum() <= -(-counts[label] // folds)


def test_the_target_of_a_seed_is_the_split_of_that_number_and_its_own_for_every_seed(points):
    target = File(path=points, standardize="none")
    for seed in (0, 4, 5, 12):
        own = target.for_seed(seed)
        assert own == File(path=points, standardize="none", folds=5, fold=seed) == own.for_seed(seed + 1)
        split, law = places("p", 47, None, 5, seed), own.distribution()
        for part, rows in zip((*law.parts, law.train), split, strict=True):
            assert torch.equal(part, torch.from_numpy(POINTS[rows]))
        assert [own.held_out_rows(part) for part in (0, 1)] == [frozenset(rows.tolist()) for rows in split[:2]]
        assert law.stream == seed
    # What has no seed sees the first split.
    assert torch.equal(target.distribution().train, target.for_seed(0).distribution().train)
    assert File(path=points, folds=10).for_seed(3).folds == 10


def test_each_split_is_standardized_by_its_own_training_part(points):
    laws = [File(path=points).for_seed(seed).distribution() for seed in range(5)]
    for law in laws:
        assert float(law.train.mean(0).abs().max()) < 1e-12
        assert law.sigma_data == pytest.approx(1)
    assert len({float(law.train[0, 0]) for law in laws}) == 5


def test_a_file_of_many_rows_has_one_split_unless_it_is_asked_for_more(tmp_path):
    for rows, auto in ((FEW - 1, 5), (FEW, 1)):
        path = str(tmp_path / f"{rows}.npy")
        np.save(path, np.random.default_rng(0).normal(size=(rows, 1)))
        target, fixed = File(path=path), File(path=path, folds=1)
        assert len({target.for_seed(seed) for seed in range(9)}) == auto if auto == 1 else 9
        assert fixed.for_seed(3) is fixed
        assert fixed.held_out_rows(1) == frozenset(split_order(rows)[1].tolist())
        assert File(path=path, folds=4).for_seed(6) == File(path=path, folds=4, fold=6)
        assert len(File(path=path, folds=4).distribution().train) == pytest.approx(rows / 2, abs=1)


def test_labels_go_with_the_rows_of_each_split(tmp_path):
    labels = np.arange(47) % 3
    np.savez(tmp_path / "points.npz", points=POINTS, digit=labels)
    target = File(path=str(tmp_path / "points.npz"), labels="digit", standardize="none")
    own = {tuple(row): label for row, label in zip(POINTS.tolist(), labels.tolist(), strict=True)}
    for seed in range(5):
        law = target.for_seed(seed).distribution()
        assert law.labels.tolist() == [own[tuple(row)] for row in law.train.tolist()]
        for part in (0, 1):
            held_out, known = law.held_out_labelled(99, torch.Generator().manual_seed(seed), part)
            assert known.tolist() == [own[tuple(row)] for row in held_out.tolist()]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"folds": 2}, "should be auto, 1 for one fixed split, or a number of folds from 3 to 1000"),
        ({"folds": 0}, "should be auto"),
        ({"folds": -5}, "should be auto"),
        ({"folds": 1.5}, "should be auto"),
        ({"folds": 5.0}, "should be auto"),
        ({"folds": True}, "should be auto"),
        ({"folds": "five"}, "should be auto"),
        ({"folds": 10**9}, "should be auto"),
        ({"fold": -1}, "greater than or equal to 0"),
        ({"fold": 10**12}, "less than or equal to 1000000"),
    ],
)
def test_numbers_that_mean_no_split_are_refused_in_one_line(points, given, fault):
    with pytest.raises(ComponentError, match=fault) as caught:
        build(File, {"path": points} | given)
    assert "\n" not in str(caught.value)


def test_a_number_of_folds_may_come_as_text_as_from_a_shell(points):
    assert build(File, {"path": points, "folds": "5"}) == File(path=points, folds=5)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"folds": 24}, "holds 47 rows for 24 folds; each fold needs 2; ask for fewer folds"),
        ({"folds": 1, "fold": 3}, "has one split of its 47 rows, so that there is no fold=3; give folds="),
    ],
)
def test_folds_that_a_file_has_not_are_told_before_anything_is_done(points, given, fault):
    for use in (File.content_digest, File.distribution):
        with pytest.raises(DataError, match=fault):
            use(File(path=points, **given))
