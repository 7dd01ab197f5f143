"""How often a screen of `harness recommend` has a line whose interval misses the truth, where all designs are equal.

    python benchmarks/recommendation_lines.py --repetitions 400

The best design, and the best design of each other choice, are chosen by the values that their intervals come from. Each
repetition draws designs of a space as the shipped one, crossed, whose ln of the metric differ by noise alone: of seeds,
of trainings, and of designs. A screen misses where the interval of any line is without 0. Seconds.
"""

import argparse
import itertools

import numpy as np

from harness.racing.evidence import ALPHA
from harness.results.statistics.comparisons import Compared

CHOICES = (5, 2, 4, 4)
"""Weightings, preconditionings, grids, samplers: 160 designs."""

TRAINED = 2
"""How many of these axes a training takes."""

SEED, TRAINING, DESIGN = 0.1, 0.05, 0.05
"""Deviations of ln of the metric."""


def drawn(rng, seeds):
    """Return values of all designs, shape (n, seeds), and what is trained for each."""
    designs = list(itertools.product(*map(range, CHOICES)))
    trained = {design[:TRAINED]: rng.normal(0, TRAINING, seeds) for design in designs}
    own = [trained[design[:TRAINED]] + rng.normal(0, DESIGN, seeds) for design in designs]
    return designs, np.exp(np.array(own) + rng.normal(0, SEED, seeds))


def misses(designs, values, looks):
    """Tell whether a line misses: that of the best design of another choice, or of the first design, the default."""
    best = int(values.mean(1).argmin())
    lines = 1 + sum(choices - 1 for choices in CHOICES)
    networks = [design[:TRAINED] for design in designs]
    found = Compared.of(values, np.zeros_like(values), networks).differences(best, ALPHA / looks / lines)
    others = [(axis, choice) for axis, n in enumerate(CHOICES) for choice in range(n) if choice != designs[best][axis]]
    cheapest = [
        min((i for i, design in enumerate(designs) if design[axis] == choice), key=lambda i: found.value[i])
        for axis, choice in others
    ]
    return any(not found.low[i] <= 0 <= found.high[i] for i in (0, *cheapest))


def main():
    """Print a line for each number of looks."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    screens = [drawn(rng, options.seeds) for _ in range(options.repetitions)]
    for looks in (1, 3, 6):
        rate = np.mean([misses(*screen, looks) for screen in screens])
        print(f"{looks} looks: {rate:.1%} of {options.repetitions} screens with {options.seeds} seeds have such a line")


if __name__ == "__main__":
    main()
