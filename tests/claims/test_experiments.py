"""What the experiments of claims 6 to 13 ask for, and the facts that their rules rest on."""

from __future__ import annotations

import dataclasses
import math

import made_designs
import numpy as np
import pytest
import synthetic
import torch
from harness_claims.claim import ClaimError
from harness_wang.claims import crossover, effort, exponent, setting, start, weighting
from made_designs import curve, geometric, polynomial, weightings

from harness.budget import budget
from harness.engine.curves import ExactScoreError
from harness.registry.discovery import load
from harness.suites.combinations import expand
from harness.suites.model import Suite
from harness.time_discretizations import GridRequest

NUMBERS = range(6, 14)


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("number", NUMBERS)
def test_every_suite_expands_over_three_targets(number: int, quick: bool) -> None:
    registry = load()
    claim = next(cls() for cls in registry.classes("claim").values() if cls.number == number)  # type: ignore[attr-defined]
    for name, content in claim.experiments(quick).suites.items():
        suite = Suite.from_mapping({**content, "name": "claims"}, name)
        combinations = expand(suite, registry, yes=False)
        assert len({c.target.name for c in combinations}) == 3
        assert {c.sampler.name for c in combinations} == {"exponential-integrator"}


@pytest.mark.parametrize("name", [*weighting.BELLS[1:], *weighting.OTHERS])
@pytest.mark.parametrize("sigma_data", [0.58, 0.72, 1.0])
def test_bells_rise_and_fall_within_the_range_and_others_do_not(name: str, sigma_data: float) -> None:
    """On the data scales of the three targets; `bell-shaped` itself follows the residual."""
    registry = load()
    (component,) = registry.parse("weighting", name)
    sigma = torch.logspace(math.log10(setting.SIGMA_MIN), math.log10(setting.SIGMA_MAX), 400, dtype=torch.float64)
    weight = (sigma * component.beta(sigma, sigma_data)).numpy()  # type: ignore[attr-defined]
    top = int(weight.argmax())
    bell = max(weight[0], weight[-1]) <= 0.75 * weight[top] and 0 < top < len(weight) - 1
    assert bell == (name in weighting.BELLS)


def test_the_scales_of_the_targets_are_those_tested() -> None:
    registry = load()
    scales = [registry.parse("target", t)[0].distribution().sigma_data for t in setting.TARGETS]  # type: ignore[attr-defined]
    assert min(scales) > 0.5
    assert max(scales) < 1.05


def test_near_costs_at_most_a_fifth_by_the_papers_bound() -> None:
    best = 0.5 * math.log(400)

    def bound(rho: float) -> float:
        return rho**2 * 400 ** (1 / rho)

    least = min(bound(rho) for rho in np.linspace(1, 10, 9001))
    assert bound(best) == pytest.approx(least, rel=1e-6)
    assert max(bound(best * exponent.NEAR), bound(best / exponent.NEAR)) / least == pytest.approx(1.21, abs=0.01)


def test_the_discretization_error_read_by_the_rules_is_the_budgets() -> None:
    known = curve(np.random.default_rng(0), 3, 0.5)
    sigmas = polynomial(7, 20)
    u = sigmas**2
    exact = budget(sigmas, u[:-1] - u[1:], known, ExactScoreError(np.zeros_like))
    assert setting.discretization(known, sigmas) == pytest.approx(exact.discretization, rel=1e-9)


@pytest.mark.parametrize("rho", [0.7, 3.0, 28.0])
def test_the_grids_that_claim_8_makes_are_those_of_the_component(rho: float) -> None:
    """What is between the ladder's exponents must lie on the same family of grids."""
    (rule,) = load().parse("time_discretization", f"polynomial:rho={rho:g},variable=sigma")
    levels = rule.levels(GridRequest(20, 0.05, 20.0, None)).numpy()  # type: ignore[attr-defined, arg-type]
    assert exponent.polynomial(rho, 20, 0.05, 20.0) == pytest.approx(levels, rel=1e-9)


