"""Names of strangers in plots: drawn as they are written, whatever they would mean as a formula."""

import base64
import importlib
from pathlib import Path

import numpy as np
import pytest

from harness.results.bounds_ranking import rank_bounds
from harness.results.leaderboard import Leaderboard
from harness.results.shown_points import ShownPoints
from harness.results.stored_designs import DrawnSamples
from harness.views.plots import svg

matplotlib = pytest.importorskip("matplotlib", reason="plots need the extra `publish`")

EVIL = r"$\frac{$"
NAMES = {"ring", "digits", "heun", "ancestral", "eps", "mlp", "sliced-wasserstein", "energy", "theorem-2"}
"""Of targets, components, metrics and a bound of the made-up document."""

MODULES = ("plots", "point_plots", "sample_plots", "sample_files")
PIXELS = base64.b64encode(bytes(range(16))).decode()


def renamed(part):
    """A document with all of these names made hostile, wherever they stand."""
    if isinstance(part, dict):
        return {renamed(key): renamed(value) for key, value in part.items()}
    if isinstance(part, list):
        return [renamed(each) for each in part]
    return part + EVIL if isinstance(part, str) and part in NAMES else part


@pytest.fixture
def board(document):
    document["setup"]["targets"][1]["pictures"] = {
        "shape": [1, 4, 4], "low": -1.0, "high": 1.0, "classes": [0], "images": [PIXELS],
    }  # fmt: skip
    row = next(row for row in document["rows"] if row["target"]["name"] == "digits")
    row["pictures"] = {"conditional": True, "images": [PIXELS]}
    return Leaderboard.validate(renamed(document))


def drawn(module, name, board):
    """What a function of plots makes of hostile names, and one of them that must be seen in it; empty where none is."""
    function = getattr(importlib.import_module(f"harness.views.{module}"), name)
    real = next(each.pictures for each in board.setup.targets if each.pictures)
    generated = next(row.pictures for row in board.rows if row.pictures)
    columns = [f"a{EVIL}", f"b{EVIL}"]
    points = [[1.0, 2.0], [3.0, 5.0]]
    cases = {
        "error_against_bound": lambda: function(board, f"theorem-2{EVIL}", f"sliced-wasserstein{EVIL}"),
        "budgets": lambda: function(board),
        "effects": lambda: function(board),
        "tightness": lambda: function(rank_bounds(board)),
        "error_against_compute": lambda: function(board),
        "points_beside": lambda: function(ShownPoints(axes=columns, components=False, real=points, generated=points)),
        "samples": lambda: function(board, f"digits{EVIL}"),
        "beside": lambda: function(real, generated),
        "_scatter": lambda: function(DrawnSamples(np.array(points), None, tuple(columns), 0.0, 1.0)),
    }
    return cases[name]()


def plotting():
    """Every function that draws in the style of plots, wherever it is."""
    for module in MODULES:
        found = importlib.import_module(f"harness.views.{module}")
        for name, function in vars(found).items():
            if hasattr(function, "__wrapped__") and function.__module__ == found.__name__ and name != "svg":
                yield module, name


@pytest.mark.parametrize(("module", "name"), list(plotting()))
def test_a_hostile_name_is_drawn_as_it_is(module, name, board):
    figure = drawn(module, name, board)
    assert svg(figure).startswith(b"<?xml")
    shown = " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))
    # Beside one another pictures have no names but those of their lines, which are ours.
    assert EVIL in shown or name == "beside"


def test_one_coordinate_may_have_a_hostile_name():
    shown = ShownPoints(axes=[EVIL], components=False, real=[[1.0], [2.0]], generated=[[1.0], [3.0]])
    figure = importlib.import_module("harness.views.point_plots").points_beside(shown)
    assert svg(figure)
    assert figure.axes[0].get_xlabel() == EVIL


def test_every_module_that_draws_is_looked_at():
    folder = Path(importlib.import_module("harness.views").__file__).parent
    styled = {str(file.relative_to(folder)) for file in folder.rglob("*.py") if "@styled" in file.read_text()}
    assert styled == {f"{module}.py" for module in MODULES}
