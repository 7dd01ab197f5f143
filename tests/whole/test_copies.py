"""A row as good as a perfect generator is told apart from one that copies the training points."""

import re
from typing import ClassVar

import numpy as np
import pytest
import torch

from harness.mixtures import IsotropicMixture
from harness.networks import OracleNetwork
from harness.registry.discovery import load
from harness.registry.registry import Registry
from harness.results.read_board import read_document
from harness.results.sections import sections
from harness.running.in_process import in_process
from harness.running.runner import Options, run
from harness.suites.model import Suite
from harness.views.tables import render

LAW = IsotropicMixture(torch.tensor([[-1.5, 0, 0, 0], [1, 1, 0, 0], [1, -1, 0, 0]], dtype=torch.float64), 0.2)


class Population(OracleNetwork):
    """The denoiser of the law that the rows were drawn from: a generator of new points."""

    name: ClassVar[str] = "population"

    def denoise(self, target, x, sigma):
        return LAW.denoise(x, sigma)

    def score_error(self, sigma, dim):
        return 0.0 * sigma


class Elsewhere(Population):
    """A generator of new points of another law, twice as wide."""

    name: ClassVar[str] = "elsewhere"

    def denoise(self, target, x, sigma):
        return LAW.denoise(x / 2, sigma / 2) * 2


SUITE = {
    "name": "copies",
    "noise_schedules": ["edm"],
    "time_discretizations": ["polynomial"],
    "networks": ["exact", "population", "elsewhere"],
    "samplers": ["heun"],
    "metrics": ["sliced-wasserstein", "energy", "memorisation"],
    "bounds": [],
    "rank_by": "sliced-wasserstein",
    "steps": [24],
    "seeds": 4,
    "noise": {"sigma_min": 0.02, "sigma_max": 20.0},
}


@pytest.fixture(scope="module", params=[1, 5])
def board(request, tmp_path_factory):
    """A suite on 300 rows of a known law: on one split, and with one for each seed."""
    folder = tmp_path_factory.mktemp("copies")
    np.save(folder / "rows.npy", LAW.sample(300, torch.Generator().manual_seed(0)).numpy())
    target = f"file:path={folder / 'rows.npy'},standardize=none,folds={request.param}"
    shipped = load()
    classes = [shipped.find(axis, name) for axis, name in (
        ("target", "file"), ("noise_schedule", "edm"), ("time_discretization", "polynomial"), ("network", "exact"),
        ("sampler", "heun"), ("metric", "sliced-wasserstein"), ("metric", "energy"),
        ("metric", "memorisation"), ("initial_law", "centered"),
    )]  # fmt: skip
    registry = Registry.from_classes([Population, Elsewhere, *classes])
    suite = Suite.from_mapping(SUITE | {"targets": [target]}, "copies.toml")
    run(suite, registry, folder / "made", Options(progress=False, executor=in_process))
    return read_document(folder / "made")


def test_the_memorising_oracle_is_marked_and_a_good_generator_is_not(board):
    (section,) = sections(board)
    rows = {row.network.name: row for row in section.ranked}
    assert [row.network.name for row in section.copying(board.declared)] == ["exact"]
    # By the distance itself both are as good as held-out data.
    assert section.within_floor() == 2
    assert rows["exact"].metrics["memorisation"].high < 0.5
    estimate = rows["population"].metrics["memorisation"]
    assert estimate.low < 1 < estimate.high or abs(estimate.value - 1) < 0.1
    assert estimate.high > 1


def test_the_mark_stands_in_the_table_and_under_it(board):
    for form in ("table", "markdown"):
        text = render(board, form)
        assert "2 of 3 combinations, of which 1 copies training points (marked c)" in " ".join(text.split())
    table = re.split(r"^ *rank  ", render(board, "table"), maxsplit=1, flags=re.M)[1].splitlines()
    assert [line.split()[-1] == "c" for line in table if "exact" in line][:1] == [True]
    assert not any(line.split()[-1:] == ["c"] for line in table if "population" in line)
