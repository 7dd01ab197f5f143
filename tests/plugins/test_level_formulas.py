"""Schedules, weightings and noise distributions against their sources: the published form, and what coincides."""

import itertools
import math

import numpy as np
import pytest
import torch
from harness_choi.weightings import P2
from harness_crowson.weightings import SoftMinSnr
from harness_esser.noise_distributions import ModeSampling, Shifted
from harness_esser.noise_schedules import FlowShift
from harness_hang import MinSnr
from harness_hang.noise_schedules import Laplace
from harness_ho import Eps
from harness_ho.noise_schedules import Ddpm
from harness_ho.preconditionings import step_levels
from harness_hoogeboom.noise_schedules import CosineShift
from harness_hoogeboom.weightings import SigmoidWeighting
from harness_jabri.noise_schedules import LinearGamma, SigmoidSchedule
from harness_karras.noise_distributions import LogNormal
from harness_karras.preconditionings import Edm
from harness_karras.weightings import EdmWeighting
from harness_kingma.weightings import Monotone
from harness_lipman.noise_schedules import FlowSchedule
from harness_lipman.weightings import FlowWeighting
from harness_nichol.noise_schedules import CosineSchedule
from harness_okada.noise_schedules import ConstantRateSchedule
from harness_salimans import VCosine
from harness_salimans.weightings import MaxSnr, PredictionError
from harness_song.noise_distributions import LogUniform, UniformTimeLevels
from harness_song.noise_schedules import VpLinear
from harness_song.weightings import Likelihood
from harness_wang.weightings import BellShaped, GridMatched
from scipy.integrate import quad
from scipy.stats import laplace

from harness.components import ComponentError, build
from harness.errors import NotApplicable

SIGMA = torch.linspace(math.log(0.002), math.log(80.0), 512, dtype=torch.float64).exp()
TIMES = torch.linspace(0.001, 0.999, 401, dtype=torch.float64)


def close(a, b, tolerance=1e-11):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=0)


def assert_proportional(a, b, tolerance=1e-11):
    ratio = a / b
    spread = float(ratio.max() / ratio.min() - 1)
    assert spread < tolerance, f"ratio varies by {spread:.2g}"


