"""Do the intervals of `nll-bound` and of its paired differences cover the truth? Prints one table.

    python benchmarks/nll_coverage.py [--ranks] [--quick] [--repetitions N] [--markdown]

With --ranks: do rank sets of twelve designs on digits hold the true rank, knowing the seeds alone, and the points too?

What varies between repetitions: the held-out points and their noise; in one setting the networks too. Every repetition
makes an interval as a leaderboard does, `results.statistics.intervals.mean_interval` over the measurements of S seeds.
The paired interval of a difference is that of the values at each point, one less the other
(`harness_metrics.held_out.mean_over_points`); beside its width stands that of one that takes the two for independent.

The truths:

- N(m, diag λ) and affine networks. The bound is a quadratic function of X_0 and the noise: a cubature rule is exact.
- two Gaussians on a line, networks that are not affine: Gauss–Hermite rules.
- digits, small trained networks. The law is taken to be that of a pool, the 718 held-out points with 16 sets of noise
  each, from which points are drawn with replacement: the truth is the pool's mean.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from harness_data.targets import Digits
from harness_karras.networks import Mlp
from harness_metrics import held_out
from harness_song.samplers import Ancestral
from harness_synthetic.targets import Gaussian
from harness_wang.samplers import ExponentialIntegrator
from tabulate import tabulate
from torch import Tensor

from harness.engine.denoisers import denoiser_from_module
from harness.engine.sampling import kernel_function, simulate_function
from harness.metrics import Experiment, Measurement
from harness.mixtures import IsotropicMixture, MixtureDistribution
from harness.results.statistics.comparisons import rank_sets
from harness.results.statistics.intervals import mean_interval
from harness.samplers import Denoiser, GaussianKernelSampler
from harness.targets import Distribution

POINTS = (30, 120, 359, 2048)
"""Numbers of held-out points; 359 are those of the digits."""

DRAWS = 4
"""Draws of noise at a point: those that the metric makes at 1,024 points; fewer than it makes at fewer."""

SETS = 16
"""Sets of noise of each point of the digits' pool."""

SEEDS = 3
"""Networks in the setting where they vary."""

SPREAD = 0.1
"""Standard deviation of what is wrong with a network that varies."""

BAND = (0.93, 0.97)
"""Coverage that counts as calibrated."""

GEOMETRIC = np.geomspace(20.0, 0.05, 13)
CUBIC = np.linspace(20.0 ** (1 / 3), 0.05 ** (1 / 3), 13) ** 3


@dataclass(frozen=True)
class Design:
    """A denoiser, a sampler and a grid."""

    denoiser: Denoiser
    sampler: GaussianKernelSampler
    sigmas: np.ndarray

    def on(self, law: Distribution) -> Experiment:
        """Return the combination; nothing is sampled."""
        variances = self.sampler.variances(self.sigmas, None, None)
        nothing = torch.zeros(1, law.dim, dtype=torch.float64)
        return Experiment(
            target=law,
            sampler=self.sampler,
            sigmas=self.sigmas.tolist(),
            samples=nothing,
            reference=nothing,
            simulate=simulate_function(self.sampler, self.denoiser, self.sigmas, variances),
            exact_network=False,
            last_kernel=None,
            budget=None,
            generator=torch.Generator(),
            kernel=kernel_function(self.sampler, self.denoiser, self.sigmas, variances),
        )


@dataclass(frozen=True)
class Trial:
    """One repetition: the interval, the truth that it should hold, and the width of another interval."""

    low: float
    high: float
    truth: float
    unpaired: float = math.nan

    @classmethod
    def of(cls, truth: float, *seeds: Measurement, unpaired: float = math.nan) -> Trial:
        """Take the interval of a leaderboard over seeds."""
        _, low, high = mean_interval(seeds)
        return cls(low, high, truth, unpaired)


Trials = Iterator[tuple[tuple[str, str, int], Trial]]
"""Interval, setting, number of points; and the trial."""


# Laws whose held-out points are drawn anew


class Redrawn(MixtureDistribution):
    """A mixture whose held-out points, and the noise that is drawn after them, are those of a repetition."""

    repetition = 0

    def held_out(self, n: int, generator: torch.Generator, part: int = 0) -> Tensor:
        """Draw them from a generator that the repetition seeds."""
        generator.manual_seed(10_000 + self.repetition)
        return self.sample(n, generator)


GAUSSIAN = Gaussian(dim=3, condition=25, mean=0.4).distribution()
LINE = MixtureDistribution(
    IsotropicMixture(
        torch.tensor([[-1.0], [1.2]], dtype=torch.float64), 0.25, torch.tensor([0.3, 0.7], dtype=torch.float64)
    )
)


