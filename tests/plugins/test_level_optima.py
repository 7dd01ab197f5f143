"""Grids against their sources: known levels, equal lengths, and optima that no move of a level betters."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from harness_gits.time_discretizations import Gits
from harness_gits.trajectories import best_path, distance_from_chord, step_errors, teacher_levels, trajectories
from harness_karras.noise_schedules import EdmSchedule
from harness_karras.time_discretizations import Polynomial
from harness_lee.time_discretizations import BetaQuantiles
from harness_lin.time_discretizations import Linspace, Trailing
from harness_nichol.time_discretizations import CosineGrid
from harness_okada.noise_schedules import ConstantRateSchedule
from harness_okada.time_discretizations import ConstantRateGrid
from harness_oracles.ancestral_limit import DenoisingGeometry
from harness_oracles.fisher import Fisher
from harness_sabour.optimised import AlignYourSteps
from harness_sabour.tables import TABLES, AysTable
from harness_sabour.tangent import Tangent, euler_divergence
from harness_song.noise_schedules import VeGeometric, VpLinear
from harness_song.samplers import Ancestral
from harness_song.time_discretizations import Exponential, UniformTime
from harness_stancevic.time_discretizations import Entropic, RescaledEntropic
from harness_synthetic.targets import Gaussian
from harness_williams.time_discretizations import ScoreOptimal, score_changes
from harness_xue.search import bound, search
from harness_xue.time_discretizations import DmNonUniform
from scipy.integrate import quad

from harness.engine.laws import distribution
from harness.engine.measurement import measure_information
from harness.errors import HarnessError, NotApplicable
from harness.information import Information
from harness.registry.discovery import load
from harness.time_discretizations import GridRequest

LOW, HIGH = 0.02, 50.0


class OfGaussian(Information):
    """J of N(0, diag(λ)), perhaps with M times exp(noise)."""

    replicates = 1

    def __init__(self, eigenvalues, noise=0.0):
        self.eigenvalues, self.noise = np.asarray(eigenvalues, dtype=float), noise
        self.dim, self.second_moment = len(self.eigenvalues), float(self.eigenvalues.sum())

    def fisher(self, u):
        error = (self.eigenvalues[:, None] * u / (u + self.eigenvalues[:, None])).sum(0)[None]
        noisy = error * np.exp(self.noise * np.random.default_rng(0).standard_normal((1, len(u))))
        return self.dim / u - noisy / u**2

    def fisher_integral(self, u):
        return -np.diff(np.log(u + self.eigenvalues[:, None]).sum(0))[None]

    def initialization(self, u):
        raise NotImplementedError


def levels(rule, steps=12, information=None, law=None, schedule=None, low=LOW, high=HIGH):
    request = GridRequest(steps, low, high, schedule or EdmSchedule(), information, Ancestral(), None, law)
    return rule.levels(request).numpy()


def assert_even(lengths, tolerance):
    np.testing.assert_allclose(lengths, np.mean(lengths), rtol=tolerance)


def assert_no_move_helps(sigmas, cost, factors=(0.98, 1.02), slack=0.0):
    least = cost(sigmas)
    for j, factor in itertools.product(range(1, len(sigmas) - 1), factors):
        moved = sigmas.copy()
        moved[j] *= factor
        assert cost(moved) > least - slack, j


class TestWholeSteps:
    """The example of the source: T = 1000, ten steps."""

    def numbers(self, rule, steps=10):
        # σ = t from 0 (all but) to 1000: levels are numbers of steps.
        return levels(rule, steps, low=1e-9, high=1000.0).round(6).tolist()

    def test_trailing_and_linspace_are_the_published_ones(self):
        assert self.numbers(Trailing()) == [1000, 900, 800, 700, 600, 500, 400, 300, 200, 100, 0]
        assert self.numbers(Linspace()) == [1000, 889, 778, 667, 556, 445, 334, 223, 112, 1, 0]

    def test_leading_is_linspace_begun_lower(self):
        # Leading, with an offset of 1: 901, 801, …, 1; it never visits step 1000.
        leading = [1 + 100 * i for i in reversed(range(10))]
        begun_lower = levels(Linspace(train_steps=901), 10, low=1e-9, high=901.0)
        np.testing.assert_allclose(begun_lower[:-1], leading, rtol=1e-9)

    def test_whole_steps_that_divide_evenly_are_uniform_in_time(self):
        for schedule in (VpLinear(), VeGeometric(sigma_min=0.001)):
            found = levels(Trailing(), 20, schedule=schedule)
            np.testing.assert_allclose(found, levels(UniformTime(), 20, schedule=schedule), rtol=1e-9)

    @pytest.mark.parametrize("rule", [Trailing(train_steps=10), Linspace(train_steps=10)])
    def test_no_more_steps_than_there_are(self, rule):
        assert (np.diff(levels(rule, 10)) < 0).all()
        with pytest.raises(HarnessError, match="visits each of 10 training steps once at most; give at most so many"):
            levels(rule, 11)


class TestBeta:
    def test_quantiles(self):
        rule = BetaQuantiles(variable="sigma")
        part = (levels(rule) - LOW) / (HIGH - LOW)

        def mass(x):
            return quad(lambda v: (v * (1 - v)) ** -0.4, 0, x)[0]

        whole = mass(1.0)
        np.testing.assert_allclose([mass(x) / whole for x in part], 1 - np.arange(13) / 12, atol=1e-6)

    def test_one_and_one_is_uniform(self):
        np.testing.assert_allclose(levels(BetaQuantiles(a=1, b=1)), levels(UniformTime()), rtol=1e-12)

    def test_the_two_variables_agree_where_time_is_sigma(self):
        one, other = BetaQuantiles(), BetaQuantiles(variable="sigma")
        np.testing.assert_allclose(levels(one), levels(other), rtol=1e-12)
        assert abs(levels(one, schedule=VpLinear()) / levels(other, schedule=VpLinear()) - 1).max() > 0.1


class TestAlignYourSteps:
    @pytest.mark.parametrize("model", TABLES)
    def test_a_table_on_its_own_range(self, model):
        table = TABLES[model]
        found = levels(AysTable(model=model), 10, low=table[-1], high=table[0])
        np.testing.assert_allclose(found, table, rtol=1e-12)
        # Twenty steps have a level between each two, in the middle of their logarithms.
        finer = levels(AysTable(model=model), 20, low=table[-1], high=table[0])
        np.testing.assert_allclose(finer[::2], table, rtol=1e-12)
        np.testing.assert_allclose(finer[1::2], np.sqrt(finer[:-2:2] * finer[2::2]), rtol=1e-12)

    def test_on_another_range_relative_places_in_the_logarithm_are_kept(self):
        own, other = (np.log(levels(AysTable(), 7, low=low, high=high)) for low, high in ((0.0292, 14.6146), (1, 1e4)))
        np.testing.assert_allclose(
            (own - own[-1]) / (own[0] - own[-1]), (other - other[-1]) / (other[0] - other[-1]), rtol=1e-12, atol=1e-14
        )

    @pytest.mark.parametrize("c", [0.3, 2.0])
    def test_the_optimum_on_a_gaussian(self, c):
        ratio = np.log(1 / (1 + c**2 / levels(AlignYourSteps(), information=OfGaussian([c**2] * 2)) ** 2))
        assert_even(np.diff(ratio), 2e-3)

    def test_it_minimises_the_published_objective(self):
        c2 = 0.25

        def objective(sigmas):
            """Σ ∫ (M(σ_j) − M(σ)) σ⁻³ dσ by quadrature, M = c²σ²/(σ² + c²)."""

            def mmse(s):
                return c2 * s**2 / (s**2 + c2)

            pairs = itertools.pairwise(sigmas)
            return sum(quad(lambda s, a=a: (mmse(a) - mmse(s)) / s**3, b, a)[0] for a, b in pairs)

        best = levels(AlignYourSteps(), 10, information=OfGaussian([c2]))
        assert_no_move_helps(best, objective)
        assert objective(best) < min(
            objective(levels(rule, 10)) for rule in (Polynomial(), Exponential(), CosineGrid())
        )
        # The value that numerical optimisation found, on σ from 80 to 0.002.
        wide = levels(AlignYourSteps(), 10, information=OfGaussian([c2]), low=0.002, high=80.0)
        assert objective(wide) == pytest.approx(4.56396, abs=2e-4)

    def test_it_is_the_grid_of_the_ancestral_sampler(self):
        information = OfGaussian([1.0, 0.04, 0.01])
        one, other = (levels(rule, information=information) for rule in (AlignYourSteps(), Fisher()))
        np.testing.assert_allclose(one, other, rtol=2e-3)


class TestTangent:
    def test_with_a_scale_it_is_the_cosine_grid(self):
        np.testing.assert_array_equal(levels(Tangent(scale=0.5)), levels(CosineGrid(scale=0.5)))

    @pytest.mark.parametrize("c", [0.3, 1.0, 4.0])
    def test_on_an_isotropic_gaussian_the_scale_is_its_deviation(self, c):
        law = Gaussian(dim=3, std=c).distribution()
        assert_even(np.diff(np.arctan(levels(Tangent(), law=law) / c)), 1e-3)

    def test_the_divergence_is_that_of_eulers_method(self):
        """Variance by variance, from the exact start."""
        roots, grid = np.array([2.0, 0.5, 0.05]), levels(Polynomial(), 9)
        variance = roots**2 + grid[0] ** 2
        for a, b in itertools.pairwise(grid):
            variance = variance * ((roots**2 + a * b) / (roots**2 + a**2)) ** 2
        ratio = variance / (roots**2 + grid[-1] ** 2)
        exact = 0.5 * (1 / ratio - 1 + np.log(ratio)).sum()
        assert euler_divergence(grid, roots) == pytest.approx(exact, rel=1e-10)
        assert euler_divergence(grid, np.array([0.0, 0.5])) == pytest.approx(euler_divergence(grid, np.array([0.5])))

    def test_the_scale_is_the_best(self):
        law = Gaussian(dim=4, std=1.0, condition=100.0).distribution()
        roots = np.sqrt(np.linalg.eigvalsh(law.mean_and_covariance()[1].numpy()))
        best = euler_divergence(levels(Tangent(), law=law), roots)
        tried = [euler_divergence(levels(Tangent(scale=c)), roots) for c in np.geomspace(0.02, 50, 200)]
        assert best <= min(tried) * (1 + 1e-9)

    def test_it_needs_the_law_or_a_scale(self):
        with pytest.raises(HarnessError, match="'tangent' needs the target's law, or its scale; neither was given"):
            levels(Tangent())


class TestCurves:
    """Grids of equal lengths of a curve of the target's."""

    @pytest.mark.parametrize("c", [0.1, 1.0, 5.0])
    def test_on_a_gaussian(self, c):
        information = OfGaussian([c**2] * 3)
        entropic = levels(Entropic(), information=information)
        assert_even(np.diff(np.log(1 / (1 + (c / entropic) ** 2))), 1e-4)
        rescaled = levels(RescaledEntropic(), information=information)
        assert_even(np.diff(np.arctan(rescaled / c)), 1e-4)
        limit = levels(DenoisingGeometry(), information=information)
        assert_even(np.diff(np.log(1 / (1 + (c / limit) ** 2))), 1e-6)

    def test_on_an_anisotropic_gaussian(self):
        eigenvalues = np.array([4.0, 0.3, 0.01])
        information = OfGaussian(eigenvalues)

        def mmse(s):
            return (eigenvalues * s**2 / (eigenvalues + s**2)).sum()

        rates = {
            Entropic: lambda s: mmse(s) / s**3,
            RescaledEntropic: lambda s: mmse(s) / s**2,
            # dM/du = Σ λ²/(λ + u)², d ln u = 2 dσ/σ.
            DenoisingGeometry: lambda s: math.sqrt((eigenvalues**2 / (eigenvalues + s**2) ** 2).sum()) * 2 / s,
        }
        for cls, rate in rates.items():
            grid = levels(cls(), information=information)
            assert_even([quad(rate, b, a, limit=200)[0] for a, b in itertools.pairwise(grid)], 3e-4)

    @pytest.mark.parametrize("cls", [Entropic, RescaledEntropic, DenoisingGeometry])
    def test_noise_in_the_curve_is_withstood(self, cls):
        exact = levels(cls(), information=OfGaussian([1.0, 0.04]))
        noisy = levels(cls(), information=OfGaussian([1.0, 0.04], noise=0.01))
        assert (np.diff(noisy) < 0).all()
        np.testing.assert_allclose(np.log(noisy), np.log(exact), atol=0.5)

    def test_the_limit_is_that_of_the_ancestral_samplers_grid(self):
        information = OfGaussian([1.0, 0.04, 0.01])
        limit = levels(DenoisingGeometry(), 40, information=information)
        np.testing.assert_allclose(np.log(limit), np.log(levels(Fisher(), 40, information=information)), atol=0.03)

    @pytest.mark.parametrize("cls", [Entropic, RescaledEntropic, DenoisingGeometry, AlignYourSteps])
    def test_information_is_needed(self, cls):
        with pytest.raises(HarnessError, match="needs the target's Fisher information"):
            levels(cls())

    @pytest.mark.parametrize("cls", [Entropic, RescaledEntropic, DenoisingGeometry])
    def test_where_the_error_vanishes_there_still_are_levels(self, cls):
        """A point mass: nothing is ever left to learn."""
        grid = levels(cls(), information=OfGaussian([1e-300]))
        assert np.isfinite(grid).all()
        assert (np.diff(grid) < 0).all()


