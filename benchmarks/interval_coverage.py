"""Do the stated 95 % intervals cover the truth? Prints one table.

    python benchmarks/interval_coverage.py [--quick] [--repetitions N] [--only WORD] [--markdown]

Every repetition makes an interval as a leaderboard does (`results.statistics.intervals.mean_interval` over the
measurements of S seeds, `results.statistics.kendall.kendall` over n rows) and asks whether the truth lies in it. The
truth is a closed form on N(m, diag λ); the code that is tested does not know that the target is a Gaussian, and
estimates.

The networks are the exact score plus an error that is affine in x, with w = (x − m)/√(λ + σ²) ~ N(0, I):

    σ(S − ∇log p_σ) = B w + c,    so    u·e(σ) = ‖B‖² + ‖c‖²

What varies between repetitions, and what the truth is:

- `path-kl` and E_S. Varies: the noised points from which J(u) and e(σ) are measured, and with more than one seed the
  networks, the entries of B and c being normal. Seeds share the noised points, as in a run. Truth: the budget from
  the closed-form curves, with E‖B‖² + E‖c‖² for e; with one seed, that of the seed's own network. The estimator of J is
  exact on a Gaussian, so two Gaussians on a line are added, whose J is an integral over the line.
- `kl`. Varies: the points, particles and paths of the estimator in each seed, and c, normal around a mean, where a
  network is said to vary. Truth: the law of the sampler's output is Gaussian, by a recursion for its mean and
  variance; the divergence is a quadratic function of c, so that its mean over networks is a closed form too. A seed
  for which the estimator says that it does not apply is left out, as in a leaderboard.
- Kendall's τ. Varies: the n rows. Truth: τ of the population. Rows of a normal law (τ = 2/π arcsin ρ), of Clayton's
  family (τ = θ/(θ+2), far from normal), and of a normal law rounded to a few values (ties; τ_b by the cells' law).
- Kendall's τ of rows that share things: networks × grids × samplers, each of bound and error a sum of normal parts of
  the network, the grid, the way of sampling (grid and sampler) and the row. Varies: all parts. In each the two have one
  correlation ρ, so that the truth is 2/π arcsin ρ whatever a pair of rows shares. Three intervals: rows grouped by
  network; also by the way of sampling; also by the grid, as a leaderboard does.
"""

from __future__ import annotations

import argparse
import math
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from harness_metrics import KL
from harness_song.samplers import Ancestral, Euler
from harness_synthetic.information import GaussianInformation
from harness_synthetic.targets import GaussianDistribution, Mixture
from harness_wang.samplers import ExponentialIntegrator
from scipy.special import ndtr, ndtri
from scipy.stats import multivariate_normal
from tabulate import tabulate
from torch import Tensor

from harness.budget import budget
from harness.engine.curves import ExactScoreError
from harness.engine.measurement import measure_information, measure_score_error
from harness.engine.sampling import kernel_function, simulate_function
from harness.information import Information, ScoreError
from harness.metrics import Experiment, Measurement, mean_and_error
from harness.results.statistics.intervals import mean_interval
from harness.results.statistics.kendall import kendall
from harness.samplers import GaussianKernelSampler, Sampler

SEEDS = (1, 3, 5, 10)
"""Numbers of seeds; a repetition with S seeds takes the first S of its ten."""

ROWS = (16, 32, 64, 128, 256)
"""Numbers of rows over which Kendall's τ is taken."""

CHEAP = 4
"""Times as many repetitions for Kendall's τ, which takes no time."""

BAND = (0.93, 0.97)
"""Coverage that counts as calibrated."""


@dataclass(frozen=True)
class Trial:
    """One repetition: the interval, and the truth that it should hold."""

    low: float
    high: float
    truth: float

    @property
    def covered(self) -> bool:
        """Whether the interval holds the truth."""
        return self.low <= self.truth <= self.high


Name = tuple[str, str]
"""Interval and setting."""

Trials = dict[tuple[Name, int], Trial]
"""The trials of one repetition, by name and number of seeds or rows."""


# Targets and networks


