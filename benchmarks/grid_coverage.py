"""How often intervals of `harness grid` hold the exact difference of path divergences, on a mixture of two normal laws.

    python benchmarks/grid_coverage.py                   # three minutes of one core
    python benchmarks/grid_coverage.py --repetitions 50

First exact losses at few levels, where only interpolation errs; then losses measured on held-out points. The truth is
the divergence by its definition, by quadrature of each reverse kernel (`tests/loss_curves.py`).
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path

import numpy as np
from tabulate import tabulate

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import loss_curves

from harness.loss_curve import LossCurve
from harness.registry.discovery import load
from harness.results.grids import ComparedGrid, Dependence, Gain, GridQuestion, best_grids

REGISTRY = load()
SAMPLERS = ("exponential-integrator", "ancestral")
EXPONENTS = {
    "polynomial:rho=7,variable=sigma": 7,
    "polynomial:rho=1,variable=sigma": 1,
    "exponential:variable=sigma": 0,
}
LEVELS, POINTS = (8, 10, 12, 16, 24), 400
DENOISERS = tuple(itertools.product((0.0, 0.1, 0.3, 0.6), (0.4, 0.5, 0.7, 1.0)))
"""Shift of the means, and deviation, that a denoiser is exact for; the law's own are 0 and 0.5."""


def promises(
    curve: LossCurve, name: str, steps: int, forms: tuple[str, ...], dependence: Dependence = "any"
) -> list[tuple[Gain, float]]:
    """Each promise of the best grid, and what is true."""
    sampler = REGISTRY.parse("sampler", name)[0]
    compared = [ComparedGrid(form, REGISTRY.parse("time_discretization", form)[0]) for form in forms]
    rule, schedule = REGISTRY.parse("time_discretization", "fisher")[0], REGISTRY.parse("noise_schedule", "edm")[0]
    question = GridQuestion(curve, "made up", sampler, [steps], rule, compared, schedule, dependence=dependence)
    [grid] = best_grids(question).grids
    best, found = loss_curves.path_divergence(grid.levels, grid.variances), []
    for gain in grid.gains:
        other = laid_out(EXPONENTS[gain.than], steps)
        found.append((gain, loss_curves.path_divergence(other, sampler.variances(other, None, None)) - best))
    return found


def laid_out(exponent: int, steps: int) -> np.ndarray:
    """A polynomial grid; 0 stands for the geometric one."""
    if not exponent:
        return np.geomspace(20, 0.05, steps + 1)
    return np.linspace(20 ** (1 / exponent), 0.05 ** (1 / exponent), steps + 1) ** exponent


def interpolated() -> list[list[object]]:
    """By levels of the curve: promises, how many are held, and the error in units of the interval's half width."""
    rows, plain = [], loss_curves.denoise
    for levels in LEVELS:
        found = []
        for shift, deviation in DENOISERS:
            loss_curves.denoise = lambda x, sigma, a=shift, b=deviation: plain(x, sigma, a, b)
            curve = loss_curves.exact_curve(levels)
            found += [each for name in SAMPLERS for each in promises(curve, name, 9, tuple(EXPONENTS))]
        ratios = [abs(true - gain.nats) / gain.interpolation for gain, true in found]
        rows.append([levels, len(found), sum(ratio <= 1 for ratio in ratios), np.median(ratios), max(ratios)])
    loss_curves.denoise = plain
    return rows


def measured(repetitions: int) -> list[list[object]]:
    """By how points serve levels and what is said of it: the share of intervals that hold, and of those too high."""
    rng, rows = np.random.default_rng(11), []
    cases: tuple[tuple[str, Dependence], ...] = (("fresh", "independent"), ("same", "any"), ("same", "independent"))
    for (points, dependence), name in itertools.product(cases, SAMPLERS):
        found = []
        for _ in range(repetitions):
            curve = loss_curves.measured_curve(rng, POINTS, points == "same")
            found += promises(curve, name, 6, tuple(EXPONENTS)[:1], dependence)
        held = np.mean([gain.low <= true <= gain.high for gain, true in found])
        high = np.mean([gain.low > true for gain, true in found])
        rows.append([points, dependence, name, f"{100 * held:.1f} %", f"{100 * high:.1f} %"])
    return rows


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=200)
    chosen = parser.parse_args()
    heads = ["levels", "promises", "held", "median error / half width", "largest"]
    print(tabulate(interpolated(), heads, tablefmt="github", floatfmt=".2f"))
    heads = ["points of the levels", "--errors", "sampler", "held", "too high"]
    print("\n" + tabulate(measured(chosen.repetitions), heads, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
