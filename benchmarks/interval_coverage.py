"""Do the stated 95 % intervals cover the truth? Prints one table.

    python benchmarks/interval_coverage.py [--quick] [--repetitions N] [--only WORD] [--markdown]

Every repetition makes an interval as a leaderboard does (`harness.statistics.mean_interval` over the measurements of
S seeds, `harness.statistics.kendall` over n rows) and asks whether the truth lies in it. The truth is a closed form on
N(m, diag λ); the code that is tested does not know that the target is a Gaussian, and estimates.

The networks are the exact score plus an error that is affine in x, with w = (x − m)/√(λ + σ²) ~ N(0, I):

    σ(S − ∇log p_σ) = B w + c,    so    u·e(σ) = ‖B‖² + ‖c‖²

What varies between repetitions, and what the truth is:

- `path-kl` and E_S. Varies: the noised points from which J(u) and e(σ) are measured, and with more than one seed the
  networks, the entries of B and c being normal. Seeds share the noised points, as in a run. Truth: the budget from
  the closed-form curves, with E‖B‖² + E‖c‖² for e; with one seed, that of the seed's own network.
- `kl`. Varies: the points, particles and paths of the estimator in each seed, and c, normal around a mean, where a
  network is said to vary. Truth: the law of the sampler's output is Gaussian, by a recursion for its mean and
  variance; the divergence is a quadratic function of c, so that its mean over networks is a closed form too.
- Kendall's τ. Varies: the n rows. Truth: τ of the population. Rows of a normal law (τ = 2/π arcsin ρ), of Clayton's
  family (τ = θ/(θ+2), far from normal), and of a normal law rounded to a few values (ties; τ_b by the law of the cells).
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from harness_metrics import KL
from harness_song.samplers import Ancestral, Euler
from harness_synthetic.information import GaussianInformation
from harness_synthetic.targets import GaussianDistribution
from harness_wang.samplers import ExponentialIntegrator
from scipy.special import ndtr, ndtri
from scipy.stats import multivariate_normal
from tabulate import tabulate
from torch import Tensor

from harness.budget import budget
from harness.curves import ExactScoreError
from harness.evaluation import Experiment, mean_and_error
from harness.measurement import measure_information, measure_score_error
from harness.metrics import Measurement, NotApplicable
from harness.samplers import GaussianKernelSampler, Sampler
from harness.sampling import kernel_function, simulate_function
from harness.statistics import kendall, mean_interval

SEEDS = (1, 3, 5, 10)
"""Numbers of seeds; a repetition with S seeds takes the first S of its ten."""

ROWS = (16, 32, 64, 128, 256)
"""Numbers of rows over which Kendall's τ is taken."""

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


@dataclass(frozen=True)
class Setting:
    """One line of studies: `trials(repetitions)` yields for each repetition the trials by number of seeds or rows."""

    interval: str
    name: str
    trials: Callable[[int], Iterator[dict[int, Trial]]]


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


def curves(term: str, size: float, steps: str) -> Callable[[int], Iterator[dict[int, Trial]]]:
    """Return trials of a term of the budget from measured curves.

    Arguments:
        term: "total" or "score".
        size: root mean square error of the noise prediction per coordinate; 0 for the exact score.
        steps: "exponential" or "ancestral", the variance of a step.
    """

    def trials(repetitions: int) -> Iterator[dict[int, Trial]]:
        rng = np.random.default_rng(1)
        hidden, dim = FOUR.hidden(), FOUR.dim
        for repetition in range(repetitions):
            # d² + d entries of equal variance make up d·size².
            entries = size / math.sqrt(dim + 1) * rng.normal(size=(max(SEEDS), dim, dim + 1))
            matrix, offset = entries[..., :dim], entries[..., dim]
            squares = (entries**2).sum((1, 2))
            information = measure_information(hidden, PATH_GRID[-1], PATH_GRID[0], seed=repetition)
            measured = (
                measure_score_error(
                    hidden, [FOUR.denoiser(matrix, offset)], PATH_GRID[-1], PATH_GRID[0], seed=repetition
                )
                if size
                else [_exact(0.0)] * max(SEEDS)
            )
            found = [_measured(term, steps, information, error) for error in measured]
            expected = _truth(term, steps, dim * size**2)
            own = _truth(term, steps, squares[0])
            yield {s: _over_seeds(found[:s], own if s == 1 else expected) for s in SEEDS}

    return trials