class Unrecognised(GaussianDistribution):
    """N(m, diag λ) that does not tell that it is a Gaussian: nothing has a closed form."""

    def gaussian(self) -> None:
        """Hide mean and covariance."""

    def closed_information(self) -> None:
        """Hide J(u)."""


@dataclass(frozen=True)
class Law:
    """N(m, diag λ), shapes (d,)."""

    mean: np.ndarray
    eigenvalues: np.ndarray

    @property
    def dim(self) -> int:
        """The dimension d."""
        return len(self.mean)

    def hidden(self) -> Unrecognised:
        """Return the target as the estimators see it."""
        return Unrecognised(torch.from_numpy(self.mean), torch.from_numpy(self.eigenvalues))

    def information(self) -> GaussianInformation:
        """J(u) in closed form."""
        return GaussianInformation(self.eigenvalues, self.mean)

    def denoiser(self, matrix: np.ndarray, offset: np.ndarray) -> Callable[[Tensor, float], Tensor]:
        """Return D = D* + σ(Bw + c) of networks B (…, d, d), c (…, d); it maps (n, d) to (…, n, d)."""
        mean, eigenvalues = torch.from_numpy(self.mean), torch.from_numpy(self.eigenvalues)
        b, c = torch.from_numpy(matrix), torch.from_numpy(offset)

        def denoise(x: Tensor, sigma: float) -> Tensor:
            y, total = x.double() - mean, eigenvalues + sigma**2
            error = (y / total.sqrt()) @ b.transpose(-1, -2) + c[..., None, :]
            denoised: Tensor = mean + eigenvalues / total * y + sigma * error
            return denoised

        return denoise


# Path divergence and E_S

FOUR = Law(np.array([0.5, -0.5, 1.0, 0.0]), np.array([4.0, 1.0, 0.25, 0.05]))
PATH_GRID = np.geomspace(20.0, 0.05, 17)
TERMS = {
    ("path-kl", "networks vary, exponential integrator"): ("total", "exponential"),
    ("path-kl", "networks vary, ancestral"): ("total", "ancestral"),
    ("E_S", "networks vary"): ("score", "exponential"),
}
"""Interval and setting, and what they are of."""


def curves(size: float) -> Callable[[int], Iterator[Trials]]:
    """Return trials of E_S and of the path divergence of two samplers, from measured curves.

    Arguments:
        size: root mean square error of the networks' noise prediction per coordinate.
    """

    def trials(repetitions: int) -> Iterator[Trials]:
        rng = np.random.default_rng(1)
        hidden, exact, dim, ends = FOUR.hidden(), FOUR.information(), FOUR.dim, (PATH_GRID[-1], PATH_GRID[0])
        for repetition in range(repetitions):
            # d² + d entries of equal variance make up d·size².
            entries = size / math.sqrt(dim + 1) * rng.normal(size=(max(SEEDS), dim, dim + 1))
            network = FOUR.denoiser(entries[..., :dim], entries[..., dim])
            information = measure_information(hidden, *ends, seed=repetition)
            errors = measure_score_error(hidden, [network], *ends, seed=repetition)
            own, expected = float((entries[0] ** 2).sum()), dim * size**2
            found: Trials = {}
            for name, (term, steps) in TERMS.items():
                measured = [_measured(term, steps, information, error) for error in errors]
                for s in SEEDS:
                    truth = _truth(term, steps, exact, own if s == 1 else expected)
                    found[name, s] = _over_seeds(measured[:s], truth)
            yield found

    return trials


def line(repetitions: int) -> Iterator[Trials]:
    """Yield trials of the path divergence on two Gaussians on a line, with the exact score: J alone is measured."""
    target = Mixture(dim=1, modes=2, std=0.3, means=((-1.0,), (1.5,)), weights=(0.6, 0.4)).distribution()
    exact = OnALine(np.array([-1.0, 1.5]), np.array([0.6, 0.4]), 0.09)
    for repetition in range(repetitions):
        information = measure_information(target, PATH_GRID[-1], PATH_GRID[0], seed=repetition)
        found: Trials = {}
        for steps in ("exponential", "ancestral"):
            measured = _measured("total", steps, information, _exact(0.0))
            for s in SEEDS[:2]:
                name = f"two Gaussians on a line, exact score, {steps}"
                found[("path-kl", name), s] = _over_seeds([measured] * s, _truth("total", steps, exact, 0.0))
        yield found