def affine(matrix: Tensor, offset: Tensor) -> Denoiser:
    """Return D = D* + σ(Bw + c) on the Gaussian, w = (x − m)/√(λ + σ²), so that σ²e = ‖B‖² + ‖c‖²."""
    mean, eigenvalues = GAUSSIAN.mean_and_covariance()[0], GAUSSIAN.eigenvalues

    def denoise(x: Tensor, sigma: float) -> Tensor:
        w = (x - mean) / (eigenvalues + sigma**2).sqrt()
        return GAUSSIAN.denoise(x, sigma) + sigma * (w @ matrix.T + offset)

    return denoise


def varying(seed: int) -> Denoiser:
    """Return a network of normal B and c."""
    drawn = SPREAD * torch.randn(4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return affine(drawn[:3], drawn[3])


def bent(size: float) -> Denoiser:
    """Return a wrong network on the line."""
    return lambda x, sigma: LINE.denoise(x, sigma) + size * sigma * torch.sin(x / (1 + sigma))


# Truths


def by_cubature(design: Design) -> float:
    """The bound on the Gaussian: exact for quadratic functions of X_0 and the noise."""
    axes = math.sqrt(6) * torch.eye(6, dtype=torch.float64)
    z, noise = torch.cat([axes, -axes]).split(3, 1)
    clean = GAUSSIAN.mean_and_covariance()[0] + GAUSSIAN.eigenvalues.sqrt() * z
    return held_out.path_bound(design.on(GAUSSIAN), clean, lambda sigma: noise).mean().item()


def by_quadrature(design: Design) -> float:
    """The bound on the line."""
    nodes, weights = map(torch.from_numpy, np.polynomial.hermite_e.hermegauss(140))
    z, noise = (grid.reshape(-1, 1) for grid in torch.meshgrid(nodes, nodes, indexing="ij"))
    weight = torch.outer(weights, weights).reshape(-1) / weights.sum() ** 2
    at, mixture, total = design.on(LINE), LINE.mixture, 0.0
    for mean, share in zip(mixture.center + mixture.offsets, mixture.weights, strict=True):
        total += share.item() * (held_out.path_bound(at, mean + 0.5 * z, lambda sigma: noise) @ weight).item()
    return total


# One repetition


def compared(setting: str, a: Tensor, b: Tensor, truths: tuple[float, float]) -> Trials:
    """Yield the intervals of the first of two designs, and of their difference, from values at the same points."""
    first, second = (held_out.mean_over_points(values) for values in (a, b))
    law, _, _ = setting.partition(":")
    apart = math.hypot(*(high - low for _, low, high in (mean_interval([each]) for each in (first, second))))
    truth = truths[0] - truths[1]
    yield ("value", law, len(a)), Trial.of(truths[0], first)
    yield ("difference", setting, len(a)), Trial.of(truth, held_out.mean_over_points(a - b), unpaired=apart)


WRONG = affine(0.1 * torch.eye(3, dtype=torch.float64), torch.full((3,), 0.1, dtype=torch.float64))
LESS = affine(0.05 * torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64))
FROZEN, ANCESTRAL = ExponentialIntegrator(), Ancestral()

SYNTHETIC: dict[str, tuple[MixtureDistribution, Callable[[Design], float], Design, Design]] = {
    "Gaussian: two grids": (
        *(GAUSSIAN, by_cubature),
        *(Design(WRONG, FROZEN, GEOMETRIC), Design(WRONG, FROZEN, CUBIC)),
    ),
    "Gaussian: two networks": (
        *(GAUSSIAN, by_cubature),
        *(Design(WRONG, FROZEN, GEOMETRIC), Design(LESS, FROZEN, GEOMETRIC)),
    ),
    "two Gaussians on a line: two grids": (
        *(LINE, by_quadrature),
        *(Design(bent(0.2), ANCESTRAL, GEOMETRIC), Design(bent(0.2), ANCESTRAL, CUBIC)),
    ),
    "two Gaussians on a line: two samplers": (
        *(LINE, by_quadrature),
        *(Design(bent(0.2), ANCESTRAL, GEOMETRIC), Design(bent(0.2), FROZEN, GEOMETRIC)),
    ),
}


@lru_cache
def truths_of(setting: str) -> tuple[float, float]:
    """The bounds of a setting's designs."""
    _, truth, a, b = SYNTHETIC[setting]
    return truth(a), truth(b)


