"""Any component may say that it has no meaning for what it is given: its rows say so, and nothing has failed."""

import json

import pytest
import torch
from click.testing import CliRunner
from harness_karras.preconditionings import Edm
from pydantic import Field

from harness.cli import group
from harness.components import Part
from harness.errors import NotApplicable
from harness.networks import Backbone
from harness.preconditionings import Preconditioning
from harness.registry.discovery import load
from harness.registry.registry import Registry
from harness.results.leaderboard import Leaderboard
from harness.results.read_board import GIVEN_LABELS, read_document
from harness.running.runner import Options, run
from harness.running.tasks import packed, parcel_or_end, timed
from harness.samplers import Sampler
from harness.suites.model import Suite
from harness.time_discretizations import TimeDiscretization
from harness.weightings import Weighting


class Images(Backbone):
    """A network for images."""

    name = "images"
    shaped = True
    labels: bool = False
    precondition: Part[Preconditioning] = Field(Edm(), description="the preconditioning around it")

    @property
    def conditional(self):
        return self.labels

    def function(self, data):
        if len(data.shape) != 3:
            raise NotApplicable(f"network images is for images, and a point has shape {data.shape}")
        return Convolution(data.shape[0], data.classes)


class Convolution(torch.nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.inside = torch.nn.Conv2d(channels, channels, 3, padding=1)
        self.shift = torch.nn.Parameter(torch.randn(max(classes, 1), channels))

    def forward(self, x, noise, labels=None):
        assert x.ndim == 4
        shift = 0 if labels is None else self.shift[labels][:, :, None, None]
        return self.inside(x) + shift


class FewLevels(Weighting):
    """A weighting for small scales."""

    name = "few-levels"

    def omega(self, sigma, sigma_data):
        if sigma_data > 0.6:
            raise NotApplicable("weighting few-levels is for data of scale below 0.6")
        return torch.ones_like(sigma)


class FewSteps(TimeDiscretization):
    """A grid for few steps."""

    name = "few-steps"

    def levels(self, request):
        if request.steps > 4:
            raise NotApplicable("grid few-steps is for up to 4 steps")
        first, last = request.sigma_range()
        return first * (last / first) ** request.fractions()


class Pairs(Sampler):
    """A sampler for even dimensions."""

    name = "pairs"

    def step(self, run, x):
        if x.shape[1] % 4:
            raise NotApplicable("sampler pairs is for dimensions that 4 divides")
        return x + (run.sigma_next - run.sigma) * (x - run.denoiser(x, run.sigma)) / run.sigma


class Halves(Sampler):
    """A sampler for even numbers of steps, which says so where its evaluations are counted."""

    name = "halves"

    def evaluations(self, steps):
        if steps % 2:
            raise NotApplicable("sampler halves is for even numbers of steps")
        return steps

    def step(self, run, x):
        return x + (run.sigma_next - run.sigma) * (x - run.denoiser(x, run.sigma)) / run.sigma


CLASSES = (Images, FewLevels, FewSteps, Pairs, Halves)

SUITE = {
    "name": "apart",
    "targets": ["ring", "digits"],
    "weightings": ["edm", "few-levels"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["polynomial", "few-steps"],
    "networks": ["mlp:width=8,depth=2", "images", "images:labels=true", "exact"],
    "samplers": ["euler", "pairs", "halves", "exponential-integrator"],
    "metrics": ["sliced-wasserstein"],
    "rank_by": "sliced-wasserstein",
    "steps": [3, 6],
    "seeds": 1,
    "training": {"steps": [3], "batch_size": 8},
    "sampling": {"samples": 32},
}


class Here:
    """What `Workers` is, in this process."""

    count = 1

    def run(self, tasks):
        for task in sorted(tasks, key=lambda each: each.stage):
            made = parcel_or_end(task, packed)
            if hasattr(made, "content"):
                made = timed("harness.engine.worker:work", made.content, False).ended(task, made.strangers)
            yield made


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    from contextlib import contextmanager

    @contextmanager
    def here(*words):
        yield Here()

    shipped = load()
    kinds = ("target", "weighting", "noise_schedule", "time_discretization", "network", "sampler", "metric")
    kinds += ("initial_law", "preconditioning")
    found = [cls for kind in kinds for cls in shipped.classes(kind).values()]
    registry = Registry.from_classes([*found, *CLASSES])
    folder = tmp_path_factory.mktemp("apart")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.running.runner.executor", lambda name: here)
        run(Suite.from_mapping(SUITE, "apart"), registry, folder, Options(1, progress=False))
    return folder


@pytest.fixture(scope="module")
def board(directory):
    return read_document(directory)


def rows(board, **parts):
    return [
        row
        for row in board.rows
        if all(
            getattr(row, axis) == value if axis == "steps" else getattr(row, axis).name == value
            for axis, value in parts.items()
        )
    ]


def test_nothing_failed(board):
    assert {row.status for row in board.rows} == {"ok", "not applicable"}


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (
            {"target": "ring", "network": "images", "weighting": "edm", "time_discretization": "polynomial"},
            "for images",
        ),
        ({"target": "ring", "time_discretization": "few-steps", "steps": 6}, "up to 4 steps"),
        ({"target": "ring", "sampler": "pairs", "network": "exact", "steps": 3}, "that 4 divides"),
        (
            {"target": "ring", "weighting": "few-levels", "network": "mlp", "time_discretization": "polynomial"},
            "below 0.6",
        ),
    ],
)
def test_each_kind_of_component_says_so_once(board, parts, reason):
    found = rows(board, **parts)
    assert found
    assert {row.status for row in found} == {"not applicable"}
    if "images" in reason:
        labelled = {json.dumps(row.network.params["labels"]): row.reason for row in found}
        assert labelled == {
            "false": "network images is for images, and a point has shape (2,)",
            "true": "network images:labels=true is given labels, and the target has none; harness show TARGET says "
            "whether a target can be given them",
        }
    else:
        assert {row.reason.partition(" (")[0].endswith(reason) for row in found} == {True}
    assert not any("training" in row.reason or "seed" in row.reason or "Error" in row.reason for row in found)