class OnALine(Information):
    """J(u) of Σ w_k N(m_k, v) on the line, by integrals over a fine grid; exact to 1e-9.

    Arguments:
        means: m_k, shape (K,).
        weights: w_k, shape (K,).
        variance: v.
    """

    dim = 1
    replicates = 1

    def __init__(self, means: np.ndarray, weights: np.ndarray, variance: float) -> None:
        self.means, self.weights, self.variance = means, weights, variance
        self.second_moment = float(weights @ means**2 + variance)

    def _moments(self, u: float) -> tuple[float, float]:
        """J(u), and the entropy h(u)."""
        total = self.variance + u
        x = np.linspace(self.means.min() - 12 * total**0.5, self.means.max() + 12 * total**0.5, 20_001)
        away = x[:, None] - self.means
        parts = self.weights * np.exp(-(away**2) / (2 * total)) / math.sqrt(2 * math.pi * total)
        density, slope = parts.sum(1), -(parts * away).sum(1) / total
        at = density > 1e-300
        density, slope, dx = density[at], slope[at], x[1] - x[0]
        return float((slope**2 / density).sum() * dx), float(-(density * np.log(density)).sum() * dx)

    def fisher(self, u: np.ndarray) -> np.ndarray:
        """J(u); shape (1, len(u))."""
        return np.array([[self._moments(float(v))[0] for v in u]])

    def fisher_integral(self, u: np.ndarray) -> np.ndarray:
        """∫ J du = 2 (h(u_j) − h(u_{j+1})), de Bruijn; shape (1, len(u) − 1)."""
        return -2 * np.diff([[self._moments(float(v))[1] for v in u]], axis=1)

    def initialization(self, u: float) -> np.ndarray:
        """KL(p_u ‖ N(0, uI)) = ½ ln 2πu + (m₂² + u)/2u − h(u); shape (1,)."""
        return np.array([0.5 * math.log(2 * math.pi * u) + (self.second_moment + u) / (2 * u) - self._moments(u)[1]])


def _exact(square: float) -> ExactScoreError:
    """E(σ) = square/σ²."""
    return ExactScoreError(lambda sigma: square / sigma**2)


def _variances(steps: str, sigmas: np.ndarray) -> np.ndarray:
    sampler = ExponentialIntegrator() if steps == "exponential" else Ancestral()
    return sampler.variances(sigmas, None, None)


def _measured(term: str, steps: str, information: Information, error: ScoreError) -> Measurement:
    """Return the term as `path-kl` does its total."""
    terms = budget(PATH_GRID, _variances(steps, PATH_GRID), information, error)
    replicates = getattr(terms, term)
    value, standard_error = mean_and_error(replicates)
    bias = terms.interpolation if term == "total" else 0.0
    return Measurement(value, standard_error, bias, freedom=max(replicates.size - 1, 1), shared=True)


@lru_cache(maxsize=16)
def _truth(term: str, steps: str, information: Information, square: float) -> float:
    exact = budget(PATH_GRID, _variances(steps, PATH_GRID), information, _exact(square))
    return float(getattr(exact, term)[0])


def _over_seeds(measurements: Sequence[Measurement], truth: float) -> Trial:
    _, low, high = mean_interval(measurements)
    return Trial(low, high, truth)


# Marginal divergence

TWO = Law(np.array([0.5, -0.3]), np.array([1.5, 0.5]))
GRID = np.geomspace(10.0, 0.2, 13)

COARSE = np.geomspace(2.0, 0.2, 5)
"""A low first level and few steps: a divergence that is not small."""


