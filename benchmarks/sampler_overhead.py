"""What the sampling stage costs above a bare loop, per evaluation of the denoiser.

One process, one thread, one network (3 hidden layers of 128). Each round times the bare loop, `generate` and
the bare loop again, on the same grid and batch, in an order that rotates: the ratio of a round is free of
slow changes in the machine's load. Time is the process's own (CPU seconds). Aim: a median of at most 1.05 at
batch 4096. The column "null" is the bare loop against itself: what the ratio's spread is worth.

    python benchmarks/sampler_overhead.py [--rounds 31] [--batch 4096] [--steps 20]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from harness_karras.networks import Mlp
from harness_karras.samplers import Heun
from harness_lu.samplers import DPMpp2M
from harness_song.samplers import Ancestral, Euler
from tabulate import tabulate
from torch import nn

from harness.data_spec import DataSpec
from harness.engine.denoisers import denoiser_from_module
from harness.engine.sampling import generate, kernel_variances
from harness.running.memory import keep_freed_memory
from harness.samplers import Sampler


@torch.inference_mode()
def bare(module: nn.Module, sampler: Sampler, sigmas: list[float], batch: int, dim: int) -> None:
    """The shortest loop that does the sampler's work: no stream, no checks, no contract."""
    x = sigmas[0] * torch.randn(batch, dim)
    before, h_before = None, 1.0
    for sigma, after in pairwise(sigmas):
        kept = after / sigma
        denoised = module(x, torch.full((batch,), sigma))
        if isinstance(sampler, Euler):
            x = kept * x + (1 - kept) * denoised
        elif isinstance(sampler, Ancestral):
            spread = after * (sigma**2 - after**2) ** 0.5 / sigma
            x = kept**2 * x + (1 - kept**2) * denoised + spread * torch.randn(batch, dim)
        elif isinstance(sampler, DPMpp2M):
            h = -np.log(kept).item()
            guess = denoised if before is None else denoised + h / (2 * h_before) * (denoised - before)
            before, h_before = denoised, h
            x = kept * x + (1 - kept) * guess
        else:
            slope = (x - denoised) / sigma
            predicted = x + (after - sigma) * slope
            slope_after = (predicted - module(predicted, torch.full((batch,), after))) / after
            x = x + (after - sigma) / 2 * (slope + slope_after)


def seconds(work: Callable[[], None]) -> float:
    """Return the CPU seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def rounds_of(works: list[Callable[[], None]], rounds: int) -> np.ndarray:
    """Return the seconds of each work in each round, shape (rounds, works)."""
    for work in works:
        work()
    taken = np.empty((rounds, len(works)))
    for index in range(rounds):
        for place in range(len(works)):
            chosen = (place + index) % len(works)
            taken[index, chosen] = seconds(works[chosen])
    return taken


def spread(ratios: np.ndarray) -> str:
    """Return the median and the quartiles."""
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    return f"{middle:.3f} [{low:.3f}, {high:.3f}]"


def row(sampler: Sampler, dim: int, batch: int, steps: int, rounds: int) -> list[str]:
    """Measure one sampler at one dimension."""
    torch.manual_seed(0)
    module = Mlp().module(DataSpec((dim,), 1.0))
    sigmas = np.geomspace(20.0, 0.05, steps + 1)
    levels = sigmas.tolist()
    variances = kernel_variances(sampler, sigmas, None, None)
    denoiser = denoiser_from_module(module)

    def loop() -> None:
        bare(module, sampler, levels, batch, dim)

    def stage() -> None:
        generate(
            sampler,
            denoiser,
            levels,
            variances,
            seed=0,
            count=batch,
            dim=dim,
            dtype=torch.float32,
            batch=batch,
        )

    base, ours, again = rounds_of([loop, stage, loop], rounds).T
    milliseconds = 1e3 * np.median(base) / (steps * (2 if isinstance(sampler, Heun) else 1))
    return [sampler.name, str(dim), f"{milliseconds:.2f}", spread(again / base), spread(ours / base)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # as every worker does
    rows = [
        row(sampler, dim, options.batch, options.steps, options.rounds)
        for sampler in (Euler(), Ancestral(), DPMpp2M(), Heun())
        for dim in (2, 64)
    ]
    headers = ["sampler", "dim", "bare ms/evaluation", "null [quartiles]", "ratio [quartiles]"]
    print(f"batch {options.batch}, {options.steps} steps, {options.rounds} rounds, one thread")
    print(tabulate(rows, headers, disable_numparse=True))


if __name__ == "__main__":
    main()
