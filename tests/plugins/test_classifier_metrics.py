"""Metrics by a classifier of the target's own: closed forms of the distance, and what the features see of digits."""

import itertools

import pytest
import torch
from harness_data.targets import Digits, Patches
from harness_metrics import ClassifierFrechet, ClassifierMMD, LabelError
from harness_metrics.classifier import features_of, labels_of
from harness_metrics.frechet import frechet
from harness_synthetic.targets import Ring

from harness.errors import NotApplicable
from harness.mixtures import EmpiricalDistribution
from harness.registry.discovery import load


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def whitened(x):
    """Points whose mean is 0 and whose covariance is the identity, exactly."""
    x = x - x.mean(0)
    return x @ torch.linalg.inv(torch.linalg.cholesky(x.T @ x / len(x))).T


def with_moments(seed, mean, covariance, n=200):
    """Points that have a mean and a covariance exactly."""
    return whitened(normal(n, len(mean), seed=seed)) @ torch.linalg.cholesky(covariance).T + mean


def covariance(dim, seed):
    root = normal(dim, dim, seed=seed)
    return root @ root.T + 0.1 * torch.eye(dim, dtype=torch.float64)


class TestDistance:
    def test_it_is_that_of_the_gaussians_with_these_moments(self):
        # Dowson and Landau: tr (A^½ B A^½)^½ is the sum of the square roots of the eigenvalues of AB.
        m, n, a, b = normal(3, seed=1), normal(3, seed=2), covariance(3, 3), covariance(3, 4)
        mixed = torch.linalg.eigvals(a @ b).real.sqrt().sum()
        exact = ((m - n).square().sum() + a.trace() + b.trace() - 2 * mixed).sqrt().item()
        found = frechet(with_moments(5, m, a), with_moments(6, n, b, n=90))
        assert found.value == pytest.approx(exact, rel=1e-9)

    def test_of_commuting_covariances_it_is_that_of_the_deviations(self):
        a, b = torch.tensor([4.0, 1.0]).double(), torch.tensor([1.0, 9.0]).double()
        shift = torch.tensor([3.0, 0.0]).double()
        found = frechet(with_moments(0, shift, a.diag()), with_moments(1, 0 * shift, b.diag()))
        assert found.value == pytest.approx((3**2 + (2 - 1) ** 2 + (1 - 3) ** 2) ** 0.5, rel=1e-9)

    def test_it_is_0_on_identical_samples_and_symmetric(self):
        x, y = normal(120, 4), 1.5 * normal(80, 4, seed=1) + 0.3
        assert frechet(x, x).value < 1e-6
        one, other = frechet(x, y), frechet(y, x)
        assert one.value == pytest.approx(other.value, rel=1e-12)
        assert one.standard_error == pytest.approx(other.standard_error, rel=1e-9)

    def test_of_a_sample_that_collapsed_it_is_what_the_other_spreads(self):
        y = normal(80, 3)
        found = frechet(torch.ones(50, 3, dtype=torch.float64), y)
        exact = (1 - y.mean(0)).square().sum() + y.var(0, correction=0).sum()
        assert found.value == pytest.approx(exact.sqrt().item(), rel=1e-9)
        squares = (1 - y).square().sum(1)
        assert (found.value + found.standard_error) ** 2 - found.value**2 == pytest.approx(
            (squares.var(correction=0) / len(y)).sqrt().item(), rel=1e-9
        )

    def test_its_error_is_that_of_leaving_points_out(self):
        x, y = normal(150, 3), normal(90, 3, seed=1) @ covariance(3, 2) + 0.5
        squared = frechet(x, y).value ** 2

        def without(sample, i):
            return torch.cat([sample[:i], sample[i + 1 :]])

        ours = torch.tensor([frechet(without(x, i), y).value ** 2 for i in range(len(x))])
        theirs = torch.tensor([frechet(x, without(y, i)).value ** 2 for i in range(len(y))])
        exact = ((len(x) - 1) * ours.var(correction=0) + (len(y) - 1) * theirs.var(correction=0)).sqrt().item()
        found = (frechet(x, y).value + frechet(x, y).standard_error) ** 2 - squared
        assert found == pytest.approx(exact, rel=0.05)

    def test_its_interval_covers_the_distance_of_the_laws(self):
        # N(0, I) and N(m, 4I) in two dimensions: d² = |m|² + 2(2 − 1)².
        exact, inside = (1.5**2 + 2) ** 0.5, 0
        for seed in range(200):
            y = 2 * normal(400, 2, seed=2 * seed + 1) + torch.tensor([1.5, 0.0]).double()
            found = frechet(normal(400, 2, seed=2 * seed), y)
            inside += abs(found.value - exact) < 1.96 * found.standard_error
        assert 180 <= inside <= 198

    def test_of_one_law_its_square_falls_as_1_over_n(self):
        def square(n):
            pairs = [(normal(n, 4, seed=2 * i), normal(n, 4, seed=2 * i + 1)) for i in range(60)]
            return sum(frechet(x, y).value ** 2 for x, y in pairs) / len(pairs)

        assert square(100) / square(1600) == pytest.approx(16, rel=0.2)

    def test_one_point_shows_no_error(self):
        with pytest.raises(NotApplicable, match="2 or more of each"):
            frechet(normal(1, 2), normal(5, 2))


