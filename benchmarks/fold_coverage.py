"""Do intervals hold the truth where each seed has a split of its own of 150 rows? Prints one table.

    python benchmarks/fold_coverage.py [--quick] [--repetitions N] [--split own fixed] [--markdown]

A repetition draws 150 rows of a known mixture and makes the intervals of a leaderboard of S seeds: each seed has the
split that `file:folds=5` gives it, its networks know its training rows alone, and it is measured by its own held-out
rows. In place of trained networks stand denoisers of a kernel estimate on four fifths of the training rows, which the
seed chooses: they cost nothing, and differ from seed to seed and from split to split as trained ones do.

The truth of `nll-bound` is known by 400 fresh points a network: of the design, over all data sets of 150 rows (the mean
over all repetitions), and of the very networks of a repetition (the mean over its seeds). That of `sliced-wasserstein`
is its mean over all repetitions. The last column has how far networks of one design differ between data sets: a run on
one data set speaks of designs only as far as that allows.

On the fixed split all seeds have the same 30 held-out rows and the same 90 to train on.

Reference: Bayle et al., arXiv 2007.12671 (intervals by cross-validation cover the error of the networks at hand).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from harness_data.folds import places
from harness_metrics import held_out
from harness_metrics.samples import sliced_wasserstein
from harness_song.samplers import Ancestral
from tabulate import tabulate
from torch import Tensor

from harness.engine.metric_values import reference_sample
from harness.engine.sampling import generate, kernel_function, simulate_function
from harness.metrics import Experiment, Measurement
from harness.mixtures import EmpiricalDistribution, IsotropicMixture
from harness.results.own_points import of_own_points
from harness.results.statistics.intervals import mean_interval

ROWS, FOLDS = 150, 5

SEEDS = (3, 5, 10)
"""Numbers of seeds: part of a partition, one, and two."""

FRESH, NOISED = 400, 240
"""Fresh points of the truth; held-out points times draws of noise."""

PROJECTIONS = 32

GEOMETRIC = np.geomspace(4.0, 0.1, 9)
CUBIC = np.linspace(4.0 ** (1 / 3), 0.1 ** (1 / 3), 9) ** 3

BAND = (0.93, 0.97)
"""Coverage that counts as calibrated."""

LAW = IsotropicMixture(
    torch.tensor([[-1.2, 0.0], [1.0, 0.8], [0.6, -1.0]], dtype=torch.float64),
    0.15,
    torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64),
)


@dataclass(frozen=True)
class Design:
    """The width of a kernel estimate, and a grid."""

    width: float
    sigmas: np.ndarray

    def network(self, law: EmpiricalDistribution, seed: int) -> IsotropicMixture:
        """Return the estimate on four fifths of the training rows."""
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.randperm(len(law.train), generator=generator)[: 4 * len(law.train) // 5]
        return IsotropicMixture(law.train[chosen], self.width**2)


DESIGNS = {"plain": Design(0.3, GEOMETRIC), "wide": Design(0.5, GEOMETRIC), "cubic": Design(0.3, CUBIC)}

COMPARED = {"two networks": ("wide", "plain"), "two grids": ("cubic", "plain")}


@dataclass(frozen=True)
class Seen:
    """What one seed gives: the bound at each held-out point and its mean over fresh ones; and the distance."""

    bounds: Tensor
    truth: float
    distance: Measurement


def drawn(repetition: int) -> Tensor:
    """Return the rows of a repetition."""
    return LAW.sample(ROWS, torch.Generator().manual_seed(repetition))


def law_of(rows: Tensor, folds: int, seed: int) -> EmpiricalDistribution:
    """Return the split that a seed has of the rows; of one fold all have the same."""
    fold = seed if folds > 1 else 0
    law = EmpiricalDistribution.split(rows, "rows", places=places("rows", ROWS, None, folds, fold))
    law.stream = fold
    return law


def seen(law: EmpiricalDistribution, design: Design, seed: int, fresh: Tensor, noise: int) -> Seen:
    """Return what a design gives with one seed; `noise` seeds that of the fresh points, for all designs the same."""
    network, sampler = design.network(law, seed), Ancestral()
    variances = sampler.variances(design.sigmas, None, None)
    reference = reference_sample(law, ROWS, float(design.sigmas[-1]), seed, 0)
    made = generate(
        *(sampler, network.denoise, design.sigmas, variances),
        **{"seed": seed, "count": len(reference), "dim": law.dim, "dtype": torch.float64},
    )
    experiment = Experiment(
        target=law,
        sampler=sampler,
        sigmas=design.sigmas.tolist(),
        samples=made.samples,
        reference=reference,
        simulate=simulate_function(sampler, network.denoise, design.sigmas, variances),
        exact_network=False,
        last_kernel=None,
        budget=None,
        generator=torch.Generator(),
        kernel=kernel_function(sampler, network.denoise, design.sigmas, variances),
    )
    generator = torch.Generator().manual_seed(noise)
    first, second = (torch.randn(fresh.shape, generator=generator, dtype=fresh.dtype) for _ in range(2))
    turning = held_out._turning(first, second, law.sigma_data)
    return Seen(
        held_out.point_bounds(experiment, ROWS, NOISED),
        held_out.path_bound(experiment, fresh, turning).mean().item(),
        sliced_wasserstein(made.samples, reference, PROJECTIONS),
    )


def common(seeds: Sequence[int], folds: int) -> float:
    """Return the share of the reference that two seeds have in common, in the mean."""
    sets = [set(places("rows", ROWS, None, folds, seed if folds > 1 else 0)[0]) for seed in seeds]
    return float(np.mean([len(a & b) / len(a) for i, a in enumerate(sets) for b in sets[i + 1 :]]))


@dataclass(frozen=True)
class Trial:
    """One repetition: the interval, the estimate of the design's truth, and the truth of its own networks."""

    value: float
    low: float
    high: float
    of_networks: float


