"""What the experiments of claims 6 to 13 ask for, and the facts that their rules rest on."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from harness_wang.claims import effort, exponent, setting, start, weighting
from made_designs import curve, geometric, polynomial

from harness.budget import budget
from harness.combinations import expand
from harness.curves import ExactScoreError
from harness.plugins import load
from harness.suite import Suite

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


def test_powers_of_mechanisms_lie_further_apart_than_the_margin() -> None:
    """Off-centre data: ½m₂²/σ² (power −2); centred data: ¼ tr Σ²/σ⁴ (power −4)."""
    sigma = np.array(start.LEVELS)

    def power(mean: float, var: float) -> float:
        u = sigma**2
        error = 0.5 * (var / u - np.log1p(var / u) + mean**2 / u)
        return float(np.polyfit(np.log(sigma), np.log(error), 1)[0])

    assert abs(power(1.0, 0.1) - start.SLOPE) < start.MARGIN
    assert power(0.0, 1.0) < start.SLOPE - start.MARGIN
