"""The grid of least path divergence: known optima, every other grid beaten, and no cheaper grid near it."""

import contextlib
import dataclasses
import itertools

import numpy as np
import pytest
from harness_oracles.fisher import Fisher
from variants import of_our_own

from harness.budget import budget, step_divergences
from harness.engine.curves import ExactScoreError
from harness.engine.measurement import measure_information
from harness.errors import HarnessError, NotApplicable
from harness.information import Information, NoScoreError
from harness.loss_curve import LossCurve
from harness.registry.discovery import load
from harness.shortest_path import shortest_grid
from harness.time_discretizations import GridRequest

REGISTRY = load()
KERNELS = ["exponential-integrator", "ancestral", "analytic"]
WAVY = ExactScoreError(lambda sigma: 0.3 / (sigma**2 + 0.3) * (1 + 0.8 * np.sin(4 * np.log(sigma))))


def part(axis, form):
    return REGISTRY.parse(axis, form)[0]


class Gaussian(Information):
    """J of N(0, c²I)."""

    replicates = 1

    def __init__(self, c, dim=1):
        self.c2, self.dim, self.second_moment = c**2, dim, dim * c**2

    def fisher(self, u):
        return (self.dim / (u + self.c2))[None]

    def fisher_integral(self, u):
        return self.dim * np.log((u[:-1] + self.c2) / (u[1:] + self.c2))[None]

    def initialization(self, u):
        return np.array([0.5 * self.dim * (self.c2 / u - np.log1p(self.c2 / u))])


def request(steps, information, sampler, score_error=None, schedule="edm", sigma_min=0.05, sigma_max=20.0):
    return GridRequest(steps, sigma_min, sigma_max, part("noise_schedule", schedule), information, sampler, score_error)


def divergence(sigmas, sampler, information, score_error):
    curves = (information, score_error) if sampler.needs_information else (None, None)
    return float(budget(sigmas, sampler.variances(sigmas, *curves), information, score_error).total.mean())


@pytest.mark.parametrize("steps", [2, 4, 17, 64, 150])
@pytest.mark.parametrize("c", [0.1, 1.0, 5.0])
def test_closed_form_on_an_isotropic_gaussian(c, steps):
    information = Gaussian(c, 3)
    frozen = Fisher().levels(request(steps, information, part("sampler", KERNELS[0]))).numpy()
    fractions = np.linspace(0, 1, steps + 1)
    top, bottom = 400.0, 0.0025
    # Uniform in ln(u + c²) is the best for every N, and in ln(u/(u + c²)) for the ancestral sampler.
    u = np.exp(np.log(top + c**2) + fractions * np.log((bottom + c**2) / (top + c**2))) - c**2
    np.testing.assert_allclose(frozen**2, u, rtol=3e-4)
    ratio = np.exp(np.log(top / (top + c**2)) + fractions * np.log(bottom * (top + c**2) / (top * (bottom + c**2))))
    ancestral = Fisher().levels(request(steps, information, part("sampler", "ancestral"))).numpy()
    np.testing.assert_allclose(ancestral**2, c**2 * ratio / (1 - ratio), rtol=3e-4)


@pytest.mark.parametrize("name", KERNELS)
def test_costs_of_steps_add_up_to_the_budget(name):
    sampler, information = part("sampler", name), Gaussian(0.7, 2)
    sigmas = np.geomspace(20, 0.05, 12)
    variances = sampler.variances(sigmas, information, WAVY)
    order = np.random.default_rng(0).permutation(11)
    costs = step_divergences(sigmas[:-1][order], sigmas[1:][order], variances[order], information, WAVY)
    terms = budget(sigmas, variances, information, WAVY)
    assert costs.sum() == pytest.approx(float(terms.total[0] - terms.initialization[0]), rel=1e-11)


def others():
    """Every other grid with its defaults, and polynomial ones in t and in σ with the exponents that suites rank."""
    classes = of_our_own(REGISTRY, "time_discretization")
    polynomials = REGISTRY.parse("time_discretization", "polynomial:rho=1,3,5,10,variable=time,sigma")
    return [*(cls() for cls in classes.values() if cls is not Fisher), *polynomials]


class Watched(type(part("noise_schedule", "edm"))):
    """A schedule that tells whether it was asked."""

    name = "watched"

    def sigma(self, t):
        self.__dict__["asked"] = True
        return super().sigma(t)


