"""What mixed precision costs in accuracy: gradients and losses with `autocast = "bfloat16"` against float32.

    python benchmarks/autocast.py [--steps 100] [--target digits] [--networks mlp unet:channels=8]

The gradient is that of one batch of 64 images at parameters away from their start, as a norm of the difference over the
norm. The loss is the mean of a training's last tenth, the same data and noise in both; beside it that of another seed,
to see what such a difference means. Milliseconds are of the processor, for one training step.
"""

from __future__ import annotations

import argparse
import time

import torch
from tabulate import tabulate

from harness.engine.adam import Stack, train
from harness.engine.courses import Learner, LevelTable
from harness.engine.laws import distribution
from harness.engine.levels import table_levels
from harness.networks import TrainableNetwork
from harness.registry.discovery import load
from harness.targets import Distribution, Target
from harness.trainers import Adam
from harness.weightings import Weighting

BATCH = 64

NETWORKS = ["mlp", "unet:channels=8", "ddpmpp:channels=8", "dit:width=32,depth=2,heads=2"]


def gradient(network: TrainableNetwork, law: Distribution, trainer: Adam) -> torch.Tensor:
    """Return the gradient of one batch, shape (parameters,)."""
    generator = torch.Generator().manual_seed(1)
    stack = Stack(network, law.data, [0], trainer)
    stack.roughen([0])
    clean = law.sample(BATCH, generator).float()[None]
    sigma = torch.logspace(-1.3, 1.3, BATCH)[None]
    noise = torch.randn(clean.shape, generator=generator)
    stack.differentiate(clean, noise, sigma, torch.ones_like(sigma))
    return stack.gradient()[0].clone()


def trained(
    network: TrainableNetwork, law: Distribution, weighting: Weighting, seed: int, trainer: Adam, steps: int
) -> tuple[float, float]:
    """Return the loss at the end of a training, and milliseconds of the processor for a step."""
    levels = table_levels(trainer.sigma_min, trainer.sigma_max)
    table = LevelTable(weighting.density(levels, law.sigma_data), weighting.omega(levels, law.sigma_data))
    start = time.process_time()
    ((snapshot,),) = train(network, law, [Learner(weighting, table, seed)], trainer, [steps])
    return snapshot.loss, 1e3 * (time.process_time() - start) / steps


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--target", default="digits")
    options = parser.parse_args()
    torch.set_num_threads(1)
    registry = load()
    (target,), (weighting,) = registry.parse("target", options.target), registry.parse("weighting", "edm")
    assert isinstance(target, Target)
    assert isinstance(weighting, Weighting)
    law, rows = distribution(target), []
    for name in options.networks:
        (network,) = registry.parse("network", name)
        assert isinstance(network, TrainableNetwork)
        single, mixed = (Adam(batch_size=BATCH, ema_decay=0.9, autocast=word) for word in (None, "bfloat16"))
        exact, rounded = (gradient(network, law, trainer) for trainer in (single, mixed))
        apart = float((rounded - exact).norm() / exact.norm())
        runs = [(0, single), (0, mixed), (1, single)]
        found = [trained(network, law, weighting, seed, trainer, options.steps) for seed, trainer in runs]
        losses, took = zip(*found, strict=True)
        rows.append([f"`{name}`", f"{apart:.2%}", *(f"{loss:.4f}" for loss in losses), *(f"{t:.0f}" for t in took[:2])])
    headers = ["network", "gradient apart", "loss, float32", "loss, mixed", "float32, other seed", "ms", "ms, mixed"]
    print(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
