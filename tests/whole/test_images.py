"""Images from the data to the page: a U-Net, plain and told the class, beside an oracle; not applicable on points."""

import base64

import numpy as np
import pytest
from harness_data.targets import Digits
from shell import called

from harness.engine.labels import sample_labels
from harness.results.read_board import read_document
from harness.views.publishing import render_files

SUITE = """
name = "small-images"
targets = ["digits", "ring"]
weightings = ["edm"]
noise_schedules = ["edm"]
time_discretizations = ["polynomial:rho=3,7"]
networks = ["unet:channels=4,levels=2", "unet:channels=4,levels=2,labels=true", "exact"]
samplers = ["heun"]
metrics = ["sliced-wasserstein"]
rank_by = "sliced-wasserstein"
steps = [6]
seeds = 2
training = { steps = [4], batch_size = 16 }
sampling = { samples = 60 }
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The directory of a finished run, its exit status and what it said."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "small-images.toml").write_text(SUITE, encoding="utf-8")
    return folder / "out", called("run", folder / "small-images.toml", "--out", folder / "out", "--workers", 1)


@pytest.fixture(scope="module")
def board(finished):
    return read_document(finished[0])


def by_network(board, target):
    """The rows of a target by the network's name and whether it is told labels."""
    found = {}
    for row in board.rows:
        if row.target.name == target:
            found.setdefault((row.network.name, row.network.params.get("labels", False)), []).append(row)
    return found


def test_a_network_for_images_does_not_apply_to_points_and_nothing_has_failed(finished, board):
    _, done = finished
    assert done.returncode == 0, done.stderr
    reasons = {network: {row.reason for row in rows} for network, rows in by_network(board, "ring").items()}
    assert reasons["exact", False] == {None}
    assert all("unet is for images (channels, height, width)" in str(reason) for reason in reasons["unet", False])
    assert all("is given labels, and the target has none" in str(reason) for reason in reasons["unet", True])
    statuses = {network: {row.status for row in rows} for network, rows in by_network(board, "ring").items()}
    assert statuses == {
        ("exact", False): {"ok"},
        ("unet", False): {"not applicable"},
        ("unet", True): {"not applicable"},
    }
    assert {row.status for rows in by_network(board, "digits").values() for row in rows} <= {"ok", "diverged"}
    assert "not applicable" in done.stdout


def test_the_best_row_of_each_network_shows_samples(board):
    digits = by_network(board, "digits")
    for (_, labelled), rows in digits.items():
        best = next(row for row in rows if row.ok)
        assert [row.pictures is not None for row in rows] == [row is best for row in rows]
        assert best.pictures.conditional == labelled
    assert all(row.pictures is None for rows in by_network(board, "ring").values() for row in rows)
    ring, real = sorted((target for target in board.setup.targets), key=lambda t: t.pictures is not None)
    assert (ring.target, real.target) == ("ring", "digits")
    assert real.pictures.shape == [1, 8, 8]
    assert real.pictures.classes == [label for label in range(10) for _ in range(2)]


def test_pictures_of_the_exact_network_are_near_the_data_and_real_ones_are_of_it(board):
    law = Digits().distribution()
    real = next(target.pictures for target in board.setup.targets if target.pictures is not None)
    train = ((law.train - real.low) / (real.high - real.low) * 255).numpy()

    def distance(image):
        return np.abs(train - np.frombuffer(base64.b64decode(image), dtype=np.uint8)).max(1)

    for image, label in zip(real.images, real.classes, strict=True):
        own = distance(image)
        assert own.min() <= 0.51
        assert int(law.labels[int(own.argmin())]) == label
    shown = next(row.pictures for row in by_network(board, "digits")["exact", False] if row.pictures is not None)
    labels = sample_labels(law, board.setup.seeds[0], 60)
    counts = [int((labels == label).sum()) for label in range(10)]
    assert [image is not None for image in shown.images] == [
        place < counts[label] for label in range(10) for place in range(2)
    ]
    # σ_min is 0.05 of 2, six bytes: of 64 pixels none is beyond five deviations.
    assert max(distance(image).min() for image in shown.images if image is not None) < 5 * 0.05 / 2 * 255 + 1


def test_the_page_is_drawn_from_the_document(board):
    pytest.importorskip("matplotlib", reason="plots need the extra `publish`")
    files = render_files(type(board).validate(board.model_dump(mode="json")), "x")
    assert "samples-1-digits.svg" in files
    assert "samples-2-ring.svg" not in files