class TestSchedules:
    @pytest.mark.parametrize("given", [{}, {"start": -1.0, "end": 5.0, "tau": 0.7}, {"start": 0.0, "tau": 3.0}])
    def test_sigmoid_is_the_published_gamma(self, given):
        schedule = SigmoidSchedule(**given)
        a, e, tau = schedule.start, schedule.end, schedule.tau
        logistic = torch.sigmoid
        low, high = (logistic(torch.tensor(x / tau, dtype=torch.float64)) for x in (a, e))
        gamma = (high - logistic((TIMES * (e - a) + a) / tau)) / (high - low)
        close(schedule.sigma(TIMES), ((1 - gamma) / gamma).sqrt(), 1e-9)

    def test_sigmoid_keeps_its_digits_where_the_published_form_has_none(self):
        schedule = SigmoidSchedule(start=-90.0, end=90.0, tau=1.0)
        t = torch.tensor([0.3, 0.5, 0.7], dtype=torch.float64)
        # Far from both ends γ is the logistic function itself, so that σ = e^{x/2}, x = 180t − 90.
        np.testing.assert_allclose(schedule.sigma(t).log().numpy(), (90 * t - 45).numpy(), rtol=1e-12, atol=1e-12)

    def test_sigmoid_with_a_large_temperature_is_linear_in_gamma(self):
        close(SigmoidSchedule(tau=1000.0).sigma(TIMES), LinearGamma().sigma(TIMES), 1e-4)

    def test_linear_gamma_is_the_published_one_with_the_input_scaled(self):
        b = 0.3
        gamma = 1 - TIMES
        # x_t = √γ b x_0 + √(1 − γ) ξ.
        close(LinearGamma(scale=b).sigma(TIMES), (1 - gamma).sqrt() / (gamma.sqrt() * b))

    def test_cosine_shift_is_a_shift_of_the_log_signal_to_noise_ratio(self):
        # log SNR = −2 ln tan(πt/2) + 2 ln(64/r).
        snr = -2 * (0.5 * math.pi * TIMES).tan().log() + 2 * math.log(64 / 256)
        close(-2 * CosineShift().sigma(TIMES).log(), snr, 1e-9)
        close(CosineShift(resolution=64).sigma(TIMES), CosineSchedule(s=0.0).sigma(TIMES), 1e-12)

    def test_flow_shift_is_the_published_time(self):
        alpha = 3.0
        shifted = alpha * TIMES / (1 + (alpha - 1) * TIMES)
        close(FlowShift().sigma(TIMES), FlowSchedule().sigma(shifted), 1e-11)
        assert FlowShift(shift=1).time(SIGMA).equal(FlowSchedule().time(SIGMA))

    @pytest.mark.parametrize(("mu", "b"), [(0.0, 0.5), (1.3, 0.5), (-0.4, 2.0)])
    def test_laplace_times_are_quantiles_of_a_laplace_law(self, mu, b):
        snr = laplace(mu, b).isf(TIMES.numpy())
        np.testing.assert_allclose(-2 * Laplace(mu=mu, b=b).sigma(TIMES).log().numpy(), snr, atol=1e-12, rtol=1e-10)

    def test_ddpm_is_the_process_of_a_thousand_steps(self):
        steps = torch.arange(1, 1001, dtype=torch.float64) / 1000
        close(Ddpm().sigma(steps), torch.tensor(step_levels(), dtype=torch.float64), 1e-10)
        ends = Ddpm().sigma(steps[[0, -1]]).tolist()
        assert ends == pytest.approx([0.0100005, 157.407], rel=3e-6)

    def test_ddpm_scaled_linear_is_that_of_stable_diffusion(self):
        schedule = Ddpm(spacing="scaled-linear", beta_first=0.00085, beta_last=0.012)
        steps = torch.tensor([1, 1000], dtype=torch.float64) / 1000
        assert schedule.sigma(steps).tolist() == pytest.approx([0.029167, 14.6146], rel=2e-5)
        # The levels of Align your steps for it are those of steps 999, 850, …, counted from 0.
        numbers = torch.tensor([999, 850, 736, 645, 545, 455, 343, 233, 124, 24], dtype=torch.float64)
        known = [14.6146, 6.4746, 3.8637, 2.6946, 1.8842, 1.3944, 0.9643, 0.6524, 0.3977, 0.1515]
        np.testing.assert_allclose(schedule.sigma((numbers + 1) / 1000).numpy(), known, atol=6e-5)

    def test_ddpm_tends_to_the_linear_process(self):
        many = Ddpm(steps=100_000, beta_first=0.1 / 100_000, beta_last=20 / 100_000)
        t = torch.linspace(0.01, 1, 50, dtype=torch.float64)
        close(many.sigma(t), VpLinear().sigma(t), 4e-4)

    def test_ddpm_goes_down_to_zero(self):
        assert Ddpm().sigma(torch.zeros(1, dtype=torch.float64)).item() == 0.0
        assert Ddpm().time(torch.tensor([1e-9], dtype=torch.float64)).item() == pytest.approx(1e-3 * 1e-9 / 0.0100005)

    @pytest.mark.parametrize("c", [0.3, 1.0])
    @pytest.mark.parametrize("distance", ["frechet", "fisher-rao"])
    def test_constant_rate_moves_a_gaussian_by_equal_distances(self, distance, c):
        schedule = ConstantRateSchedule(distance=distance, scale=c)
        ends = schedule.time(torch.tensor([0.01, 20.0], dtype=torch.float64))
        sigma = schedule.sigma(torch.lerp(ends[0], ends[1], torch.linspace(0, 1, 2001, dtype=torch.float64))).numpy()
        deviation = np.sqrt(c**2 + sigma**2)
        # W₂ of N(0, a²) and N(0, b²) is |a − b|; the Fisher information of the deviation is 2/a².
        moved = np.diff(deviation)
        if distance == "fisher-rao":
            moved = np.array([quad(lambda a: math.sqrt(2) / a, a, b)[0] for a, b in itertools.pairwise(deviation)])
        np.testing.assert_allclose(moved, moved.mean(), rtol=1e-9)

    @pytest.mark.parametrize(
        ("cls", "given", "message"),
        [
            (SigmoidSchedule, {"start": 3.0, "end": 3.0}, r"end=3 must be above start=3"),
            (Ddpm, {"beta_first": 0.1, "beta_last": 0.01}, r"beta_last=0\.01 must not be below beta_first=0\.1"),
            (Ddpm, {"steps": 1}, "greater than or equal to 2"),
            (LinearGamma, {"scale": 0}, "greater than 0"),
        ],
    )
    def test_wrong_parameters_are_refused_in_one_line(self, cls, given, message):
        with pytest.raises(ComponentError, match=message) as found:
            build(cls, given)
        assert "\n" not in str(found.value)


