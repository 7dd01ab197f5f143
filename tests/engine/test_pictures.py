"""Pictures: their bytes, their places, and when there are none."""

import base64

import numpy as np
import pytest
import torch

from harness.engine.labels import sample_labels
from harness.engine.pictures import BYTES, MOST, sample_pictures, target_pictures
from harness.mixtures import EmpiricalDistribution, IsotropicMixture, MixtureDistribution


def law_of(shape, *, count=60, classes=3):
    """Images that tell who they are: the first number is that of the image, the second its class."""
    points = torch.zeros(count, int(np.prod(shape)), dtype=torch.float64)
    labels = torch.arange(count) % max(classes, 1)
    points[:, 0], points[:, 1] = torch.arange(count) / (count - 1), labels / max(classes - 1, 1)
    law = EmpiricalDistribution(points, (points, points), "images", labels if classes else None)
    law.shape = shape
    return law


def pixels(image):
    return np.frombuffer(base64.b64decode(image), dtype=np.uint8)


def test_a_byte_is_a_number_between_the_least_and_the_largest_of_the_data():
    law = law_of((1, 2, 2), classes=0)
    shown = target_pictures(law)
    assert (shown.shape, shown.classes) == ([1, 2, 2], [])
    assert (shown.low, shown.high) == (0.0, pytest.approx(1.0, abs=0.05))
    assert len(shown.images) == MOST
    # Distinct points of the data, in eight bits.
    numbers = [round(59 * shown.high * pixels(image)[0] / 255) for image in shown.images]
    assert len(set(numbers)) == MOST
    for image, number in zip(shown.images, numbers, strict=True):
        assert pixels(image).tolist() == [round(number / 59 / shown.high * 255), 0, 0, 0]
    samples = torch.tensor([[-5.0, 0.0, shown.high, 5.0], [0.25 * shown.high, 0.5 * shown.high, 0.0, 0.0]])
    made = sample_pictures(law, samples.double(), 0, conditional=False)
    assert [pixels(image).tolist() for image in made.images[:2]] == [[0, 0, 255, 255], [64, 128, 0, 0]]
    assert made.images[2:] == [None] * (MOST - 2)


def test_places_are_of_classes():
    law = law_of((1, 2, 2))
    shown = target_pictures(law)
    assert shown.classes == [0] * 6 + [1] * 6 + [2] * 6
    assert [round(int(pixels(image)[1]) / 127.5) for image in shown.images] == shown.classes
    assert len(set(shown.images)) == len(shown.images)


@pytest.mark.parametrize("conditional", [True, False])
def test_the_samples_of_a_place_are_the_same_for_every_design(conditional):
    law, seed = law_of((1, 2, 2)), 3
    labels = sample_labels(law, seed, 50)
    # A sample tells its number; both kinds of network show the first of each class.
    samples = torch.zeros(50, 4, dtype=torch.float64)
    samples[:, 2] = torch.arange(50) / 255
    law.train[0, 3] = 1.0  # so that low and high are 0 and 1
    made = sample_pictures(law, samples, seed, conditional=conditional)
    assert made.conditional == conditional
    expected = [int(i) for label in range(3) for i in (labels == label).nonzero()[:6]]
    shown = target_pictures(law)
    found = [round(int(pixels(image)[2]) * (shown.high - shown.low) + 255 * shown.low) for image in made.images]
    assert found == expected
    assert labels[found].tolist() == shown.classes


def test_a_place_without_a_sample_is_empty():
    law = law_of((1, 2, 2), classes=10)
    labels = sample_labels(law, 0, 4)
    made = sample_pictures(law, torch.zeros(4, 4, dtype=torch.float64), 0, conditional=False)
    shown = target_pictures(law)
    counts = [sum(image is not None for image in made.images[2 * k : 2 * k + 2]) for k in range(10)]
    assert counts == [min(2, int((labels == k).sum())) for k in range(10)]
    assert shown.classes == [k for k in range(10) for _ in range(2)]


def test_of_more_classes_than_places_the_first_are_shown():
    assert target_pictures(law_of((1, 2, 2), classes=30)).classes == list(range(MOST))


@pytest.mark.parametrize(
    ("shape", "count"),
    [((), 0), ((2, 2, 2), 0), ((1, 2, 2), MOST), ((3, 2, 2), MOST), ((3, 64, 64), 5), ((1, 256, 257), 0)],
)
def test_what_is_no_image_or_too_large_is_not_shown(shape, count):
    dim = int(np.prod(shape)) if shape else 4
    law = MixtureDistribution(IsotropicMixture(torch.zeros(1, dim), 1.0))
    law.shape = shape
    samples = torch.zeros(2, dim, dtype=torch.float64)
    shown, made = target_pictures(law), sample_pictures(law, samples, 0, conditional=False)
    assert (shown is None) == (made is None) == (count == 0)
    if shown is not None:
        assert len(shown.images) == len(made.images) == count
        assert sum(len(pixels(image)) for image in shown.images) <= BYTES
