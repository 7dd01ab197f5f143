"""What `benchmarks/image_metrics.py` does to images is what it says, and its tables hold on digits."""

import importlib.util
import itertools
import sys
from pathlib import Path

import pytest
import torch

PATH = Path(__file__).parents[2] / "benchmarks" / "image_metrics.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("image_metrics", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["image_metrics"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def case(script):
    return script.made("digits", steps=300, pairs=30)


@pytest.fixture
def images():
    return torch.randn(20, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class TestDamages:
    def test_patches_that_change_places_keep_their_pixels(self, script, images):
        for pairs in (1, 3, 8):
            found = script.swapped(images, pairs)
            assert torch.equal(found.flatten(1).sort().values, images.flatten(1).sort().values)
            assert ((found != images).sum((1, 2, 3)) == 2 * pairs * 4).all()
        assert torch.equal(script.swapped(images, 0), images)

    def test_blur_keeps_what_is_flat_and_lowers_what_is_not(self, script, images):
        flat = torch.ones_like(images)
        assert torch.allclose(script.blurred(flat, 1.5), flat)
        assert torch.allclose(script.blurred(images, 0.05), images)
        deviations = [script.blurred(images, strength).std() for strength in script.BLUR]
        assert all(more < less for less, more in itertools.pairwise(deviations))

    def test_noise_has_its_deviation_and_the_images_are_left_alone(self, script, images):
        before = images.clone()
        assert (script.noisy(images, 0.5) - images).std() == pytest.approx(0.5, rel=0.05)
        script.swapped(images, 4)
        assert torch.equal(images, before)


def numbers(row, *columns):
    return [float(row[column].partition(" ")[0]) for column in columns]


class TestOnDigits:
    def test_a_sample_and_itself(self, script, case):
        for kind, distance, _, *shares in script.identical(case):
            assert kind in script.KINDS
            assert float(distance) < 1e-6
            assert [float(each) for each in shares] == [1, 1, 1.2, 1]

    def test_squares_fall_with_the_number_and_kid_does_not(self, script, case):
        rows = [row for row in script.bias(case) if row[0] == "convolution"]
        assert [row[1] for row in rows] == ["125", "250"]
        (few, kid_few), (many, kid_many) = (numbers(row, 2, 4) for row in rows)
        assert few > 1.5 * many
        for row, kid in zip(rows, (kid_few, kid_many), strict=True):
            assert abs(kid) < 4 * float(row[4].rpartition(" ")[2])

    def test_damage_is_ordered_by_both_distances(self, script, case):
        rows = [row for row in script.corruptions(case) if row[0] == "convolution"]
        assert len(rows) == 13
        for name in script.DAMAGES:
            values = torch.tensor([numbers(row, 3, 4) for row in rows if row[1] in ("none", name)])
            assert (values.diff(dim=0) > 0).all(0).tolist() == [True, True]
            assert (values[-1] > 2 * values[0]).all()
