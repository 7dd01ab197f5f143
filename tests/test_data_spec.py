import pytest
import torch
from harness_data.targets import Digits

from harness.data_spec import DataSpec
from harness.engine.curves import MeasuredInformation
from harness.engine.measurement import measure_information, measure_score_error
from harness.mixtures import EmpiricalDistribution


def test_a_spec_gives_flat_points_their_shape():
    data = DataSpec((2, 3, 4), 1.0, classes=5)
    x = torch.arange(48.0).reshape(2, 24)
    assert data.dim == 24
    assert data.shaped(x).shape == (2, 2, 3, 4)
    assert torch.equal(data.shaped(x).flatten(1), x)


@pytest.fixture(scope="module")
def law():
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(60, 2, generator=generator, dtype=torch.float64)
    labels = torch.arange(60) % 3
    return EmpiricalDistribution(points + 4.0 * labels[:, None], (points, points), "points", labels)


class TestLabels:
    def test_labelled_points_are_those_of_sample(self, law):
        points = law.sample(20, torch.Generator().manual_seed(1))
        again, labels = law.labelled(20, torch.Generator().manual_seed(1))
        assert torch.equal(points, again)
        assert all(bool((law.train[law.labels == k] == x).all(1).any()) for x, k in zip(again, labels, strict=True))

    def test_moments_given_a_label_are_those_of_its_points(self, law):
        x, labels = law.labelled(12, torch.Generator().manual_seed(2))
        mean, variance = law.moments_given(x, 0.7, labels)
        for i, label in enumerate(labels.tolist()):
            own = law.train[law.labels == label]
            weight = torch.softmax(-((own - x[i]) ** 2).sum(1) / (2 * 0.7**2), 0)
            expected = weight @ own
            torch.testing.assert_close(mean[i], expected)
            torch.testing.assert_close(variance[i], weight @ ((own - expected) ** 2).sum(1))

    def test_a_level_for_each_point(self, law):
        x, labels = law.labelled(5, torch.Generator().manual_seed(3))
        sigma = torch.linspace(0.2, 2.0, 5, dtype=torch.float64)
        mean, _ = law.moments_given(x, sigma, labels)
        for i in range(5):
            one = slice(i, i + 1)
            torch.testing.assert_close(mean[one], law.moments_given(x[one], float(sigma[i]), labels[one])[0])

    def test_labels_make_points_better_known(self, law):
        # J = d/u − M/u², and M falls by what a label tells.
        plain, given = (measure_information(law, 0.2, 30.0, samples=256, labelled=each) for each in (False, True))
        assert isinstance(given, MeasuredInformation)
        u = torch.logspace(-0.5, 2, 12).numpy()
        assert (given.fisher(u).mean(0) >= plain.fisher(u).mean(0) - 1e-9).all()
        assert given.fisher(u).mean(0)[6] > 1.1 * plain.fisher(u).mean(0)[6]
        # KL from N(0, uI) is larger for each class than for their mixture.
        assert given.initial.mean() > plain.initial.mean()

    def test_information_given_labels_is_the_mean_of_that_of_the_classes(self, law):
        # So is the whole budget, which is linear in it: the path divergence given the label, averaged over labels.
        given = measure_information(law, 0.3, 30.0, samples=1024, labelled=True)
        u = torch.logspace(-0.8, 2, 9).double().numpy()
        shares, laws = (
            law.class_weights().tolist(),
            [EmpiricalDistribution(law.train[law.labels == k], law.parts, "") for k in range(3)],
        )
        own = [measure_information(each, 0.3, 30.0, samples=1024, seed=7) for each in laws]
        mean = sum(share * each.fisher(u).mean(0) for share, each in zip(shares, own, strict=True))
        scale = 2 / u
        assert abs(given.fisher(u).mean(0) - mean).max() < 0.01 * scale.max()
        assert (abs(given.fisher(u).mean(0) - mean) < 0.02 * scale).all()
        # Of E_I each class has its own mean, and its divergence from N(0, uI) is its own.
        start = sum(share * each.initial.mean() for share, each in zip(shares, own, strict=True))
        assert given.initial.mean() == pytest.approx(start, rel=0.05)

    def test_the_exact_denoiser_given_labels_has_no_score_error(self, law):
        def exact(x, sigma, labels=None):
            return law.moments_given(x.double(), sigma, labels)[0].to(x.dtype)

        own, blind = measure_score_error(
            law, [exact, lambda x, sigma, labels=None: law.denoise(x, sigma)], 0.3, 20.0, level_count=6, labelled=True
        )
        assert own.values.max() < 1e-9
        assert blind.values.mean() > 1e-3


def test_digits_are_images_of_ten_classes():
    law = Digits().distribution()
    assert law.data == DataSpec((1, 8, 8), law.sigma_data, 10)
    assert law.class_weights().sum() == pytest.approx(1)
    assert law.class_weights().min() > 0.08