LAID_OUT = {}
"""Grids that nothing of the target enters, by rule and number of steps: they are laid out once."""


def other_grids(law, information, error, n):
    """The levels of every other grid on five schedules, by name."""
    found = {}
    for rule in others():
        given = dataclasses.replace(request(n, information, None, error), law=law if rule.needs_law else None)
        if rule.needs_information or rule.needs_score_error or rule.needs_law:
            found |= on_schedules(rule, given)
        else:
            if (rule.label(), n) not in LAID_OUT:
                LAID_OUT[rule.label(), n] = on_schedules(rule, given)
            found |= LAID_OUT[rule.label(), n]
    return found


def on_schedules(rule, given):
    """The levels of a rule on five schedules; once, where it takes no notice of them."""
    found, watched = {}, Watched()
    with contextlib.suppress(NotApplicable):
        found[rule.label()] = rule.levels(dataclasses.replace(given, schedule=watched)).numpy()
        for name in ("cosine", "ve-sqrt", "flow", "vp-linear") if "asked" in watched.__dict__ else ():
            on_it = dataclasses.replace(given, schedule=part("noise_schedule", name))
            found[f"{rule.label()} on {name}"] = rule.levels(on_it).numpy()
    return found


def beats_every_other_grid(target, error, steps):
    law = part("target", target).distribution()
    information = measure_information(law, 0.05, 20.0)
    for n in steps:
        grids = other_grids(law, information, error, n)
        for name in KERNELS:
            sampler = part("sampler", name)
            best = divergence(
                Fisher().levels(request(n, information, sampler, error)).numpy(), sampler, information, error
            )
            for label, grid in grids.items():
                other = divergence(grid, sampler, information, error)
                assert best <= other + 1e-7 * abs(other), (target, name, n, label)


def test_it_beats_or_ties_every_grid():
    beats_every_other_grid("ring", WAVY, (4, 9, 64))


@pytest.mark.slow
@pytest.mark.parametrize("error", [NoScoreError(), WAVY], ids=["exact", "wavy"])
@pytest.mark.parametrize("target", ["gaussian", "gaussian:dim=3,condition=25", "ring", "mixture", "digits", "patches"])
def test_it_beats_or_ties_every_grid_at_every_number_of_steps(target, error):
    beats_every_other_grid(target, error, range(4, 65))


@pytest.mark.parametrize("name", KERNELS)
def test_no_move_of_any_level_helps(name):
    sampler, information = part("sampler", name), Gaussian(0.5, 2)
    error = WAVY if name != "analytic" else NoScoreError()
    best = Fisher().levels(request(10, information, sampler, error)).numpy()
    least = divergence(best, sampler, information, error)
    for j, factor in itertools.product(range(1, 10), (0.9, 0.99, 1.01, 1.1)):
        moved = best.copy()
        moved[j] *= factor
        assert divergence(moved, sampler, information, error) >= least - 1e-8


def test_shortest_path_against_brute_force():
    rng = np.random.default_rng(1)
    table = np.cumsum(rng.exponential(size=257))

    def cost(sigma, sigma_next):
        a, b = (np.interp(np.log(x), np.linspace(0, 1, 257), table) for x in (sigma, sigma_next))
        return (a - b) ** 2 * (1 + np.sin(9 * np.log(sigma)) ** 2)

    found = shortest_grid(cost, np.e, 1.0, 3)
    lattice = np.exp(np.linspace(1, 0, 257))
    pairs = ((x, y) for x, y in itertools.combinations(lattice[1:-1], 2))
    triples = np.array([(np.e, x, y, 1.0) for x, y in pairs])
    brute = sum(cost(triples[:, j], triples[:, j + 1]) for j in range(3)).min()
    own = sum(float(cost(found[j : j + 1], found[j + 1 : j + 2])[0]) for j in range(3))
    assert own <= brute + 1e-12


def test_a_free_choice_is_even():
    # `analytic` makes no error on an isotropic Gaussian, whatever the grid.
    found = Fisher().levels(request(8, Gaussian(1.0), part("sampler", "analytic"))).numpy()
    np.testing.assert_allclose(np.diff(np.log(found)), np.log(0.05 / 20) / 8, rtol=0.02)


def test_a_sampler_without_a_kernel_gets_the_exponential_integrators_grid():
    information = Gaussian(0.5)
    grids = [
        Fisher().levels(request(8, information, part("sampler", name))).numpy()
        for name in ("heun", "exponential-integrator")
    ]
    np.testing.assert_array_equal(*grids)


