"""Masses on the levels of a grid as a density that training can draw from."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from harness_wang.weightings import BellShaped, GridMatched

from harness.engine.levels import LevelSampler, table_levels
from harness.engine.tabulate import comb, tabulate
from harness.errors import ContractError
from harness.weightings import GridWeighting

LEVELS = table_levels(0.05, 20.0)
SIGMAS = np.geomspace(20.0, 0.05, 9)


def test_masses_are_drawn_as_given():
    masses = np.arange(1.0, 9.0)
    density = torch.from_numpy(comb(LEVELS.numpy(), SIGMAS[:-1], masses))
    draw = LevelSampler(LEVELS, density[None], torch.ones(1, len(LEVELS), dtype=torch.float64))
    quantiles = (torch.arange(100_000, dtype=torch.float64) + 0.5)[None] / 100_000
    sigma, omega = draw(quantiles)
    nearest = np.abs(np.log(sigma[0].numpy())[:, None] - np.log(SIGMAS[:-1])).argmin(1)
    np.testing.assert_allclose(np.bincount(nearest) / 100_000, masses / masses.sum(), atol=2e-5)
    # No level is drawn further than a node away from where the mass is, and all count the same.
    spacing = float(LEVELS.log().diff()[0])
    assert np.abs(np.log(sigma[0].numpy() / SIGMAS[nearest])).max() <= 2 * spacing
    assert float(omega.min()) == pytest.approx(1) == float(omega.max())


def test_the_mean_log_level_is_exact():
    inner = np.array([7.3, 1.1, 0.21])
    masses = np.array([0.2, 0.5, 0.3])
    mass = comb(LEVELS.numpy(), inner, masses) * LEVELS.numpy()
    x = LEVELS.log().numpy()
    assert np.trapezoid(mass, x) == pytest.approx(1, rel=1e-12)
    assert np.trapezoid(mass * x, x) == pytest.approx(masses @ np.log(inner), rel=1e-12)


def test_grid_matched_makes_the_bound_on_the_score_error_an_equality():
    u = SIGMAS**2
    delta = u[:-1] - u[1:]
    error = np.random.default_rng(0).exponential(size=8)
    exact = 0.5 * (delta * error).sum()

    def bound(beta):
        beta = beta / beta.sum()
        return (delta / (beta * u[:-1])).max() * 0.5 * (beta * u[:-1] * error).sum()

    matched = GridMatched().masses(torch.from_numpy(SIGMAS)).numpy()
    np.testing.assert_allclose(matched, delta / u[:-1], rtol=1e-12)
    assert bound(matched) == pytest.approx(exact, rel=1e-12)
    for seed in range(20):
        assert bound(matched * np.random.default_rng(seed).uniform(0.5, 2, 8)) > exact


@pytest.mark.parametrize(
    ("masses", "rule"),
    [
        (lambda n: torch.ones(n + 1), r"masses: shape \(9,\); it must be \(8,\)"),
        (lambda n: -torch.ones(n), "masses: -1 at level 0; it must not be negative"),
        (lambda n: torch.zeros(n), "masses: 0 at every level"),
        (lambda n: torch.full((n,), float("nan")), "masses: nan at index 0; it must be finite"),
    ],
)
def test_masses_are_checked(masses, rule):
    class Wrong(GridWeighting):
        name: ClassVar[str] = "wrong"

        def masses(self, sigmas):
            return masses(len(sigmas) - 1)

    with pytest.raises(ContractError, match="weighting wrong: " + rule):
        tabulate(Wrong(), LEVELS, 1.0, SIGMAS.tolist())


def test_other_weightings_take_no_grid():
    table = tabulate(BellShaped(), LEVELS, 1.0, None)
    np.testing.assert_allclose(table.density, 1 / LEVELS.numpy())
    np.testing.assert_allclose(table.omega, LEVELS.numpy())
    assert table.masses is None
    with pytest.raises(ValueError, match="made for a grid"):
        tabulate(GridMatched(), LEVELS, 1.0, None)


class TestMasses:
    class Given(GridWeighting):
        """Masses 1 to N times a factor; it spoils the grid that it was given."""

        name: ClassVar[str] = "given"
        factor: float = 1.0

        def masses(self, sigmas):
            sigmas *= 3.0
            return self.factor * torch.arange(1.0, len(sigmas), dtype=torch.float64)

    def test_a_weighting_cannot_change_the_grid_it_is_asked_about(self):
        table = tabulate(self.Given(), LEVELS, 1.0, SIGMAS.tolist())
        np.testing.assert_allclose(table.density, comb(LEVELS.numpy(), SIGMAS[:-1], np.arange(1.0, 9.0) / 8))

    @pytest.mark.parametrize("factor", [1e307, 1e-320])
    def test_a_common_factor_has_no_effect_however_extreme(self, factor):
        plain, extreme = (tabulate(self.Given(factor=f), LEVELS, 1.0, SIGMAS.tolist()) for f in (1.0, factor))
        np.testing.assert_allclose(extreme.density, plain.density, rtol=1e-3)
        assert extreme.masses.max() == 1

    def test_one_that_raises_is_named(self):
        class Raising(GridWeighting):
            name: ClassVar[str] = "raising"

            def masses(self, sigmas):
                raise RuntimeError("no masses\ntoday")

        with pytest.raises(
            ContractError, match=r"^weighting raising: masses: RuntimeError: no masses today \(.*, line \d+\)$"
        ):
            tabulate(Raising(), LEVELS, 1.0, SIGMAS.tolist())