@pytest.fixture(scope="module")
def digits():
    return Digits().distribution()


@pytest.fixture(scope="module")
def fitted(digits):
    return ClassifierFrechet().fit(digits, torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def parts(digits):
    return [digits.held_out_labelled(1000, torch.Generator().manual_seed(0), part) for part in (0, 1)]


class TestClassifier:
    def test_it_knows_held_out_digits(self, digits, fitted, parts):
        for points, labels in parts:
            assert (labels_of(points, fitted) == labels).double().mean() > 0.93
        share = (labels_of(parts[0][0], fitted) == parts[0][1]).double().mean().item()
        (note,) = ClassifierFrechet().notes(fitted)
        assert note == f"by a classifier that gives {100 * share:.1f} % of 359 held-out points their label"

    def test_the_labels_of_held_out_points_are_their_own(self, digits, parts):
        from sklearn.datasets import load_digits

        known = load_digits()
        label = {tuple(row): int(number) for row, number in zip(known.data / 8 - 1, known.target, strict=True)}
        for part, (points, labels) in enumerate(parts):
            assert [label[tuple(row)] for row in points.tolist()] == labels.tolist()
            assert torch.equal(points, digits.held_out(1000, torch.Generator().manual_seed(0), part))

    def test_it_is_the_same_to_the_last_bit_again(self, digits):
        metric = ClassifierFrechet(train_steps=20)
        one, other = (metric.fit(digits, torch.Generator().manual_seed(3)) for _ in range(2))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
        another = metric.fit(digits, torch.Generator().manual_seed(4))
        assert not torch.equal(one["weight0"], another["weight0"])

    def test_it_depends_on_nothing_that_is_held_out_but_to_tell_its_accuracy(self, digits):
        shuffled = [-part for part in digits.parts]
        other = EmpiricalDistribution(digits.train, tuple(shuffled), "other", digits.labels)
        one, two = (
            ClassifierFrechet(train_steps=20).fit(law, torch.Generator().manual_seed(0)) for law in (digits, other)
        )
        assert set(one) - set(two) == {"accuracy", "told"}
        assert all(torch.equal(one[name], two[name]) for name in two)
        assert ClassifierFrechet().notes(two)[0].endswith("the target tells no labels of held-out points")

    def test_features_have_no_unit(self, digits, fitted):
        labels = digits.labels
        large = EmpiricalDistribution(1000 * digits.train, digits.parts, "large", labels)
        again = ClassifierFrechet().fit(large, torch.Generator().manual_seed(0))
        x, y = digits.parts
        ours = ClassifierFrechet().compare(x, y, fitted).value
        assert ClassifierFrechet().compare(1000 * x, 1000 * y, again).value == pytest.approx(ours, rel=0.05)
        assert features_of(digits.train, fitted).var(0).mean().sqrt() == pytest.approx(1, abs=0.05)

    @pytest.mark.parametrize("target", [Ring(), Patches(count=50)])
    @pytest.mark.parametrize("metric", [ClassifierFrechet(), ClassifierMMD(), LabelError()])
    def test_a_target_without_labels_has_none(self, target, metric):
        with pytest.raises(NotApplicable, match="no labels to train a classifier on"):
            metric.fit(target.distribution(), torch.Generator())


@pytest.fixture(scope="module")
def convolved(digits):
    return ClassifierFrechet(classifier="convolution").fit(digits, torch.Generator().manual_seed(0))


class TestConvolution:
    def test_it_knows_held_out_digits(self, convolved, parts):
        for points, labels in parts:
            assert (labels_of(points, convolved) == labels).double().mean() > 0.93
        share = (labels_of(parts[0][0], convolved) == parts[0][1]).double().mean().item()
        (note,) = ClassifierFrechet().notes(convolved)
        assert (
            note == f"by a convolutional classifier that gives {100 * share:.1f} % of 359 held-out points their label"
        )

    def test_its_features_see_where_pixels_lie(self, fitted, convolved, parts):
        (points, labels), turn = parts[0], torch.randperm(64, generator=torch.Generator().manual_seed(0))
        assert (labels_of(points[:, turn], convolved) == labels).double().mean() < 0.4
        assert features_of(points, convolved).shape == (len(points), 16)

    def test_features_do_not_depend_on_what_else_is_computed_with_them(self, convolved, digits):
        together, alone = features_of(digits.train, convolved), features_of(digits.train[-1:], convolved)
        assert torch.allclose(together[-1:], alone, rtol=1e-12, atol=1e-12)
        assert together.dtype == torch.float64

    def test_it_is_the_same_to_the_last_bit_again(self, digits):
        metric = ClassifierMMD(classifier="convolution", train_steps=20)
        one, other = (metric.fit(digits, torch.Generator().manual_seed(3)) for _ in range(2))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)

    def test_the_first_layer_is_a_convolution_of_the_image(self, convolved, digits):
        """By hand, of one image at one place: the kernel lies over 5 × 5 pixels around every other pixel."""
        from harness_metrics.convolution import convolutions

        image = digits.train[:1]
        found = convolutions(image, convolved, layers=1)
        pixels = torch.zeros(12, 12, dtype=torch.float64)
        pixels[2:10, 2:10] = image.reshape(8, 8)
        by_hand = (convolved["kernel0"][:, 0] * pixels[4:9, 2:7]).sum((1, 2)) + convolved["shift0"]
        assert found.shape == (1, 16, 4, 4)
        assert torch.allclose(found[0, :, 2, 1], by_hand.clamp_min(0))

    @pytest.mark.parametrize("metric", [ClassifierFrechet, ClassifierMMD, LabelError])
    def test_points_that_are_no_images_have_none(self, digits, metric):
        vectors = EmpiricalDistribution(digits.train, digits.parts, "vectors", digits.labels)
        with pytest.raises(NotApplicable, match="needs points that are images"):
            metric(classifier="convolution").fit(vectors, torch.Generator())

    def test_a_perceptron_is_what_is_meant_without_a_word(self, digits):
        said, unsaid = (
            m.fit(digits, torch.Generator().manual_seed(0))
            for m in (LabelError(classifier="perceptron", train_steps=5), LabelError(train_steps=5))
        )
        assert all(torch.equal(said[name], unsaid[name]) for name in unsaid)
        assert LabelError(classifier="perceptron").label() == "label-error"
        assert LabelError(classifier="convolution").label() == "label-error:classifier=convolution"


