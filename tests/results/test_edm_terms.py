"""EDM's terms found in the numbers of weightings, preconditionings and levels: their own closed forms, and others."""

import math

import numpy as np
import pytest
import torch

from harness.results.edm_terms import edm_levels, exponent, is_edm, log_normal, weight_scale
from harness.weighting_tables import WeightingTable

LEVELS = np.geomspace(0.02, 50, 512)


def table(registry, form, sigma=LEVELS, sigma_data=0.7):
    """Any weighting as the engine tabulates it, up to factors that have no effect."""
    [weighting] = registry.parse("weighting", form)
    at = torch.from_numpy(sigma)
    return WeightingTable(sigma, 3 * weighting.density(at, sigma_data).numpy(), weighting.omega(at, sigma_data).numpy())


@pytest.mark.parametrize(("mean", "deviation", "scale"), [(-1.2, 1.2, 0.5), (0.3, 0.4, 2.0), (-3.0, 2.5, 0.05)])
def test_edms_own_parameters_come_back(registry, mean, deviation, scale):
    found = table(registry, f"edm:p_mean={mean},p_std={deviation},sigma_data={scale}")
    assert log_normal(found) == pytest.approx((mean, deviation), rel=1e-9)
    assert weight_scale(found) == pytest.approx(scale, rel=1e-9)
    assert weight_scale(table(registry, "edm")) == pytest.approx(0.7)


@pytest.mark.parametrize("factor", [0.01, 3.0, 400.0])
def test_in_another_unit_they_are_converted_as_is_said(registry, factor):
    """The same training on data that are multiplied by a factor: p'(σ) = p(σ/f)/f, ω'(σ) = ω(σ/f)."""
    plain = table(registry, "edm:p_mean=-0.8,p_std=1.1,sigma_data=0.4")
    moved = WeightingTable(factor * plain.sigma, plain.density / factor, plain.omega)
    assert log_normal(moved) == pytest.approx((-0.8 + math.log(factor), 1.1), rel=1e-9)
    assert weight_scale(moved) == pytest.approx(0.4 * factor, rel=1e-9)


@pytest.mark.parametrize("form", ["eps", "likelihood", "bell-shaped"])
def test_what_is_not_edms_is_not_taken_for_it(registry, form):
    found = table(registry, form)
    assert log_normal(found) is None or weight_scale(found) is None


def test_a_flat_density_and_a_flat_weight_are_none_of_edms():
    flat = WeightingTable(LEVELS, 1 / LEVELS, np.ones(512))
    assert log_normal(flat) is None
    assert weight_scale(flat) is None
    steep = WeightingTable(LEVELS, 1 / LEVELS**2, LEVELS**2)
    assert log_normal(steep) is None
    assert weight_scale(steep) is None
    bumpy = WeightingTable(
        LEVELS, np.exp(-0.5 * np.log(LEVELS) ** 2) / LEVELS * (1 + 1e-3 * np.sin(LEVELS)), 1 + LEVELS**2
    )
    assert log_normal(bumpy) is None
    assert weight_scale(bumpy) == pytest.approx(1.0)


def test_weights_on_the_levels_of_a_grid_have_no_density():
    comb = WeightingTable(LEVELS, np.exp(-(np.log(LEVELS) ** 2)), 1 + LEVELS**2, masses=np.ones(3))
    assert (log_normal(comb), weight_scale(comb)) == (None, None)


def test_edms_preconditioning_is_known_by_its_coefficients(registry):
    found = {}
    for name, cls in registry.classes("preconditioning").items():
        found[name] = is_edm(cls(), 0.7, 0.02, 50.0)
    assert [name for name, own in found.items() if own] == ["edm"]
    assert len(found) > 4
    [edm] = registry.parse("preconditioning", "edm")
    assert is_edm(edm, 3.0, 1e-3, 1e3)


@pytest.mark.parametrize("rho", [0.5, 1.0, 3.0, 7.0, 3.4142135, 40.0])
@pytest.mark.parametrize("ends", [(80.0, 0.002), (20.0, 0.05), (4e5, 300.0)])
def test_the_exponent_of_edms_levels_comes_back(rho, ends):
    levels = edm_levels(*ends, 19, rho)
    found = exponent(levels)
    assert found.exact
    assert found.rho == pytest.approx(rho, rel=1e-5)
    # Equation (5) as it is printed.
    part = np.arange(19) / 18
    printed = (ends[0] ** (1 / rho) + part * (ends[1] ** (1 / rho) - ends[0] ** (1 / rho))) ** rho
    np.testing.assert_allclose(levels, printed, rtol=1e-7)


def test_other_levels_are_missed_by_what_is_said():
    levels = edm_levels(20.0, 0.05, 9, 5.0) * np.array([1, 1, 1.1, 1, 0.9, 1, 1, 1, 1])
    found = exponent(levels)
    assert not found.exact
    made = edm_levels(20.0, 0.05, 9, found.rho)
    assert found.miss == pytest.approx(np.abs(np.log(made / levels)).max())
    assert found.miss <= np.abs(np.log(edm_levels(20.0, 0.05, 9, 5.0) / levels)).max()


@pytest.mark.parametrize("levels", [[2.0, 1.0], [1e90, 1.0, 1e-90], [5.0, 4.0, 3.0]])
def test_odd_levels_have_an_exponent_too(levels):
    found = exponent(np.array(levels))
    assert 0.09 < found.rho < 2e4
    assert math.isfinite(found.miss)