def kingma_gao(weighting, sigma_data=1.0):
    """w(λ) = βσ/2 at λ = −2 ln σ."""
    return weighting.beta(SIGMA, sigma_data) * SIGMA / 2


class TestWeightings:
    """λ multiplies ‖D − X_0‖²: ω = λσ². SNR = s²/σ²."""

    def test_p2_is_the_simple_loss_over_a_power(self):
        for k, gamma in ((1.0, 1.0), (1.0, 0.5), (3.0, 0.7)):
            snr = (0.5 / SIGMA) ** 2
            close(P2(k=k, gamma=gamma).omega(SIGMA, 0.5), 1 / (k + snr) ** gamma)
        assert P2(gamma=0.0).omega(SIGMA, 1.0).equal(torch.ones_like(SIGMA))

    def test_p2_with_power_one_is_soft_min_snr(self):
        close(P2().omega(SIGMA, 0.3), SoftMinSnr().omega(SIGMA, 0.3))

    def test_soft_min_snr_is_the_loss_of_the_authors_code(self):
        # There on EDM's raw output, by (σs)²/(σ² + s²)²; that output's error is ‖D − X_0‖/c_out.
        s = 0.5
        c_out = Edm().coefficients(SIGMA, torch.tensor(s, dtype=torch.float64)).out
        on_output = (SIGMA * s) ** 2 / (SIGMA**2 + s**2) ** 2
        close(SoftMinSnr().omega(SIGMA, s), on_output / c_out**2 * SIGMA**2)
        # And γ SNR/(SNR + γ) with SNR = 1/σ², γ = 1/s², on the denoiser.
        snr, gamma = SIGMA**-2, s**-2
        assert_proportional(SoftMinSnr().omega(SIGMA, s), gamma * snr / (snr + gamma) * SIGMA**2)

    def test_soft_min_snr_lies_between_min_snr_and_half_of_it(self):
        soft, hard = SoftMinSnr().omega(SIGMA, 1.0), MinSnr(gamma=1.0).omega(SIGMA, 1.0)
        assert bool((soft <= hard).all())
        assert bool((soft >= hard / 2 * (1 - 1e-12)).all())

    def test_max_snr_is_the_truncated_signal_to_noise_ratio(self):
        for k in (1.0, 4.0):
            snr = (0.5 / SIGMA) ** 2
            assert_proportional(MaxSnr(k=k).omega(SIGMA, 0.5), snr.clamp(min=k) * SIGMA**2)

    def test_min_and_max_snr_multiply_to_the_sum_of_their_branches(self):
        one, other = MinSnr(gamma=1.0).omega(SIGMA, 1.0), MaxSnr().omega(SIGMA, 1.0)
        close(one * other, SIGMA**2)

    def test_errors_of_predictions_follow_from_one_error_of_the_clean_point(self):
        sigma, s = SIGMA[:, None], 0.5
        generator = torch.Generator().manual_seed(0)
        x0, xi, off = torch.randn(3, len(SIGMA), 4, generator=generator, dtype=torch.float64)
        x, denoised = x0 + sigma * xi, x0 + off
        alpha = (1 + sigma**2).rsqrt()
        noise = (x - denoised) / sigma
        coefficients = Edm().coefficients(sigma, torch.tensor(s, dtype=torch.float64))
        pairs = {
            "eps": (noise, xi),
            "x0": (denoised, x0),
            "score": ((denoised - x) / sigma**2, -xi / sigma),
            "v": (alpha * noise - alpha * sigma * denoised, alpha * xi - alpha * sigma * x0),
            "velocity": (noise - denoised, xi - x0),
            "edm": tuple((d - coefficients.skip * x) / coefficients.out for d in (denoised, x0)),
        }
        base = (noise - xi).square().sum(1)
        for name, (found, wanted) in pairs.items():
            factor = (found - wanted).square().sum(1) / base
            close(PredictionError(of=name).omega(SIGMA, s), factor, 1e-6)

    def test_debiased_divides_by_the_root(self):
        from harness_yu.weightings import Debiased

        snr = SIGMA**-2
        close(Debiased().omega(SIGMA, 0.3), 1 / snr.sqrt())

    @pytest.mark.parametrize("bias", [-3.0, -1.0, 0.0, 2.0])
    def test_sigmoid_is_a_sigmoid_of_the_log_signal_to_noise_ratio(self, bias):
        snr = 2 * (0.5 / SIGMA).log()
        close(kingma_gao(SigmoidWeighting(bias=bias), 0.5), (bias - snr).sigmoid())
        # As a weight e^b sigmoid(λ − b) on the error of X_0 at a uniform λ, dλ = 2dσ/σ.
        of_clean = math.exp(bias) * (snr - bias).sigmoid()
        assert_proportional(SigmoidWeighting(bias=bias).beta(SIGMA, 0.5), of_clean * SIGMA**2 * 2 / SIGMA)

    @pytest.mark.parametrize("levels", [LogUniform(), LogNormal(), UniformTimeLevels(), ModeSampling()])
    def test_of_a_total_weighting_levels_change_nothing(self, levels):
        close(
            SigmoidWeighting(levels=levels).density(SIGMA, 1.0) * SigmoidWeighting(levels=levels).omega(SIGMA, 1.0),
            SigmoidWeighting().beta(SIGMA, 1.0),
        )

    def test_a_total_weighting_refuses_levels_that_are_never_drawn(self):
        class Above(LogUniform):
            name = "above"

            def density(self, sigma, sigma_data):
                return super().density(sigma, sigma_data) * (sigma > 1)

        with pytest.raises(NotApplicable, match=r"sigmoid counts every level, and above never draws 0\.002"):
            SigmoidWeighting(levels=Above()).omega(SIGMA, 1.0)

    def test_monotone_holds_edm_at_its_top(self):
        own, raised = kingma_gao(EdmWeighting(), 0.5), kingma_gao(Monotone(), 0.5)
        top = int(own.argmax())
        close(raised[: top + 1], own[: top + 1])
        assert 0 < top < 500
        np.testing.assert_allclose(raised[top:].numpy(), float(own.max()), rtol=1e-4)
        assert bool((raised.diff() >= -1e-6 * raised.max()).all())
        assert bool((raised >= own).all())

    @pytest.mark.parametrize("of", [Likelihood(), VCosine(), FlowWeighting(), SigmoidWeighting()])
    def test_monotone_leaves_monotone_ones_alone(self, of):
        close(Monotone(of=of).beta(SIGMA, 1.0), of.beta(SIGMA, 1.0))

    def test_monotone_of_two_tops_rises_again(self):
        class TwoTops(EdmWeighting):
            name = "two-tops"

            def omega(self, sigma, sigma_data):
                return sigma.new_ones(sigma.shape)

            def density(self, sigma, sigma_data):
                x = sigma.log()
                return ((-2 * (x + 3) ** 2).exp() + 2 * (-2 * (x - 2) ** 2).exp()) / sigma

        raised = kingma_gao(Monotone(of=TwoTops()))
        np.testing.assert_allclose(raised.numpy(), np.maximum.accumulate(kingma_gao(TwoTops()).numpy()), rtol=1e-4)

    @pytest.mark.parametrize("of", [BellShaped(), GridMatched()])
    def test_monotone_refuses_what_is_no_fixed_function(self, of):
        with pytest.raises(ComponentError, match="is no fixed function of the level"):
            build(Monotone, {"of": of})

    def test_which_are_monotone(self):
        def rises(weighting):
            w = kingma_gao(weighting)
            return bool((w.diff() >= -1e-6 * w.max()).all())

        cosine = UniformTimeLevels(schedule=CosineSchedule(s=0.0))
        assert all(map(rises, [SigmoidWeighting(), Monotone(), PredictionError(of="v", levels=cosine)]))
        # With the cosine schedule L_simple is w = sech(λ/2), and P2 and Min-SNR are below it.
        simple = PredictionError(of="eps", levels=cosine)
        snr = -2 * SIGMA.log()
        assert_proportional(kingma_gao(simple), 1 / (snr / 2).cosh())
        others = [simple, P2(levels=cosine), MinSnr(), SoftMinSnr(levels=cosine), EdmWeighting()]
        assert not any(map(rises, others))