def test_an_image_network_is_trained_and_sampled_on_images(board):
    parts = {"target": "digits", "weighting": "edm", "time_discretization": "polynomial", "network": "images"}
    found = [row for sampler in ("euler", "pairs") for row in rows(board, **parts, sampler=sampler)]
    assert {row.status for row in found} == {"ok"}
    assert {row.network.params["labels"] for row in found} == {False, True}
    values = {row.metrics["sliced-wasserstein"].value for row in found}
    assert len(values) == len(found)


def test_a_sampler_whose_evaluations_do_not_apply_ends_no_run(board):
    parts = {"target": "digits", "weighting": "edm", "time_discretization": "polynomial", "network": "images"}
    odd, even = (rows(board, **parts, sampler="halves", steps=steps) for steps in (3, 6))
    assert {row.status for row in even} == {"ok"}
    assert {row.compute for row in odd} == {None}
    assert {row.status for row in odd} == {"not applicable"}
    assert {row.reason.partition(" (")[0] for row in odd} == {"sampler halves is for even numbers of steps"}


def test_the_notes_of_a_target_say_that_there_are_divergences_of_points_with_their_labels(board):
    notes = {each.target: each.notes for each in board.setup.targets}
    assert {target: GIVEN_LABELS in said for target, said in notes.items()} == {"ring": False, "digits": True}


def test_what_does_not_apply_comes_after_what_was_measured(board):
    for target in ("ring", "digits"):
        found = sorted(rows(board, target=target), key=lambda row: row.rank)
        applicable = [row.ok for row in found]
        assert applicable == sorted(applicable, reverse=True)


def test_tables_and_pages_count_it_by_reason(directory, board):
    text = CliRunner().invoke(group, ["rank", str(directory)]).output
    many = len([row for row in rows(board, target="ring") if not row.applicable])
    assert f"{many} not applicable" in text
    flat = " ".join(text.split())
    assert "do not apply: network images is for images, and a point has shape (2,)" in flat
    assert "failed" not in flat
    page = CliRunner().invoke(group, ["rank", str(directory), "--format", "markdown"]).output
    assert "do not apply: network images is for images" in page
    lines = CliRunner().invoke(group, ["rank", str(directory), "--format", "csv"]).output
    assert "not applicable" in lines


def test_the_document_is_read_as_it_was_written(tmp_path, board):
    path = tmp_path / "leaderboard.json"
    path.write_text(board.to_json(), encoding="utf-8")
    assert Leaderboard.read(path) == board


def test_no_failure_is_told(directory):
    assert CliRunner().invoke(group, ["rank", str(directory), "--failures"]).output.startswith("Nothing failed")


def test_a_metric_that_does_not_apply_says_why_in_document_table_and_page(tmp_path):
    suite = tmp_path / "why.toml"
    suite.write_text(
        """
name = "why"
targets = ["gaussian:dim=6"]
noise_schedules = ["edm"]
time_discretizations = ["polynomial"]
networks = ["exact"]
samplers = ["heun", "exponential-integrator"]
metrics = ["sliced-wasserstein", "path-kl", "memorisation"]
bounds = ["budget"]
rank_by = "sliced-wasserstein"
steps = [3]
seeds = 2
sampling = {samples = 16}
"""
    )
    out = str(tmp_path / "out")
    done = CliRunner().invoke(group, ["run", str(suite), "--out", out, "--workers", "1"])
    assert done.exit_code == 0, done.output
    flat = " ".join(done.output.split())
    copies = "the target is no finite data set, so there are no training points to copy"
    assert f"n/a: memorisation of 2 combinations: {copies}" in flat
    assert "n/a: path-kl of 1 combination: sampler heun has no Gaussian kernel, so no path divergence" in flat
    board = read_document(tmp_path / "out")
    told = {row.sampler.name: row.not_applicable for row in board.rows}
    assert told["exponential-integrator"] == {"memorisation": copies}
    assert told["heun"].keys() == {"memorisation", "path-kl", "budget"}
    page = CliRunner().invoke(group, ["rank", out, "--format", "markdown"]).output
    assert copies in page
