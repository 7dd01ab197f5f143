"""Grids from Python: the answer of the command line, from arrays, files and curves."""

import json

import numpy as np
import pytest

import harness
from harness.errors import HarnessError
from harness.loss_curve import LossCurve

SIGMA = np.geomspace(0.05, 20, 24)
LOSS = 2 * SIGMA**2 / (SIGMA**2 + 1) + 0.2 * SIGMA**4 / (SIGMA**2 + 0.3)


def test_a_curve_is_a_file_its_columns_or_itself(tmp_path):
    table = np.stack([SIGMA, LOSS, 0.01 * LOSS], 1)
    np.savetxt(tmp_path / "curve.csv", table, delimiter=",", header="sigma,loss,error", comments="", fmt="%.17g")
    given = [tmp_path / "curve.csv", str(tmp_path / "curve.csv"), table[::-1].T, LossCurve(2, *table.T)]
    made = [harness.grid(loss_curve=curve, dim=2, steps=6) for curve in given]
    for each in made[1:]:
        np.testing.assert_allclose(each.sigmas, made[0].sigmas, rtol=1e-9)
    mean = harness.grid(loss_curve=(SIGMA, LOSS / 2), dim=2, per_coordinate=True, steps=6, scale=0.5)
    np.testing.assert_allclose(mean.sigmas, made[0].sigmas / 2, rtol=1e-6)
    assert made[0].answer.law == f"that of the held-out points of {tmp_path / 'curve.csv'}"


def test_several_numbers_of_steps_and_exports():
    found = harness.grid(loss_curve=(SIGMA, LOSS), dim=2, steps=[4, 8], sampler="ancestral")
    assert {steps: len(levels) for steps, levels in found.by_steps.items()} == {4: 5, 8: 9}
    with pytest.raises(HarnessError, match=r"2 grids, of 4, 8 steps; take by_steps\[N\]"):
        _ = found.sigmas
    assert "8 steps:" in str(found)
    one = harness.grid(loss_curve=(SIGMA, LOSS), dim=2, steps=4)
    assert json.loads(one.export("k-diffusion")) == [*one.sigmas, 0]
    assert json.loads(one.export("json"))["grids"][0]["steps"] == 4
    with pytest.raises(HarnessError, match="no format 'gif'; known: edm"):
        one.export("gif")


def test_data_are_an_array_or_a_file(tmp_path):
    points = 100 * np.random.default_rng(0).standard_normal((200, 2)) + 1000
    np.save(tmp_path / "mine.npy", points)
    from_array = harness.grid(data=points, steps=6, sigma_min=2.0)
    from_file = harness.grid(data=tmp_path / "mine.npy", steps=6, sigma_min=2.0)
    assert np.array_equal(from_array.sigmas, from_file.sigmas)
    assert from_array.sigmas[-1] == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give a loss curve or data, one of the two"),
        ({"loss_curve": (SIGMA, LOSS), "data": np.ones((20, 2)), "dim": 2}, "one of the two"),
        ({"loss_curve": (SIGMA, LOSS)}, "a loss curve needs dim"),
        ({"loss_curve": LossCurve(2, SIGMA, LOSS), "dim": 3}, "leave out dim"),
        ({"loss_curve": (SIGMA, LOSS[:-1]), "dim": 2}, "arrays of numbers of one length"),
        ({"loss_curve": (SIGMA,), "dim": 2}, "columns sigma, loss and perhaps error, not shape (1, 24)"),
        ({"loss_curve": (SIGMA, ["a"] * 24), "dim": 2}, "arrays of numbers of one length"),
        ({"loss_curve": (SIGMA, -LOSS), "dim": 2}, "one loss ≥ 0 for each"),
        ({"loss_curve": "none.csv", "dim": 2}, "none.csv: cannot be read"),
        ({"data": "none.npy"}, "none.npy: cannot be read"),
        ({"data": np.ones((20, 2)), "dim": 2}, "data know them"),
        ({"data": np.ones((20, 2))}, "its rows are all the same"),
        ({"data": [[object()]]}, "give real numbers of shape"),
        ({"loss_curve": (SIGMA, LOSS), "dim": 2, "sampler": "heun"}, "covered: analytic, ancestral, exponential"),
        ({"loss_curve": (SIGMA, LOSS), "dim": 2, "steps": 1}, "at least 2 steps"),
        ({"loss_curve": (SIGMA, LOSS), "dim": 2, "scale": 0.0}, "give a positive number"),
        ({"loss_curve": (SIGMA, LOSS), "dim": 2, "sigma_max": 80.0}, "which covers 0.05 to 20"),
    ],
)
def test_mistakes_are_one_line(given, message):
    with pytest.raises(HarnessError) as told:
        harness.grid(**given)
    assert message in str(told.value)
    assert "\n" not in str(told.value)