def _exact(square: float) -> ExactScoreError:
    """E(σ) = square/σ²."""
    return ExactScoreError(lambda sigma: square / sigma**2)


def _variances(steps: str, sigmas: np.ndarray) -> np.ndarray:
    sampler = ExponentialIntegrator() if steps == "exponential" else Ancestral()
    return sampler.variances(sigmas, None, None)


def _measured(term: str, steps: str, information, error) -> Measurement:
    """Return the term as `path-kl` does its total."""
    replicates = getattr(budget(PATH_GRID, _variances(steps, PATH_GRID), information, error), term)
    value, standard_error = mean_and_error(replicates)
    return Measurement(value, standard_error, freedom=max(replicates.size - 1, 1), shared=True)


def _truth(term: str, steps: str, square: float) -> float:
    exact = budget(PATH_GRID, _variances(steps, PATH_GRID), FOUR.information(), _exact(square))
    return float(getattr(exact, term)[0])


def _over_seeds(measurements: Sequence[Measurement], truth: float) -> Trial:
    _, low, high = mean_interval(measurements)
    return Trial(low, high, truth)


# Marginal divergence

TWO = Law(np.array([0.5, -0.3]), np.array([1.5, 0.5]))
GRID = np.geomspace(10.0, 0.2, 13)


def marginal(
    sampler: Sampler, offset: tuple[float, float], scatter: float
) -> Callable[[int], Iterator[dict[int, Trial]]]:
    """Return trials of `kl` without the affine shortcut.

    Arguments:
        sampler: the sampler.
        offset: mean of the networks' c.
        scatter: standard deviation of the coordinates of c over networks.
    """

    def trials(repetitions: int) -> Iterator[dict[int, Trial]]:
        rng = np.random.default_rng(2)
        mean, most = np.array(offset), max(SEEDS)
        for repetition in range(repetitions):
            networks = mean + scatter * rng.normal(size=(most, 2))
            found = []
            for index, network in enumerate(networks):
                result = KL().measure(_experiment(sampler, network, repetition * most + index))
                if isinstance(result, NotApplicable):
                    raise RuntimeError(f"kl does not apply: {result.reason}")
                found.append(result)
            # Quadratic in c, without a mixed term: the mean over networks adds its curvature times the variance.
            expected = _divergence(sampler, mean) + scatter**2 * _curvature(sampler)
            yield {s: _over_seeds(found[:s], _divergence(sampler, networks[0]) if s == 1 else expected) for s in SEEDS}

    return trials


def _experiment(sampler: Sampler, offset: np.ndarray, seed: int) -> Experiment:
    denoiser = TWO.denoiser(np.zeros((2, 2)), offset)
    kernel = sampler.variances(GRID, None, None) if isinstance(sampler, GaussianKernelSampler) else None
    nothing = torch.empty(0, 2, dtype=torch.float64)
    return Experiment(
        target=TWO.hidden(),
        sampler=sampler,
        sigmas=GRID.tolist(),
        samples=nothing,
        reference=nothing,
        simulate=simulate_function(sampler, denoiser, GRID, kernel),
        exact_network=False,
        last_kernel=None,
        budget=None,
        generator=torch.Generator().manual_seed(seed),
        kernel=kernel_function(sampler, denoiser, GRID, kernel),
    )


