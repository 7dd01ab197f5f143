"""Bounds of the literature: exact budget ≤ bound on laws whose J is known; where each is tight, and loose."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from harness_benton.bounds import Benton, localization
from harness_chen.bounds import ChenLeeLu
from harness_conforti.bounds import Conforti
from harness_gao.bounds import GaoZhuW2, wasserstein
from harness_karras.samplers import EdmStochastic, Heun
from harness_lu.samplers import DPMpp2M
from harness_metrics import affine
from harness_oracles.bounds import AncestralTelescope, BudgetBound
from harness_pierret.affine import output_law
from harness_pierret.bounds import AffineGaussian
from harness_song.samplers import Ancestral, Euler
from harness_synthetic.information import GaussianInformation
from harness_synthetic.targets import Gaussian, Ring
from harness_wang.bounds import Theorem2, discretization
from harness_wang.corollary import Corollary1, inverse_exponent, polynomial_discretization
from harness_wang.samplers import ExponentialIntegrator
from scipy.optimize import linear_sum_assignment

from harness.bounds import Design
from harness.budget import budget
from harness.engine.curves import ExactScoreError, MeasuredInformation
from harness.engine.measurement import measure_information
from harness.errors import NotApplicable
from harness.initial_laws import Start
from harness.mixtures import IsotropicMixture, MixtureDistribution
from harness.samplers import SamplerRun

EXACT = ExactScoreError(lambda sigma: 0.0 * sigma)
WRONG = ExactScoreError(lambda sigma: 0.04 / sigma**2)
PATH_BOUNDS = (Theorem2(), Corollary1(), Benton(), ChenLeeLu(), Conforti(), Conforti(steps="each"))
BOTTOM, TOP = 0.03, 60.0


def line_information(points, weights, variance, dim):
    """The product of dim equal mixtures of Gaussians on the line: J and E_I by quadrature."""
    m, w = np.asarray(points, float)[:, None], np.asarray(weights, float)[:, None] / np.sum(weights)
    u = np.geomspace(BOTTOM**2 * 0.99, TOP**2 * 1.01, 240)

    def at(level):
        v = level + variance
        x = np.linspace(m.min() - 11 * v**0.5, m.max() + 11 * v**0.5, 12_001)
        parts = w * np.exp(-((x - m) ** 2) / (2 * v)) / math.sqrt(2 * math.pi * v)
        density = np.maximum(parts.sum(0), 1e-300)
        score = (parts * (m - x)).sum(0) / v / density
        return x, density, score

    values = np.array([level * np.trapezoid(p * s**2, x) for level in u for x, p, s in [at(level)]])
    x, p, _ = at(u[-1])
    start = np.trapezoid(p * (np.log(p) + x**2 / (2 * u[-1]) + 0.5 * math.log(2 * math.pi * u[-1])), x)
    second = dim * float((w * (m**2 + variance)).sum())
    return MeasuredInformation(dim, second, u, dim * values[None], np.array([dim * start]))


def finite_data():
    points = torch.randn(7, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return measure_information(MixtureDistribution(IsotropicMixture(points, 0.0)), BOTTOM, TOP, samples=600)


LAWS = {
    "isotropic": lambda: Gaussian(dim=4, std=0.8).distribution().closed_information(),
    "shifted": lambda: Gaussian(dim=3, std=0.5, mean=2.0).distribution().closed_information(),
    "anisotropic": lambda: Gaussian(dim=6, std=1.1, condition=1e4).distribution().closed_information(),
    "point": lambda: GaussianInformation(np.zeros(2), np.array([0.3, 0.0])),
    "two points": lambda: line_information([-1.0, 1.0], [1, 1], 0.0, 1),
    "lopsided": lambda: line_information([0.0, 1.0], [40, 1], 0.0, 1),
    "cube": lambda: line_information([-0.7, 0.7], [1, 1], 0.0, 5),
    "mixture": lambda: line_information([-2.0, 0.0, 0.5], [1, 3, 2], 0.01, 2),
    "ring": lambda: measure_information(Ring().distribution(), BOTTOM, TOP, samples=600),
    "finite data": finite_data,
}


@pytest.fixture(scope="module", params=LAWS)
def information(request):
    return LAWS[request.param]()


def polynomial(a, steps, top=20.0, bottom=0.05):
    if math.isinf(a):
        return np.geomspace(top, bottom, steps + 1)
    return np.linspace(top ** (1 / a), bottom ** (1 / a), steps + 1) ** a


def random_grids(count):
    stream = np.random.default_rng(5)
    for _ in range(count):
        top, bottom = 10 ** stream.uniform(0.3, 1.7), 10 ** stream.uniform(-1.5, -0.5)
        steps = int(stream.integers(1, 40))
        inner = np.exp(stream.uniform(np.log(bottom), np.log(top), steps - 1))
        yield np.concatenate([[top], np.sort(inner)[::-1], [bottom]])
        yield polynomial(stream.choice([0.5, 1.0, 3.5, 7.0, math.inf]), steps, top, bottom)


def design(information, sigmas, score_error=EXACT, sampler=None, target=None):
    sampler = sampler or ExponentialIntegrator()
    steps = sampler.variances(sigmas, information, score_error) if hasattr(sampler, "variances") else None
    exact = None if steps is None else budget(sigmas, steps, information, score_error)
    second = information.second_moment
    return Design(sampler, sigmas, steps, information.dim, second, information, score_error, exact, target)


@pytest.mark.parametrize("score_error", [EXACT, WRONG], ids=["exact", "wrong"])
def test_every_bound_is_above_the_exact_budget(information, score_error):
    applied = dict.fromkeys([*PATH_BOUNDS, AncestralTelescope()], 0)
    for sigmas in random_grids(40):
        for sampler in (ExponentialIntegrator(), Ancestral()):
            case = design(information, sigmas, score_error, sampler)
            exact = BudgetBound().value(case)
            for bound in applied:
                value = bound.value(case)
                if isinstance(value, float):
                    applied[bound] += 1
                    assert value >= exact * (1 - 1e-6) - 1e-9, (bound.label(), sampler.name, sigmas)
    assert min(applied.values()) >= 40


def test_score_error_enters_every_bound_as_it_does_the_budget(information):
    sigmas = polynomial(7.0, 12)
    for sampler, bounds in ((ExponentialIntegrator(), PATH_BOUNDS), (Ancestral(), [AncestralTelescope()])):
        with_error, without = (design(information, sigmas, e, sampler) for e in (WRONG, EXACT))
        expected = BudgetBound().value(with_error) - BudgetBound().value(without)
        for bound in bounds:
            assert bound.value(with_error) - bound.value(without) == pytest.approx(expected, rel=1e-6)


# The derivations, line by line


def test_jacobian_of_the_score_obeys_chen_lee_lu_and_exceeds_d():
    """v²E‖∇² log p‖² = −v²J' ≤ d² + d + 1; the d of one point is exceeded by two."""
    largest = {}
    for name in ("two points", "lopsided", "cube", "mixture"):
        law = LAWS[name]()
        u = np.geomspace(2e-3, 2e3, 4000)
        fisher = law.fisher(u)[0]
        jacobian = -(u[1:] * u[:-1]) * np.diff(fisher) / np.diff(u)
        assert (jacobian <= law.dim**2 + law.dim + 1).all()
        largest[name] = jacobian.max() / law.dim
    assert largest["two points"] == pytest.approx(largest["cube"], rel=1e-3)
    assert 1.15 < largest["two points"] < 1.2


