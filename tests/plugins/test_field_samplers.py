"""Samplers of the field against independent formulas: what they are in special cases, and where they are exact."""

import math

import numpy as np
import pytest
import torch
from harness_cui.samplers import ErSde, noise_scale
from harness_gonzalez.samplers import Seeds2, Seeds3
from harness_lu.multistep import DPMpp2MSde, DPMpp3M, DPMpp3MSde
from harness_lu.samplers import DPMpp2M
from harness_lu.single_step import DPMpp2S, DPMSolver2, DPMSolver3
from harness_nichol.noise_schedules import CosineSchedule
from harness_song.noise_schedules import VpLinear
from harness_song.reverse_sde import EulerMaruyama, PredictorCorrector
from harness_song.runge_kutta import STAGES, WEIGHTS, Rk45
from harness_song.samplers import Ancestral, Ddim, Euler
from harness_wang.noise_schedules import VeSqrt
from harness_wang.samplers import ExponentialIntegrator
from harness_xu.samplers import Restart
from harness_zhang.samplers import Deis, Ipndm, Lms
from harness_zhao.samplers import UniPC
from pydantic import ValidationError
from scipy.integrate import quad

from harness.components import ComponentError
from harness.engine.known_laws import GaussianLaw
from harness.engine.responses import response
from harness.engine.sampling import kernel_variances, simulate_function
from harness.errors import NotApplicable
from harness.samplers import SamplerRun

SIGMAS = np.array([10.0, 6.0, 3.5, 1.0, 0.7, 0.2])
"""Steps of no pattern."""


def mixture(x, sigma):
    u, c2 = sigma**2, 0.09
    return (c2 * x + u * torch.tanh(x / (c2 + u))) / (c2 + u)