def marginal(
    name: str,
    sampler: Sampler,
    offset: tuple[float, float],
    scatter: float,
    seeds: tuple[int, ...],
    grid: np.ndarray = GRID,
) -> Callable[[int], Iterator[Trials]]:
    """Return trials of `kl` without the affine shortcut.

    Arguments:
        name: of the setting.
        sampler: the sampler.
        offset: mean of the networks' c.
        scatter: standard deviation of the coordinates of c over networks.
        seeds: the numbers of seeds.
        grid: the levels of sampling.
    """

    def trials(repetitions: int) -> Iterator[Trials]:
        rng = np.random.default_rng(2)
        mean, most = np.array(offset), max(seeds)
        # Quadratic in c, without a mixed term: the mean over networks adds its curvature times the variance.
        expected = _divergence(sampler, mean, grid) + scatter**2 * _curvature(sampler, grid)
        for repetition in range(repetitions):
            networks = mean + scatter * rng.normal(size=(most, 2))
            results = [
                KL().measure(_experiment(sampler, network, grid, repetition * most + index))
                for index, network in enumerate(networks)
            ]
            own, found = _divergence(sampler, networks[0], grid), {}
            for s in seeds:
                # As in a leaderboard, a seed for which the metric does not apply is left out.
                measured = [result for result in results[:s] if isinstance(result, Measurement)]
                if measured:
                    found[("kl", name), s] = _over_seeds(measured, own if s == 1 else expected)
            yield found

    return trials


def _experiment(sampler: Sampler, offset: np.ndarray, grid: np.ndarray, seed: int) -> Experiment:
    denoiser = TWO.denoiser(np.zeros((2, 2)), offset)
    kernel = sampler.variances(grid, None, None) if isinstance(sampler, GaussianKernelSampler) else None
    nothing = torch.empty(0, 2, dtype=torch.float64)
    return Experiment(
        target=TWO.hidden(),
        sampler=sampler,
        sigmas=grid.tolist(),
        samples=nothing,
        reference=nothing,
        simulate=simulate_function(sampler, denoiser, grid, kernel),
        exact_network=False,
        last_kernel=None,
        budget=None,
        generator=torch.Generator().manual_seed(seed),
        kernel=kernel_function(sampler, denoiser, grid, kernel),
    )


def _divergence(sampler: Sampler, offset: np.ndarray, grid: np.ndarray) -> float:
    """KL(p_δ ‖ q_N) in nats, by recursion for mean and variance of each coordinate."""
    mean, variance = np.zeros(2), np.full(2, grid[0] ** 2)
    stochastic = isinstance(sampler, GaussianKernelSampler)
    kernel = sampler.variances(grid, None, None) if stochastic else np.zeros(len(grid) - 1)
    for sigma, after, noise in zip(grid, grid[1:], kernel, strict=False):
        # The mean of a step is x + share·(D − x): the kernels' x + ΔS, or Euler's.
        share = 1 - after / sigma if isinstance(sampler, Euler) else 1 - (after / sigma) ** 2
        slope = 1 - share * sigma**2 / (TWO.eigenvalues + sigma**2)
        mean = slope * mean + (1 - slope) * TWO.mean + share * sigma * offset
        variance = slope**2 * variance + noise
    ratio = (TWO.eigenvalues + grid[-1] ** 2) / variance
    return float(0.5 * (ratio - 1 - np.log(ratio) + (TWO.mean - mean) ** 2 / variance).sum())


def _curvature(sampler: Sampler, grid: np.ndarray) -> float:
    """½ΔKL over the coordinates of c: what noise of unit variance in c adds on average."""
    zero, units = _divergence(sampler, np.zeros(2), grid), np.eye(2)
    return sum(0.5 * (_divergence(sampler, e, grid) + _divergence(sampler, -e, grid)) - zero for e in units)


# Kendall's τ


