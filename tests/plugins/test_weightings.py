import math

import pytest
import torch
from harness_hang import MinSnr
from harness_ho import Eps
from harness_karras.preconditionings import Edm
from harness_karras.weightings import EdmWeighting
from harness_lipman.noise_schedules import FlowSchedule
from harness_lipman.weightings import FlowWeighting
from harness_nichol.noise_schedules import CosineSchedule
from harness_salimans import VCosine
from harness_song.noise_schedules import VpLinear
from harness_song.weightings import Likelihood
from harness_wang.weightings import BellShaped

SIGMA = torch.linspace(math.log(0.002), math.log(80.0), 512, dtype=torch.float64).exp()
WEIGHTINGS = [
    EdmWeighting(),
    Likelihood(),
    Eps(),
    Eps(levels="vp-linear"),
    MinSnr(),
    MinSnr(levels="log-uniform"),
    VCosine(),
    FlowWeighting(),
    FlowWeighting(levels="logit-normal"),
    BellShaped(),
]


def assert_proportional(a, b, tolerance=1e-12):
    ratio = a / b
    spread = float(ratio.max() / ratio.min() - 1)
    assert spread < tolerance, f"ratio varies by {spread:.2g}"


def kingma_gao(weighting, sigma_data):
    """Kingma and Gao's weighting function of log SNR, w = βσ/2."""
    return weighting.beta(SIGMA, sigma_data) * SIGMA / 2


def is_monotone(w):
    return bool((w.diff() >= -1e-12 * w.max()).all())


@pytest.mark.parametrize("weighting", WEIGHTINGS, ids=lambda weighting: weighting.label())
@pytest.mark.parametrize("sigma_data", [0.1, 1.0, 20.0])
def test_contract_positive_and_in_the_shape_of_the_levels(weighting, sigma_data):
    density, omega = weighting.density(SIGMA, sigma_data), weighting.omega(SIGMA, sigma_data)
    assert density.shape == omega.shape == SIGMA.shape
    assert density.dtype == omega.dtype == torch.float64
    assert bool((density >= 0).all())
    assert float(density.max()) > 0
    assert bool((omega > 0).all())
    torch.testing.assert_close(weighting.beta(SIGMA, sigma_data), density * omega)


def test_edm_total_weighting():
    m, s, sd = -1.2, 1.2, 0.5
    closed = (-((SIGMA.log() - m) ** 2) / (2 * s**2)).exp() * (SIGMA**2 + sd**2) / (SIGMA * sd**2)
    assert_proportional(EdmWeighting().beta(SIGMA, sd), closed)
    assert_proportional(EdmWeighting(sigma_data=sd).beta(SIGMA, 3.0), closed)


def test_edm_in_log_snr():
    # β = 2w/σ with w = N(λ; 2.4, 2.4²)(e^{−λ} + 0.25), λ = −2 ln σ (Kingma and Gao).
    lam = -2 * SIGMA.log()
    w = (-((lam - 2.4) ** 2) / (2 * 2.4**2)).exp() * ((-lam).exp() + 0.25)
    assert_proportional(kingma_gao(EdmWeighting(), 0.5), w)


def test_edm_weight_is_one_on_the_raw_output_of_its_network():
    # λ c_out² = 1 with λ = ω/σ².
    c_out = Edm().coefficients(SIGMA, torch.tensor(0.7, dtype=torch.float64)).out
    assert_proportional(EdmWeighting().omega(SIGMA, 0.7) / SIGMA**2 * c_out**2, torch.ones_like(SIGMA))


def test_edm_density_has_the_stated_moments():
    fine = torch.linspace(-10, 8, 20001, dtype=torch.float64)
    mass = EdmWeighting(p_mean=-0.4, p_std=1.0).density(fine.exp(), 1.0) * fine.exp()
    mean = float((mass * fine).sum() / mass.sum())
    variance = float((mass * (fine - mean) ** 2).sum() / mass.sum())
    assert mean == pytest.approx(-0.4, abs=1e-9)
    assert variance == pytest.approx(1.0, abs=1e-9)


def test_likelihood_is_two_over_sigma():
    torch.testing.assert_close(Likelihood().beta(SIGMA, 0.5), 2 / SIGMA, rtol=1e-14, atol=0)


def test_likelihood_is_the_weight_that_the_path_divergence_gives():
    # ½ ∫ ‖S − s‖² du = ½ ∫ β ‖σS − σs‖² dσ with du = 2σ dσ.
    torch.testing.assert_close(Likelihood().beta(SIGMA, 1.0) * SIGMA**2, 2 * SIGMA, rtol=1e-14, atol=0)


def test_simple_loss_with_log_uniform_levels_is_the_likelihood_weighting():
    assert_proportional(Eps().beta(SIGMA, 1.0), Likelihood().beta(SIGMA, 1.0))


@pytest.mark.parametrize(
    ("weighting", "schedule"),
    [
        (Eps(levels="vp-linear"), VpLinear()),
        (VCosine(), CosineSchedule(s=0.0)),
        (MinSnr(sigma_data=1.0), CosineSchedule(s=0.0)),
        (FlowWeighting(), FlowSchedule()),
    ],
)
def test_density_is_that_of_uniform_time_in_the_schedule(weighting, schedule):
    assert_proportional(weighting.density(SIGMA, 1.0), 1 / schedule.rate(schedule.time(SIGMA)), 1e-9)


