"""The plane in which points of many coordinates are shown."""

import numpy as np
import pytest

from harness.racing.drawn_points import principal_plane


def test_the_plane_is_that_of_the_largest_variances():
    """Of rows whose principal directions and variances are known."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(7, 7)))[0]
    scores = rng.normal(size=(50, 7))
    scores -= scores.mean(0)
    scores = np.linalg.qr(scores)[0] * [3.0, 2.0, 1.0, 0.5, 0.1, 0.1, 0.1]  # uncorrelated, of known lengths
    plane, shares = principal_plane(scores @ turn.T + 5)
    squares = np.array([3.0, 2.0, 1.0, 0.5, 0.1, 0.1, 0.1]) ** 2
    assert shares == pytest.approx((squares / squares.sum())[:2].tolist())
    assert np.abs(plane.T @ turn[:, :2]) == pytest.approx(np.eye(2), abs=1e-9)
    assert (plane[np.abs(plane).argmax(0), [0, 1]] > 0).all()


def test_rows_that_are_all_the_same_have_a_plane():
    plane, shares = principal_plane(np.ones((4, 3)))
    assert plane.shape == (3, 2)
    assert shares == [0.0, 0.0]