def interval(measured: Sequence[Measurement], folds: int, *, distance: bool = False) -> tuple[float, float, float]:
    """Return the interval of a leaderboard over seeds."""
    if folds == 1:
        # All seeds have the whole reference in common.
        return mean_interval(measured, 0.0 if distance else -np.inf, 1.0 if distance else 0.0)
    share = common(range(len(measured)), folds)
    known = [m for m in of_own_points(measured, share) if m is not None]
    return mean_interval(known, 0.0 if distance else -np.inf, share)


Setting = tuple[str, str, str, int]
"""Quantity, setting, split, number of seeds."""


SPLITS = ((FOLDS, SEEDS, "own"), (1, (5,), "fixed"))
"""Folds, numbers of seeds, and what a split is called."""


def trials(repetition: int, wanted: Sequence[str]) -> Iterator[tuple[Setting, Trial]]:
    """Yield all intervals of one repetition, by the splits that are wanted."""
    rows = drawn(repetition)
    fresh = LAW.sample(FRESH, torch.Generator().manual_seed(10**7 + repetition))
    for folds, counts, split in (each for each in SPLITS if each[2] in wanted):
        found = {
            name: [
                seen(law_of(rows, folds, seed), design, seed, fresh, 10**6 + 100 * repetition + seed)
                for seed in range(max(counts))
            ]
            for name, design in DESIGNS.items()
        }
        for count in counts:
            own = {name: each[:count] for name, each in found.items()}
            plain = own["plain"]
            bounds = [held_out.mean_over_points(each.bounds) for each in plain]
            truth = float(np.mean([each.truth for each in plain]))
            yield ("nll-bound", "value", split, count), Trial(*interval(bounds, folds), truth)
            for setting, (a, b) in COMPARED.items():
                pairs = list(zip(own[a], own[b], strict=True))
                apart = [held_out.mean_over_points(one.bounds - other.bounds) for one, other in pairs]
                truth = float(np.mean([one.truth - other.truth for one, other in pairs]))
                yield ("nll-bound", setting, split, count), Trial(*interval(apart, folds), truth)
            distances = [each.distance for each in plain]
            yield (
                ("sliced-wasserstein", "value", split, count),
                Trial(*interval(distances, folds, distance=True), np.nan),
            )
            apart = [
                Measurement(one.distance.value - other.distance.value, 0.0)
                for one, other in zip(own["wide"], plain, strict=True)
            ]
            yield ("sliced-wasserstein", "two networks", split, count), Trial(*interval(apart, folds), np.nan)


def lines(found: dict[Setting, list[Trial]]) -> list[list[object]]:
    """Return a line of the table for each setting."""
    table: list[list[object]] = []
    for (quantity, setting, split, seeds), each in found.items():
        low, high = np.array([t.low for t in each]), np.array([t.high for t in each])
        own, values = np.array([t.of_networks for t in each]), np.array([t.value for t in each])
        known = bool(np.isfinite(own).all())
        design = float((own if known else values).mean())
        covered = [share(low, high, design), share(low, high, own) if known else ""]
        apart = f"{own.std(ddof=1):.3g}" if known else ""
        table.append([quantity, setting, split, seeds, *covered, f"{(high - low).mean():.3g}", f"{design:.3g}", apart])
    return table


def share(low: np.ndarray, high: np.ndarray, truth: np.ndarray | float) -> str:
    """Return the coverage in percent with its error; a mark where it is outside the band."""
    p = float(((low <= truth) & (truth <= high)).mean())
    mark = "" if BAND[0] <= p <= BAND[1] else " !"
    return f"{100 * p:.1f} ± {100 * (p * (1 - p) / len(low)) ** 0.5:.1f}{mark}"


HEADS = (
    *("quantity", "setting", "split", "seeds", "coverage of the design, %", "of its networks, %"),
    *("mean width", "truth", "networks differ by"),
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--quick", action="store_true", help="50 repetitions")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--split", nargs="+", choices=["own", "fixed"], default=["own", "fixed"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    start, found = time.monotonic(), dict[Setting, list[Trial]]()
    for repetition in range(50 if options.quick else options.repetitions):
        for setting, trial in trials(repetition, options.split):
            found.setdefault(setting, []).append(trial)
    print(tabulate(lines(found), HEADS, tablefmt="pipe" if options.markdown else "simple", disable_numparse=True))
    print(f"\n{len(next(iter(found.values())))} repetitions, {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
