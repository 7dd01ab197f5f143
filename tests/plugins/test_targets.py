"""Exact laws against closed forms, honest splits of data, and each fault of a user's file in one line."""

import math

import numpy as np
import pytest
import torch
from harness_data.targets import Digits, File, Patches
from harness_synthetic.targets import Gaussian, Mixture, Ring

from harness.components import ComponentError, build, parse_request
from harness.errors import HarnessError


def test_gaussian_spectrum_has_the_stated_size_and_condition():
    eigenvalues = Gaussian(dim=7, std=0.5, condition=100.0).eigenvalues()
    assert eigenvalues.max() / eigenvalues.min() == pytest.approx(100)
    assert eigenvalues.mean() == pytest.approx(0.25)
    assert np.diff(np.log(eigenvalues)) == pytest.approx(np.full(6, -math.log(100) / 6))
    assert Gaussian(dim=7, std=0.5, condition=100.0).distribution().sigma_data == pytest.approx(0.5)


def test_gaussian_denoiser_and_density_are_closed_forms():
    target = Gaussian(dim=3, std=(0.5, 1.0, 2.0), mean=0.7).distribution()
    mean, covariance = target.gaussian()
    assert torch.equal(mean, torch.full((3,), 0.7, dtype=torch.float64))
    torch.testing.assert_close(covariance.diag().sqrt(), torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64))
    x = 3 * torch.randn(11, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    noised = covariance + 0.09 * torch.eye(3, dtype=torch.float64)
    shrunk = mean + (x - mean) @ torch.linalg.solve(noised, covariance)
    torch.testing.assert_close(target.denoise(x, 0.3), shrunk)
    law = torch.distributions.MultivariateNormal(mean, noised)
    torch.testing.assert_close(target.log_density(x, 0.3), law.log_prob(x))
    variance = covariance - covariance @ torch.linalg.solve(noised, covariance)
    torch.testing.assert_close(target.posterior_variance(x, 0.3), variance.trace().expand(11))


def test_gaussian_initialization_is_the_kl_of_an_independent_library():
    target = Gaussian(dim=4, std=1.3, condition=9.0, mean=-0.4).distribution()
    mean, covariance = target.gaussian()
    eye = torch.eye(4, dtype=torch.float64)
    for u in (0.01, 1.0, 400.0):
        p = torch.distributions.MultivariateNormal(mean, covariance + u * eye)
        q = torch.distributions.MultivariateNormal(torch.zeros_like(mean), u * eye)
        exact = float(torch.distributions.kl_divergence(p, q))
        assert target.closed_information().initialization(u)[0] == pytest.approx(exact, rel=1e-9)


def test_gaussian_information_integrates_its_own_curve():
    from scipy.integrate import quad

    information = Gaussian(dim=4, condition=9.0).distribution().closed_information()
    area = quad(lambda u: information.fisher(np.array([u]))[0, 0], 0.1, 30.0)[0]
    assert information.fisher_integral(np.array([30.0, 2.0, 0.1])).sum() == pytest.approx(area, rel=1e-8)


def test_ring_is_a_ring():
    target = Ring(modes=6, radius=2.0, std=0.1).distribution()
    mixture = target.mixture
    means = mixture.offsets + mixture.center
    torch.testing.assert_close(means.norm(dim=1), torch.full((6,), 2.0, dtype=torch.float64))
    neighbours = (means - means.roll(1, 0)).norm(dim=1)
    torch.testing.assert_close(neighbours, torch.full((6,), 2.0, dtype=torch.float64))
    assert target.second_moment == pytest.approx(4 + 2 * 0.01)
    assert target.sigma_data == pytest.approx(math.sqrt((4 + 0.02) / 2))


def test_mixture_is_the_law_that_it_states():
    means = ((0.0, 1.0), (2.0, -1.0))
    target = Mixture(dim=2, modes=2, std=0.5, means=means, weights=(1.0, 3.0)).distribution()
    law = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(torch.tensor([0.25, 0.75], dtype=torch.float64)),
        torch.distributions.MultivariateNormal(
            torch.tensor(means, dtype=torch.float64), (0.25 + 0.04) * torch.eye(2, dtype=torch.float64)
        ),
    )
    x = torch.randn(9, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(target.log_density(x, 0.2), law.log_prob(x))


def test_anisotropic_mixture_has_the_stated_trace_and_condition():
    mixture = Mixture(dim=5, modes=3, std=0.4, condition=25.0).distribution().mixture
    covariances = mixture.bases @ torch.diag_embed(mixture.eigenvalues) @ mixture.bases.mT
    values = torch.linalg.eigvalsh(covariances)
    torch.testing.assert_close(values.mean(1), torch.full((3,), 0.16, dtype=torch.float64))
    torch.testing.assert_close(values[:, -1] / values[:, 0], torch.full((3,), 25.0, dtype=torch.float64))


def test_mixture_depends_on_its_seed_alone():
    one, same, other = (Mixture(seed=s).distribution().mixture.offsets for s in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.allclose(one, other)


@pytest.mark.parametrize(
    ("request_text", "fault"),
    [
        ("gaussian:std=0", "greater than 0"),
        ("gaussian:dim=3,std=[1, 2]", "lists 2 numbers for dim=3"),
        ("gaussian:std=[1, 2],condition=4", "condition should be 1"),
        ("ring:std=-1", "greater than 0"),
        ("mixture:modes=2,dim=2,means=[[0, 0]]", "set modes to match"),
        ("mixture:modes=1,dim=2,means=[[0, 0, 0]]", "set dim to match"),
        ("mixture:modes=2,weights=[1, 0]", "greater than 0"),
        ("mixture:modes=2,weights=[1]", "one for each"),
    ],
)
def test_bad_parameters_are_told_in_one_line(request_text, fault):
    request = parse_request(request_text)
    cls = {"gaussian": Gaussian, "ring": Ring, "mixture": Mixture}[request.name]
    with pytest.raises(ComponentError, match=fault) as caught:
        build(cls, request.settings()[0])
    assert "\n" not in str(caught.value)


def test_components_are_rebuilt_from_their_parameters():
    for target in (
        Gaussian(dim=2, std=(1.0, 2.0)),
        Mixture(dim=1, modes=2, means=((0.0,), (1.0,)), weights=(1.0, 2.0)),
        Patches(size=8),
    ):
        assert build(type(target), target.parameters()) == target


def test_digits_are_scaled_and_split():
    from sklearn.datasets import load_digits

    target = Digits().distribution()
    assert (len(target.train), *map(len, target.parts)) == (1079, 359, 359)
    everything = torch.cat([target.train, *target.parts])
    assert (float(everything.min()), float(everything.max())) == (-1.0, 1.0)
    original = np.sort((load_digits().data / 8 - 1).sum(1))
    np.testing.assert_allclose(np.sort(everything.sum(1).numpy()), original)
    assert target.second_moment == pytest.approx(float(target.train.square().sum(1).mean()))
    assert target is Digits().distribution()


def test_patches_lie_in_the_photographs_and_held_out_ones_in_strips_of_their_own():
    from harness_data.targets import PATTERN, STRIP
    from sklearn.datasets import load_sample_images

    target = Patches(size=8, count=500).distribution()
    groups = [target.train, *target.parts]
    assert [len(g) for g in groups] == [300, 100, 100]
    key = np.random.default_rng(0).integers(1, 2**40, (8, 8))
    names, uses = [], []
    for image in load_sample_images().images:
        view = np.lib.stride_tricks.sliding_window_view(image.sum(2, dtype=np.int64), (8, 8))
        names.append(np.einsum("ijkl,kl->ij", view, key))
        left = np.arange(view.shape[1])
        use = np.take(PATTERN, (left // STRIP) % len(PATTERN))
        use[left // STRIP != (left + 7) // STRIP] = -1
        uses.append(np.broadcast_to(use, view.shape[:2]))
    names, uses = np.concatenate(names), np.concatenate(uses)
    for part, group in enumerate(groups):
        grey_sums = ((group + 1) * 127.5 * 3).round().long().numpy().reshape(-1, 8, 8)
        mine = np.einsum("nkl,kl->n", grey_sums, key)
        assert np.isin(mine, names[uses == part]).all()
        assert len(np.unique(mine)) > 0.9 * len(mine)


def test_file_is_the_array_that_was_saved(tmp_path):
    points = np.random.default_rng(0).normal(3.0, 2.0, (40, 3)).astype(np.float32)
    path = tmp_path / "points.npy"
    np.save(path, points)
    target = File(path=str(path), standardize="none")
    law = target.distribution()
    everything = torch.cat([law.train, *law.parts]).numpy()
    assert {tuple(r) for r in everything} == {tuple(r) for r in points.astype(np.float64)}
    assert law.second_moment == pytest.approx(float(law.train.square().sum(1).mean()))
    scaled = File(path=str(path), standardize=True).distribution()
    assert scaled.sigma_data == pytest.approx(1)
    torch.testing.assert_close(scaled.train.mean(0), torch.zeros(3, dtype=torch.float64), atol=1e-12, rtol=0)
    before = target.content_digest()
    np.save(path, points + 1)
    assert target.content_digest() != before
    torch.testing.assert_close(target.distribution().train, law.train + 1)


def _objects(path):
    np.save(path, np.array([[1, "a"], [2, None]], dtype=object), allow_pickle=True)


def _cut_short(path):
    np.save(path, np.zeros((100, 4)))
    path.write_bytes(path.read_bytes()[:-100])


def _archive(path):
    with path.open("wb") as file:
        np.savez(file, a=np.zeros((3, 3)))


BAD = {
    "missing": (lambda path: None, "cannot be read"),
    "directory": (lambda path: path.mkdir(), "the folder holds no image"),
    "text": (lambda path: path.write_text("1,2\n3,4\n"), "not an .npy file"),
    "empty": (lambda path: path.write_bytes(b""), "not an .npy file"),
    "archive": (_archive, "not an .npy file"),
    "header": (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00\x10\x00garbage"), "damaged"),
    "short": (_cut_short, "damaged"),
    "objects": (_objects, "Python objects"),
    "strings": (lambda path: np.save(path, np.array([["a", "b"]] * 9)), "real numbers"),
    "complex": (lambda path: np.save(path, np.ones((9, 2)) * 1j), "real numbers"),
    "flat": (lambda path: np.save(path, np.arange(9.0)), r"shape \(9,\)"),
    "deep": (lambda path: np.save(path, np.zeros((9, 2, 2, 1, 1))), r"shape \(9, 2, 2, 1, 1\)"),
    "one row": (lambda path: np.save(path, np.ones((1, 3))), "holds 1 row; at least 10"),
    "nine rows": (lambda path: np.save(path, np.eye(9)), "holds 9 rows; at least 10"),
    "no column": (lambda path: np.save(path, np.ones((12, 0))), "at least one column"),
    "nan": (lambda path: np.save(path, np.array([[1.0, 2]] * 11 + [[np.nan, 1]])), "row 12 holds NaN"),
    "infinite": (lambda path: np.save(path, np.array([[np.inf, 2]] * 12)), "row 1 holds NaN, infinity"),
    "huge": (lambda path: np.save(path, np.full((12, 2), 1e200)), "beyond 1e\\+100"),
    "constant": (lambda path: np.save(path, np.ones((12, 2))), "all.* the same"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_told_in_one_line(case, tmp_path):
    write, fault = BAD[case]
    path = tmp_path / "bad.npy"
    write(path)
    with pytest.raises(HarnessError, match=fault) as caught:
        File(path=str(path)).content_digest()
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    with pytest.raises(HarnessError, match=fault):
        File(path=str(path)).distribution()