def normal(name: str, correlation: float) -> Callable[[int], Iterator[Trials]]:
    """Return trials on rows of a bivariate normal law."""

    def rows(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        x, noise = rng.normal(size=(2, n))
        return x, correlation * x + math.sqrt(1 - correlation**2) * noise

    return _agreement(name, rows, 2 / math.pi * math.asin(correlation))


def clayton(name: str, tau: float) -> Callable[[int], Iterator[Trials]]:
    """Return trials on rows of Clayton's family: agreement in the lower tail, hardly any in the upper."""
    theta = 2 * tau / (1 - tau)

    def rows(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        x, y = (1 + rng.exponential(size=(2, n)) / rng.gamma(1 / theta, size=n)) ** (-1 / theta)
        return x, y

    return _agreement(name, rows, tau)


def tied(name: str, correlation: float, values: int) -> Callable[[int], Iterator[Trials]]:
    """Return trials on a bivariate normal law whose coordinates are rounded to equally likely values."""
    cuts = ndtri(np.arange(1, values) / values)

    def rows(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        x, noise = rng.normal(size=(2, n))
        return np.digitize(x, cuts), np.digitize(correlation * x + math.sqrt(1 - correlation**2) * noise, cuts)

    return _agreement(name, rows, _tau_b_of_cells(correlation, cuts))


def _tau_b_of_cells(correlation: float, cuts: np.ndarray) -> float:
    """τ_b of a bivariate normal law whose coordinates are cut into cells."""
    edges = np.concatenate([[-9.0], cuts, [9.0]])
    joint = multivariate_normal(cov=[[1, correlation], [correlation, 1]])
    corners = np.array([[float(joint.cdf([a, b])) for b in edges] for a in edges])
    cells = np.diff(np.diff(corners, axis=0), axis=1)
    k = len(cells)
    agreeing = sum(
        cells[i, j] * (cells[i + 1 :, j + 1 :].sum() - cells[i + 1 :, :j].sum()) for i in range(k) for j in range(k)
    )
    untied = 0.5 * (1 - (np.diff(ndtr(edges)) ** 2).sum())
    return float(agreeing / untied)


def _agreement(
    name: str, rows: Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]], truth: float
) -> Callable[[int], Iterator[Trials]]:
    def trials(repetitions: int) -> Iterator[Trials]:
        rng = np.random.default_rng([3, zlib.crc32(name.encode())])
        for _ in range(CHEAP * repetitions):
            found: Trials = {}
            for n in ROWS:
                tau = kendall(*rows(rng, n))
                assert tau is not None
                assert tau.low is not None
                assert tau.high is not None
                found[("τ", name), n] = Trial(tau.low, tau.high, truth)
            yield found

    return trials


LAYOUTS = ((4, 7, 2), (8, 6, 2), (20, 12, 2))
"""Networks, grids and samplers that are crossed."""

PARTS = {
    "networks dominate": (1.0, 0.3, 0.0, 0.3),
    "grids dominate": (0.3, 1.0, 0.0, 0.3),
    "both": (1.0, 1.0, 0.0, 0.3),
    "neither": (0.0, 0.0, 0.0, 1.0),
    "ways of sampling dominate": (0.3, 0.3, 1.0, 0.3),
}
"""Standard deviations of what networks, grids, ways of sampling and rows add."""


def shared(setting: str, correlation: float) -> Callable[[int], Iterator[Trials]]:
    """Return trials on rows that share networks, grids and ways of sampling, by three groupings of rows."""
    truth = 2 / math.pi * math.asin(correlation)

    def trials(repetitions: int) -> Iterator[Trials]:
        rng = np.random.default_rng([4, zlib.crc32(setting.encode())])
        for _ in range(CHEAP * repetitions):
            found: Trials = {}
            for layout in LAYOUTS:
                networks, grids, samplers = (each.ravel() for each in np.indices(layout))
                ways, alone = grids * layout[2] + samplers, np.arange(len(grids))
                x, y = _sums((networks, grids, ways, alone), PARTS[setting], correlation, rng)
                crossing = {"network": None, "network and way of sampling": ways, "network and grid": grids}
                for told, labels in crossing.items():
                    tau = kendall(x, y, networks, labels)
                    assert tau is not None
                    assert tau.low is not None
                    assert tau.high is not None
                    name = f"τ by {told}", f"{setting}, {' × '.join(map(str, layout))}"
                    found[name, len(alone)] = Trial(tau.low, tau.high, truth)
            yield found

    return trials


def _sums(
    labels: Sequence[np.ndarray], sizes: Sequence[float], correlation: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of rows, each the sum of what the label of the row in each grouping adds."""
    x, y = np.zeros((2, len(labels[0])))
    for own, size in zip(labels, sizes, strict=True):
        z, noise = size * rng.normal(size=(2, own.max() + 1))
        x, y = x + z[own], y + (correlation * z + math.sqrt(1 - correlation**2) * noise)[own]
    return x, y


STUDIES: dict[str, Callable[[int], Iterator[Trials]]] = {
    "curves": curves(0.2),
    "line": line,
    "kl by particles": marginal(
        "particles: exponential integrator, exact score", ExponentialIntegrator(), (0.0, 0.0), 0.0, (1, 3, 5)
    ),
    "kl by particles, networks": marginal(
        "particles: ancestral, networks vary", Ancestral(), (0.2, -0.1), 0.05, (1, 3)
    ),
    "kl by change of variables": marginal(
        "change of variables: Euler, exact score", Euler(), (0.0, 0.0), 0.0, (1, 3, 5)
    ),
    "kl by change of variables, coarse": marginal(
        "change of variables: Euler from σ = 2 in 4 steps, exact score", Euler(), (0.0, 0.0), 0.0, (1, 10), COARSE
    ),
    "kl by change of variables, networks": marginal(
        "change of variables: Euler, networks vary", Euler(), (0.1, -0.05), 0.02, SEEDS
    ),
    "τ, normal": normal("normal, τ = 0", 0.0),
    "τ, normal, 0.5": normal("normal, τ = 0.5", math.sin(math.pi / 4)),
    "τ, normal, 0.9": normal("normal, τ = 0.9", math.sin(0.9 * math.pi / 2)),
    "τ, Clayton": clayton("Clayton, τ = 0.5", 0.5),
    "τ, ties": tied("normal, five values each", 0.7, 5),
    **{f"τ, shared: {setting}": shared(setting, math.sin(math.pi / 4)) for setting in PARTS},
}


def study(trials: Callable[[int], Iterator[Trials]], repetitions: int) -> list[list[str]]:
    """Return a line for each interval: coverage, its binomial error, how often it is too high, mean width, truth."""
    found: dict[tuple[Name, int], list[Trial]] = {}
    for each in trials(repetitions):
        for key, trial in each.items():
            found.setdefault(key, []).append(trial)
    return [[*name, str(size), *_summary(found[name, size])] for name, size in found]


def _summary(trials: Sequence[Trial]) -> list[str]:
    covered = float(np.mean([trial.covered for trial in trials]))
    error = math.sqrt(covered * (1 - covered) / len(trials))
    above = float(np.mean([trial.low > trial.truth for trial in trials]))
    width = float(np.mean([trial.high - trial.low for trial in trials]))
    truth = float(np.mean([trial.truth for trial in trials]))
    mark = "" if BAND[0] <= covered <= BAND[1] else " !"
    return [f"{100 * covered:.1f} ± {100 * error:.1f}{mark}", f"{100 * above:.1f}", f"{width:.3g}", f"{truth:.3g}"]


HEADERS = ("interval", "setting", "seeds or rows", "coverage, %", "too high, %", "mean width", "truth")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Coverage of the stated 95 % intervals.")
    parser.add_argument("--quick", action="store_true", help="50 repetitions instead of 500")
    parser.add_argument("--repetitions", type=int, help="any other number of them")
    parser.add_argument("--only", default="", help="studies whose name contains this")
    parser.add_argument("--markdown", action="store_true", help="a Markdown table")
    arguments = parser.parse_args()
    repetitions = arguments.repetitions or (50 if arguments.quick else 500)
    torch.set_num_threads(1)
    lines: list[list[str]] = []
    start = time.perf_counter()
    for name, trials in STUDIES.items():
        if arguments.only in name:
            lines += study(trials, repetitions)
    print(tabulate(lines, HEADERS, tablefmt="github" if arguments.markdown else "simple", disable_numparse=True))
    print(f"\n{repetitions} repetitions ({CHEAP} times as many for τ), {time.perf_counter() - start:.0f} s on one core")


if __name__ == "__main__":
    main()