def test_sixth_moment_constant_of_one_euler_step():
    """C² = 16 E‖ξ‖⁶, just below the catalog's 4√d(d + 3), and E‖ξ‖⁶ = d(d + 2)(d + 4)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    assert (weights * nodes**6).sum() / weights.sum() == pytest.approx(1 * 3 * 5)
    for dim in (1, 2, 10, 100):
        ours, theirs = 4 * math.sqrt(dim * (dim + 2) * (dim + 4)), 4 * math.sqrt(dim) * (dim + 3)
        assert 0.96 * theirs < ours < theirs


def test_localization_is_its_integral():
    """b(u_0)/u_0 + ∫b/v² dv, wherever m₂² = dv falls."""
    for second in (1e-4, 0.5, 300.0, 1e6):
        v = np.geomspace(0.01, 100.0, 200_001)
        b = np.minimum(second, 3 * v)
        expected = b[-1] / v[-1] + np.trapezoid(b / v, np.log(v))
        assert localization(100.0, 0.01, 3, second) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("a", [0.5, 0.8, 1.0, 3.5, 7.0, 40.0, math.inf])
def test_corollary_1_is_theorem_2_summed(a):
    """It recovers the exponent from the levels, and is above Theorem 2 on every polynomial grid."""
    for steps, second in itertools.product((1, 2, 5, 18, 200), (0.0, 0.1, 3.0, 1e5)):
        sigmas = polynomial(a, steps)
        inverse = inverse_exponent(sigmas)
        if steps > 1:
            assert inverse == pytest.approx(1 / a, abs=2e-6)
        summed = discretization(sigmas**2, 3, second)
        assert polynomial_discretization(sigmas**2, inverse, 3, second) >= summed * (1 - 1e-9)


def test_corollary_1_is_continuous_at_the_exponential_grid():
    u = polynomial(math.inf, 9) ** 2
    limit = polynomial_discretization(u, 0.0, 2, 1.5)
    assert polynomial_discretization(u, 1e-5, 2, 1.5) == pytest.approx(limit, rel=1e-4)


def test_corollary_1_first_term_is_the_published_one_with_constant_1():
    """d a²(T^{1/a})/(δ^{1/a} N): above (d/N)(2a sinh(L/2a))², and equal in the limit of a wide range."""
    for a, wide in itertools.product((0.5, 1.0, 7.0), (1.0, 4.0, 12.0)):
        u = np.array([math.exp(2 * a * wide), *np.ones(9)])  # σ_max/σ_min = e^{a·wide}: only the ends count
        ours = polynomial_discretization(u, 1 / a, 2, 0.0)
        published = 2 * a**2 * math.exp(wide) / 9
        assert ours < published
        assert wide < 12 or ours == pytest.approx(published, rel=1e-4)


def test_corollary_1_is_for_polynomial_grids_only():
    law = LAWS["isotropic"]()
    steep = np.sqrt(np.linspace(20.0**3, 0.05**3, 9) ** (2 / 3))
    for sigmas in (
        polynomial(3.0, 9) ** np.linspace(1, 1.01, 10),
        steep,
        1 / polynomial(7.0, 9, 20.0, 0.05)[::-1],
    ):
        assert inverse_exponent(sigmas) is None
        assert "grids σ = z^a" in Corollary1().value(design(law, sigmas)).reason


# Where they are tight


def test_tight_on_a_single_point():
    """J = d/u: Theorem 2 is the budget, so is Benton's on geometric grids; Chen's is d + 1 + 1/d of it."""
    for dim in (1, 4):
        law = GaussianInformation(np.zeros(dim), np.zeros(dim))
        geometric, uneven = polynomial(math.inf, 10), polynomial(2.0, 10)
        for sigmas in (geometric, uneven):
            case = design(law, sigmas)
            exact = BudgetBound().value(case)
            assert Theorem2().value(case) == pytest.approx(exact)
            assert ChenLeeLu().value(case) / exact == pytest.approx(dim + 1 + 1 / dim)
        assert Benton().value(design(law, geometric)) == pytest.approx(BudgetBound().value(design(law, geometric)))
        assert Benton().value(design(law, uneven)) > 1.2 * BudgetBound().value(design(law, uneven))
        fine = design(law, polynomial(math.inf, 2000))
        assert Corollary1().value(fine) == pytest.approx(BudgetBound().value(fine), rel=3e-3)
        fine = design(law, polynomial(2.0, 2000))
        assert Corollary1().value(fine) == pytest.approx(BudgetBound().value(fine), rel=5e-2)


def test_conforti_tends_to_twice_the_discretization_error():
    law = LAWS["anisotropic"]()
    sigmas = np.sqrt(np.linspace(100.0, 1.0, 4001))
    case = design(law, sigmas)
    gained = [Conforti(steps=s).discretization(case, sigmas**2) for s in ("largest", "each")]
    np.testing.assert_allclose(gained, 2 * case.budget.discretization[0], rtol=5e-3)
    uneven = design(law, polynomial(7.0, 400))
    each, largest = (Conforti(steps=s).value(uneven) for s in ("each", "largest"))
    assert each < 3 * BudgetBound().value(uneven) < largest / 100


def test_ancestral_telescope_is_of_second_order_on_a_geometric_grid():
    """Far above the data, M = m₂² up to 1/u: the bound falls as 1/N, like the budget."""
    law = LAWS["isotropic"]()
    coarse, fine = (design(law, polynomial(math.inf, n), sampler=Ancestral()) for n in (100, 200))
    start = law.second_moment / (2 * 20.0**2)
    assert (AncestralTelescope().value(coarse) - start) / (AncestralTelescope().value(fine) - start) == (
        pytest.approx(2.0, rel=0.1)
    )


# Published forms whose constants are hidden


def test_d_alone_is_no_bound():
    """½dΣ[ln(u_j/u_{j+1}) − Δ_j/u_j], which J' ≥ −d/u² would give; at d = 1 also what u²J' ≥ −d² would."""
    law = LAWS["two points"]()  # 2 apart: they merge at u = 0.17
    sigmas = np.sqrt(np.linspace(0.24, 0.12, 6))
    exact = design(law, sigmas).budget.discretization[0]
    relative = 1 - sigmas[1:] ** 2 / sigmas[:-1] ** 2
    assert 0.5 * (-np.log1p(-relative) - relative).sum() < 0.9 * exact
    assert ChenLeeLu().discretization(design(law, sigmas), sigmas**2) > exact


# On a Gaussian


def affine_cases():
    target = Gaussian(dim=3, std=0.9, condition=30.0, mean=0.7)
    law = target.distribution()
    return law, law.closed_information()


@pytest.mark.parametrize(
    "sampler",
    [ExponentialIntegrator(), Ancestral(), Euler(), Heun(), DPMpp2M(), EdmStochastic(s_max=5.0)],
    ids=lambda s: s.name,
)
def test_affine_gaussian_is_the_marginal_divergence(sampler):
    """Against the law of whole chains that the metric `kl` builds from unit vectors, and below the budget."""
    law, information = affine_cases()
    for sigmas in (polynomial(7.0, 12), polynomial(math.inf, 5)):
        case = design(information, sigmas, sampler=sampler, target=law)
        value = AffineGaussian().value(case)
        variances = None if case.variances is None else case.variances.tolist()

        def simulate(x, noise, sigmas=sigmas, variances=variances):
            return sampler.sample(SamplerRun(law.denoise, sigmas.tolist(), noise, variances), x)

        start = Start.centered(sigmas[0], law.dim)
        q = affine.output_law(SimpleNamespace(target=law, simulate=simulate, sigmas=sigmas.tolist(), start=start))
        assert value == pytest.approx(affine.divergence(law.gaussian(), sigmas[-1], q).value, rel=1e-7)
        if case.budget is not None:
            assert value <= case.budget.total[0]


def test_affine_gaussian_by_hand():
    """One exponential-integrator step on N(0, λ): V = (1 − Δ/(λ + u_0))²u_0 + Δ."""
    law = Gaussian(dim=1, std=1.5).distribution()
    case = design(law.closed_information(), np.array([4.0, 1.0]), target=law)
    v = (1 - 15 / (2.25 + 16)) ** 2 * 16 + 15
    r = 3.25 / v
    assert AffineGaussian().value(case) == pytest.approx(0.5 * (r - 1 - math.log(r)))


def test_euler_on_a_gaussian_is_the_product_of_cosines():
    """V/λ-ratio Π cos²(Δθ), θ = arctan(σ/c): the catalog's closed form, up to the start."""
    law = Gaussian(dim=1, std=0.7).distribution()
    sigmas = polynomial(3.0, 9)
    found = output_law(design(law.closed_information(), sigmas, sampler=Euler(), target=law), *law.gaussian())
    angle = np.arctan(sigmas / 0.7)
    ratio = np.prod(np.cos(np.diff(angle)) ** 2) * sigmas[0] ** 2 / (0.49 + sigmas[0] ** 2)
    assert found.output_variance[0] / (0.49 + sigmas[-1] ** 2) == pytest.approx(ratio)