COINCIDE = [
    (PredictionError(of="eps"), Eps()),
    (PredictionError(of="eps"), Likelihood()),
    (PredictionError(of="v", levels=UniformTimeLevels(schedule=CosineSchedule(s=0.0))), VCosine()),
    (PredictionError(of="velocity", levels=UniformTimeLevels(schedule=FlowSchedule())), FlowWeighting()),
    (PredictionError(of="velocity", levels=LogNormal(mean=0.0, std=1.0)), FlowWeighting(levels="logit-normal")),
    (PredictionError(of="edm", levels=LogNormal()), EdmWeighting()),
    (P2(gamma=0.0), Eps(levels="vp-linear")),
    (Shifted(shift=2.0, levels=LogNormal(mean=-1.0)), LogNormal(mean=-1.0 + math.log(2.0))),
    (Shifted(levels=UniformTimeLevels(schedule=FlowSchedule())), UniformTimeLevels(schedule=FlowShift())),
    (
        UniformTimeLevels(schedule=CosineShift()),
        Shifted(shift=4, levels=UniformTimeLevels(schedule=CosineSchedule(s=0))),
    ),
    (ModeSampling(s=0.0), UniformTimeLevels(schedule=FlowSchedule())),
]


@pytest.mark.parametrize(("one", "other"), COINCIDE, ids=lambda each: each.label())
def test_two_names_for_one_thing(one, other):
    assert_proportional(one.density(SIGMA, 0.7), other.density(SIGMA, 0.7), 1e-9)
    if hasattr(one, "omega"):
        assert_proportional(one.omega(SIGMA, 0.7), other.omega(SIGMA, 0.7), 1e-9)


