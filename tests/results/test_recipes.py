"""Recipes: what a run did, in plain numbers and in any unit."""

import json
import math

import numpy as np
import pytest
from harness_data.targets import Digits

import harness
from harness.errors import HarnessError
from harness.results.recipes import Recipe


@pytest.fixture(scope="module")
def board(taken):
    return harness.rank(taken)


def recipe(board, target, **components):
    rows = [row for row in board.for_target(target) if row.status == "ok"]
    return next(r for r in rows if components.items() <= r.components.items()).recipe()


def test_a_trained_design_in_the_unit_of_the_data(board, taken):
    found = recipe(board, "file", weighting="edm", sampler="analytic")
    assert (found.unit, found.shape, found.dim, found.steps) == ("the unit of the data", [2], 2, 4)
    assert 80 < found.sigma_data < 120
    assert found.scale == pytest.approx(found.sigma_data)
    assert found.levels[0] == pytest.approx(20 * found.scale)
    assert found.levels[-1] == pytest.approx(0.05 * found.scale)
    training = found.training
    assert training.p_mean == pytest.approx(-1.2 + math.log(found.scale))
    assert training.p_std == pytest.approx(1.2)
    assert training.weight_sigma_data == pytest.approx(found.sigma_data)
    assert training.network_sigma_data == pytest.approx(found.sigma_data)
    assert (training.steps, training.learned) == (3, False)
    assert any("shifted by the mean" in note for note in found.notes)
    # The variances are those of the same steps: never below the ancestral ones, in the square of the unit.
    u = np.array(found.levels) ** 2
    assert (np.array(found.variances) >= 0.999 * u[1:] * (u[:-1] - u[1:]) / u[:-1]).all()


def test_what_edm_cannot_say_is_left_open(board):
    found = recipe(board, "file", weighting="eps", sampler="heun")
    assert (found.training.p_mean, found.training.p_std, found.training.weight_sigma_data) == (None, None, None)
    assert found.training.network_sigma_data == pytest.approx(found.sigma_data)
    assert found.variances is None


def test_an_oracle_was_not_trained(board):
    found = recipe(board, "digits", network="exact", sampler="heun")
    assert found.training is None
    assert found.components["weighting"] == "none"
    assert found.sigma_data == pytest.approx(Digits().distribution().sigma_data)
    assert found.scale == 1
    assert not any("shifted" in note for note in found.notes)


def test_it_is_converted_and_comes_back(board):
    found = recipe(board, "file", weighting="edm", sampler="analytic")
    moved = found.for_deviation(0.5)
    factor = 0.5 / found.sigma_data
    assert moved.sigma_data == pytest.approx(0.5)
    np.testing.assert_allclose(moved.levels, factor * np.array(found.levels), rtol=1e-11)
    np.testing.assert_allclose(moved.variances, factor**2 * np.array(found.variances), rtol=1e-11)
    assert moved.training.p_mean == pytest.approx(found.training.p_mean + math.log(factor))
    assert moved.training.p_std == found.training.p_std
    assert moved.training.weight_sigma_data == pytest.approx(0.5)
    back = moved.for_deviation(found.sigma_data)
    np.testing.assert_allclose(back.levels, found.levels, rtol=1e-11)
    assert back.scale == pytest.approx(found.scale)


@pytest.mark.parametrize("factor", [0.0, -1.0, math.inf, math.nan])
def test_a_factor_that_is_none_is_refused(board, factor):
    found = recipe(board, "digits", sampler="heun")
    with pytest.raises(HarnessError, match="no factor between units"):
        found.scaled(factor, "x")
    with pytest.raises(HarnessError, match="no factor between units"):
        found.for_deviation(factor)


@pytest.mark.parametrize("factor", [1e-320, 1e-150, 1e150, 1e308])
def test_a_factor_that_takes_levels_out_of_what_a_float_holds_is_refused(board, factor):
    with pytest.raises(HarnessError, match="takes levels out of 1e-100 to 1e"):
        recipe(board, "digits", sampler="heun").scaled(factor, "x")


def test_it_is_a_document(board):
    found = recipe(board, "file", sampler="analytic")
    assert Recipe.validate(json.loads(found.to_json())) == found


@pytest.mark.parametrize("standardize", ["columns", "whiten"])
def test_columns_of_their_own_units_leave_levels_none(taken, tmp_path, standardize):
    board = harness.run(
        taken.parent / "taken.toml",
        out=tmp_path / "out",
        target=f"file:path={taken.parent / 'table.csv'},standardize={standardize}",
        network="exact",
        sampler="heun",
        initial_law="moment-matched",
        workers=1,
        progress=False,
    )
    found = board.best().recipe()
    assert found.unit == "the unit of the points that the network sees"
    assert (found.scale, found.levels[0]) == (1.0, 20.0)
    assert any(f"standardize={standardize}" in note for note in found.notes)
    assert any("not from N(0, sigma_0^2)" in note for note in found.notes)
    rows = np.loadtxt(taken.parent / "table.csv", delimiter=",", skiprows=1)
    samples = board.best().sample(200)
    np.testing.assert_allclose(samples.mean(0), rows.mean(0), atol=40)
    np.testing.assert_allclose(samples.std(0), rows.std(0), rtol=0.5)  # four steps are few


def test_levels_that_are_those_of_one_seed_are_told_as_such(tmp_path):
    """A small file has a split for each seed, which a grid that asks for the data follows."""
    np.save(tmp_path / "points.npy", np.random.default_rng(0).normal(size=(60, 2)))
    made = harness.run(
        target=[f"file:path={tmp_path / 'points.npy'}"],
        network=["exact"],
        sampler=["analytic"],
        time_discretization=["exponential", "fisher"],
        metric=["energy"],
        steps=[4],
        seeds=2,
        samples=50,
        out=tmp_path / "out",
        workers=1,
        progress=False,
    )
    own = next(row for row in made.rows if row.components["time_discretization"] == "fisher")
    told = {row.components["time_discretization"]: " ".join(row.recipe().notes) for row in made.rows}
    assert "levels of its own" not in told["exponential"]
    assert "these are those of seed 0" in told["fisher"]
    first, second = (own.recipe(network_seed=seed) for seed in (0, 1))
    assert first.levels != second.levels