def gaussian_w2(law, found, sigma_min):
    """W₂ of Gaussians with the same eigenvectors."""
    target = found.eigenvalues + sigma_min**2
    gap = (found.mean - found.output_mean).square() + (target.sqrt() - found.output_variance.sqrt()).square()
    return math.sqrt(gap.sum())


def test_gao_zhu_is_above_the_exact_distance():
    for target in (
        Gaussian(dim=1),
        Gaussian(dim=3, std=0.4, mean=2.0),
        Gaussian(dim=5, std=2.0, condition=100.0),
    ):
        law = target.distribution()
        for sigmas in random_grids(25):
            case = design(law.closed_information(), sigmas, sampler=Euler(), target=law)
            found = output_law(case, *law.gaussian())
            assert gaussian_w2(law, found, sigmas[-1]) <= GaoZhuW2().value(case)


def test_gao_zhu_by_hand():
    """One step from 2 to 1 on the line, m₀ = 1: γ = ½ + ½·⅕, C = 4√15."""
    step = 4 * math.sqrt(15) * (1 - math.log(2))
    assert wasserstein([2.0, 1.0], 1, 3.0, 1.0) == pytest.approx(0.6 * 3.0 + step)


def test_benton_and_ancestral_by_hand():
    """u = 4, 2, 1 on the line, m₂² = 3: κ = ½, g(κ) = ln 2 − ½; w = ¼, ½, b = 3, 2."""
    law = GaussianInformation(np.array([3.0]), np.zeros(1))
    sigmas = np.sqrt([4.0, 2.0, 1.0])
    b = 1 * math.log(3.0) + 1
    assert Benton().discretization(design(law, sigmas), sigmas**2) == pytest.approx(math.log(2) - 0.5 + b / 4)
    ancestral = AncestralTelescope().value(design(law, sigmas, WRONG, Ancestral()))
    assert ancestral == pytest.approx(3 / 8 + 0.5 * (0.25 * 4 * 0.04 + 0.5 * 2 * 0.04) + 0.5 * (3 / 4 + 2 / 4))


