"""Do rank sets cover the true rank, and how wide are they? Prints one table.

    python benchmarks/rank_coverage.py [--repetitions 1000]
    python benchmarks/rank_coverage.py --held-out [--repetitions 1000] [--markdown]

Each population of methods is simulated with seed effects that the methods share (common random numbers) and
errors of very different size, on a logarithmic scale unless it says otherwise. The true rank is that of the
expected metric. For each way of making 95 % sets: coverage over all rows, coverage of the truly best row (the
hardest), and mean width in ranks. All figures are in per cent but the width.

With --held-out the metric is a mean over held-out points that all methods and seeds share, compared by differences,
and points are drawn anew in each repetition, as the networks are: y_is = μ_i + a_is + mean over points x of
(b_x + c_ix + e_isx). The points' own part b_x is 10 times what methods differ by and cancels in their differences.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr
from tabulate import tabulate

from harness.metrics import GROUPS, group_means
from harness.results.statistics.comparisons import holm, rank_sets
from harness.results.statistics.scales import Scale
from harness.results.statistics.variances import prior_variance

Sets = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Population:
    """One simulated leaderboard: values (n, S), the expected value of each row, and its network.

    `points` are the means over groups of held-out points, (n, S, G), where a population has them.
    """

    values: np.ndarray
    expected: np.ndarray
    networks: np.ndarray
    points: np.ndarray | None = None


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


# Means over held-out points


POINTS = 359
"""Held-out points: those of the digits."""


def untrained(n: int, seeds: int, rng: np.random.Generator) -> Population:
    """Exact denoisers: nothing varies over seeds, and the points are all there is to doubt."""
    return _over_points(rng.normal(0, 0.5, n), np.zeros(n), np.full(n, 1.0), seeds, rng)


def near(n: int, seeds: int, rng: np.random.Generator) -> Population:
    """Near ties, whose errors over points and over seeds are of like size."""
    return _over_points(rng.normal(0, 0.3, n), 0.1 * np.exp(rng.normal(0, 0.5, n)), np.full(n, 2.0), seeds, rng)


def by_training(n: int, seeds: int, rng: np.random.Generator) -> Population:
    """Six trained networks, each with several samplers: what is wrong with a network is so in all of its rows."""
    return _over_points(rng.normal(0, 0.3, n), np.full(n, 0.02), np.full(n, 1.0), seeds, rng, network=0.2)


def over_magnitudes(n: int, seeds: int, rng: np.random.Generator) -> Population:
    """Excesses over three orders of magnitude; both errors grow with them."""
    excess = np.exp(rng.normal(0, 2, n))
    return _over_points(excess, 0.1 * excess, excess, seeds, rng)


def skewed(n: int, seeds: int, rng: np.random.Generator) -> Population:
    """Deviations at points as heavy as a χ² of one degree of freedom."""
    return _over_points(rng.normal(0, 0.3, n), np.full(n, 0.05), np.full(n, 2.0), seeds, rng, heavy=True)


def _over_points(
    location: np.ndarray,
    seed: np.ndarray,
    point: np.ndarray,
    seeds: int,
    rng: np.random.Generator,
    network: float = 0.0,
    heavy: bool = False,
) -> Population:
    """Make values of rows at a location with deviations over seeds, (n,), and over points, (n,)."""
    n = len(location)
    networks = rng.integers(0, 6, n)

    def drawn(*shape: int) -> np.ndarray:
        return (rng.chisquare(1, shape) - 1) / 2**0.5 if heavy else rng.normal(size=shape)

    own = 10 * rng.standard_gamma(2, POINTS) + point[:, None] * drawn(n, POINTS)
    own += 5 * network * rng.normal(size=(6, POINTS))[networks]
    shift = location[:, None] + seed[:, None] * rng.normal(size=(n, seeds))
    shift += network * rng.normal(size=(6, seeds))[networks]
    # The points of a group are means of independent numbers: so is what a seed adds at each.
    means = np.array([group_means(row) for row in own])
    means = means[:, None, :] + shift[:, :, None]
    apart = 0.5 * point[:, None, None] * rng.normal(size=means.shape) * (GROUPS / POINTS) ** 0.5
    means = means + apart * (seed > 0)[:, None, None]
    return Population(means.mean(2), location, networks, means)


def bootstrap(population: Population) -> Sets:
    """Percentiles of the rank over 500 resamples of the seeds."""
    rng = np.random.default_rng(1)
    seeds = population.values.shape[1]
    means = population.values[:, rng.integers(0, seeds, (500, seeds))].mean(-1).T
    ranks = means.argsort(1).argsort(1) + 1
    return np.percentile(ranks, 2.5, axis=0), np.percentile(ranks, 97.5, axis=0)


def paired(population: Population) -> Sets:
    """Paired t tests, Holm's correction."""
    mean, variance = _pairs(Scale.of(population.values, "ratio")(population.values))
    return _from_tests(mean, variance, population.values.shape[1] - 1, population.values.shape[1])


