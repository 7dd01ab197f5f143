"""Do several sampling streams of one network differ from one stream of as many samples?

    python benchmarks/streams.py [--repetitions 400] [--markdown]

Given the network, samples are independent, whichever stream they come from. A generator stands for the network: the
ring with modes a quarter wider. Each repetition measures it in three ways that take the same work: K streams of n
samples, each against n points of the law, averaged; one stream of K n samples against K n points; and, as where the
points are those of a data set, one of K n samples against n points. It prints mean and standard deviation of each way,
and of one stream of n.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from harness_metrics import Energy, SlicedWasserstein, UnbiasedEnergy
from harness_synthetic.targets import Ring
from torch import Tensor

SAMPLES, STREAMS = 200, 4
WIDER = 1.25
SIGMA_MIN = 0.05


def law(count: int, generator: torch.Generator, wider: float = 1.0) -> Tensor:
    """Draw points of the ring noised to σ_min, with wider modes, shape (count, 2)."""
    target = Ring()
    points = target.distribution().sample(count, generator)
    noise = torch.randn(points.shape, generator=generator, dtype=points.dtype)
    own = SIGMA_MIN**2 + (wider**2 - 1) * (SIGMA_MIN**2 + target.std**2)
    return points + own**0.5 * noise


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--markdown", action="store_true", help="print a table for the docs")
    options = parser.parse_args()
    generator = torch.Generator().manual_seed(0)
    metrics = {m.name: m for m in (SlicedWasserstein(), Energy(points=10**6), UnbiasedEnergy(points=10**6))}
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(options.repetitions):
        drawn = law(STREAMS * SAMPLES, generator, WIDER)
        points = law(STREAMS * SAMPLES, generator)
        pairs = list(zip(drawn.split(SAMPLES), points.split(SAMPLES), strict=True))
        for name, metric in metrics.items():
            ways = {
                f"one of {SAMPLES}": pairs[:1],
                f"{STREAMS} streams of {SAMPLES}": pairs,
                f"one of {STREAMS * SAMPLES}": [(drawn, points)],
                f"{STREAMS} streams, the same {SAMPLES} points": [(x, pairs[0][1]) for x, _ in pairs],
                f"one of {STREAMS * SAMPLES}, {SAMPLES} points": [(drawn, pairs[0][1])],
            }
            for way, each in ways.items():
                value = float(np.mean([metric.compare(x, y).value for x, y in each]))
                found.setdefault((name, way), []).append(value)
    if options.markdown:
        print("| metric | samples | mean | standard deviation |\n| --- | --- | ---: | ---: |")
    for (name, way), values in found.items():
        told = f"{np.mean(values):.4g} | {np.std(values):.2g}"
        print(f"| `{name}` | {way} | {told} |" if options.markdown else f"{name}, {way}: {told}")


if __name__ == "__main__":
    main()