def test_conforti_by_hand():
    """u = 4, 2, 1 and J = 1/(3 + u): the largest step is 2, the gains 1/5 − 1/7 and 1/4 − 1/5."""
    sigmas = np.sqrt([4.0, 2.0, 1.0])
    case = design(GaussianInformation(np.array([3.0]), np.zeros(1)), sigmas)
    assert Conforti().discretization(case, sigmas**2) == pytest.approx(0.5 * 2 * (1 / 4 - 1 / 7))
    each = 0.5 * (2 * (1 / 5 - 1 / 7) + 1 / 4 - 1 / 5)
    assert Conforti(steps="each").discretization(case, sigmas**2) == pytest.approx(each)


@pytest.mark.parametrize("second", [1e-3, 0.7, 40.0, 1e5])
def test_corollary_1_is_its_three_terms(second):
    """(1/N)[d(2a sinh(L/2a))² + a(1 − e^(−L/a))b_0/u_0 + a(z_0 − z_N)∫f/z²dz], the integral by quadrature."""
    a, dim, steps = 1.5, 2, 7
    u = polynomial(a, steps) ** 2
    z = np.geomspace(0.05 ** (1 / a), 20.0 ** (1 / a), 200_001)
    integral = np.trapezoid(np.minimum(dim, second * z ** (-2 * a)) / z, np.log(z))
    wide = math.log(400.0)
    terms = dim * (2 * a * math.sinh(wide / (2 * a))) ** 2
    terms += a * (1 - math.exp(-wide / a)) * min(dim, second / u[0]) + a * (z[-1] - z[0]) * integral
    assert polynomial_discretization(u, 1 / a, dim, second) == pytest.approx(terms / steps, rel=1e-6)