def moderated_pairs(population: Population) -> Sets:
    """Paired t tests whose variances are moderated over all pairs, Holm's correction."""
    seeds = population.values.shape[1]
    mean, variance = _pairs(Scale.of(population.values, "ratio")(population.values))
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
    sets = rank_sets(population.values, np.zeros_like(population.values), population.networks.tolist())
    return sets.low, sets.high


def seeds_alone(population: Population) -> Sets:
    """`rank_sets` by differences, that does not know of the points; their errors where seeds agree."""
    return _by_differences(population, None)


def seeds_and_points(population: Population) -> Sets:
    """`rank_sets` by differences, as a leaderboard by `nll-bound` is ranked."""
    return _by_differences(population, population.points)


def points_alone(population: Population) -> Sets:
    """Paired t tests over the groups of points, of the means over seeds; Holm's correction."""
    assert population.points is not None
    mean, variance = _pairs(population.points.mean(1))
    return _from_tests(mean, variance, GROUPS - 1, GROUPS)


def _by_differences(population: Population, points: np.ndarray | None) -> Sets:
    assert population.points is not None
    errors = population.points.std(2, ddof=1) / GROUPS**0.5
    sets = rank_sets(
        *(population.values, errors, population.networks.tolist()), compared_by="difference", groups=points
    )
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
    "rank_sets, networks": ours_grouped,
}
HELD_OUT: dict[str, Callable[[Population], Sets]] = {
    "seeds alone": seeds_alone,
    "points alone": points_alone,
    "rank_sets": seeds_and_points,
}
POPULATIONS = {
    12: [near_tied, mixed_scale, clustered, networks, opposed, near_zero],
    60: [mixed_scale, clustered, networks, opposed, near_zero],
    120: [mixed_scale, clustered, networks, opposed, near_zero],
}


BY_POINTS = [untrained, near, by_training, over_magnitudes, skewed]


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


RATIOS = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Variance over seeds relative to that over points, of a mean over three seeds."""


def told_apart(sets: Callable[[Population], Sets], ratio: float, seeds: int, repetitions: int) -> float:
    """Return how often two designs of equal expectation are told apart: 5 % is what a test at 95 % may."""
    rng, found = np.random.default_rng(1), []
    seed = np.full(2, (ratio * 3 / POINTS) ** 0.5)
    for _ in range(repetitions):
        low, high = sets(_over_points(np.zeros(2), seed, np.ones(2), seeds, rng))
        found.append((low > 1) | (high < 2))
    return float(np.mean(found))


def ties(repetitions: int, form: str) -> str:
    """Return the table of equal designs that are told apart."""
    rows = [
        [f"{ratio:g}", str(seeds)]
        + [f"{100 * told_apart(sets, ratio, seeds, repetitions):.1f}" for sets in HELD_OUT.values()]
        for ratio in RATIOS
        for seeds in (2, 3, 5)
    ]
    return tabulate(rows, ["seeds/points", "seeds", *HELD_OUT], tablefmt=form, disable_numparse=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--held-out", action="store_true", help="means over held-out points")
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    repetitions, methods = given.repetitions, HELD_OUT if given.held_out else METHODS
    rows = []
    for n, makers in dict.fromkeys((12, 60), BY_POINTS).items() if given.held_out else POPULATIONS.items():
        for make in makers:
            for seeds in (1, 3, 5) if given.held_out else (3, 5, 10):
                row: list[object] = [make.__name__.replace("_", " "), n, seeds]
                for sets in methods.values():
                    everyone, best, width = coverage(make, sets, n, seeds, max(repetitions * 12 // n, 20))
                    row.append(f"{100 * everyone:.1f} {100 * best:5.1f} {width:5.1f}")
                rows.append(row)
    print("each cell: coverage of all rows, coverage of the best row, mean width")
    heads = ["population", "rows", "seeds", *methods]
    form = "github" if given.markdown else "simple"
    print(tabulate(rows, heads, tablefmt=form, disable_numparse=True))
    if given.held_out:
        print(f"\ntwo designs of equal expectation, told apart, %, by variance\n{ties(repetitions, form)}")


if __name__ == "__main__":
    main()
