"""Theorem 3: the weights of a grid's levels, and the bound that the training loss gives."""

import numpy as np
import pytest
from harness_karras.weightings import EdmWeighting
from harness_oracles.bounds import BudgetBound
from harness_synthetic.targets import Gaussian, Ring
from harness_wang.bounds import Theorem2
from harness_wang.score import Theorem3

from harness.bounds import Design
from harness.budget import budget
from harness.engine.curves import ExactScoreError, MeasuredScoreError
from harness.engine.levels import table_levels
from harness.engine.measurement import measure_information
from harness.errors import NotApplicable
from harness.samplers import GaussianKernelSampler
from harness.weighting_tables import LevelWeights, WeightingTable, cells

LEVELS = np.geomspace(0.01, 100.0, 512)


class Kernel(GaussianKernelSampler):
    name = "some-kernel"

    def variances(self, sigmas, information, score_error):
        raise NotImplementedError

    def step_variances(self, sigma, sigma_next, information, score_error):
        raise NotImplementedError


def design(information, sigmas, score_error, weighting, ancestral=False):
    u = sigmas**2
    steps = (u[:-1] - u[1:]) * (u[1:] / u[:-1] if ancestral else 1.0)
    exact = budget(sigmas, steps, information, score_error)
    second = information.second_moment
    return Design(
        Kernel(), sigmas, steps, information.dim, second, information, score_error, exact, weighting=weighting
    )


def random_cases(count):
    """Grids from one step to thirty, with a random positive weighting and a random score error."""
    stream = np.random.default_rng(11)
    for _ in range(count):
        top, bottom = 10 ** stream.uniform(0.3, 1.9), 10 ** stream.uniform(-1.9, -0.5)
        inner = np.exp(stream.uniform(np.log(bottom), np.log(top), stream.integers(0, 30)))
        sigmas = np.concatenate([[top], np.sort(inner)[::-1], [bottom]])
        density, omega = np.exp(stream.normal(0, 2, (2, 512)))
        error = MeasuredScoreError(np.geomspace(0.01, 100, 12), np.exp(stream.normal(0, 2, (8, 12))))
        yield sigmas, WeightingTable(LEVELS, density, omega), error


def loop(sigmas, weighting, score_error, dim, second_moment):
    """Theorem 3 by plain loops, from the formulas of the page with their constants."""
    n = len(sigmas) - 1
    u = [s**2 for s in sigmas]
    total, worst = 0.0, 0.0
    for j in range(n):
        upper = sigmas[0] if j == 0 else (sigmas[j - 1] * sigmas[j]) ** 0.5
        lower = sigmas[n] if j == n - 1 else (sigmas[j] * sigmas[j + 1]) ** 0.5
        beta = float(weighting(sigmas[j : j + 1])[0]) * (upper - lower)
        total += 0.5 * beta * u[j] * float(score_error(sigmas[j : j + 1]).mean())
        worst = max(worst, (u[j] - u[j + 1]) / (beta * u[j]))
    discretization = (u[0] - u[1]) / u[0] ** 2 * min(second_moment, dim * u[0])
    for j in range(n):
        discretization += dim * (np.log(u[j] / u[j + 1]) - (u[j] - u[j + 1]) / u[j])
        if j:
            bend = max(0.0, u[j] ** 2 - u[j + 1] * u[j - 1]) / (u[j - 1] * u[j] ** 2)
            discretization += bend * min(second_moment, dim * u[j])
    return second_moment / (2 * u[0]) + worst * total + discretization / 2


class TestWeights:
    def test_cells_cover_the_range_once_and_each_is_nearest_to_its_level(self):
        for sigmas, _, _ in random_cases(20):
            widths = cells(sigmas)
            assert widths.sum() == pytest.approx(sigmas[0] - sigmas[-1], rel=1e-12)
            edges = sigmas[0] - np.concatenate([[0], widths.cumsum()])
            middles = np.sqrt(edges[:-1] * edges[1:])
            nearest = np.abs(np.log(middles[:, None] / sigmas[None, :-1])).argmin(1)
            np.testing.assert_array_equal(nearest, np.arange(len(sigmas) - 1))

    def test_cells_by_hand(self):
        np.testing.assert_allclose(cells(np.array([16.0, 4.0, 1.0])), [8.0, 7.0])
        np.testing.assert_allclose(cells(np.array([5.0, 2.0])), [3.0])

    def test_many_levels_are_the_training_loss_itself(self):
        """½ Σ β_j σ_j² e_j tends to ½ ∫ β σ² e dσ: β = 1/σ and e = 1 between 1 and 3 give ½ · ½ (9 − 1)."""
        table = WeightingTable(LEVELS, 1 / LEVELS, np.ones(512))
        for count, tolerance in ((200, 1e-2), (4000, 5e-4)):
            weights = table.on_grid(np.geomspace(3, 1, count))
            assert weights.excess(np.ones(count - 1)) == pytest.approx(2.0, rel=tolerance)

    def test_a_table_gives_the_weighting_back(self):
        weighting, levels = EdmWeighting(), table_levels(0.01, 100.0)
        parts = (levels, weighting.density(levels, 0.5), weighting.omega(levels, 0.5))
        table = WeightingTable(*(part.numpy() for part in parts))
        between = (levels[1:] * levels[:-1]).sqrt()
        np.testing.assert_allclose(table(between.numpy()), weighting.beta(between, 0.5).numpy(), rtol=2e-3)
        np.testing.assert_allclose(table(levels.numpy()), weighting.beta(levels, 0.5).numpy(), rtol=1e-12)

    def test_the_least_loss_and_the_excess_make_the_loss(self):
        """L = ½ Σ β_j E‖σ_jS + ξ‖² with E‖σS + ξ‖² = σ²e + c: by hand for two levels."""
        weights = LevelWeights(np.array([2.0, 1.0]), np.array([3.0, 5.0]))
        assert weights.excess(np.array([0.5, 0.25])) == pytest.approx(0.5 * (3 * 4 * 0.5 + 5 * 0.25))
        assert weights.least(np.array([0.1, 0.7])) == pytest.approx(0.5 * (0.3 + 3.5))
        np.testing.assert_allclose(weights.excess(np.array([[0.5, 0.25], [1.0, 0.5]])), [3.625, 7.25])

    def test_a_vanishing_weight_has_no_coefficient(self):
        weights = LevelWeights(np.array([2.0, 1.0]), np.array([3.0, 0.0]))
        with pytest.raises(ValueError, match="vanishes at sigma=1"):
            weights.coefficient(np.array([2.0, 1.0, 0.5]))


