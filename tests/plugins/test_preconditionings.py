"""Preconditionings: what F predicts, by the source's own parametrisation; variances; Karras et al.'s Table 1."""

import math

import numpy as np
import pytest
import torch
from harness_ho.preconditionings import EpsPrediction
from harness_karras.networks import Mlp
from harness_karras.preconditionings import Edm
from harness_lipman.preconditionings import FlowPrediction
from harness_nichol.preconditionings import Iddpm
from harness_salimans.preconditionings import VPrediction, X0Prediction
from harness_song.preconditionings import Score, Ve, Vp
from harness_synthetic.targets import Gaussian
from made_trainings import LOW, TABLE, adam, learner

from harness.data_spec import DataSpec
from harness.engine.adam import train
from harness.networks import Backbone
from harness.preconditioned import Preconditioned
from harness.preconditionings import Coefficients, nearest_level

SIGMA = torch.logspace(-2.5, 2, 91, dtype=torch.float64)
ONE = torch.tensor(1.0, dtype=torch.float64)
SHIPPED = [Edm(), EpsPrediction(), FlowPrediction(), Iddpm(), VPrediction(), Score(), Ve(), Vp(), X0Prediction()]
each = pytest.mark.parametrize("preconditioning", SHIPPED, ids=lambda c: c.name)


def numpy_coefficients(preconditioning, sigma_data=1.0):
    found = preconditioning.coefficients(SIGMA, torch.tensor(sigma_data, dtype=torch.float64))
    return Coefficients(*(part.numpy() for part in found))


def test_all_that_ship_are_tested(registry):
    assert set(registry.classes("preconditioning").values()) == {type(each) for each in SHIPPED}


@each
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_coefficients_have_the_shape_and_dtype_of_the_levels(preconditioning, shape, dtype):
    sigma = torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=dtype) + 0.1
    for part in preconditioning.coefficients(sigma, torch.tensor(0.5, dtype=dtype)):
        assert part.shape == shape
        assert part.dtype == dtype
        assert bool(part.isfinite().all())


# Each network's own input and target, written in its source's parametrisation: state, signal, noise. X_0 = x, ξ = e.


def variance_preserving(sigma):
    """α and s with α² + s² = 1 and s/α = σ, by the angle: α = cos φ, s = sin φ."""
    return math.cos(math.atan(sigma)), math.sin(math.atan(sigma))


def predicted_noise(x, e, sigma):
    alpha, s = variance_preserving(sigma)
    return alpha * x + s * e, e


def predicted_v(x, e, sigma):
    alpha, s = variance_preserving(sigma)
    return alpha * x + s * e, alpha * e - s * x


def predicted_point(x, e, sigma):
    alpha, s = variance_preserving(sigma)
    return alpha * x + s * e, x


def predicted_velocity(x, e, sigma):
    t = sigma / (1 + sigma)
    return (1 - t) * x + t * e, e - x


def predicted_score(x, e, sigma):
    state = x + sigma * e
    return state, sigma * (x - state) / sigma**2


def predicted_score_itself(x, e, sigma):
    state = x + sigma * e
    return state, (x - state) / sigma**2


PREDICTIONS = [
    (EpsPrediction(), predicted_noise),
    (Iddpm(), predicted_noise),
    (Vp(), predicted_noise),
    (VPrediction(), predicted_v),
    (X0Prediction(), predicted_point),
    (FlowPrediction(), predicted_velocity),
    (Ve(), predicted_score),
    (Score(), predicted_score_itself),
]
each_prediction = pytest.mark.parametrize(
    ("preconditioning", "source"), PREDICTIONS, ids=lambda c: getattr(c, "name", "")
)