class TestNoiseDistributions:
    @pytest.mark.parametrize("s", [-1.0, 0.5, 1.29, 1.6])
    def test_mode_sampling_is_the_law_of_its_draws(self, s):
        v = np.linspace(0, 1, 200_001)[1:-1]
        t = 1 - v - s * (np.cos(math.pi * v / 2) ** 2 - 1 + v)
        assert (np.diff(t) < 0).all()
        edges = np.array([0.02, 0.1, 0.3, 1.0, 2.5, 9.0, 50.0])
        counted = np.histogram(t / (1 - t), edges)[0] / len(v)

        exact = []
        for low, high in itertools.pairwise(edges):
            sigma = torch.from_numpy(np.geomspace(low, high, 4001))
            exact.append(float(torch.trapezoid(ModeSampling(s=s).density(sigma, 1.0), sigma)))
        np.testing.assert_allclose(counted, exact, atol=2e-4)

    def test_laplace_is_the_published_density(self):
        mu, b = 0.4, 0.5
        density = UniformTimeLevels(schedule=Laplace(mu=mu, b=b)).density(SIGMA, 1.0)
        published = (-(2 * SIGMA.log() + mu).abs() / b).exp() / (b * SIGMA)
        assert_proportional(density, published, 1e-6)

    def test_uniform_time_of_ddpm_has_a_thousandth_between_neighbours(self):
        levels = np.array(step_levels())
        cell = np.geomspace(levels[300] * (1 + 1e-9), levels[301] * (1 - 1e-9), 2001)
        density = UniformTimeLevels(schedule=Ddpm()).density(torch.from_numpy(cell), 1.0).numpy()
        assert np.trapezoid(density, cell) == pytest.approx(1e-3, rel=1e-4)