def synthetic(repetition: int) -> Trials:
    """Yield the trials of what has a closed form."""
    for setting, (law, _, a, b) in SYNTHETIC.items():
        drawn = Redrawn(law.mixture)
        drawn.repetition = repetition
        for n in POINTS:
            values = (held_out.point_bounds(design.on(drawn), n, DRAWS * n) for design in (a, b))
            yield from compared(setting, *values, truths_of(setting))


@lru_cache
def truth_of_varying() -> float:
    """The mean bound over networks that vary: it is affine in σ²e, whose mean is 12 SPREAD²."""
    offset = torch.full((3,), SPREAD * 2, dtype=torch.float64)
    return by_cubature(Design(affine(torch.zeros(3, 3, dtype=torch.float64), offset), FROZEN, GEOMETRIC))


def networks(repetition: int) -> Trials:
    """Yield the interval over seeds whose networks vary and whose points are shared."""
    drawn = Redrawn(GAUSSIAN.mixture)
    drawn.repetition = repetition
    for n in POINTS:
        seeds = [
            held_out.mean_over_points(
                held_out.point_bounds(
                    Design(varying(SEEDS * repetition + k), FROZEN, GEOMETRIC).on(drawn), n, DRAWS * n
                )
            )
            for k in range(SEEDS)
        ]
        yield ("value, 3 seeds", "Gaussian, networks vary", n), Trial.of(truth_of_varying(), *seeds)


# Digits


def trained(law: Distribution, steps: int) -> Denoiser:
    """Return a small network."""
    return snapshots(law, (steps,), 0)[0]


def snapshots(law: Distribution, lengths: Sequence[int], seed: int) -> list[Denoiser]:
    """Return a small network after each number of training steps, which ascend."""
    torch.manual_seed(seed)
    module = Mlp(width=64, depth=2).module(law.data)
    optimiser = torch.optim.Adam(module.parameters(), lr=2e-3)
    generator = torch.Generator().manual_seed(seed)
    kept = []
    for step in range(1, lengths[-1] + 1):
        clean = law.sample(128, generator).float()
        sigma = (1.2 * torch.randn(128, generator=generator) - 1).exp()
        noise = torch.randn(clean.shape, generator=generator)
        weight = (sigma**2 + law.sigma_data**2) / (sigma * law.sigma_data) ** 2
        loss = (weight[:, None] * (module(clean + sigma[:, None] * noise, sigma) - clean).square()).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step in lengths:
            kept.append(denoiser_from_module(copy.deepcopy(module)))
    return kept


@lru_cache
def pools() -> dict[str, tuple[Tensor, Tensor]]:
    """For each setting the bounds of two designs at each point of the pool with each set of noise, shape (n, SETS)."""
    law = Digits().distribution()
    long, short = trained(law, 1500), trained(law, 300)
    base = Design(long, FROZEN, GEOMETRIC)
    others = {
        "digits: two grids": Design(long, FROZEN, CUBIC),
        "digits: two networks": Design(short, FROZEN, GEOMETRIC),
        "digits: two samplers": Design(long, ANCESTRAL, GEOMETRIC),
    }
    own = _pool(law, base)
    return {setting: (own, _pool(law, other)) for setting, other in others.items()}


def _pool(law: Distribution, design: Design, sets: int = SETS) -> Tensor:
    at, generator = design.on(law), torch.Generator().manual_seed(held_out.SEED)
    clean = torch.cat([law.held_out(10_000, torch.Generator(), part) for part in (0, 1)])
    columns = []
    for _ in range(sets):
        chunks = held_out._chunks(clean, DRAWS, law.sigma_data, generator)
        rows = [torch.stack([held_out.path_bound(at, x, noise) for noise in noises]).mean(0) for x, noises in chunks]
        columns.append(torch.cat(rows))
    return torch.stack(columns, 1)


def data(repetition: int) -> Trials:
    """Yield the trials of the digits."""
    for setting, (a, b) in pools().items():
        generator = torch.Generator().manual_seed(repetition)
        for n in (n for n in POINTS if n <= 359):
            point = torch.randint(len(a), (n,), generator=generator)
            noise = torch.randint(SETS, (n,), generator=generator)
            yield from compared(setting, a[point, noise], b[point, noise], (a.mean().item(), b.mean().item()))


# Rank sets of designs on digits


LENGTHS = (1440, 1470, 1500)
"""Steps of training whose networks nearly tie."""

NETWORKS = 12
"""Networks of each length, of which seeds are drawn with replacement."""

RANK_SETS = 4
"""Sets of noise of each point."""