def test_it_needs_information():
    with pytest.raises(HarnessError, match="needs the target's Fisher information"):
        Fisher().levels(request(8, None, part("sampler", "ancestral")))


class NotANumber(type(part("sampler", "ancestral"))):
    name = "not-a-number"

    def step_variances(self, sigma, sigma_next, information=None, score_error=None):
        found = super().step_variances(sigma, sigma_next, information, score_error)
        return np.where(sigma > 100 * sigma_next, np.nan, found)


def test_a_sampler_without_a_variance_for_long_steps_is_named():
    information = Gaussian(1.0)
    with pytest.raises(HarnessError, match=r"sampler not-a-number: the variance of a step from σ = 20 to .* is nan"):
        Fisher().levels(request(8, information, NotANumber()))


class OffBy(Gaussian):
    """J_θ of N(0, c²I) and the denoiser D(x) = kx, k = (c² + au)/(c² + u): J of the law times 1 − a²."""

    def __init__(self, c, dim, a):
        super().__init__(c, dim)
        self.a = a

    def fisher(self, u):
        return (1 - self.a**2) * super().fisher(u)

    def fisher_integral(self, u):
        return (1 - self.a**2) * super().fisher_integral(u)

    def losses(self, sigma):
        """E‖x − D(x + σξ)‖² in closed form, by what the denoiser is."""
        u = sigma**2
        k = (self.c2 + self.a * u) / (self.c2 + u)
        return self.dim * ((1 - k) ** 2 * self.c2 + k**2 * u)


@pytest.mark.parametrize("name", KERNELS)
def test_exact_losses_of_a_wrong_denoiser_give_the_levels_and_variances_of_its_score_error(name):
    c, dim, a = 0.7, 3, 0.4
    law, theta = Gaussian(c, dim), OffBy(c, dim, a)
    error = ExactScoreError(lambda sigma: dim * a**2 / (c**2 + sigma**2))
    sigma = np.geomspace(0.05, 20, 48)
    np.testing.assert_allclose(dim / sigma**2 - theta.losses(sigma) / sigma**4, theta.fisher(sigma**2)[0], rtol=1e-9)
    measured = LossCurve(dim, sigma, theta.losses(sigma)).information()
    trained = Fisher().levels(request(9, law, part("sampler", name), error)).numpy()
    theirs = part("sampler", f"{name}:law=population" if name == "analytic" else name)
    for population, far in ((theta, 1e-6), (measured, 1e-3)):
        # Without e, which is of the other law, in the request: it is not read.
        given = dataclasses.replace(request(9, law, theirs, None), population=population)
        levels = Fisher(law="population").levels(given).numpy()
        np.testing.assert_allclose(levels, trained, rtol=far)
        variances = theirs.variances(levels, *theirs.curves(None, None, population))
        known = part("sampler", name).variances(levels, law, error)
        np.testing.assert_allclose(variances, known, rtol=far)


def test_each_of_a_grid_and_its_sampler_reads_its_own_law():
    """One of the population for a sampler of the training set's, and the other way round: two more grids."""
    law, theta = Gaussian(0.7, 3), OffBy(1.9, 3, 0.5)
    levels = {
        (own, its): Fisher(law=own)
        .levels(dataclasses.replace(request(7, law, part("sampler", f"analytic:law={its}")), population=theta))
        .numpy()
        for own in ("training", "population")
        for its in ("training", "population")
    }
    assert all(np.abs(x - y).max() > 1e-3 for x, y in itertools.combinations(levels.values(), 2))
    with pytest.raises(HarnessError, match="needs the target's J_θ by held-out losses of the network; none was given"):
        Fisher(law="population").levels(request(7, law, part("sampler", "analytic")))


@pytest.mark.parametrize(("axis", "name"), [("time_discretization", "fisher"), ("sampler", "analytic")])
def test_the_law_of_the_training_set_is_written_by_its_name_alone(axis, name):
    """As in documents and keys from before there was another."""
    plain, named, other = (part(axis, name + law) for law in ("", ":law=training", ":law=population"))
    assert plain == named
    assert (plain.parameters(), plain.label(), plain.needs_population) == ({}, name, False)
    assert (other.parameters(), other.label()) == ({"law": "population"}, f"{name}:law=population")
    assert REGISTRY.reference(plain).digest == REGISTRY.reference(named).digest != REGISTRY.reference(other).digest