def blurred(x, width):
    """Images blurred by a Gaussian of some pixels."""
    at = torch.arange(8).double()
    kernel = torch.exp(-((at[:, None] - at) ** 2) / (2 * width**2))
    kernel /= kernel.sum(1, keepdim=True)
    return (kernel @ x.reshape(-1, 8, 8) @ kernel.T).reshape(len(x), 64)


class TestOnDigits:
    @pytest.mark.parametrize("metric", [ClassifierFrechet(), ClassifierMMD()])
    def test_it_rises_with_noise_and_with_blur(self, metric, fitted, parts):
        (reference, _), (points, _) = parts
        noise = normal(*points.shape)
        noisy = [metric.compare(points + level * noise, reference, fitted).value for level in (0, 0.4, 0.8, 1.6)]
        smooth = [metric.compare(blurred(points, width), reference, fitted).value for width in (0.3, 0.6, 0.9, 1.5)]
        for values in (noisy, smooth):
            assert all(more > 1.1 * less for less, more in itertools.pairwise(values))

    @pytest.mark.parametrize("metric", [ClassifierFrechet(), ClassifierMMD()])
    def test_it_sees_a_class_that_is_missing(self, metric, fitted, parts):
        (reference, _), (points, labels) = parts
        floor = metric.compare(points, reference, fitted)
        missing = metric.compare(points[labels > 3], reference, fitted)
        assert missing.value - floor.value > 2 * (missing.standard_error + floor.standard_error)

    def test_label_error_counts_what_the_classifier_takes_for_another(self, fitted, parts):
        points, labels = parts[1]
        metric = LabelError()
        right = metric.compare_labelled(points, labels, fitted)
        assert 0 < right.value < 0.07
        assert metric.compare_labelled(points, labels_of(points, fitted), fitted).value == 0
        assert metric.compare_labelled(points, labels_of(points, fitted), fitted).standard_error > 0
        turned = metric.compare_labelled(points, (labels + 1) % 10, fitted)
        assert turned.value > 0.95
        half = torch.where(torch.arange(len(labels)) % 2 == 0, labels, (labels + 1) % 10)
        found = metric.compare_labelled(points, half, fitted)
        assert found.standard_error == pytest.approx((0.25 / len(labels)) ** 0.5, rel=0.02)
        with pytest.raises(NotApplicable, match="no labels"):
            metric.compare(points, points, fitted)


def test_they_say_that_they_compare_features():
    registry = load()
    declared = {name: registry.classes("metric")[name].measured() for name in ("classifier-frechet", "label-error")}
    assert {name: (each.space, each.quantity, each.least) for name, each in declared.items()} == {
        "classifier-frechet": ("features", "other", 0.0),
        "label-error": ("labels", "other", 0.0),
    }
