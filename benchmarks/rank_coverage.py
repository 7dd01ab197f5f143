"""Do rank sets cover the true rank, and how wide are they? Prints one table.

    python benchmarks/rank_coverage.py [--repetitions 1000]

Each population of methods is simulated with seed effects that the methods share (common random numbers) and
errors of very different size, on a logarithmic scale unless it says otherwise. The true rank is that of the
expected metric. For each way of making 95 % sets: coverage over all rows, coverage of the truly best row (the
hardest), and mean width in ranks. All figures are in per cent but the width.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr
from tabulate import tabulate

from harness.results.statistics import holm, prior_variance, rank_sets, stabilised

Sets = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Population:
    """One simulated leaderboard: values (n, S), the expected value of each row, and its group."""

    values: np.ndarray
    expected: np.ndarray
    groups: np.ndarray


def near_tied(n: int, seeds: int, rng: np.random.Generator) -> Population:
    """Hardly different methods whose errors differ by factors of two."""
    return _lognormal(rng.normal(0, 0.05, n), 0.1 * np.exp(rng.normal(0, 0.7, n)), 0.0, seeds, rng)


def mixed_scale(n: int, seeds: int, rng: np.random.Generator) -> Population:
    """Metrics over an order of magnitude, six networks whose seeds matter as much as the rest."""
    return _lognormal(rng.normal(0, 1, n), 0.1 * np.exp(rng.normal(0, 0.7, n)), 0.1, seeds, rng)


def clustered(n: int, seeds: int, rng: np.random.Generator) -> Population:
    """Clusters of near ties, errors with heavy tails."""
    centre = rng.normal(0, 1, max(3, n // 15))
    location = centre[rng.integers(0, len(centre), n)] + rng.normal(0, 0.05, n)
    return _lognormal(location, 0.05 * np.exp(rng.normal(0, 0.7, n)), 0.1, seeds, rng, tails=4)


def networks(n: int, seeds: int, rng: np.random.Generator) -> Population:
    """Training decides: rows of a network move together by far more than they move apart."""
    return _lognormal(rng.normal(0, 0.5, n), 0.03 * np.exp(rng.normal(0, 0.5, n)), 0.3, seeds, rng)


def opposed(n: int, seeds: int, rng: np.random.Generator) -> Population:
    """A seed that is good for some is bad for others."""
    loading = rng.normal(0, 1, n)
    return _lognormal(rng.normal(0, 0.3, n), np.full(n, 0.05), 0.0, seeds, rng, loading=loading)


def near_zero(n: int, seeds: int, rng: np.random.Generator) -> Population:
    """Estimates of a divergence, some of them negative: additive noise 0.01 and 10 % of the value."""
    expected = 0.02 * np.exp(rng.normal(0, 1.5, n))
    noise = 0.01 * rng.normal(size=(n, seeds)) + 0.1 * expected[:, None] * rng.normal(size=(n, seeds))
    values = expected[:, None] * np.exp(rng.normal(0, 0.05, seeds)) + noise
    return Population(values, expected, np.zeros(n, dtype=int))


def _lognormal(
    location: np.ndarray,
    scale: np.ndarray,
    shared: float,
    seeds: int,
    rng: np.random.Generator,
    tails: int = 0,
    loading: np.ndarray | None = None,
) -> Population:
    n = len(location)
    if loading is None:
        loading = rng.normal(1, 0.3, n)
    groups = rng.integers(0, 6, n)
    error = rng.normal(size=(n, seeds))
    if tails:
        error = rng.standard_t(tails, (n, seeds)) / np.sqrt(tails / (tails - 2))
    log = location[:, None] + np.outer(loading, rng.normal(0, 0.2, seeds)) + scale[:, None] * error
    log += shared * rng.normal(size=(6, seeds))[groups]
    expected = location + 0.5 * (0.04 * loading**2 + scale**2 + shared**2)
    return Population(np.exp(log), expected, groups)


def bootstrap(population: Population) -> Sets:
    """Percentiles of the rank over 500 resamples of the seeds."""
    rng = np.random.default_rng(1)
    seeds = population.values.shape[1]
    means = population.values[:, rng.integers(0, seeds, (500, seeds))].mean(-1).T
    ranks = means.argsort(1).argsort(1) + 1
    return np.percentile(ranks, 2.5, axis=0), np.percentile(ranks, 97.5, axis=0)


def paired(population: Population) -> Sets:
    """Paired t tests, Holm's correction."""
    mean, variance = _pairs(stabilised(population.values))
    return _from_tests(mean, variance, population.values.shape[1] - 1, population.values.shape[1])


