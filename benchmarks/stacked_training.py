"""Stacked training per network against a bare loop with fused Adam, interleaved in one process.

    python benchmarks/stacked_training.py [--width 128] [--batch 256] [--steps 40] [--repeats 7] [--threads 1]

Prints, for each dimension and size of stack, milliseconds per network and step of both, and the ratio (median and
quartiles over the interleaved repeats).
"""

from __future__ import annotations

import argparse
import time

import torch
from bare_loop import median, train_alone
from harness_karras.networks import Mlp
from harness_synthetic import harness_targets

from harness.engine.adam import train
from harness.engine.courses import Learner, LevelTable
from harness.engine.levels import table_levels
from harness.running.memory import keep_freed_memory
from harness.trainers import Adam
from harness.weightings import Weighting


class Flat(Weighting):
    """ω = 1 on a log-uniform density."""

    name = "flat"

    def omega(self, sigma: torch.Tensor, sigma_data: float) -> torch.Tensor:
        """Return ones."""
        return torch.ones_like(sigma)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("width", 128), ("batch", 256), ("steps", 40), ("repeats", 7), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    gaussian = next(cls for cls in harness_targets() if cls.name == "gaussian")
    levels = table_levels(0.05, 20.0)
    trainer, lengths = Adam(batch_size=options.batch, ema_decay=0.99), (options.steps,)
    network = Mlp(width=options.width)
    print(f"{'d':>4} {'stack':>6} {'bare ms':>9} {'stacked ms':>11}   bare/stacked (quartiles)")
    for dim in (2, 64):
        target = gaussian(dim=dim).distribution()
        for size in (1, 4, 9, 16):
            members = [Learner(Flat(), LevelTable(1 / levels, torch.ones_like(levels)), seed) for seed in range(size)]
            bare, stacked = [], []
            for _ in range(options.repeats):
                start = time.perf_counter()
                train_alone(network, target, members[0], trainer, lengths)
                bare.append(time.perf_counter() - start)
                start = time.perf_counter()
                list(train(network, target, members, trainer, lengths))
                stacked.append((time.perf_counter() - start) / size)
            ratios = sorted(b / s for b, s in zip(bare, stacked, strict=True))
            low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
            ms = 1e3 / options.steps
            print(
                f"{dim:>4} {size:>6} {median(bare) * ms:>9.2f} {median(stacked) * ms:>11.2f}"
                f"   {median(ratios):.2f} ({low:.2f}–{high:.2f})"
            )


if __name__ == "__main__":
    main()