class TestConstantRate:
    def test_equal_frechet_distances(self):
        law = Gaussian(dim=4, std=1.0, condition=400.0).distribution()
        eigenvalues = np.linalg.eigvalsh(law.mean_and_covariance()[1].numpy())
        grid = levels(ConstantRateGrid(), law=law)
        # Of short steps: the distance of Gaussians of commuting covariances, added up along the way.
        lengths = []
        for a, b in itertools.pairwise(grid):
            way = np.linspace(b, a, 2001)[:, None]
            roots = np.sqrt(eigenvalues + way**2)
            lengths.append(np.sqrt((np.diff(roots, axis=0) ** 2).sum(1)).sum())
        assert_even(lengths, 1e-3)

    def test_on_an_isotropic_gaussian_it_is_the_schedule(self):
        law = Gaussian(dim=2, std=0.7).distribution()
        uniform = levels(UniformTime(), schedule=ConstantRateSchedule(scale=0.7))
        np.testing.assert_allclose(levels(ConstantRateGrid(), law=law), uniform, rtol=1e-3)

    def test_the_law_is_needed(self):
        with pytest.raises(HarnessError, match="needs the target's law"):
            levels(ConstantRateGrid())


class TestScoreOptimal:
    @pytest.mark.parametrize("c", [0.3, 2.0])
    def test_the_length_on_a_gaussian(self, c):
        law = Gaussian(dim=64, std=c).distribution()
        sigma = np.geomspace(0.05, 20, 9)
        # σ√δ per √d = 2σ³/(σ² + c²)^{3/2}.
        exact = 8 * 2 * sigma**3 / (sigma**2 + c**2) ** 1.5
        np.testing.assert_allclose(score_changes(law, sigma), exact, rtol=0.02)

    def test_the_grid_on_a_gaussian(self):
        c = 0.5
        grid = levels(ScoreOptimal(), law=Gaussian(dim=64, std=c).distribution())
        place = 2 * (np.arcsinh(grid / c) - grid / np.sqrt(grid**2 + c**2))
        assert_even(np.diff(place), 0.03)

    def test_the_law_is_needed(self):
        with pytest.raises(HarnessError, match="needs the target's law"):
            levels(ScoreOptimal())