def _divergence(sampler: Sampler, offset: np.ndarray) -> float:
    """KL(p_δ ‖ q_N) in nats, by recursion for mean and variance of each coordinate."""
    mean, variance = np.zeros(2), np.full(2, GRID[0] ** 2)
    kernel = sampler.variances(GRID, None, None) if isinstance(sampler, GaussianKernelSampler) else np.zeros(12)
    for sigma, after, noise in zip(GRID, GRID[1:], kernel, strict=False):
        # The mean of a step is x + share·(D − x): the kernels' x + ΔS, or Euler's.
        share = 1 - after / sigma if isinstance(sampler, Euler) else 1 - (after / sigma) ** 2
        slope = 1 - share * sigma**2 / (TWO.eigenvalues + sigma**2)
        mean = slope * mean + (1 - slope) * TWO.mean + share * sigma * offset
        variance = slope**2 * variance + noise
    ratio = (TWO.eigenvalues + GRID[-1] ** 2) / variance
    return float(0.5 * (ratio - 1 - np.log(ratio) + (TWO.mean - mean) ** 2 / variance).sum())


def _curvature(sampler: Sampler) -> float:
    """½ΔKL over the coordinates of c: what noise of unit variance in c adds on average."""
    zero = _divergence(sampler, np.zeros(2))
    units = np.eye(2)
    return sum(0.5 * (_divergence(sampler, e) + _divergence(sampler, -e)) - zero for e in units)


# Kendall's τ


