"""Plots of real points beside generated ones."""

import numpy as np
import pytest

from harness.results.shown_points import ShownPoints
from harness.views.plots import svg
from harness.views.point_plots import points_beside


def shown(dim, count=250):
    rng = np.random.default_rng(dim)
    real, generated = rng.normal(size=(2, count, dim)).round(3).tolist()
    axes = ["length", "width", "height"][:dim]
    return ShownPoints(axes=axes, components=False, real=real, generated=generated)


@pytest.mark.parametrize(("dim", "panels"), [(1, 1), (2, 2), (3, 6)])
def test_every_pair_of_coordinates_is_shown_on_the_same_scales(dim, panels):
    figure = points_beside(shown(dim))
    assert len(figure.axes) == panels
    for left, right in zip(figure.axes[::2], figure.axes[1::2], strict=False):
        assert left.get_xlim() == right.get_xlim()
        assert left.get_ylim() == right.get_ylim()
        assert [axes.get_title(loc="left") for axes in (left, right)] == ["real", "generated"]
        assert len(left.collections[0].get_offsets()) == len(right.collections[0].get_offsets()) == 250
    drawn = svg(figure)
    assert len(drawn) < 100_000
    assert drawn == svg(points_beside(shown(dim)))  # the same bytes, as other plots


def test_a_density_integrates_to_one():
    [axes] = points_beside(shown(1)).axes
    for patch in axes.patches:
        values, edges, _ = patch.get_data()
        assert (values * np.diff(edges)).sum() == pytest.approx(1)


def test_points_that_are_all_the_same_are_drawn():
    same = ShownPoints(axes=["a", "b"], components=True, real=[[1.0, 2.0]], generated=[[1.0, 2.0]])
    assert svg(points_beside(same)).startswith(b"<?xml")


def test_a_point_has_a_coordinate_for_each_axis():
    document = {"axes": ["a"], "components": False, "real": [[1.0]], "generated": [[1.0, 2.0]]}
    with pytest.raises(ValueError, match="generated: each point has 1 coordinates"):
        ShownPoints.model_validate(document)
