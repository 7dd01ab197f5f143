"""Narrowing: the range of noise levels and the start that suit a target."""

import math

import numpy as np
import pytest

from harness.engine.laws import distribution
from harness.racing.narrowing import COARSEST, HIGHEST, LOWEST, narrowed


def law(registry, form):
    return distribution(registry.parse("target", form)[0])


def test_a_start_at_three_m2_costs_what_is_told(registry):
    """E_I ≤ m₂²/(2σ_max²) is 1/18 nat there: the bound on a centered start."""
    target = law(registry, "gaussian:dim=3,condition=25")
    found = narrowed(target)
    assert not found.matched
    assert target.second_moment / (2 * found.sigma_max**2) == pytest.approx(1 / 18, rel=0.02)
    assert any("0.06 nats" in reason for reason in found.reasons)


def test_in_many_dimensions_the_start_is_matched_and_levels_end_lower(registry):
    found = narrowed(law(registry, "gaussian:dim=100"))
    assert found.matched
    target = law(registry, "gaussian:dim=100")
    assert found.sigma_max == pytest.approx(HIGHEST * target.sigma_data, rel=0.01)


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3])
def test_it_is_in_units_of_the_data(registry, tmp_path, factor):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 3)) * [1.0, 0.5, 0.2]
    np.save(tmp_path / "points.npy", factor * points)
    found = narrowed(law(registry, {"name": "file", "path": str(tmp_path / "points.npy"), "standardize": "none"}))
    unit = math.sqrt((points[:].var(0)).mean()) * factor
    assert found.sigma_max / unit == pytest.approx(3 * math.sqrt(3), rel=0.1)
    assert found.sigma_min / unit * 1.05 >= LOWEST
    assert found.sigma_min / unit <= COARSEST * 1.05


def test_columns_that_hardly_vary_set_no_scale(registry, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "points.npy", rng.normal(size=(200, 2)) * [1.0, 1e-6])
    found = narrowed(law(registry, {"name": "file", "path": str(tmp_path / "points.npy")}))
    assert found.sigma_min == pytest.approx(LOWEST, rel=0.01)
    assert "some columns vary less" in found.reasons[1]


@pytest.mark.parametrize(
    ("spread", "standardize", "told"), [(1e6, "none", True), (1e6, "columns", False), (50, "none", False)]
)
def test_columns_of_units_of_their_own_are_told(registry, tmp_path, spread, standardize, told):
    np.save(tmp_path / "points.npy", np.random.default_rng(0).normal(size=(200, 2)) * [spread, 1.0])
    data = {"name": "file", "path": str(tmp_path / "points.npy"), "standardize": standardize}
    uneven = narrowed(law(registry, data)).uneven
    # Over both columns together the deviation is the larger one's, over √2.
    assert uneven == (pytest.approx(spread / math.sqrt(2), rel=0.2) if told else None)