def test_gao_zhu_converges_at_order_one_and_forgets_its_start():
    fine = [wasserstein(polynomial(7.0, n, 80.0, 0.01).tolist(), 2, 0.0, 1.0) for n in (400, 800)]
    assert fine[0] / fine[1] == pytest.approx(2.0, rel=0.05)
    for top in (10.0, 40.0):
        near, far = (wasserstein(polynomial(7.0, 4000, top, 0.01).tolist(), 2, m, 1.0) for m in (0.0, 1.0))
        assert far - near == pytest.approx(1 / math.sqrt(top**2 + 1), rel=0.02)


def test_error_of_one_euler_step_holds_on_a_mixture():
    """E‖Φ(X_σ) − X_τ‖² along the exact flow of two points and of a ring, against C[(σ − τ) − τ ln(σ/τ)]."""
    ring = Ring(std=0.05).distribution()
    generator = torch.Generator().manual_seed(0)
    for sigma, tau in ((1.0, 0.5), (0.3, 0.1), (5.0, 4.0)):
        x = ring.sample(400, generator)
        x = x + sigma * torch.randn(x.shape, generator=generator, dtype=torch.float64)
        stepped = (tau / sigma) * x + (1 - tau / sigma) * ring.denoise(x, sigma)
        levels = np.geomspace(sigma, tau, 60)
        for s, t in itertools.pairwise(levels.tolist()):
            slope = (x - ring.denoise(x, s)) / s
            trial = x + (t - s) * slope
            x = x + 0.5 * (t - s) * (slope + (trial - ring.denoise(trial, t)) / t)
        error = (stepped - x).square().sum(1).mean().sqrt()
        constant = 4 * math.sqrt(2 * 4 * 6)
        assert float(error) < constant * (sigma - tau - tau * math.log(sigma / tau))