def draw(seed):
    return torch.randn(40, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def end(sampler, denoiser=mixture, sigmas=SIGMAS, noisy=True):
    """Where a sampler ends, by the same start and noise for each."""
    seeds = iter(range(1, 1000))
    simulate = simulate_function(sampler, denoiser, sigmas, kernel_variances(sampler, sigmas, None, None))
    return simulate(sigmas[0] * draw(0), (lambda: draw(next(seeds))) if noisy else None)


@pytest.mark.parametrize(
    ("sampler", "other"),
    [
        (Ddim(eta=0), Euler()),
        (Ddim(eta=1), Ancestral()),
        (EulerMaruyama(schedule=VeSqrt()), ExponentialIntegrator()),
        (DPMpp2MSde(eta=0), DPMpp2M()),
        (Deis(order=1), Euler()),
        (Lms(order=1), Euler()),
        (Ipndm(order=1), Euler()),
        (UniPC(order=1, corrector=False), Euler()),
        (UniPC(order=2, corrector=False), DPMpp2M()),
        (ErSde(order=1, phi="ode"), Euler()),
        (ErSde(order=1, phi="sde"), Ancestral()),
    ],
    ids=lambda s: s.label(),
)
def test_one_is_another(sampler, other):
    torch.testing.assert_close(end(sampler), end(other), rtol=1e-10, atol=1e-10)


def test_deis_in_the_time_of_the_level_itself_is_lms():
    from harness_karras.noise_schedules import EdmSchedule

    torch.testing.assert_close(end(Deis(order=4, schedule=EdmSchedule())), end(Lms()), rtol=1e-10, atol=1e-10)


def test_without_their_noise_reverse_solvers_go_down_at_twice_the_rate():
    """On D = 1 the mean of the reverse equation nears it by the square of the ratio of levels."""
    noise_free = 1 + (SIGMAS[-1] / SIGMAS[0]) ** 2 * (SIGMAS[0] * draw(0) - 1)
    silent = SamplerRun(lambda x, sigma: torch.ones_like(x), SIGMAS.tolist(), lambda: torch.zeros(40, 2).double())
    for sampler in (Seeds2(), Seeds3(), DPMpp2MSde(), DPMpp3MSde()):
        silent.memory = {}
        torch.testing.assert_close(sampler.sample(silent, SIGMAS[0] * draw(0)), noise_free, rtol=1e-12, atol=1e-12)


# Exact where what they extrapolate is what they extrapolate it by.


def multiples(sampler, denoised, after=0):
    """The error of x_N from the true solution for D = f(σ), which no point enters, from a step on."""
    sigmas = SIGMAS[after:]
    simulate = simulate_function(sampler, lambda x, s: x * 0 + denoised(s), SIGMAS, None)
    found = simulate(torch.zeros(1, 1, dtype=torch.float64), None).item()
    start = torch.zeros(1, 1, dtype=torch.float64)
    if after:
        start = simulate_function(sampler, lambda x, s: x * 0 + denoised(s), SIGMAS[: after + 1], None)(start, None)
    # dx/dσ = (x − f)/σ: x/σ' = x_0/σ − ∫ f/s² ds
    integral = quad(lambda s: denoised(s) / s**2, sigmas[-1], sigmas[0], epsabs=1e-13, epsrel=1e-13, limit=200)[0]
    return found - sigmas[-1] * (start.item() / sigmas[0] + integral)


@pytest.mark.parametrize("order", [2, 3, 4])
def test_unip_is_exact_for_polynomials_in_the_log_level(order):
    """From the step on that has as many evaluations; not for one power more, so it is no better than it says."""
    sampler = UniPC(order=order, corrector=False)
    if order > 2:  # the predictor of two evaluations has the source's own weight
        assert multiples(sampler, lambda s: math.log(s) ** (order - 1), after=order - 1) == pytest.approx(0, abs=1e-11)
    assert abs(multiples(sampler, lambda s: math.log(s) ** order, after=order - 1)) > 1e-3


def test_the_published_third_order_weighs_the_second_difference_by_half():
    """D = λ²: what dpmpp-3m leaves is what half of the parabola would have given."""
    parabola = multiples(DPMpp3M(), lambda s: math.log(s) ** 2, after=4)
    h = math.log(SIGMAS[4] / SIGMAS[5])
    kernel = quad(lambda s: h * math.exp(-(1 - s) * h) * s**2, 0, 1)[0]
    assert parabola == pytest.approx(-kernel * h**2 / 2, rel=1e-9)
    assert multiples(DPMpp3M(), lambda s: math.log(s), after=4) == pytest.approx(0, abs=1e-12)
    assert multiples(UniPC(order=3, corrector=False), lambda s: math.log(s) ** 2, after=4) == pytest.approx(
        0, abs=1e-12
    )


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_lms_and_deis_are_exact_for_polynomials_in_their_time(order):
    """e = f(t): with D = x − σf the flow is x' = x + ∫ f dσ."""
    vp = VpLinear()

    def time(s):
        return vp.time(torch.tensor(s, dtype=torch.float64)).item()

    for sampler, variable in ((Lms(order=order), lambda s: s / 10), (Deis(order=order), time)):
        run = SamplerRun(
            lambda x, s, variable=variable: x - s * variable(s) ** (order - 1), SIGMAS.tolist(), None, memory={}
        )
        x = torch.zeros(1, 1, dtype=torch.float64)
        for index in range(5):
            run.index = index
            before, x = x, sampler.step(run, x)
            exact = quad(lambda s, v=variable: v(s) ** (order - 1), SIGMAS[index], SIGMAS[index + 1], epsabs=1e-13)[0]
            if index >= order - 1:
                assert (x - before).item() == pytest.approx(exact, rel=1e-9)


def test_ipndm_has_its_order_on_equal_steps():
    """From evaluations that are right: e = σ^k is integrated exactly for k < 4 on equal steps, and is not on others."""
    for k in range(5):
        run = SamplerRun(lambda x, s, k=k: x - s * s**k, np.linspace(3.0, 0.5, 6).tolist(), None)
        x = torch.zeros(1, 1, dtype=torch.float64)
        for run.index in range(5):
            before, x = x, Ipndm().step(run, x)
        error = (x - before).item() - (0.5 ** (k + 1) - 1.0 ** (k + 1)) / (k + 1)
        assert (abs(error) < 1e-12) == (k < 4)


@pytest.mark.parametrize(("sampler", "power"), [(DPMSolver2(), 0), (DPMSolver3(), 1)])
def test_dpm_solver_is_exact_for_polynomials_in_the_log_level(sampler, power):
    """e = λ^k: x' = x + ∫ e dσ, exact for k below the order but one, since only the last difference is integrated."""

    def error(k):
        run = SamplerRun(lambda x, s: x - s * (-math.log(s)) ** k, [3.0, 1.0], None)
        exact = quad(lambda s: (-math.log(s)) ** k, 3.0, 1.0)[0]
        return sampler.step(run, torch.zeros(1, 1, dtype=torch.float64)).item() - exact

    assert error(power) == pytest.approx(0, abs=1e-13)
    assert abs(error(power + 1)) > 1e-3


def test_dpmpp_2s_is_exact_for_constants_and_no_more():
    def error(k):
        run = SamplerRun(lambda x, s: x * 0 + math.log(s) ** k, [3.0, 1.0], None)
        exact = quad(lambda s: math.log(s) ** k / s**2, 1.0, 3.0)[0]
        return DPMpp2S().step(run, torch.zeros(1, 1, dtype=torch.float64)).item() - exact

    assert error(0) == pytest.approx(0, abs=1e-13)
    assert abs(error(1)) > 1e-3


@pytest.mark.parametrize("tree", range(17))
def test_the_runge_kutta_tableau_meets_every_condition_of_order_five(tree):
    """The 17 rooted trees with up to five vertices (Butcher): Σ b_i Φ_i = 1/γ, and each row sums to its place."""
    c = np.array([place for place, _ in STAGES])
    a = np.array([[*row, *[0.0] * (6 - len(row))] for _, row in STAGES])
    b = np.array(WEIGHTS)
    np.testing.assert_allclose(a.sum(1), c, atol=1e-14)
    ac, ac2, ac3, aac = a @ c, a @ c**2, a @ c**3, a @ a @ c
    conditions = [
        (1, np.ones(6)), (2, c), (3, c**2), (6, ac), (4, c**3), (8, c * ac), (12, ac2), (24, aac),
        (5, c**4), (10, c**2 * ac), (15, c * ac2), (30, c * aac), (20, ac**2), (20, ac3),
        (40, a @ (c * ac)), (60, a @ ac2), (120, a @ aac),
    ]  # fmt: skip
    gamma, phi = conditions[tree]
    assert b @ phi == pytest.approx(1 / gamma, abs=1e-14)
    assert Rk45().evaluations(7) == 42


# UniPC's weights as its own code finds them: by a linear system in the moments of the kernel.


@pytest.mark.parametrize("places", [[-1.3, -2.9], [-0.4, 1.0], [-0.7, -1.1, 1.0], [-1.0, -2.0, -3.0]])
def test_unipc_s_weights_solve_its_moment_equations(places):
    h = 0.8
    moments = [quad(lambda s, k=k: h * math.exp(-(1 - s) * h) * s**k, 0, 1)[0] for k in range(1, len(places) + 1)]
    rows = [[place**k for place in places] for k in range(1, len(places) + 1)]
    np.testing.assert_allclose(UniPC().weights(places, h), np.linalg.solve(rows, moments), rtol=1e-10)


@pytest.mark.parametrize(("variant", "factor"), [("bh1", 0.8), ("bh2", 1 - math.exp(-0.8))])
def test_unipc_s_single_weight_is_half_of_b(variant, factor):
    assert UniPC(variant=variant).weights([-2.0], 0.8) == pytest.approx([-factor / 4])
    assert UniPC(variant=variant).weights([1.0], 0.8) == pytest.approx([factor / 2])


# ER-SDE: the source's integrals, and φ within its rules.


@pytest.mark.parametrize("phi", ["ode", "sde", "sde-2", "sde-3", "sde-4", "sde-5"])
def test_er_sde_s_weights_are_its_integrals(phi):
    sampler, run = ErSde(phi=phi), SamplerRun(mixture, [3.0, 0.4], None)
    last = noise_scale(phi, 0.4)
    first = quad(lambda s: last / noise_scale(phi, s), 0.4, 3.0)[0] + 0.4 - 3.0
    second = quad(lambda s: (s - 3.0) * last / noise_scale(phi, s), 0.4, 3.0)[0] + (0.4 - 3.0) ** 2 / 2
    assert sampler.weights(run) == pytest.approx([first, second], rel=1e-9, abs=1e-12)
    # φ/σ increases: noise can make up for what the step forgets.
    s = np.geomspace(0.01, 100, 400)
    assert (np.diff(noise_scale(phi, s) / s) > -1e-12).all()


def test_er_sde_differences_are_those_of_a_parabola():
    """D = σ²: the difference of the last two levels is their sum, the second difference 2."""
    run = SamplerRun(mixture, SIGMAS.tolist(), None)
    sampler = ErSde(order=3)
    for run.index in range(3):
        found = sampler.derivatives(run, torch.tensor([SIGMAS[run.index] ** 2], dtype=torch.float64))
    assert [each.item() for each in found] == pytest.approx([SIGMAS[2] + SIGMAS[1], 2.0])


def test_er_sde_refuses_levels_where_its_noise_would_be_imaginary():
    run = SamplerRun(mixture, [9000.0, 5000.0], lambda: draw(1))
    with pytest.raises(NotApplicable, match=r"φ/σ does not increase from 5000 to 9000"):
        ErSde(phi="sde-4").step(run, draw(0))


# Euler and Maruyama: 2σσ̇ of any schedule.


@pytest.mark.parametrize("schedule", [VpLinear(), CosineSchedule()])
def test_euler_maruyama_adds_what_the_forward_process_adds(schedule):
    """Δ → σ² − σ'² as steps become small, and in closed form for σ = t² and the like by the rate."""
    for sigma in (0.3, 2.0):
        near = sigma * (1 - 1e-5)
        found = EulerMaruyama(schedule=schedule).variance(sigma, near)
        assert found == pytest.approx(sigma**2 - near**2, rel=1e-4)
    assert EulerMaruyama().variance(2.0, 1.0) == pytest.approx(2 * 4 * math.log(2), rel=1e-12)


# The predictor and corrector: the law that the corrector leaves on a Gaussian.


@pytest.mark.parametrize("snr", [0.05, 0.16, 0.4])
def test_the_corrector_leaves_the_law_of_a_langevin_step_on_a_gaussian(snr):
    law, sigmas = GaussianLaw([0.5], [0.09]), np.array([2.0, 1.0])
    mean, deviation = response(PredictorCorrector(snr=snr), law, sigmas).law(law.mean, law.deviations(2.0))
    predicted_mean, predicted = response(ExponentialIntegrator(), law, sigmas).law(law.mean, law.deviations(2.0))
    kappa, variance = 2 * snr**2, 0.09 + 1.0
    assert deviation[0] ** 2 == pytest.approx((1 - kappa / variance) ** 2 * predicted[0] ** 2 + 2 * kappa, rel=1e-12)
    assert mean[0] - 0.5 == pytest.approx((1 - kappa / variance) * (predicted_mean[0] - 0.5), abs=1e-12)


def test_the_corrector_s_bias_is_of_the_square_of_its_ratio():
    """Langevin steps κ on N(0, V) settle at V/(1 − κ/2V): half the ratio leaves a quarter."""
    law, sigmas = GaussianLaw([0.0], [1e-12]), np.geomspace(50.0, 1.0, 500)

    def bias(snr):
        return response(PredictorCorrector(snr=snr), law, sigmas).law(law.mean, law.deviations(50.0))[1][0] ** 2 - 1

    predictor = response(ExponentialIntegrator(), law, sigmas).law(law.mean, law.deviations(50.0))[1][0] ** 2 - 1
    assert bias(0.4) == pytest.approx(1 / (1 - 0.16) - 1, rel=0.05)
    assert 0 < bias(0.2) < bias(0.4) / 3
    assert abs(predictor) < 0.02


# Restarts.


def test_a_restart_is_noise_and_heun_s_method_down_the_stretch():
    from harness_karras.samplers import Heun

    sigmas = [2.0, 1.0, 0.5, 0.2]
    sampler = Restart(stretches=((3, 2, 0.55, 1.5),), rho=7)
    levels = [1.5, ((1.5 ** (1 / 7) + 0.5 ** (1 / 7)) / 2) ** 7, 0.5]
    noise = iter([draw(1), draw(2)])
    found = sampler.sample(SamplerRun(mixture, sigmas, lambda: next(noise)), draw(0))
    x = simulate_function(Heun(), mixture, sigmas[:3], None)(draw(0), None)
    for seed in (1, 2):
        x = x + math.sqrt(1.5**2 - 0.5**2) * draw(seed)
        x = simulate_function(Heun(), mixture, levels, None)(x, None)
    x = simulate_function(Heun(), mixture, sigmas[2:], None)(x, None)
    torch.testing.assert_close(found, x, rtol=1e-12, atol=1e-12)
    assert sampler.evaluations(3) == 2 * 3 + 2 * 2 * 2


def test_a_restart_forgets():
    """What a wrong start adds to the variance falls with each restart, on a Gaussian by the ratio of the flow."""
    law, sigmas = GaussianLaw([0.0], [0.25]), np.geomspace(10.0, 0.05, 200)

    def excess(times):
        found = response(Restart(stretches=((9, times, 0.06, 2.0),)), law, sigmas)
        right, wrong = (found.law(law.mean, f * law.deviations(10.0))[1][0] ** 2 for f in (1.0, 1.2))
        return wrong - right

    nearest = sigmas[np.abs(sigmas - 0.06).argmin()]
    kept = excess(2) / excess(1)
    assert kept == pytest.approx((0.25 + nearest**2) / (0.25 + 4.0), rel=0.05)
    assert excess(3) / excess(2) == pytest.approx(kept, rel=1e-9)


def test_a_restart_is_refused_where_the_grid_has_no_level_below_it():
    sampler, run = Restart(), SamplerRun(mixture, [2.0, 1.0], lambda: draw(1))
    with pytest.raises(NotApplicable, match=r"restart from 0.06 to 0.3: the nearest level is 1, not below 0.3"):
        sampler.sample(run, draw(0))


@pytest.mark.parametrize("stretch", [(1, 1, 0.1, 0.2), (2, 0, 0.1, 0.2), (2, 1, 0.2, 0.2), (2, 1, 0.0, 0.2)])
def test_a_stretch_that_is_none_is_refused(stretch):
    with pytest.raises(ValidationError, match="should have N ≥ 2, K ≥ 1 and 0 < t_min < t_max"):
        Restart(stretches=(stretch,))


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("restart:stretches=[[3,2,0.06]]", r"stretches\.0\.3=\[3, 2, 0\.06\] is not valid: Field required"),
        ("restart:stretches=[[1,2,0.06,0.3]]", "should have N ≥ 2, K ≥ 1 and 0 < t_min < t_max"),
        ("restart:stretches=[]", "should have at least 1 item"),
        ("unipc:order=5", "order=5 is not valid"),
        ("er-sde:phi=sde-9", "Input should be 'ode', 'sde', 'sde-2'"),
        ("deis:schedule=nope", "unknown noise schedule 'nope'"),
    ],
)
def test_bad_parameters_are_named(form, message, registry):
    with pytest.raises(ComponentError, match=message) as caught:
        registry.parse("sampler", form)
    assert len(str(caught.value)) <= 300


@pytest.mark.parametrize(
    ("sampler", "evaluations"),
    [(DPMSolver2(), 10), (DPMSolver3(), 15), (Seeds3(), 15), (PredictorCorrector(), 10), (UniPC(), 5), (Restart(), 18)],
)
def test_evaluations(sampler, evaluations):
    assert sampler.evaluations(5) == evaluations