@pytest.mark.parametrize("weighting", [MinSnr(gamma=5.0), MinSnr(gamma=0.7)])
def test_min_snr_branches(weighting):
    sigma_data, gamma = 0.5, weighting.gamma
    omega, snr = weighting.omega(SIGMA, sigma_data), sigma_data**2 / SIGMA**2
    # The loss on the denoiser is weighted with λ = ω/σ² ∝ min(SNR, γ).
    torch.testing.assert_close(omega / SIGMA**2, snr.clamp(max=gamma) / sigma_data**2, rtol=1e-13, atol=0)
    assert bool((omega[snr <= gamma] == 1).all())
    torch.testing.assert_close(omega[snr > gamma], (gamma / snr)[snr > gamma])


def test_min_snr_is_stated_in_units_of_the_data_scale():
    scaled = MinSnr().beta(3.0 * SIGMA, 3.0)
    assert_proportional(scaled, MinSnr().beta(SIGMA, 1.0))
    assert_proportional(MinSnr(sigma_data=1.0).beta(SIGMA, 3.0), MinSnr().beta(SIGMA, 1.0))


def test_v_prediction_with_cosine_levels_has_a_constant_total_weighting():
    assert_proportional(VCosine().beta(SIGMA, 1.0), torch.ones_like(SIGMA))


def test_flow_matching_with_uniform_time_has_total_weighting_one():
    torch.testing.assert_close(FlowWeighting().beta(SIGMA, 1.0), torch.ones_like(SIGMA), rtol=1e-14, atol=0)


def test_flow_matching_with_uniform_time_is_v_prediction_with_cosine_levels():
    assert_proportional(FlowWeighting().beta(SIGMA, 1.0), VCosine().beta(SIGMA, 1.0))


def test_flow_weight_is_the_velocity_error():
    # x = (x_0 + σε)/(1+σ) gives ε̂ − x̂_0 from x̂_0 = (1+σ)x − σε̂: velocity error (1+σ)(ε̂ − ε).
    error = torch.tensor(0.3, dtype=torch.float64)
    velocity_error = error - (-SIGMA * error)
    torch.testing.assert_close(FlowWeighting().omega(SIGMA, 1.0) * error**2, velocity_error**2)


def test_logit_normal_time_is_a_log_normal_level():
    m, s = 0.3, 0.8
    flow = FlowWeighting(levels="logit-normal", mean=m, std=s)
    assert_proportional(flow.density(SIGMA, 1.0), EdmWeighting(p_mean=m, p_std=s).density(SIGMA, 1.0))
    # By change of variables from the logit-normal density of t = σ/(1+σ).
    t = SIGMA / (1 + SIGMA)
    of_time = (-((t.logit() - m) ** 2) / (2 * s**2)).exp() / (t * (1 - t))
    assert_proportional(flow.density(SIGMA, 1.0), of_time / (1 + SIGMA) ** 2, 1e-10)


@pytest.mark.parametrize("weighting", [Likelihood(), Eps(), VCosine(), FlowWeighting()])
def test_monotone_weightings(weighting):
    assert is_monotone(kingma_gao(weighting, 1.0))


@pytest.mark.parametrize("weighting", [EdmWeighting(), MinSnr(), FlowWeighting(levels="logit-normal")])
def test_weightings_that_are_not_monotone(weighting):
    assert not is_monotone(kingma_gao(weighting, 0.5))


def residual_of_gaussian(c):
    # Exact score on N(0, c²): E‖σS + ξ‖ ∝ c/√(σ² + c²).
    return c / (SIGMA**2 + c**2).sqrt()


def inverse_bell():
    return 1 + 0.1 * (SIGMA.log() - SIGMA.log().mean()) ** 2


@pytest.mark.parametrize("residual", [residual_of_gaussian(0.5), inverse_bell()])
def test_bell_shaped_equalises_the_levels(residual):
    weighting = BellShaped()
    beta = weighting.density(SIGMA, 0.5) * weighting.adapt(SIGMA, residual, 0.5)
    assert_proportional(beta * residual, torch.ones_like(SIGMA))


def test_bell_shaped_is_a_bell_only_where_the_residual_is_an_inverse_bell():
    weighting, density = BellShaped(), BellShaped().density(SIGMA, 0.5)
    bell = density * weighting.adapt(SIGMA, inverse_bell(), 0.5)
    assert 200 < int(bell.argmax()) < 312
    assert bool((bell[:200].diff() > 0).all())
    assert bool((bell[312:].diff() < 0).all())
    increasing = density * weighting.adapt(SIGMA, residual_of_gaussian(0.5), 0.5)
    assert_proportional(increasing, (SIGMA**2 + 0.25).sqrt())


def test_bell_shaped_starts_with_a_constant_total_weighting():
    assert_proportional(BellShaped().beta(SIGMA, 0.5), torch.ones_like(SIGMA))
    assert_proportional(BellShaped().adapt(SIGMA, torch.full_like(SIGMA, 3.0), 1.0), BellShaped().omega(SIGMA, 1.0))


def test_bell_shaped_guards_against_vanishing_residuals():
    residual = torch.ones_like(SIGMA)
    residual[100] = 1e-300
    omega = BellShaped(floor=0.01).adapt(SIGMA, residual, 1.0)
    torch.testing.assert_close(omega[100], 100 * SIGMA[100])