def test_gao_zhu_is_above_the_distance_of_matched_samples():
    """Euler's samples on a Gaussian, matched at least cost with as many of the target."""
    law = Gaussian(dim=2, std=0.5).distribution()
    sigmas = polynomial(7.0, 10)
    generator = torch.Generator().manual_seed(1)
    x = sigmas[0] * torch.randn(300, 2, generator=generator, dtype=torch.float64)
    for s, t in itertools.pairwise(sigmas.tolist()):
        x = (t / s) * x + (1 - t / s) * law.denoise(x, s)
    reference = law.sample(300, generator)
    reference = reference + sigmas[-1] * torch.randn(reference.shape, generator=generator, dtype=torch.float64)
    cost = torch.cdist(x, reference).square().numpy()
    matched = math.sqrt(cost[linear_sum_assignment(cost)].mean())
    case = design(law.closed_information(), sigmas, sampler=Euler(), target=law)
    assert matched < GaoZhuW2().value(case)


# Where they apply


def reason(bound, case):
    verdict = bound.value(case)
    assert isinstance(verdict, NotApplicable)
    return verdict.reason


def test_bounds_say_where_they_do_not_apply():
    law, information = affine_cases()
    ring = Ring().distribution()
    sigmas = polynomial(7.0, 8)
    exact = {s.name: design(information, sigmas, sampler=s, target=law)
             for s in (ExponentialIntegrator(), Ancestral(), Euler(), Heun())}  # fmt: skip
    for bound in PATH_BOUNDS:
        assert "euler has none" in reason(bound, exact["euler"])
        assert "ancestral has another" in reason(bound, exact["ancestral"])
    assert "exponential-integrator has another" in reason(AncestralTelescope(), exact["exponential-integrator"])
    assert "heun has no Gaussian step" in reason(AncestralTelescope(), exact["heun"])
    for sampler in (Heun(), ExponentialIntegrator()):
        assert f"{sampler.name} is another" in reason(GaoZhuW2(), exact[sampler.name])
    trained = design(information, sigmas, WRONG, Euler(), law)
    other = design(information, sigmas, EXACT, Euler(), ring)
    for bound in (GaoZhuW2(), AffineGaussian()):
        assert "exact score" in reason(bound, trained)
        assert "Gaussian" in reason(bound, other)
        assert "Gaussian" in reason(bound, design(information, sigmas, EXACT, Euler()))


def test_affine_gaussian_refuses_a_sampler_that_is_not_affine():
    class Clipped(Euler):
        name = "clipped"

        def step(self, run, x):
            return super().step(run, x).clamp(-1.0, 1.0)

    law, information = affine_cases()
    assert "affine in each coordinate" in reason(
        AffineGaussian(), design(information, polynomial(7.0, 8), sampler=Clipped(), target=law)
    )