def moderated_pairs(population: Population) -> Sets:
    """Paired t tests whose variances are moderated over all pairs, Holm's correction."""
    seeds = population.values.shape[1]
    mean, variance = _pairs(stabilised(population.values))
    upper = variance[np.triu_indices(len(mean), 1)]
    scale, prior = prior_variance(upper, np.full(upper.size, seeds - 1))
    weight = min(prior, 1e6)
    moderate = (weight * scale + (seeds - 1) * variance) / (weight + seeds - 1)
    return _from_tests(mean, moderate, weight + seeds - 1, seeds)


def ours(population: Population) -> Sets:
    """`harness.results.statistics.rank_sets`, knowing nothing of groups."""
    sets = rank_sets(population.values, np.zeros_like(population.values))
    return sets.low, sets.high


def ours_grouped(population: Population) -> Sets:
    """`harness.results.statistics.rank_sets` with the network of each row."""
    sets = rank_sets(population.values, np.zeros_like(population.values), population.groups.tolist())
    return sets.low, sets.high


def _pairs(values: np.ndarray) -> Sets:
    difference = values[None, :] - values[:, None]
    return difference.mean(-1), difference.var(-1, ddof=1)


def _from_tests(mean: np.ndarray, variance: np.ndarray, freedom: float, seeds: int) -> Sets:
    p = 2 * stdtr(freedom, -np.abs(mean) / np.sqrt(variance / seeds + 1e-300))
    significant = np.array([holm(row, i) for i, row in enumerate(p)])
    return 1 + (significant & (mean < 0)).sum(1), len(mean) - (significant & (mean > 0)).sum(1)


METHODS: dict[str, Callable[[Population], Sets]] = {
    "bootstrap": bootstrap,
    "paired t": paired,
    "moderated pairs": moderated_pairs,
    "rank_sets": ours,
    "rank_sets, groups": ours_grouped,
}
POPULATIONS = {
    12: [near_tied, mixed_scale, clustered, networks, opposed, near_zero],
    60: [mixed_scale, clustered, networks, opposed, near_zero],
    120: [mixed_scale, clustered, networks, opposed, near_zero],
}


def coverage(
    make: Callable[[int, int, np.random.Generator], Population],
    sets: Callable[[Population], Sets],
    n: int,
    seeds: int,
    repetitions: int,
) -> tuple[float, float, float]:
    """Return the coverage over all rows, that of the best row, and the mean width in ranks."""
    rng = np.random.default_rng(0)
    everyone, best, width = [], [], []
    for _ in range(repetitions):
        population = make(n, seeds, rng)
        low, high = sets(population)
        rank = population.expected.argsort().argsort() + 1
        covered = (low <= rank) & (rank <= high)
        everyone.append(covered.mean())
        best.append(covered[rank == 1][0])
        width.append((high - low + 1).mean())
    return float(np.mean(everyone)), float(np.mean(best)), float(np.mean(width))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000)
    repetitions = parser.parse_args().repetitions
    rows = []
    for n, makers in POPULATIONS.items():
        for make in makers:
            for seeds in (3, 5, 10):
                row: list[object] = [make.__name__, n, seeds]
                for sets in METHODS.values():
                    everyone, best, width = coverage(make, sets, n, seeds, max(repetitions * 12 // n, 20))
                    row.append(f"{100 * everyone:.1f} {100 * best:5.1f} {width:5.1f}")
                rows.append(row)
    print("each cell: coverage of all rows, coverage of the best row, mean width")
    print(tabulate(rows, ["population", "rows", "seeds", *METHODS]))


if __name__ == "__main__":
    main()
