"""How often the number of seeds that a leaderboard names is enough: half of the ties with the best row are told apart.

Rows are drawn from populations of true means, with a common effect of each seed and scatter of its own. From the first
seeds the number is read (`harness.results.power.settling`); then so many are there, the first among them (extended) or
all of them new (fresh).

    python benchmarks/seeds_needed.py --repetitions 200
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from harness.results.power import settling
from harness.results.statistics.comparisons import Compared, holm

SCATTER, COMMON = 0.15, 0.3
"""Standard deviations of ln metric over seeds: of a row of its own (times e^0.3ξ), and of all rows together."""

POPULATIONS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal, as wide as seeds scatter": lambda rng, n: rng.normal(0, SCATTER, n),
    "normal, four times as wide": lambda rng, n: rng.normal(0, 4 * SCATTER, n),
    "uniform, ten times as wide": lambda rng, n: rng.uniform(0, 10 * SCATTER, n),
    "a quarter equal and best": lambda rng, n: np.where(np.arange(n) < n // 4, 0.0, rng.uniform(0.5, 2, n)),
    "all equal": lambda rng, n: np.zeros(n),
}
"""True means of ln metric of n rows, smaller is better."""


@dataclass
class Told:
    """What became of the repetitions in which the best row had ties."""

    tied: int = 0
    named: list[int] = field(default_factory=list)
    extended: list[bool] = field(default_factory=list)
    fresh: list[bool] = field(default_factory=list)


def simulate(population: str, rows: int, seeds: int, repetitions: int, rng: np.random.Generator) -> Told:
    """Return what was named and whether it was enough."""
    told = Told()
    for _ in range(repetitions):
        truth = POPULATIONS[population](rng, rows)
        scatter = SCATTER * np.exp(rng.normal(0, 0.3, rows))
        first = _draw(truth, scatter, seeds, rng)
        found = _compared(first)
        needed = settling(found)
        if needed is None or not needed.ties:
            continue
        told.tied += 1
        if needed.seeds_for_half is None:
            continue
        best = int(np.argmin(found.means))
        ties = ~holm(found.p_values(best), best)
        ties[best] = False
        told.named.append(needed.seeds_for_half)
        more = _draw(truth, scatter, needed.seeds_for_half - seeds, rng)
        told.extended.append(_half_told(np.concatenate([first, more], 1), best, ties))
        told.fresh.append(_half_told(_draw(truth, scatter, needed.seeds_for_half, rng), best, ties))
    return told


def _draw(truth: np.ndarray, scatter: np.ndarray, seeds: int, rng: np.random.Generator) -> np.ndarray:
    own = scatter[:, None] * rng.normal(size=(len(truth), seeds))
    return np.exp(truth[:, None] + rng.normal(0, COMMON, seeds) + own)


def _compared(values: np.ndarray) -> Compared:
    return Compared.of(values, np.zeros_like(values))


def _half_told(values: np.ndarray, best: int, ties: np.ndarray) -> bool:
    return bool(holm(_compared(values).p_values(best), best)[ties].mean() >= 0.5)


def main() -> None:
    """Print a line for each population, number of rows and number of first seeds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repetitions", type=int, default=200)
    repetitions = parser.parse_args().repetitions
    rng = np.random.default_rng(0)
    print("| population | rows | seeds | with ties | number named | median (10–90 %) | extended | fresh |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for population in POPULATIONS:
        for rows, seeds in ((12, 3), (60, 3), (30, 5)):
            told = simulate(population, rows, seeds, repetitions, rng)
            counts = f"{population} | {rows} | {seeds} | {told.tied} | {len(told.named)}"
            low, median, high = np.quantile(told.named, [0.1, 0.5, 0.9]) if told.named else (np.nan,) * 3
            shares = " | ".join(f"{100 * np.mean(each):.0f} %" for each in (told.extended, told.fresh))
            print(f"| {counts} | {median:.0f} ({low:.0f}–{high:.0f}) | {shares} |", flush=True)


if __name__ == "__main__":
    main()