def test_e_s_of_an_even_error_is_least_on_the_polynomial_grid() -> None:
    """The reason of claim 7: Σ Δ_j/u_j is largest where all steps have one ratio, by concavity."""
    sums = [((u[:-1] - u[1:]) / u[:-1]).sum() for u in (polynomial(7, 20) ** 2, geometric(20) ** 2)]
    assert sums[0] < sums[1]


def test_the_divisions_of_a_total_go_from_all_sampling_to_all_training() -> None:
    registry = load()
    (content,) = effort.EffortTradesOff().experiments(True).suites.values()
    suite = Suite.from_mapping({**content, "name": "claims"}, "claims")
    pairs = sorted({(c.train_steps, c.steps) for c in expand(suite, registry, yes=False)})
    assert len(pairs) == len(effort.SHARES)
    assert [steps for _, steps in pairs] == sorted((steps for _, steps in pairs), reverse=True)


def test_both_mechanisms_fall_below_the_margin_of_claim_12() -> None:
    """Off-centre data: ½m₂²/σ² (power −2); centred data: ¼ tr Σ²/σ⁴ (power −4). Both lie below m₂²/(2σ²)."""
    u = np.array(start.LEVELS) ** 2
    for mean, var, wanted in ((1.0, 0.1, -2), (0.0, 1.0, -4)):
        error = 0.5 * (var / u - np.log1p(var / u) + mean**2 / u)
        assert (error <= (mean**2 + var) / (2 * u)).all()
        power = float(np.polyfit(np.log(u) / 2, np.log(error), 1)[0])
        assert power == pytest.approx(wanted, abs=0.1)
        assert power < start.SLOPE


@pytest.mark.parametrize("number", NUMBERS)
def test_trained_networks_use_seeds_of_their_own(number: int) -> None:
    """Rules were tried out on seeds below 600; the quick and the full experiments share none."""
    used = []
    for quick in (True, False):
        suites = synthetic.claims()[number].experiments(quick).suites.values()
        made = [Suite.from_mapping({**content, "name": "claims"}, "claims") for content in suites]
        used.append({seed for suite in made if suite.weightings for seed in suite.seeds})
    assert not used[0] & used[1]
    assert all(seed >= 600 for seeds in used for seed in seeds)


def test_low_levels_leave_out_the_rest_of_the_score_error() -> None:
    """With e ∝ 1/σ² on an exponential grid all steps contribute alike, so that counting them is enough."""
    evidence = weightings("true", np.random.default_rng(0))
    result = evidence.results["weightings"][0]
    share = (result.sigmas[:-1] < weighting.LOW).sum() / 20
    assert weighting.low_score(result) == pytest.approx(share * weighting.score(result))


@pytest.mark.parametrize("number", [7, 8])
def test_the_first_range_knows_j_of_all_ranges(number: int) -> None:
    """Claims 7 and 8 read all ranges off the curve of their first suite."""
    ranges = [suite["noise"] for suite in synthetic.claims()[number].experiments(True).suites.values()]
    assert ranges[0]["sigma_min"] == min(each["sigma_min"] for each in ranges)
    assert ranges[0]["sigma_max"] == max(each["sigma_max"] for each in ranges)
    assert len({tuple(each.items()) for each in ranges}) > 1


def test_a_range_of_which_one_target_lacks_its_networks_is_an_error() -> None:
    made = made_designs.grids("true", np.random.default_rng(0))
    less = [r for r in made.results["trained"] if r.target != "ring"]
    with pytest.raises(ClaimError, match=r"ring, σ 0\.05–20: there are no results of trained"):
        crossover.GridsCross().decide(dataclasses.replace(made, results={**made.results, "trained": less}))


def test_an_isotropic_gaussian_needs_steps_in_proportion_to_the_dimension() -> None:
    """Claim 9 cannot fail on it: E_D is d times that of one coordinate, whatever the grid."""
    laws = load().parse("target", "gaussian:dim=4,8")
    small, large = (law.distribution().closed_information() for law in laws)  # type: ignore[attr-defined]
    grid = geometric(20)
    assert setting.discretization(large, grid) == pytest.approx(2 * setting.discretization(small, grid))