class Telling(torch.nn.Module):
    """Returns what it was told to, and keeps what it was given."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x, noise):
        self.given = x
        return self.answer


@each_prediction
@pytest.mark.parametrize("sigma", [0.003, 0.05, 0.7, 1.0, 6.0, 80.0])
def test_a_network_that_predicts_its_target_recovers_the_clean_point(preconditioning, source, sigma):
    generator = torch.Generator().manual_seed(0)
    x, e = torch.randn(2, 6, 3, generator=generator, dtype=torch.float64)
    state, target = source(x, e, sigma)
    module = Preconditioned(Telling(target), preconditioning, 1.0).double()
    denoised = module(x + sigma * e, torch.full((6,), sigma, dtype=torch.float64))
    torch.testing.assert_close(module.function.given, state, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(denoised, x, rtol=1e-12, atol=1e-12 * max(1, sigma))


@pytest.mark.parametrize("sigma_data", [0.05, 1.0, 700.0])
@pytest.mark.parametrize("cls", [each[0].__class__ for each in PREDICTIONS])
def test_on_data_of_another_scale_points_are_divided_by_it_first(cls, sigma_data):
    own, unit = cls(scale=None), cls()
    assert unit.scale == 1.0
    sigma = SIGMA * sigma_data
    c = own.coefficients(sigma, torch.tensor(sigma_data, dtype=torch.float64))
    k = unit.coefficients(SIGMA, ONE)
    torch.testing.assert_close(c.skip, k.skip, rtol=1e-12, atol=0)
    torch.testing.assert_close(c.out, sigma_data * k.out, rtol=1e-12, atol=0)
    torch.testing.assert_close(c.inner * sigma_data, k.inner, rtol=1e-12, atol=0)
    torch.testing.assert_close(c.noise, k.noise, rtol=1e-9, atol=1e-12)
    # A scale that is said is the data's own, if they have it; at scale 1 the data do not matter.
    for one, other in zip(cls(scale=sigma_data).coefficients(sigma, ONE), c, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=0)
    for one, other in zip(unit.coefficients(SIGMA, ONE * sigma_data), k, strict=True):
        assert torch.equal(one, other)


def variances(c, sigma):
    """Variance of the input of F and of its target (X_0 − c_skip(X_0 + σξ))/c_out, for data of variance 1."""
    return c.inner**2 * (1 + sigma**2), ((1 - c.skip) ** 2 + (c.skip * sigma) ** 2) / c.out**2


@pytest.mark.parametrize(
    ("preconditioning", "of_input", "of_target"),
    [
        (Vp(), 1, 1),
        (EpsPrediction(), 1, 1),
        (Iddpm(), 1, 1),
        (VPrediction(), 1, 1),
        (X0Prediction(), 1, 1),
        (Edm(), 1, 1),
        (Ve(), None, 1),  # The input grows with σ: what EDM holds against it.
        (Score(), None, None),  # The target is −ξ/σ, of no scale of its own.
        (FlowPrediction(), None, 2),  # ξ − X_0 of two independent standard normals.
    ],
)
def test_variances_are_those_the_source_claims(preconditioning, of_input, of_target):
    sigma = SIGMA.numpy()
    given, wanted = variances(numpy_coefficients(preconditioning), sigma)
    np.testing.assert_allclose(wanted, 1 / sigma**2 if of_target is None else of_target, rtol=1e-8)
    if of_input is not None:
        np.testing.assert_allclose(given, of_input, rtol=1e-12)
    elif preconditioning.name in ("ve", "score"):
        np.testing.assert_allclose(given, 1 + sigma**2)
    else:
        assert np.ptp(given) > 0.4
        assert given.min() == pytest.approx(0.5, rel=1e-2)  # at σ = 1, half way


@pytest.mark.parametrize("sigma_data", [0.1, 0.5, 3.0])
def test_v_prediction_at_the_scale_of_the_data_is_edm_with_the_other_sign(sigma_data):
    v, edm = numpy_coefficients(VPrediction(scale=None), sigma_data), numpy_coefficients(Edm(), sigma_data)
    np.testing.assert_allclose(v.skip, edm.skip, rtol=1e-12)
    np.testing.assert_allclose(v.out, -edm.out, rtol=1e-12)
    np.testing.assert_allclose(v.inner, edm.inner, rtol=1e-12)


def test_the_limits_of_edm():
    # Nearly clean: D = x, F predicts the noise (c_out = σ); nearly pure noise: D = s F, the clean point in units of s.
    s = 0.5
    c = Edm().coefficients(torch.tensor([1e-9, 1e9], dtype=torch.float64), torch.tensor(s, dtype=torch.float64))
    assert c.skip.tolist() == pytest.approx([1, (s / 1e9) ** 2], rel=1e-12)
    assert c.out.tolist() == pytest.approx([1e-9, s], rel=1e-12)
    assert c.inner.tolist() == pytest.approx([1 / s, 1e-9], rel=1e-12)


# Karras et al., Table 1, in the numbers of its columns.


def test_table_1_vp():
    beta_d, beta_min, m = 19.9, 0.1, 1000
    c, s = numpy_coefficients(Vp()), SIGMA.numpy()
    np.testing.assert_allclose(c.skip, 1)
    np.testing.assert_allclose(c.out, -s)
    np.testing.assert_allclose(c.inner, 1 / np.sqrt(s**2 + 1))
    inverse = (np.sqrt(beta_min**2 + 2 * beta_d * np.log(1 + s**2)) - beta_min) / beta_d
    np.testing.assert_allclose((m - 1) * c.noise, (m - 1) * inverse, rtol=1e-8)


def test_table_1_ve():
    c, s = numpy_coefficients(Ve()), SIGMA.numpy()
    for found, wanted in zip(c, (1, s, 1, np.log(s / 2)), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_table_1_iddpm():
    # u_M = 0, u_{j−1} = √((u_j² + 1)/max(ᾱ_{j−1}/ᾱ_j, C_1) − 1), ᾱ_j = sin²((π/2) j/(M(C_2 + 1))).
    m, c_1, c_2 = 1000, 0.001, 0.008
    bar = np.sin(0.5 * np.pi * np.arange(m + 1) / m / (c_2 + 1)) ** 2
    u = np.zeros(m + 1)
    for j in range(m, 0, -1):
        u[j - 1] = np.sqrt((u[j] ** 2 + 1) / max(bar[j - 1] / bar[j], c_1) - 1)
    assert (u[0], u[1]) == (pytest.approx(2.0e4, rel=0.02), pytest.approx(642, rel=0.01))
    c, s = numpy_coefficients(Iddpm()), SIGMA.numpy()
    np.testing.assert_allclose((m - 1) * c.noise, m - 1 - np.abs(u - s[:, None]).argmin(1), rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(c.out, -s)


def test_ddpm_steps_are_those_of_its_linear_betas():
    alpha = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
    levels = np.sqrt(1 / alpha - 1)
    assert (levels[0], levels[-1]) == (pytest.approx(0.0100005, rel=1e-6), pytest.approx(157.407, rel=1e-5))
    c, s = numpy_coefficients(EpsPrediction()), SIGMA.numpy()
    np.testing.assert_allclose(999 * c.noise, np.abs(levels - s[:, None]).argmin(1), rtol=1e-12)


def test_noise_prediction_at_discrete_steps_nears_that_in_continuous_time():
    # DDPM's β_t is Song's β(t)/T at T = 1000, but −ln(1 − β) is not β: the times differ by three steps at most.
    discrete, continuous = numpy_coefficients(EpsPrediction()), numpy_coefficients(Vp())
    inside = (SIGMA.numpy() > 0.02) & (SIGMA.numpy() < 150)
    assert np.abs(discrete.noise - continuous.noise)[inside].max() < 4e-3


@each
def test_noise_labels_grow_with_the_level_and_are_of_order_one(preconditioning):
    sigma = torch.logspace(math.log10(0.02), math.log10(80.0), 60, dtype=torch.float64)
    noise = preconditioning.coefficients(sigma, ONE).noise
    assert bool((noise.diff() >= 0).all())
    assert float(noise[-1]) - float(noise[0]) > 0.7
    assert float(noise.abs().max()) < 5


def test_the_nearest_level():
    levels = [0.0, 1.0, 4.0]
    sigma = torch.tensor([[0.2, 0.49, 0.51], [2.4, 2.6, 99.0]])
    assert nearest_level(sigma, levels).tolist() == [[0, 0, 1], [1, 2, 2]]
    assert nearest_level(sigma, [7.0]).tolist() == [[0] * 3] * 2


# Every preconditioning crosses every backbone.


def small_backbones(registry):
    small = {"width": 16, "depth": 2, "features": 4}
    found = [cls for cls in registry.classes("network").values() if issubclass(cls, Backbone)]
    assert Mlp in found
    return [(cls, {k: v for k, v in small.items() if k in cls.model_fields}) for cls in found]


@each
def test_it_crosses_every_backbone(preconditioning, registry):
    for cls, settings in small_backbones(registry):
        network = cls(**settings, precondition=preconditioning)
        data = DataSpec((1, 8, 8) if cls.shaped else (3,), 0.7, 5 if network.conditional else 0)
        labels = [torch.arange(4)] if network.conditional else []
        module = network.module(data).double()
        x = torch.randn(4, *data.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        sigma = torch.tensor([0.1, 0.5, 2.0, 9.0], dtype=torch.float64)
        skip, out, inner, noise = preconditioning.coefficients(sigma, torch.tensor(0.7, dtype=torch.float64))
        for i in range(4):
            own = [each[i : i + 1] for each in labels]
            raw = module.function(inner[i] * x[i : i + 1], noise[i : i + 1], *own)
            one = skip[i] * x[i : i + 1] + out[i] * raw
            torch.testing.assert_close(module(x, sigma, *labels)[i : i + 1], one, rtol=1e-6, atol=1e-6)


@each
def test_every_one_trains(preconditioning):
    # N(0, I): the least loss per coordinate is E_σ ω/(1 + σ²), ω of mean 1; at F = 0 it is far above, or at it (EDM).
    law, who = Gaussian(dim=3, std=1.0).distribution(), learner()
    network = Mlp(width=32, depth=2, features=8, precondition=preconditioning)
    first, last = train(network, law, [who], adam(batch_size=256, learning_rate=3e-3), (1, 600))
    omega = TABLE**-1 / (TABLE**-1).mean()
    least = float((omega / (1 + TABLE**2)).mean())
    assert LOW == 0.5
    assert math.isfinite(first[0].loss)
    assert last[0].diverged is None
    assert last[0].loss == pytest.approx(least, rel=0.1)