class TestGits:
    LAW = distribution(load().parse("target", "ring")[0])

    def test_teacher_trajectories_are_those_of_the_flow(self):
        """On N(0, c²) the flow keeps x/√(σ² + c²)."""
        c = 0.6
        law = Gaussian(dim=2, std=c).distribution()
        errors = []
        for count in (61, 121):
            grid = teacher_levels(20.0, 0.05, count)
            points = trajectories(law, grid, 4)[0]
            kept = points / (grid**2 + c**2).sqrt()[:, None, None]
            errors.append(float((kept[-1] / kept[0] - 1).abs().max()))
        assert errors[0] < 0.02
        assert errors[1] < errors[0] / 3

    def test_distance_from_a_line(self):
        start, end = torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]])
        points = torch.tensor([[[4.0, -3.0]], [[1.5, 2.0]], [[0.0, 0.0]]])
        found = distance_from_chord(points.double(), start.double(), end.double())[:, 0]
        np.testing.assert_allclose(found, [5, 0, 0], atol=1e-12)

    def test_costs_are_errors_of_euler_steps(self):
        grid = teacher_levels(20.0, 0.05, 9)
        points, slopes = trajectories(self.LAW, grid, 16)
        costs = step_errors(self.LAW, grid, 16, "l2")
        arrived = points[2] + (grid[6] - grid[2]) * slopes[2]
        assert costs[2, 6] == pytest.approx(float((arrived - points[6]).norm(dim=1).mean()))
        assert (np.tril(costs) == 0).all()
        # The first steps of the teacher is one of Euler's.
        assert costs[0, 1] == pytest.approx(0, abs=1e-12)

    @pytest.mark.parametrize("gamma", [0.8, 1.0, 1.15])
    def test_the_path_is_the_best_of_all(self, gamma):
        costs = np.triu(np.random.default_rng(0).normal(size=(9, 9)), 1)
        for steps in (1, 2, 3, 5, 8):
            paths = [(0, *inner, 8) for inner in itertools.combinations(range(1, 8), steps - 1)]
            value = {p: sum(gamma**k * costs[p[k], p[k + 1]] for k in range(steps)) for p in paths}
            assert value[tuple(best_path(costs, steps, gamma))] == pytest.approx(min(value.values()))

    def test_levels_are_some_of_the_teachers(self):
        grid = levels(Gits(trajectories=16), 7, law=self.LAW)
        assert set(grid) <= set(teacher_levels(HIGH, LOW, 61).tolist())

    def test_where_it_does_not_apply(self):
        with pytest.raises(NotApplicable, match="in one dimension none does; take metric=l2"):
            levels(Gits(), law=Gaussian(dim=1).distribution())
        assert (np.diff(levels(Gits(metric="l2", trajectories=16), law=Gaussian(dim=1).distribution())) < 0).all()
        with pytest.raises(NotApplicable, match="chooses among 61 levels, which 61 steps exceed"):
            levels(Gits(), 61, law=self.LAW)
        with pytest.raises(HarnessError, match="needs the target's law"):
            levels(Gits())


