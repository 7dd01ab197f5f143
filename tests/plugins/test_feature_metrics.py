"""KID, precision, recall, density, coverage: closed forms, independent counts, honest errors."""

import itertools
from math import comb

import numpy as np
import pytest
import torch
from harness_metrics import ClassifierFrechet, ClassifierKID, Coverage, Density, Precision, Recall
from harness_metrics.kernel_certificate import between, mean_kernel
from harness_metrics.kernel_distance import kernel_distance
from harness_metrics.neighbourhoods import coverage, density, share_inside, shares_tied
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors

from harness.certification import certify
from harness.errors import NotApplicable
from harness.mixtures import EmpiricalDistribution
from harness.registry.discovery import load

NEIGHBOURS = (share_inside, density, coverage)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def square(values):
    return float(np.mean(np.square(values)))


class TestKernelDistance:
    def test_it_is_the_sum_over_pairs_of_different_points(self):
        x, y = normal(40, 3), 1.3 * normal(30, 3, seed=1) + 0.4
        xx, yy, xy = (polynomial_kernel(a, b, degree=3, gamma=1 / 3, coef0=1) for a, b in ((x, x), (y, y), (x, y)))
        exact = (xx.sum() - np.trace(xx)) / (40 * 39) + (yy.sum() - np.trace(yy)) / (30 * 29) - 2 * xy.mean()
        assert kernel_distance(x, y).value == pytest.approx(exact, rel=1e-10)

    def test_its_error_is_that_of_leaving_points_out(self):
        x, y = normal(40, 3), 1.3 * normal(30, 3, seed=1) + 0.4
        ours = [kernel_distance(torch.cat([x[:i], x[i + 1 :]]), y).value for i in range(len(x))]
        theirs = [kernel_distance(x, torch.cat([y[:i], y[i + 1 :]])).value for i in range(len(y))]
        exact = (39 * np.var(ours) + 29 * np.var(theirs)) ** 0.5
        assert kernel_distance(x, y).standard_error == pytest.approx(exact, rel=1e-9)

    @pytest.mark.parametrize(("shift", "a", "b"), [(0.5, 1.0, 1.0), (0.0, 1.4, 1.0), (0.3, 0.7, 1.2)])
    def test_between_gaussians_it_is_as_the_moments_say(self, shift, a, b):
        mean = np.full(4, shift)
        values = [
            kernel_distance(a * normal(200, 4, seed=2 * k) + shift, b * normal(200, 4, seed=2 * k + 1)).value
            for k in range(100)
        ]
        assert np.mean(values) == pytest.approx(between(mean, a, b), abs=4 * np.std(values) / 10)
        assert between(mean, a, b) > 0.01

    def test_moments_of_the_kernel_are_those_of_many_points(self):
        mean = np.array([0.7, -0.2, 0.4])
        x, y = (0.8 * normal(1_000_000, 3, seed=k).numpy() + mean for k in (0, 1))
        values = ((x * y).sum(1) / 3 + 1) ** 3
        assert values.mean() == pytest.approx(mean_kernel(mean, 0.8), abs=5 * values.std() / 1000)
        assert mean_kernel(np.zeros(3), 0.0) == 1

    @pytest.mark.parametrize("n", [8, 32, 128])
    def test_of_one_law_it_is_0_on_average_at_any_number_of_points(self, n):
        values = [kernel_distance(normal(n, 4, seed=2 * k), normal(n, 4, seed=2 * k + 1)).value for k in range(300)]
        assert abs(np.mean(values)) < 3.5 * np.std(values) / 300**0.5
        assert min(values) < 0 < max(values)

    def test_its_interval_covers_the_distance_of_the_laws(self):
        mean, inside = np.full(4, 0.5), 0
        for k in range(200):
            found = kernel_distance(normal(300, 4, seed=2 * k) + 0.5, normal(300, 4, seed=2 * k + 1))
            inside += abs(found.value - between(mean, 1.0, 1.0)) < 1.96 * found.standard_error
        assert 180 <= inside <= 199

    def test_large_samples_are_summed_in_pieces(self):
        x, y = normal(1100, 3), normal(700, 3, seed=1)
        kernel = polynomial_kernel(x, y, degree=3, gamma=1 / 3, coef0=1)
        own = [polynomial_kernel(a, degree=3, gamma=1 / 3, coef0=1) for a in (x, y)]
        exact = sum((k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in own) - 2 * kernel.mean()
        assert kernel_distance(x, y).value == pytest.approx(exact, rel=1e-8)

    def test_two_points_are_too_few(self):
        with pytest.raises(NotApplicable, match="3 or more of each"):
            kernel_distance(normal(2, 3), normal(5, 3))


def counted(points, centres, k):
    """Which points lie in which balls, by scikit-learn's search for neighbours."""
    radii = NearestNeighbors(n_neighbors=k + 1).fit(centres).kneighbors(centres)[0][:, -1]
    return np.linalg.norm(points[:, None] - centres[None], axis=2) <= radii * (1 + 1e-12)


class TestNeighbourhoods:
    def test_they_count_what_a_search_for_neighbours_finds(self):
        x, y = 1.4 * normal(90, 3) + 0.5, normal(70, 3, seed=1)
        inside = counted(x.numpy(), y.numpy(), 3)
        assert share_inside(x, y, 3).value == pytest.approx(inside.any(1).mean(), rel=1e-12)
        assert coverage(x, y, 3).value == pytest.approx(inside.any(0).mean(), rel=1e-12)
        assert density(x, y, 3).value == pytest.approx(inside.sum() / (3 * 90), rel=1e-12)
        assert 0.1 < inside.any(1).mean() < 0.9

    def test_of_a_sample_and_itself_all_is_inside(self):
        x = normal(100, 16)
        assert share_inside(x, x, 3).value == coverage(x, x, 3).value == 1
        assert density(x, x, 5).value == pytest.approx(6 / 5)

    def test_far_apart_nothing_is_and_the_error_is_not_0(self):
        for measure in NEIGHBOURS:
            found = measure(normal(100, 4) + 100, normal(80, 4, seed=1), 3)
            assert found.value == 0
            assert 0.003 < found.standard_error < 0.02

    @pytest.mark.parametrize(("n", "m", "k"), [(60, 60, 5), (40, 100, 3), (120, 30, 1)])
    def test_of_one_law_coverage_and_density_have_their_closed_forms(self, n, m, k):
        """Whatever the law: a centre is not covered if its k nearest of all others are centres (Naeem et al.)."""
        pairs = [(normal(n, 2, seed=2 * i), normal(m, 2, seed=2 * i + 1)) for i in range(150)]
        found = [coverage(x, y, k).value for x, y in pairs]
        exact = 1 - comb(m - 1, k) / comb(n + m - 1, k)
        assert np.mean(found) == pytest.approx(exact, abs=4 * np.std(found) / 150**0.5)
        found = [density(x, y, k).value for x, y in pairs]
        assert np.mean(found) == pytest.approx(1, abs=4 * np.std(found) / 150**0.5)

    @pytest.mark.parametrize("measure", NEIGHBOURS)
    @pytest.mark.parametrize(("shift", "most"), [(0.0, 2.0), pytest.param(0.8, 1.6, marks=pytest.mark.slow)])
    def test_the_standard_error_is_the_spread_and_errs_upwards_for_one_law(self, measure, shift, most):
        made = [measure(normal(200, 4, seed=2 * i) + shift, normal(200, 4, seed=2 * i + 1), 3) for i in range(80)]
        spread = np.std([each.value for each in made], ddof=1)
        assert 0.7 < square([each.standard_error for each in made]) ** 0.5 / spread < most

    def test_recall_falls_where_a_kind_is_missing_and_precision_where_samples_are_alien(self):
        kinds = [normal(100, 4, seed=k) + 20 * k for k in range(4)]
        again = [normal(100, 4, seed=10 + k) + 20 * k for k in range(4)]
        data, fewer = torch.cat(kinds), torch.cat(again[:2])
        alien = torch.cat([*again[:2], normal(200, 4, seed=30) - 50])
        assert share_inside(fewer, data, 3).value == pytest.approx(
            share_inside(torch.cat(again), data, 3).value, abs=0.1
        )
        assert share_inside(data, fewer, 3).value < 0.5
        assert share_inside(alien, data, 3).value < 0.5 < share_inside(fewer, data, 3).value
        assert coverage(fewer, data, 3).value < 0.5

    def test_of_a_law_with_ties_balls_tell_nothing(self):
        """One discrete law for both samples: what is equal lies inside, also in balls of radius 0."""
        x, y = (torch.randint(0, 8, (n, 1), generator=torch.Generator().manual_seed(n)).double() for n in (120, 200))
        assert density(x, y, 3).value > 5
        assert share_inside(x, y, 3).value == coverage(x, y, 3).value == 1
        assert density(torch.ones(30, 2), torch.ones(50, 2), 5).value == 10

    def test_shares_with_equal_neighbours_are_counted(self):
        points = torch.tensor([0.0, 0, 0, 1, 1, 2]).double()[:, None]
        assert shares_tied(points)[:3].tolist() == pytest.approx([5 / 6, 3 / 6, 0])
        assert not shares_tied(normal(100, 3)).any()

    def test_too_few_centres_are_refused(self):
        with pytest.raises(NotApplicable, match="50 points and 4 centres are too few for balls of 3 neighbours"):
            density(normal(50, 2), normal(4, 2), 3)
        assert coverage(normal(50, 2), normal(5, 2), 3).value > 0


@pytest.fixture(scope="module")
def digits():
    return load().classes("target")["digits"]().distribution()


@pytest.fixture(scope="module")
def fitted(digits):
    return ClassifierFrechet(classifier="convolution").fit(digits, torch.Generator().manual_seed(0))


class TestOnDigits:
    @pytest.mark.slow
    def test_kid_rises_with_noise(self, digits, fitted):
        reference, points = digits.parts
        noise = normal(*points.shape)
        kid = ClassifierKID(classifier="convolution")
        values = [kid.compare(points + level * noise, reference, fitted) for level in (0, 0.4, 0.8, 1.6)]
        assert all(less.value < more.value for less, more in itertools.pairwise(values))
        assert abs(values[0].value) < 4 * values[0].standard_error

    def test_precision_sees_noise_and_recall_a_missing_class(self, digits, fitted):
        (reference, _), (points, labels) = (
            digits.held_out_labelled(1000, torch.Generator().manual_seed(0), part) for part in (0, 1)
        )
        noisy, few = points + 1.6 * normal(*points.shape), points[labels < 3]
        assert Precision().compare(noisy, reference, fitted).value < 0.5
        assert Precision().compare(points, reference, fitted).value > 0.75
        assert Density().compare(noisy, reference, fitted).value < 0.5
        for metric in (Recall(), Coverage()):
            assert metric.compare(few, reference, fitted).value < 0.5 < metric.compare(points, reference, fitted).value

    def test_points_beyond_the_number_asked_for_do_not_count(self, digits, fitted):
        reference, points = digits.parts
        for cls in (ClassifierKID, Precision, Recall, Density, Coverage):
            some = cls(points=100).compare(points, reference, fitted)
            assert some == cls().compare(points[:100], reference[:100], fitted)


def test_a_note_tells_of_data_with_many_equal_points():
    labels = torch.arange(60) % 2
    for width, told in ((0.0, True), (1.0, False)):
        points = labels[:, None].double() + width * normal(60, 2)
        law = EmpiricalDistribution(points, (points, points), "few", labels, (labels, labels))
        metric = Density(train_steps=1)
        notes = metric.notes(metric.fit(law, torch.Generator().manual_seed(0)))
        assert ("100 % of held-out points have 5 others with the same features" in " ".join(notes)) is told


def test_those_by_neighbours_are_for_reading_and_kid_is_compared_by_differences():
    declared = {name: cls.measured() for name, cls in load().classes("metric").items()}
    for name in ("precision", "recall", "density", "coverage"):
        assert (declared[name].compared_by, declared[name].least, declared[name].space) == ("nothing", 0.0, "features")
    assert (declared["classifier-kid"].compared_by, declared["classifier-kid"].least) == ("difference", None)


@pytest.mark.parametrize("name", ["classifier-kid", "density", "classifier-mmd:classifier=convolution"])
def test_certificates_hold_of_images_alone_too(name):
    words = name if ":" in name else name + ":"
    found = certify(f"{words},train_steps=60".replace(":,", ":"), registry=load())
    assert found.passed
    assert len([each for each in found.properties if each.verdict == "pass"]) >= 6