@lru_cache
def ranked_pool() -> tuple[Tensor, list[int]]:
    """Return bounds of designs by network, point and noise, (designs, NETWORKS, n, RANK_SETS), and their lengths."""
    law = Digits().distribution()
    grids = (GEOMETRIC, np.geomspace(20.0, 0.05, 12))
    pools: dict[tuple[int, int, str], list[Tensor]] = {}
    for seed in range(NETWORKS):
        for length, network in zip(LENGTHS, snapshots(law, LENGTHS, seed), strict=True):
            for sampler, grid in itertools.product((FROZEN, ANCESTRAL), grids):
                key = (length, len(grid), sampler.name)
                pools.setdefault(key, []).append(_pool(law, Design(network, sampler, grid), RANK_SETS))
    return torch.stack([torch.stack(each) for each in pools.values()]), [length for length, _, _ in pools]


def ranked(n: int, seeds: int, repetition: int, with_points: bool) -> tuple[float, bool, float]:
    """Return the share of rank sets that hold the true rank, whether that of the best does, and their mean width."""
    pool, lengths = ranked_pool()
    generator = torch.Generator().manual_seed(repetition)
    network = torch.randint(NETWORKS, (seeds,), generator=generator)
    point, noise = (torch.randint(most, (n,), generator=generator) for most in pool.shape[2:])
    found = [[held_out.mean_over_points(row) for row in rows[network][:, point, noise]] for rows in pool]
    sets = rank_sets(
        np.array([[m.value for m in row] for row in found]),
        np.array([[m.standard_error for m in row] for row in found]),
        lengths,
        compared_by="difference",
        groups=np.array([[m.groups for m in row] for row in found]) if with_points else None,
    )
    rank = 1 + pool.mean((1, 2, 3)).argsort().argsort().numpy()
    covered = (sets.low <= rank) & (rank <= sets.high)
    return float(covered.mean()), bool(covered[rank == 1][0]), float((sets.high - sets.low + 1).mean())


def rank_table(repetitions: int, form: str) -> str:
    """Return how often rank sets hold the true rank."""
    rows = []
    for n, seeds, with_points in itertools.product((30, 120, 359), (1, 3, 5), (False, True)):
        trials = np.array([ranked(n, seeds, repetition, with_points) for repetition in range(repetitions)])
        everyone, best, width = trials.mean(0)
        known = "seeds and points" if with_points else "seeds alone"
        rows.append([known, str(n), str(seeds), f"{100 * everyone:.1f}", f"{100 * best:.1f}", f"{width:.1f}"])
    heads = ["error known", "points", "seeds", "coverage, %", "of the best row, %", "mean width"]
    return tabulate(sorted(rows, key=lambda row: row[0]), heads, tablefmt=form, disable_numparse=True)


# The table


def table(repetitions: int, form: str) -> str:
    """Return the table."""
    trials: dict[tuple[str, str, int], list[Trial]] = {}
    for repetition in range(repetitions):
        for part in (synthetic, networks, data):
            # A law's value comes with each of its differences, and counts once.
            for name, trial in dict(part(repetition)).items():
                trials.setdefault(name, []).append(trial)
    rows = [_row(*name, trials[name]) for name in sorted(trials, key=_order)]
    heads = ["interval", "setting", "points", "coverage, %", "too high, %", "mean width", "unpaired width", "truth"]
    align = ("left", "left", "right", "right", "right", "right", "right", "right")
    return tabulate(rows, heads, tablefmt=form, colalign=align, disable_numparse=True)


def _order(name: tuple[str, str, int]) -> tuple[int, str, int]:
    kind, setting, n = name
    return ("value", "value, 3 seeds", "difference").index(kind), setting, n


def _row(kind: str, setting: str, n: int, trials: list[Trial]) -> list[str]:
    hit = np.mean([t.low <= t.truth <= t.high for t in trials])
    error = math.sqrt(hit * (1 - hit) / len(trials))
    mark = "" if BAND[0] <= hit <= BAND[1] else " !"
    unpaired = np.mean([t.unpaired for t in trials])
    return [
        *(kind, setting, str(n), f"{100 * hit:.1f} ± {100 * error:.1f}{mark}"),
        f"{100 * np.mean([t.low > t.truth for t in trials]):.1f}",
        f"{np.mean([t.high - t.low for t in trials]):.3g}",
        "" if np.isnan(unpaired) else f"{unpaired:.3g}",
        f"{trials[0].truth:.4g}",
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=600)
    parser.add_argument("--quick", action="store_true", help="50 repetitions")
    parser.add_argument("--ranks", action="store_true", help="rank sets of twelve designs on digits")
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    start, repetitions = time.perf_counter(), 50 if given.quick else given.repetitions
    print((rank_table if given.ranks else table)(repetitions, "github" if given.markdown else "simple"))
    print(f"\n{repetitions} repetitions, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