class TestBound:
    @pytest.mark.parametrize("target", [Gaussian(dim=3, std=0.7, mean=1.0), Ring()], ids=lambda t: t.label())
    def test_it_is_above_theorem_2_and_the_exact_budget(self, target):
        law = target.distribution()
        information = law.closed_information() or measure_information(law, 0.01, 100.0)
        for sigmas, weighting, error in random_cases(40):
            case = design(information, sigmas, error, weighting)
            value = Theorem3().value(case)
            assert value >= Theorem2().value(case) * (1 - 1e-12)
            assert value >= BudgetBound().value(case) * (1 - 1e-12)

    def test_a_plain_loop_gives_the_same(self):
        information = Gaussian(dim=5, std=0.4, condition=9.0).distribution().closed_information()
        for sigmas, weighting, error in random_cases(25):
            case = design(information, sigmas, error, weighting)
            expected = loop(sigmas, weighting, error, 5, information.second_moment)
            assert Theorem3().value(case) == pytest.approx(expected, rel=1e-10)

    def test_where_training_weighs_the_levels_as_sampling_does_nothing_is_lost(self):
        """With β_j u_j ∝ Δ_j its E_S is exact; the budget's own E_I and E_D in place of their bounds give it back."""
        information = Gaussian(dim=4, std=0.8).distribution().closed_information()
        for sigmas, _, error in random_cases(25):
            u = sigmas**2
            ideal = (u[:-1] - u[1:]) / u[:-1] / cells(sigmas)
            # A table that is β at the levels themselves.
            table = WeightingTable(sigmas[-2::-1], np.ones(len(ideal)), ideal[::-1])
            case = design(information, sigmas, error, table)
            score = Theorem3().score(case, u)
            assert score == pytest.approx(case.budget.score.mean(), rel=1e-10)
            assert Theorem3().value(case) == pytest.approx(Theorem2().value(case), rel=1e-10)
            exact = score + (case.budget.initialization + case.budget.discretization).mean()
            assert exact == pytest.approx(BudgetBound().value(case), rel=1e-10)

    def test_a_factor_common_to_all_levels_changes_nothing(self):
        information = Gaussian().distribution().closed_information()
        sigmas, weighting, error = next(random_cases(1))
        louder = WeightingTable(weighting.sigma, 1e3 * weighting.density, 7.0 * weighting.omega)
        values = [Theorem3().value(design(information, sigmas, error, w)) for w in (weighting, louder)]
        assert values[0] == pytest.approx(values[1], rel=1e-12)

    def test_by_hand(self):
        """u = 4, 1, ¼: cells 2 − √2 and √2 − ½, β(σ) = 1/σ, e = 1 at both levels."""
        sigmas = np.array([2.0, 1.0, 0.5])
        error = ExactScoreError(np.ones_like)
        information = Gaussian(dim=1, std=1.0).distribution().closed_information()
        case = design(information, sigmas, error, WeightingTable(LEVELS, 1 / LEVELS, np.ones(512)))
        first, second = (2 - 2**0.5) / 2, 2**0.5 - 0.5
        loss = 0.5 * (first * 4 + second * 1)
        expected = max(0.75 / first, 0.75 / second) * loss
        assert Theorem3().score(case, sigmas**2) == pytest.approx(expected)

    def test_it_says_where_it_does_not_apply(self):
        information = Gaussian().distribution().closed_information()
        sigmas, error = np.geomspace(5, 0.1, 6), ExactScoreError(np.ones_like)
        narrow = WeightingTable(LEVELS, np.where(LEVELS < 2, 0.0, 1.0), np.ones(512))
        fine = WeightingTable(LEVELS, np.ones(512), np.ones(512))
        for case, reason in (
            (design(information, sigmas, error, None), "nothing is trained"),
            (design(information, sigmas, error, narrow), "at sigma=1.0"),
            (design(information, sigmas, error, fine, ancestral=True), "steps of variance Δ_j"),
        ):
            verdict = Theorem3().value(case)
            assert isinstance(verdict, NotApplicable)
            assert reason in verdict.reason
