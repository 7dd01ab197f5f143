"""The table of regret in docs/recommend.md: computed anew from the exhaustive runs that are published beside it."""

import csv
import json
import math
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "benchmarks" / "regret"
sys.path.insert(0, str(ROOT / "benchmarks"))

from regret import SETS, chosen_place, per_cent  # noqa: E402


@cache
def told():
    return {each["name"]: each for each in json.loads((PUBLISHED / "regret.json").read_text())}


@cache
def lines():
    text = (ROOT / "docs" / "recommend.md").read_text(encoding="utf-8")
    cells = [[cell.strip().replace("−", "-") for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return {row[0]: row for row in cells if row[0] in told() and len(row) == 8}


def exhaustive(name):
    """The choices of each design of the space, and ln of the metric by seed, of an exhaustive run."""
    with (PUBLISHED / f"{name}.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    axes = [field for field in head if not field.isdigit()]
    values = [[float(cell) for cell in row[len(axes) :]] for row in rows]
    logs = [np.log(each) if each else [math.inf] * 5 for each in values]
    return [dict(zip(axes, row, strict=False)) for row in rows], np.array(logs)


def test_every_set_has_its_run_and_its_line():
    assert set(told()) == set(lines()) == {file.stem for file in PUBLISHED.glob("*.csv")} == set(SETS)


@pytest.mark.parametrize("name", sorted(SETS))
def test_what_the_table_tells_follows_from_the_exhaustive_run(name):
    choices, logs = exhaustive(name)
    assert logs.shape == (160, 5)
    known = told()[name]
    place = chosen_place(known["chosen"], choices)
    regret, error, most, best = per_cent(logs, place)
    # Values have six digits there.
    assert (regret, error, most) == pytest.approx((known["regret"], known["error"], known["most"]), abs=2e-3)
    assert choices[best] == known["best"] or logs[best].mean() == pytest.approx(logs.mean(1).min(), abs=1e-6)
    _, dim, _, found, at_most, default, optuna, cost = lines()[name]
    assert found == f"{regret:.1f} ± {error:.1f}".replace("-0.0 ", "-0.0 ")
    assert (int(dim), at_most) == (known["dim"], f"{most:.1f}")
    assert default == f"{known['default']:.1f} ± {known['default_error']:.1f}"
    assert (optuna, int(cost)) == (f"{known['optuna']:.1f} ± {known['optuna_error']:.1f}", round(100 * known["cost"]))