def normal(correlation: float) -> Callable[[int], Iterator[dict[int, Trial]]]:
    """Return trials on rows of a bivariate normal law."""

    def rows(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        x, noise = rng.normal(size=(2, n))
        return x, correlation * x + math.sqrt(1 - correlation**2) * noise

    return _agreement(rows, 2 / math.pi * math.asin(correlation))


def clayton(tau: float) -> Callable[[int], Iterator[dict[int, Trial]]]:
    """Return trials on rows of Clayton's family: agreement in the lower tail, hardly any in the upper."""
    theta = 2 * tau / (1 - tau)

    def rows(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        x, y = (1 + rng.exponential(size=(2, n)) / rng.gamma(1 / theta, size=n)) ** (-1 / theta)
        return x, y

    return _agreement(rows, tau)


def tied(correlation: float, values: int) -> Callable[[int], Iterator[dict[int, Trial]]]:
    """Return trials on a bivariate normal law whose coordinates are rounded to equally likely values."""
    cuts = ndtri(np.arange(1, values) / values)

    def rows(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        x, noise = rng.normal(size=(2, n))
        return np.digitize(x, cuts), np.digitize(correlation * x + math.sqrt(1 - correlation**2) * noise, cuts)

    return _agreement(rows, _tau_b_of_cells(correlation, cuts))


def _tau_b_of_cells(correlation: float, cuts: np.ndarray) -> float:
    """τ_b of a bivariate normal law whose coordinates are cut into cells."""
    edges = np.concatenate([[-9.0], cuts, [9.0]])
    joint = multivariate_normal(cov=[[1, correlation], [correlation, 1]])
    corners = np.array([[float(joint.cdf([a, b])) for b in edges] for a in edges])
    cells = np.diff(np.diff(corners, axis=0), axis=1)
    k = len(cells)
    agreeing = sum(cells[i, j] * (cells[i + 1 :, j + 1 :].sum() - cells[i + 1 :, :j].sum()) for i in range(k) for j in range(k))
    untied = 0.5 * (1 - (np.diff(ndtr(edges)) ** 2).sum())
    return float(agreeing / untied)


def _agreement(
    rows: Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]], truth: float
) -> Callable[[int], Iterator[dict[int, Trial]]]:
    def trials(repetitions: int) -> Iterator[dict[int, Trial]]:
        rng = np.random.default_rng(3)
        for _ in range(repetitions):
            found = {}
            for n in ROWS:
                tau = kendall(*rows(rng, n))
                assert tau is not None
                assert tau.low is not None
                assert tau.high is not None
                found[n] = Trial(tau.low, tau.high, truth)
            yield found

    return trials


SETTINGS = (
    Setting("path-kl", "exact score, exponential integrator", curves("total", 0.0, "exponential")),
    Setting("path-kl", "exact score, ancestral", curves("total", 0.0, "ancestral")),
    Setting("path-kl", "networks off by 0.1, exponential integrator", curves("total", 0.1, "exponential")),
    Setting("path-kl", "networks off by 0.3, ancestral", curves("total", 0.3, "ancestral")),
    Setting("E_S", "networks off by 0.1", curves("score", 0.1, "exponential")),
    Setting("E_S", "networks off by 0.5", curves("score", 0.5, "exponential")),
    Setting("kl", "particles: exponential integrator, exact score", marginal(ExponentialIntegrator(), (0.0, 0.0), 0.0)),
    Setting("kl", "particles: ancestral, networks vary", marginal(Ancestral(), (0.2, -0.1), 0.05)),
    Setting("kl", "change of variables: Euler, exact score", marginal(Euler(), (0.0, 0.0), 0.0)),
    Setting("kl", "change of variables: Euler, networks vary", marginal(Euler(), (0.1, -0.05), 0.02)),
    Setting("τ", "normal, τ = 0", normal(0.0)),
    Setting("τ", "normal, τ = 0.5", normal(math.sin(math.pi / 4))),
    Setting("τ", "normal, τ = 0.9", normal(math.sin(0.9 * math.pi / 2))),
    Setting("τ", "Clayton, τ = 0.5", clayton(0.5)),
    Setting("τ", "normal, five values each", tied(0.7, 5)),
)


def study(setting: Setting, repetitions: int) -> list[list[object]]:
    """Return a line for each number of seeds or rows: coverage, its binomial error, mean width, truth."""
    found: dict[int, list[Trial]] = {}
    for trials in setting.trials(repetitions):
        for size, trial in trials.items():
            found.setdefault(size, []).append(trial)
    lines: list[list[object]] = []
    for size, each in found.items():
        coverage = float(np.mean([trial.covered for trial in each]))
        error = math.sqrt(coverage * (1 - coverage) / len(each))
        width = float(np.mean([trial.high - trial.low for trial in each]))
        above = float(np.mean([trial.low > trial.truth for trial in each]))
        truth = float(np.mean([trial.truth for trial in each]))
        mark = "" if BAND[0] <= coverage <= BAND[1] else "!"
        lines.append(
            [
                setting.interval,
                setting.name,
                size,
                f"{100 * coverage:.1f} ± {100 * error:.1f}{mark}",
                f"{100 * above:.1f}",
                f"{width:.3g}",
                f"{truth:.3g}",
            ]
        )
    return lines


HEADERS = ("interval", "setting", "seeds or rows", "coverage, %", "too high, %", "mean width", "truth")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Coverage of the stated 95 % intervals.")
    parser.add_argument("--quick", action="store_true", help="50 repetitions instead of 500")
    parser.add_argument("--repetitions", type=int, help="any other number of them")
    parser.add_argument("--only", default="", help="settings whose interval or name contains this")
    parser.add_argument("--markdown", action="store_true", help="a Markdown table")
    arguments = parser.parse_args()
    repetitions = arguments.repetitions or (50 if arguments.quick else 500)
    torch.set_num_threads(1)
    lines, start = [], time.perf_counter()
    for setting in SETTINGS:
        if arguments.only in f"{setting.interval} {setting.name}":
            lines += study(setting, repetitions)
    print(tabulate(lines, HEADERS, tablefmt="github" if arguments.markdown else "simple", disable_numparse=True))
    print(f"\n{repetitions} repetitions, {time.perf_counter() - start:.0f} s on one core")


if __name__ == "__main__":
    main()
