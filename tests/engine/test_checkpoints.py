"""Checkpoints: every parameter and buffer comes back, or the run ends."""

import pytest
import torch

from harness.blobs import Blob, BlobFolder
from harness.data_spec import DataSpec
from harness.engine.adam import train
from harness.engine.checkpoints import write_state
from harness.engine.courses import Learner, LevelTable
from harness.engine.denoisers import denoiser_from_checkpoint
from harness.engine.jobs import TrainedNetwork
from harness.engine.levels import table_levels
from harness.errors import DiskError
from harness.networks import TrainableNetwork
from harness.trainers import Adam
from harness.weightings import Weighting


class Flat(Weighting):
    name = "flat"

    def omega(self, sigma, sigma_data):
        return torch.ones_like(sigma)


class Hidden(TrainableNetwork):
    """A network with random frequencies that are no part of its state, and a number of no dimension."""

    name = "hidden"

    def module(self, data):
        return HiddenModule(data.dim)


class HiddenModule(torch.nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.linear = torch.nn.Linear(dim + 3, dim)
        self.scale = torch.nn.Parameter(torch.tensor(0.5))
        self.register_buffer("frequencies", torch.randn(3), persistent=False)

    def forward(self, x, sigma):
        waves = (sigma.log()[:, None] * self.frequencies).cos()
        return self.scale * self.linear(torch.cat([x, waves], 1))


@pytest.fixture
def trained(registry, tmp_path):
    """A trained network with seed 1, its snapshot, and where it lies."""
    law = registry.parse("target", "ring")[0].distribution()
    levels = table_levels(0.05, 20.0)
    learner = Learner(Flat(), LevelTable(1 / levels, torch.ones_like(levels)), 1)
    ((snapshot,),) = train(Hidden(), law, [learner], Adam(batch_size=32, learning_rate=1e-2, ema_decay=0.5), (10,))
    blobs = BlobFolder(tmp_path)
    return snapshot, TrainedNetwork(Hidden(), Blob(write_state(blobs, snapshot.state), blobs))


def test_a_checkpoint_brings_back_every_parameter_and_buffer(trained):
    snapshot, network = trained
    x, sigma = torch.randn(5, 2), 0.7
    state = snapshot.state
    waves = (torch.full((5, 1), sigma).log() * state["frequencies"]).cos()
    expected = torch.cat([x, waves], 1) @ state["linear.weight"].T + state["linear.bias"]
    assert torch.allclose(
        denoiser_from_checkpoint(network, DataSpec((2,), 1.0))(x, sigma), state["scale"] * expected, rtol=1e-5
    )


def test_a_checkpoint_that_changed_ends_the_run(trained):
    # Not the rows: they would stay failed when the next run has trained the network again.
    _, network = trained
    path = network.blob.place.file(network.blob.sha256)
    path.write_bytes(path.read_bytes()[:-1])
    denoiser_from_checkpoint.cache_clear()  # the same content may have been read before, whole
    with pytest.raises(DiskError, match="damaged: run the command again"):
        denoiser_from_checkpoint(network, DataSpec((2,), 1.0))