class TestDmNonUniform:
    def weights(self, lam, j, order):
        """∫ e^λ ℓ_i(λ) dλ over step j by quadrature, of the points at λ_j, λ_{j−1}, …"""
        places = [lam[j - i] for i in range(order)]

        def lagrange(x, i):
            return math.prod((x - other) / (places[i] - other) for k, other in enumerate(places) if k != i)

        return [quad(lambda x, i=i: math.exp(x) * lagrange(x, i), lam[j], lam[j + 1])[0] for i in range(order)]

    @pytest.mark.parametrize(("steps", "apart"), [(5, 3), (9, 0)])
    @pytest.mark.parametrize("error", ["pixel", "latent"])
    def test_the_bound_by_quadrature(self, steps, apart, error):
        lam = np.cumsum(np.random.default_rng(1).uniform(0.2, 1.5, steps + 1)) - 3
        sigma = np.exp(-lam)
        size = sigma if error == "pixel" else sigma**2 / np.sqrt(1 + sigma**2)
        total, signed = 0.0, np.zeros(steps)
        for j in range(steps):
            order = 1 if j in (0, steps - 1) else 2 if j in (1, steps - 2) else 3
            parts = [size[j - i] * w for i, w in enumerate(self.weights(lam, j, order))]
            if order == 1:
                total += abs(parts[0])
            elif j < apart:
                total += math.hypot(*parts)
            else:
                signed[j - np.arange(order)] += parts
        exact = total + np.abs(signed).sum()
        assert float(bound(torch.from_numpy(lam), error)) == pytest.approx(exact, rel=1e-9)

    @pytest.mark.parametrize("steps", [3, 6, 8])
    def test_the_search_gains_and_no_small_move_helps_much(self, steps):
        start = torch.linspace(-math.log(HIGH), -math.log(LOW), steps + 1, dtype=torch.float64)
        found = search(start, "pixel")
        least = float(bound(found, "pixel"))
        assert least < 0.95 * float(bound(start, "pixel"))
        sigmas = np.exp(-found.numpy())
        cost = lambda moved: float(bound(-torch.from_numpy(moved).log(), "pixel"))  # noqa: E731
        assert_no_move_helps(sigmas, cost, factors=(0.9, 1.1), slack=0.02 * least)

    def test_two_steps_have_a_closed_form(self):
        # ε = σ: σ_0(1/σ_1 − 1/σ_0) + σ_1(1/σ_2 − 1/σ_1) is least at the geometric mean.
        assert levels(DmNonUniform(), 2)[1] == pytest.approx(math.sqrt(LOW * HIGH), rel=1e-4)

    def test_for_images_the_unit_does_not_matter(self):
        one, other = levels(DmNonUniform(), 5), levels(DmNonUniform(), 5, low=10 * LOW, high=10 * HIGH)
        np.testing.assert_allclose(10 * one, other, rtol=1e-3)

    def test_more_steps_than_it_searches_for(self):
        with pytest.raises(NotApplicable, match="searches for at most 64 steps, not 65"):
            levels(DmNonUniform(), 65)


def test_curves_of_a_measured_target():
    """All of them on a mixture's own curve, whose J is measured."""
    law = TestGits.LAW
    information = measure_information(law, LOW, HIGH)
    request = GridRequest(9, LOW, HIGH, EdmSchedule(), information, Ancestral(), None, law)
    for rule in (Entropic(), RescaledEntropic(), DenoisingGeometry(), AlignYourSteps(), ConstantRateGrid(), Tangent()):
        found = rule.levels(replace(request)).numpy()
        assert (np.diff(found) < 0).all(), rule.name
