"""Consistency: of a suite that varies few axes at once, every combination has to be there."""

from types import SimpleNamespace

import pytest

from harness.axes import crossed
from harness.results import consistency
from harness.suites.combinations import expand
from harness.suites.model import Suite

NETWORKS = ["mlp:width=8,depth=1", "mlp:width=8,depth=1,precondition=v", "exact", "inexact"]
SUITE = {
    "name": "few",
    "targets": ["ring"],
    "weightings": ["edm", "eps", "flow"],
    "noise_schedules": ["edm", "cosine"],
    "time_discretizations": ["exponential"],
    "samplers": ["euler", "heun"],
    "metrics": ["energy"],
    "rank_by": "energy",
    "steps": [4, 8],
    "seeds": 1,
    "training": {"steps": [10, 20]},
}


def row(combination):
    """A row of a document, as far as what is missing follows from it."""
    labels = {axis: c.label() if c is not None else "none" for axis, c in combination.components.items()}
    own = {axis: SimpleNamespace(key=labels[axis]) for axis in crossed()}
    numbers = {name: getattr(combination, name) for name in ("steps", "train_steps", "sigma_max")}
    return SimpleNamespace(**numbers, target="ring", training_share=None, combinations=lambda axes: [own])


@pytest.mark.parametrize("networks", [NETWORKS, NETWORKS[::-1], NETWORKS[:2], NETWORKS[2:]], ids=len)
@pytest.mark.parametrize("most", [1, 2, 3])
def test_what_is_missing_around_one_design_is_told(registry, monkeypatch, networks, most):
    monkeypatch.setattr(consistency, "labels", lambda rows: lambda axis, reference: reference)
    suite = Suite.from_mapping(SUITE | {"networks": networks, "vary_at_most": most}, "few.toml")
    rows = list(enumerate(map(row, expand(suite, registry))))
    board = SimpleNamespace(environment={"vary_at_most": most}, rows=[each for _, each in rows])
    assert list(consistency._missing(board, rows)) == []
    # Each choice of the first design is in others too; where the only row with a choice goes, the choice goes with it.
    (told,) = consistency._missing(board, rows[1:])
    assert f"{len(rows) - 1} combinations; varied on {most} axes at most around one they are" in str(told)
