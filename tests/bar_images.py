"""Images of bars with their classes, and networks trained on them: for tests of networks for images."""

import math

import torch
from harness_karras.samplers import Heun

from harness.blobs import Blob, BlobFolder
from harness.engine.adam import train
from harness.engine.checkpoints import write_state
from harness.engine.courses import Learner, LevelTable
from harness.engine.jobs import TrainedNetwork
from harness.engine.levels import table_levels
from harness.engine.sampling import generate
from harness.mixtures import EmpiricalDistribution
from harness.trainers import Adam
from harness.weightings import Weighting


class Flat(Weighting):
    name = "flat"

    def omega(self, sigma, sigma_data):
        return torch.ones_like(sigma)


LEVELS = table_levels(0.05, 10.0)


def bar_images():
    """Images of 1×4×4 pixels: a bright column (class 0) or a bright row (class 1), with a little noise."""
    generator = torch.Generator().manual_seed(0)
    labels, places = torch.arange(240) % 2, torch.randint(4, (240,), generator=generator)
    images = torch.full((240, 1, 4, 4), -1.0, dtype=torch.float64)
    for image, label, place in zip(images, labels, places, strict=True):
        (image[0, place] if label else image[0, :, place]).fill_(1.0)
    images += 0.1 * torch.randn(images.shape, generator=generator, dtype=torch.float64)
    law = EmpiricalDistribution.split(images.flatten(1), "bars", labels=labels)
    law.shape = (1, 4, 4)
    return law


def trained(law, network, steps, seeds=(0,), **changes):
    settings = {"batch_size": 64, "learning_rate": 2e-3, "ema_decay": 0.9, "sigma_min": 0.05, "sigma_max": 10.0}
    table = LevelTable(1 / LEVELS, torch.ones_like(LEVELS))
    learners = [Learner(Flat(), table, seed) for seed in seeds]
    ((*snapshots,),) = train(network, law, learners, Adam(**(settings | changes)), (steps,))
    return snapshots


def stored(network, snapshot, folder):
    blobs = BlobFolder(folder)
    return TrainedNetwork(network, Blob(write_state(blobs, snapshot.state), blobs))


def made(law, denoiser, labels, steps=12, sigma_max=10.0):
    sigmas = torch.logspace(math.log10(sigma_max), math.log10(0.05), steps + 1).tolist()
    return generate(
        *(Heun(), denoiser, sigmas, None),
        seed=0,
        count=len(labels),
        dim=law.dim,
        dtype=torch.float32,
        labels=labels,
    ).samples
